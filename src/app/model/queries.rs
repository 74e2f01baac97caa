//! Queries over the model: the account in view, the selected row, counts, the next deadline.

use std::collections::{BTreeSet, VecDeque};
use std::sync::Arc;

use tui_input::Input;

use super::{AccountScope, Attempt, Extent, Flashes, Model, Overlay, Pane, Program, Timer};
use crate::accounts::{AccountState, Accounts, OrderKey, Troubles};
use crate::app::brokers::BrokerSummary;
use crate::app::keymap::Keymap;
use crate::app::overlays::Data;
use crate::app::rows::{OrderRow, Rows};
use crate::domain::blotter::TapeEntry;
use crate::domain::{BrokerId, Mono, Now};

impl Model {
    /// The initial model.
    pub fn new(program: Program, keymap: Keymap, brokers: Vec<BrokerSummary>, now: Now) -> Self {
        let mut model = Self {
            accounts: Accounts::new(program.read_only),
            program,
            keymap,
            now,
            size: (80, 24),
            brokers,
            scope: AccountScope::None,
            chosen_scope: None,
            theme: None,
            kept_theme: None,
            focus: Pane::Brokers,
            zoomed: false,
            filtering: None,
            filter_input: Input::default(),
            before: String::new(),
            last_filter: String::new(),
            rows: Rows::default(),
            marks: BTreeSet::new(),
            overlays: Vec::new(),
            next_attempt: 1,
            count: None,
            extent: Extent::default(),
            toasts: VecDeque::new(),
            errors: Troubles::default(),
            flashes: Flashes::default(),
            quiet_until: Mono::ZERO,
            pending_bell: None,
            touched_at: None,
            hurried: false,
            asking: None,
            next_question: 0,
            confirming: None,
            mouse: true,
            exit: None,
            dirty: true,
        };
        model.rows.list_brokers(&model.brokers, &model.accounts);
        model
    }

    /// Whether the program is ending.
    pub const fn is_done(&self) -> bool {
        self.exit.is_some()
    }

    /// A broker of the catalogue.
    pub fn broker(&self, id: &BrokerId) -> Option<&BrokerSummary> {
        self.brokers.iter().find(|broker| broker.id == *id)
    }

    /// The one account shown; `None` when all or none are shown.
    pub fn shown_account(&self) -> Option<&AccountState> {
        match &self.scope {
            AccountScope::One(link) => self.accounts.get(link),
            AccountScope::None | AccountScope::All => None,
        }
    }

    /// The theme by name: the one being looked at in the palette, or else the chosen one; `None` for the configured one.
    pub fn shown_theme(&self) -> Option<&Arc<str>> {
        match self.top().and_then(|top| top.handler().theme()) {
            Some(looked_at) => looked_at.and_then(|place| self.program.themes.get(place)),
            None => self.theme.as_ref(),
        }
    }

    /// Every account shown.
    pub fn shown_accounts(&self) -> impl Iterator<Item = &AccountState> {
        self.accounts.iter().filter(|account| match &self.scope {
            AccountScope::None => false,
            AccountScope::One(link) => account.link.id == *link,
            AccountScope::All => true,
        })
    }

    /// Why a pane's list may be incomplete; `None` when an empty list means that there is nothing. The text may be the
    /// broker's and is not sanitised.
    pub fn unknown(&self, pane: Pane) -> Option<String> {
        let now = self.now.mono;
        let mut hiding = self.shown_accounts().filter(|account| account.may_hide(pane.parts(), now)).peekable();
        hiding.peek()?;
        let lack = hiding.find_map(|account| account.lack(pane.parts(), now));
        Some(lack.unwrap_or("waiting for the broker").to_owned())
    }

    /// The key of a row of the list of orders, if its order is still there.
    pub fn order_key(&self, row: OrderRow) -> Option<OrderKey> {
        let (account, order) = row.find(self.accounts.all())?;
        Some(OrderKey { link: account.link.id.clone(), order: order.id.clone() })
    }

    /// The selected order.
    pub fn selected_order(&self) -> Option<OrderKey> {
        self.order_key(self.rows.orders.selected?)
    }

    /// The row of an order, whether the list shows it or not.
    pub fn order_row(&self, key: &OrderKey) -> Option<OrderRow> {
        OrderRow::of(self.accounts.get(&key.link)?, &key.order)
    }

    /// The selected tape line, or else the newest.
    pub fn tape_line(&self) -> Option<(&AccountState, &TapeEntry)> {
        let tape = &self.rows.tape;
        self.accounts.tape_entry(*tape.selected.as_ref().or(tape.rows.front())?)
    }

    /// The number of accounts in each state, by word, in the order of [`crate::session::ConnectionState`].
    pub fn counts(&self) -> Vec<(&'static str, usize)> {
        let words = ["live", "syncing", "connecting", "reconnecting", "polling", "needs relink", "blocked", "paused"];
        let count = |word: &str| self.accounts.iter().filter(|account| account.state().word() == word).count();
        words.into_iter().map(|word| (word, count(word))).filter(|(_, count)| *count > 0).collect()
    }

    /// The topmost overlay.
    pub fn top(&self) -> Option<&Overlay> {
        self.overlays.last()
    }

    /// The topmost overlay, to be changed, and what it may look at.
    pub fn top_mut(&mut self) -> Option<(&mut Overlay, Data<'_>)> {
        let Self { overlays, accounts, brokers, errors, focus, program, extent, now, .. } = self;
        let data = data(accounts, brokers, errors, *focus, program, extent, *now);
        Some((overlays.last_mut()?, data))
    }

    /// What overlays may look at.
    pub fn data(&self) -> Data<'_> {
        data(&self.accounts, &self.brokers, &self.errors, self.focus, &self.program, &self.extent, self.now)
    }

    /// The linking attempt, if one is under way.
    pub fn attempt(&self) -> Option<&Attempt> {
        self.overlays.iter().find_map(|overlay| overlay.handler().attempt())
    }

    /// The number of the open question until a frame with it is confirmed as shown ([`crate::app::Msg::Shown`]).
    pub fn unseen_question(&self) -> Option<u64> {
        self.asking.as_ref().filter(|asking| asking.shown_at.is_none()).map(|asking| asking.number)
    }

    /// The number of rows of a pane's list that the last frame could show.
    pub fn page(&self, pane: Pane) -> usize {
        usize::from(*self.extent.pages.get(pane)).max(1)
    }

    /// Whether the text being typed or pasted must not be shown or recorded: the redirect URL contains a code.
    pub fn input_is_secret(&self) -> bool {
        self.top().is_some_and(|top| top.handler().is_secret())
    }

    /// Whether a [`crate::app::Msg::Work`] is wanted in every turn of the loop, because a list is being built in
    /// slices.
    pub const fn has_work(&self) -> bool {
        self.rows.is_building()
    }

    /// When to send the next [`crate::app::Msg::Tick`].
    pub fn next_deadline(&self, now: Now) -> Option<Mono> {
        Timer::ALL.into_iter().filter_map(|timer| timer.due(self, now)).min()
    }
}

fn data<'a>(
    accounts: &'a Accounts,
    brokers: &'a [BrokerSummary],
    errors: &'a Troubles,
    focus: Pane,
    program: &'a Program,
    extent: &Extent,
    now: Now,
) -> Data<'a> {
    let page = usize::from(extent.overlay_page).max(1);
    let (can_approve, zone, end) = (program.can_approve, &program.timezone, extent.overlay_end);
    Data { accounts, brokers, errors, focus, can_approve, page, end, zone, now }
}
