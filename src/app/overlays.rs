//! Overlays, one file each: its state, its keys, what is possible in it, what it does, its text field.
//!
//! An overlay changes nothing but itself. It looks at [`Data`] and answers with what comes next ([`Next`]), which
//! [`super::update()`] carries out. [`Handler`] is everything that the program asks of an overlay.

mod activities;
mod add_broker;
mod broker;
mod chart;
mod errors;
mod form;
mod help;
mod linking;
mod order;
mod palette;
mod position;
mod question;
mod welcome;

use jiff::tz::TimeZone;
use tui_input::Input as Field;

pub use activities::{Activities, ActivityDetail};
pub use add_broker::AddBroker;
pub use broker::BrokerDetail;
pub use chart::EquityChart;
pub use errors::ErrorList;
pub use form::{Form, FormField};
pub use help::Help;
pub use linking::{Attempt, AttemptPhase, LABEL_HINT, Linking};
pub use order::OrderDetail;
pub use palette::{Palette, PaletteCommand, PaletteEntry, ranked};
pub use position::PositionDetail;
pub use question::Question;
pub use welcome::Welcome;

use super::brokers::BrokerSummary;
use super::effect::{Copied, Effect, TerminalEffect};
use super::filter::FilterClock;
use super::keymap::{Action, Reason, Scope};
use super::pane::Pane;
use crate::accounts::{Accounts, OrderKey, Period, Troubles};
use crate::domain::{BrokerId, LinkId, Mono, Now};
use crate::link::AttemptId;

macro_rules! overlays {
    ($($(#[$doc:meta])* $name:ident($state:ident)),+ $(,)?) => {
        /// An overlay. The stack is drawn bottom-up, and keys go to the topmost one.
        #[derive(Debug, Clone)]
        pub enum Overlay {
            $($(#[$doc])* $name($state)),+
        }

        impl Overlay {
            /// What it answers.
            pub const fn handler(&self) -> &dyn Handler {
                match self {
                    $(Self::$name(overlay) => overlay),+
                }
            }

            /// The same, to be changed.
            pub const fn handler_mut(&mut self) -> &mut dyn Handler {
                match self {
                    $(Self::$name(overlay) => overlay),+
                }
            }
        }

        $(impl From<$state> for Overlay {
            fn from(overlay: $state) -> Self {
                Self::$name(overlay)
            }
        })+
    };
}

overlays! {
    /// The key table.
    Help(Help),
    /// One order in detail.
    OrderDetail(OrderDetail),
    /// One position in detail.
    PositionDetail(PositionDetail),
    /// One link in detail.
    BrokerDetail(BrokerDetail),
    /// The activity list of an account.
    Activities(Activities),
    /// One activity in detail.
    ActivityDetail(ActivityDetail),
    /// The list of errors.
    Errors(ErrorList),
    /// The *Add broker* search.
    AddBroker(AddBroker),
    /// The command palette.
    Palette(Palette),
    /// A linking attempt.
    Linking(Linking),
    /// A yes/no question.
    Question(Question),
    /// An account's equity over time.
    EquityChart(EquityChart),
    /// The welcome screen of the first run.
    Welcome(Welcome),
}

/// What overlays may look at.
#[derive(Debug, Clone, Copy)]
pub struct Data<'a> {
    /// Every linked account.
    pub accounts: &'a Accounts,
    /// Every broker that can be linked.
    pub brokers: &'a [BrokerSummary],
    /// What went wrong.
    pub errors: &'a Troubles,
    /// The focused pane.
    pub focus: Pane,
    /// Whether the consent page can be approved from here (the demo).
    pub can_approve: bool,
    /// Visible lines of the topmost overlay.
    pub page: usize,
    /// The last line that the topmost overlay can be scrolled to.
    pub end: usize,
    /// The zone of the screen.
    pub zone: &'a TimeZone,
    pub now: Now,
}

impl Data<'_> {
    /// What times in filters are relative to.
    pub fn filter_clock(&self) -> FilterClock {
        FilterClock { now: self.accounts.exchange_now(self.now), zone: self.zone.clone() }
    }
}

/// What comes next after a key or click in an overlay.
#[derive(Debug)]
pub enum Next {
    Close,
    /// Open another one above it.
    Open(Overlay),
    /// Run an action with what is on top then.
    Act(Action),
    /// Show a toast.
    Say(String),
    /// Run an effect.
    Do(Effect),
    /// Start linking through a broker.
    Link(BrokerId),
    Unlink(LinkId),
    /// Cancel these orders.
    Cancel(Vec<OrderKey>),
    /// Fetch the newest activities of an account.
    AskActivities(LinkId),
    /// Fetch an equity curve.
    AskCurve(LinkId, Period),
    /// Run what was chosen in the palette.
    Choose(PaletteCommand),
}

impl Next {
    /// Copies a text.
    fn copy(text: &str, what: &str) -> Vec<Self> {
        vec![Self::Do(Effect::Terminal(TerminalEffect::Copy { text: Copied::new(text), what: what.to_owned() }))]
    }
}

/// What moves in an overlay.
#[derive(Debug)]
pub enum Place<'a> {
    /// Nothing.
    Still,
    /// The first visible line.
    Scroll(&'a mut usize),
    /// The selected row, and the row count.
    Row(&'a mut usize, usize),
}

/// What a question is about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Asked {
    /// A question in an overlay.
    Question(Question),
    /// Whether to save the links of this attempt, with these labels.
    Save(AttemptId, Vec<String>),
}

/// What the program asks of an overlay. What is not answered has the answer of an overlay that only shows something.
pub trait Handler {
    /// The scopes of its keys, the innermost first.
    fn scopes(&self) -> &'static [Scope];

    /// What the movement keys move.
    fn place(&mut self, _: &Data<'_>) -> Place<'_> {
        Place::Still
    }

    /// Whether an action can act in it; none where that does not depend on the overlay.
    fn available(&self, _: Action, _: &Data<'_>) -> Option<Result<(), Reason>> {
        None
    }

    /// Runs an action, as often as was typed before it; none where the action is not one of its own.
    fn act(&mut self, _: Action, _times: isize, _: &Data<'_>) -> Option<Vec<Next>> {
        None
    }

    /// A click on one of its rows.
    fn click(&mut self, _row: usize, _: &Data<'_>) -> Vec<Next> {
        Vec::new()
    }

    /// The text field that has the keys.
    fn field(&mut self) -> Option<&mut Field> {
        None
    }

    /// The text of its field changed.
    fn typed(&mut self, _: &Data<'_>) {}

    /// Takes a pasted text as a whole; false where it goes into the field, if there is one.
    fn paste(&mut self, _: &str) -> bool {
        false
    }

    /// Whether what is typed must not be shown or recorded.
    fn is_secret(&self) -> bool {
        false
    }

    /// What a yes answers now.
    fn asked(&self) -> Option<Asked> {
        None
    }

    /// Whether this is still what a yes answers.
    fn still_asks(&self, _: &Asked) -> bool {
        false
    }

    /// Why Enter is not enough for a yes: a live account is concerned.
    fn live(&self, _: &Data<'_>) -> Option<&'static str> {
        None
    }

    /// The question was confirmed.
    fn confirmed(&mut self, _: &Data<'_>) -> Vec<Next> {
        Vec::new()
    }

    /// The order that it shows.
    fn order(&self) -> Option<&OrderKey> {
        None
    }

    /// Whether older rows are fetched without a key while the end of the loaded ones is near.
    fn keeps_loading(&self) -> bool {
        true
    }

    /// The account whose older activities are wanted, because the end of the loaded ones is near.
    fn wants_older(&self, _: &Data<'_>) -> Option<LinkId> {
        None
    }

    /// What it shows and may ask for again by now, after a wait that the broker asked for.
    fn asks_again(&self, _: &Data<'_>, _: Mono) -> Option<Next> {
        None
    }

    /// So many newer activities of an account were added above.
    fn activities_added(&mut self, _: &LinkId, _rows: usize) {}

    /// Whether it shows the errors, so that what comes is read.
    fn shows_errors(&self) -> bool {
        false
    }

    /// Whether it shows this account's curve of this period.
    fn shows_curve(&self, _: &LinkId, _: Period) -> bool {
        false
    }

    /// The theme to look at before it is chosen, as [`PaletteCommand::Theme`] has it.
    fn theme(&self) -> Option<Option<usize>> {
        None
    }

    /// Whether it closes when linking starts.
    fn gives_way_to_linking(&self) -> bool {
        false
    }

    /// The linking attempt.
    fn attempt(&self) -> Option<&Attempt> {
        None
    }

    /// The same, to be changed.
    fn attempt_mut(&mut self) -> Option<&mut Attempt> {
        None
    }
}
