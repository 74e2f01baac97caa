//! The key table. Dispatch, footer, help, `brokerdeck keys`, configuration and README read it.

use super::{Action, Binding, Chord, KeyCode, Scope};

const fn ch(ch: char) -> Chord {
    Chord::char(ch)
}

const fn key(code: KeyCode) -> Chord {
    Chord::key(code)
}

const fn ctrl(ch: char) -> Chord {
    Chord::ctrl(ch)
}

macro_rules! bindings {
    ($($scope:ident . $action:ident $(($digit:literal))? [$($chord:expr),+] $name:literal $label:literal $hint:literal $help:literal;)+) => {
        &[$(Binding {
            scope: Scope::$scope,
            chords: &[$($chord),+],
            action: Action::$action $(($digit))?,
            name: $name,
            label: $label,
            help: $help,
            hint: $hint,
        }),+]
    };
}

/// The table, in the order of help and footer.
#[rustfmt::skip]
pub const BINDINGS: &[Binding] = bindings! {
    Always.ForceQuit [ctrl('c')] "always.quit" "quit" false "Quit at once, whatever is open.";
    Always.Suspend [ctrl('z')] "always.suspend" "suspend" false "Suspend the program; `fg` resumes it.";
    Always.Repaint [ctrl('l')] "always.repaint" "repaint" false "Redraw the whole screen, for example after another program wrote on it.";

    Common.Help [ch('?'), key(KeyCode::F(1))] "common.help" "help" true "Show all keys, or close the help.";
    Common.Count [ch('#')] "common.count" "count" false "Start a count for the next move: #5j moves five rows down, #12G goes to row 12. Digits that are not keys need no #.";
    Common.Errors [ch('E')] "common.errors" "errors" false "List the errors; opening the list clears the count.";

    Global.Filter [ch('/')] "global.filter" "filter" true "Filter the list: aapl, side:sell, status:working, type:limit, qty>100.";
    Global.Palette [ch(':')] "global.palette" "command" true "Find any action, broker, account or symbol by a few letters.";
    Global.Menu [ch('m')] "global.menu" "menu" false "List what can be done with the selected row.";
    Global.Quit [ch('q')] "global.quit" "quit" true "Quit.";
    Global.NextPane [key(KeyCode::Tab), key(KeyCode::Right)] "global.next_pane" "next pane" false "Go to the next pane.";
    Global.PrevPane [key(KeyCode::BackTab), key(KeyCode::Left)] "global.prev_pane" "prev pane" false "Go to the previous pane.";
    Global.FocusPane(1) [ch('1')] "global.brokers" "brokers" false "Go to Brokers.";
    Global.FocusPane(2) [ch('2')] "global.account" "account" false "Go to Account.";
    Global.FocusPane(3) [ch('3')] "global.orders" "orders" false "Go to Orders.";
    Global.FocusPane(4) [ch('4')] "global.positions" "positions" false "Go to Positions.";
    Global.FocusPane(5) [ch('5')] "global.tape" "tape" false "Go to Tape.";
    Global.Zoom [ch('z')] "global.zoom" "zoom" false "Zoom the pane to the full screen, or back.";
    Global.PrevAccount [ch('[')] "global.prev_account" "prev account" false "Show the previous account.";
    Global.NextAccount [ch(']')] "global.next_account" "next account" false "Show the next account.";
    Global.AllAccounts [ch('0')] "global.all_accounts" "all accounts" false "Show all accounts together, or go back to one.";
    Global.Resync [ch('r'), ctrl('r')] "global.resync" "resync" false "Reconnect and fetch everything again now.";
    Global.Pause [ch('p')] "global.pause" "pause" false "Pause the account's connection, or resume it.";
    Global.Copy [ch('y')] "global.copy" "copy" false "Copy the selected row's id to the clipboard.";
    Global.CopyRow [ch('Y')] "global.copy_row" "copy row" false "Copy the selected or marked rows as text.";
    Global.CopyCell [ch('c')] "global.copy_cell" "copy cell" false "Choose a cell of the selected row and copy it with all its digits.";
    Global.TimeZone [ch('T')] "global.timezone" "time zone" false "Choose the time zone for all times.";
    Global.ToggleMouse [ch('M')] "global.mouse" "mouse" false "Use the mouse here, or leave it to the terminal for selecting text.";
    Global.Back [key(KeyCode::Esc)] "global.back" "back" false "Go back one level: marks, zoom, filter. Never destroys anything.";

    List.Down [ch('j'), key(KeyCode::Down)] "list.down" "down" false "One row down.";
    List.Up [ch('k'), key(KeyCode::Up)] "list.up" "up" false "One row up.";
    List.Top [ch('g'), key(KeyCode::Home)] "list.top" "top" false "To the first row.";
    List.Bottom [ch('G'), key(KeyCode::End)] "list.bottom" "bottom" false "To the last row.";
    List.HalfPageDown [ctrl('d')] "list.half_page_down" "half down" false "Half a page down.";
    List.HalfPageUp [ctrl('u')] "list.half_page_up" "half up" false "Half a page up.";
    List.PageDown [key(KeyCode::PageDown), ctrl('f')] "list.page_down" "page down" false "A page down.";
    List.PageUp [key(KeyCode::PageUp), ctrl('b')] "list.page_up" "page up" false "A page up.";
    List.SortNext [ch('s')] "list.sort" "sort" false "Sort by the next column.";
    List.SortReverse [ch('S')] "list.reverse" "reverse" false "Reverse the order of the rows.";

    List.AllColumns [ch('w')] "list.all_columns" "all columns" false "Show every column that has room, or hide the chosen ones again.";
    List.RepeatFilter [ch('.')] "list.repeat_filter" "filter again" false "Filter by the last filter again.";
    List.ClearFilter [ch('F')] "list.clear_filter" "clear filter" false "Clear the filter.";

    Brokers.AddBroker [ch('a'), ch('+')] "brokers.add" "add" true "Link another account.";
    Brokers.Detail [key(KeyCode::Enter), ch('d')] "brokers.detail" "open" true "Open the connection's history, or link the broker.";
    Brokers.Relink [ch('l')] "brokers.link" "link" true "Link the row's account, or link it again.";
    Brokers.Unlink [ch('u')] "brokers.unlink" "unlink" true "Unlink the account and forget its token; asks first.";

    Account.Detail [key(KeyCode::Enter), ch('d')] "account.chart" "chart" true "Chart the account's equity.";

    Account.Activities [ch('h')] "account.activities" "history" true "List executions, dividends, fees and transfers, including those before this session.";

    Orders.Detail [key(KeyCode::Enter), ch('d')] "orders.detail" "detail" true "Show the order with its executions, legs and ids.";
    Orders.CancelOrder [ch('x')] "orders.cancel" "cancel" true "Ask to cancel the selected or marked working orders.";
    Orders.CancelAll [ch('X')] "orders.cancel_all" "cancel all" false "Ask to cancel every working order of the account.";
    Orders.Mark [ch(' ')] "orders.mark" "mark" false "Mark or unmark the order.";
    Orders.ClearMarks [ch('U')] "orders.clear_marks" "unmark" false "Clear all marks.";

    Positions.Detail [key(KeyCode::Enter), ch('d')] "positions.detail" "detail" true "Show the position with its orders and executions.";

    Tape.Detail [key(KeyCode::Enter), ch('d')] "tape.detail" "order" true "Show the line's order.";
    Tape.ExecutionsOnly [ch('f')] "tape.executions" "executions" true "Show executions only, or every event again.";
    Tape.Activities [ch('h')] "tape.activities" "history" true "List executions, dividends, fees and transfers, including those before this session.";

    Overlay.Back [key(KeyCode::Esc), ch('q')] "overlay.back" "close" true "Close it.";
    Overlay.Down [ch('j'), key(KeyCode::Down)] "overlay.down" "down" false "One line down.";
    Overlay.Up [ch('k'), key(KeyCode::Up)] "overlay.up" "up" false "One line up.";
    Overlay.Top [ch('g'), key(KeyCode::Home)] "overlay.top" "top" false "To the first line.";
    Overlay.Bottom [ch('G'), key(KeyCode::End)] "overlay.bottom" "bottom" false "To the last line.";
    Overlay.HalfPageDown [ctrl('d')] "overlay.half_page_down" "half down" false "Half a page down.";
    Overlay.HalfPageUp [ctrl('u')] "overlay.half_page_up" "half up" false "Half a page up.";
    Overlay.PageDown [key(KeyCode::PageDown), ctrl('f'), ch(' ')] "overlay.page_down" "page down" false "A page down.";
    Overlay.PageUp [key(KeyCode::PageUp), ctrl('b')] "overlay.page_up" "page up" false "A page up.";
    Overlay.Copy [ch('y')] "overlay.copy" "copy" true "Copy the id of what is shown.";

    Help.SearchHelp [ch('/')] "help.search" "search" true "Show only the keys that match.";

    OrderDetail.RawJson [ch('J')] "order.json" "json" true "Show the broker's own JSON, or go back to the fields.";
    OrderDetail.CancelOrder [ch('x')] "order.cancel" "cancel" true "Ask to cancel the order.";

    Chart.ChartNext [key(KeyCode::Tab), ch(']')] "chart.longer" "longer" true "The next longer period: 1D 1W 1M 3M 1A.";
    Chart.ChartPrev [key(KeyCode::BackTab), ch('[')] "chart.shorter" "shorter" true "The next shorter period.";
    Chart.CrosshairLeft [ch('h'), key(KeyCode::Left)] "chart.left" "left" true "Move the crosshair back in time.";
    Chart.CrosshairRight [ch('l'), key(KeyCode::Right)] "chart.right" "right" true "Move the crosshair forward in time.";

    Activities.Detail [key(KeyCode::Enter), ch('d')] "activities.detail" "detail" true "Show the order, or the row in full.";
    Activities.SearchActivities [ch('/')] "activities.filter" "filter" true "Filter the rows: aapl, type:div, today, date>2026-11-20.";
    Activities.RefreshActivities [ch('r'), ctrl('r')] "activities.refresh" "refresh" true "Fetch the newest rows, or retry those that failed.";

    AddBroker.Accept [key(KeyCode::Enter)] "add_broker.link" "link" true "Start linking through the chosen broker.";

    Linking.OpenBrowser [ch('o')] "linking.browser" "browser" true "Open the browser again.";
    Linking.CopyUrl [ch('y')] "linking.copy_url" "copy URL" true "Copy the authorize URL to the clipboard.";
    Linking.PasteRedirect [ch('p')] "linking.paste" "paste" true "Paste the redirect URL when the browser is on another machine.";
    Linking.ApproveInDemo [ch('a')] "linking.approve" "allow" true "In the demo: press Allow on the consent page from here.";
    Linking.CancelLink [key(KeyCode::Esc)] "linking.cancel" "give up" true "Stop linking and free the port.";

    Save.Confirm [ch('y'), key(KeyCode::Enter)] "save.yes" "save" true "Save a link to paper accounts.";
    Save.ConfirmLive [ch('L')] "save.live" "save LIVE" true "Save a link that reaches a LIVE account.";
    Save.EditLabel [ch('e')] "save.label" "label" true "Change the label; press again for the next account.";
    Save.CancelLink [key(KeyCode::Esc), ch('n')] "save.no" "don't save" true "Discard the new token; nothing is saved.";

    Failed.Retry [key(KeyCode::Enter), ch('l')] "failed.retry" "try again" true "Try again.";
    Failed.CancelLink [key(KeyCode::Esc), ch('q')] "failed.close" "close" true "Close it.";

    DestructiveQuestion.Confirm [ch('y')] "destructive_question.yes" "yes" true "Yes, for a paper account or where no money is at stake.";
    DestructiveQuestion.ConfirmLive [ch('L')] "destructive_question.live" "yes, LIVE" true "Yes, on a LIVE account.";
    DestructiveQuestion.Decline [key(KeyCode::Enter), key(KeyCode::Esc), ch('n')] "destructive_question.no" "no" true "No.";

    Confirm.Confirm [ch('y'), key(KeyCode::Enter)] "question.yes" "yes" true "Yes, for a paper account or where no money is at stake.";
    Confirm.ConfirmLive [ch('L')] "question.live" "yes, LIVE" true "Yes, on a LIVE account.";
    Confirm.Decline [key(KeyCode::Esc), ch('n')] "question.no" "no" true "No.";

    Welcome.WriteConfig [ch('w')] "welcome.write" "write config" true "Write an example configuration to fill in.";
    Welcome.AddBroker [ch('a')] "welcome.add" "add broker" true "See which brokers can be linked.";
    Welcome.Back [key(KeyCode::Esc), ch('q'), key(KeyCode::Enter)] "welcome.close" "close" true "Go to the dashboard.";

    Text.Accept [key(KeyCode::Enter)] "text.accept" "accept" true "Accept what was typed or chosen.";
    Text.Back [key(KeyCode::Esc)] "text.back" "back" true "Cancel: the field stays as it was.";
    Text.Down [key(KeyCode::Down), ctrl('n'), key(KeyCode::Tab)] "text.down" "next" false "The next match.";
    Text.Up [key(KeyCode::Up), ctrl('p'), key(KeyCode::BackTab)] "text.up" "previous" false "The previous match.";
};
