//! What happens to a program, and what it does.

use super::program::Program;
use super::{AGAIN, Event, Incident, LIMITS, LOOK, Simulation, broker_time, other_account};
use crate::domain::blotter::{Blotter, Changes};
use crate::domain::{AccountId, Activity, ActivityKind, Execution, Now, TradeUpdate};
use crate::session::event::StreamEvent;
use crate::session::lab::journal::{Kept, Recalled};
use crate::session::lab::oracle::{Shown, fill_of};
use crate::session::machine::{Input, Output, Session};
use crate::session::request::Reply;
use crate::session::state::ConnectionState;

impl Simulation {
    pub(super) fn happen(&mut self, event: Event) {
        match event {
            Event::Act(broker) => {
                if self.plan.trading(self.now) {
                    let frames = self.brokers[broker].act(&self.plan, &mut self.chance, broker_time(self.now));
                    for frame in frames {
                        self.note(|| format!("** {}", reported(&frame)));
                        self.tell(broker, &frame);
                    }
                }
                if !self.calm() {
                    let after = self.chance.millis(1, self.plan.gap * 2);
                    self.at(self.now + after, Event::Act(broker));
                }
            }
            Event::Incident(incident) => self.apply_incident(incident),
            Event::Look => {
                self.look();
                self.look_beside_short_streams();
                self.at(self.now + LOOK, Event::Look);
            }
            Event::Stream(program, epoch, event) => {
                if let StreamEvent::Closed(_) = *event
                    && self.programs[program].line.is_some_and(|line| line.epoch == epoch)
                {
                    self.programs[program].line = None;
                }
                self.input(program, Input::Stream(epoch, *event));
            }
            Event::Subscribed(program, epoch) => {
                if let Some(line) = self.programs[program].line.as_mut().filter(|line| line.epoch == epoch) {
                    line.subscribed = true;
                }
            }
            Event::Asked(program, asked) => self.answer(program, &asked),
            Event::Reply(program, id, result) => {
                self.note_limit(program, id, &result);
                self.input(program, Input::Reply(id, *result));
            }
            Event::Start(program) => self.start(program),
            Event::WakeUp(program) => self.input(program, Input::Connect),
            Event::Freed(program) => self.take_over(program),
            Event::Again(program) => self.again(program),
            Event::Recovered(since) => self.must_have_recovered(since),
        }
    }

    fn start(&mut self, program: usize) {
        let lives = self.programs[program].lives + 1;
        let mut session = Session::new(lives);
        session.limits = LIMITS;
        if self.plan.turn.is_some() {
            session.belongs_to(self.brokers[self.programs[program].broker].id(), false);
        }
        self.programs[program].session = Some(session);
        self.programs[program].lives = lives;
        self.remember(program);
        self.programs[program].shown = Shown::default();
        self.input(program, Input::Connect);
    }

    /// Resumes from what an earlier run left. If something that it showed is lost, it may show that again; if no
    /// snapshot is left, it starts as if for the first time.
    fn remember(&mut self, number: usize) {
        let read = self.recall(number);
        let program = &mut self.programs[number];
        if !read {
            (program.blotter, program.mark) = (Blotter::default(), (None, None));
            // It has reported the error, and is restarted when the file can be read.
            self.at(self.plan.calm_at.max(self.now) + AGAIN, Event::Again(number));
        }
        let program = &mut self.programs[number];
        if program.lost || !read {
            program.oracle.goes_back(&self.brokers[program.broker], &program.blotter);
        }
        if let Some(mark) = program.mark.1 {
            // The journal was written by the account's owner, which may have started later.
            let writer = self.owners[program.broker].unwrap_or(number);
            let begun = [number, writer].map(|at| {
                let begun = self.programs[at].begun.iter().rev().find(|(first, _)| *first <= mark);
                begun.map(|(_, since)| *since)
            });
            self.programs[number].since = begun.into_iter().max().flatten();
        } else {
            program.since = None;
        }
        self.programs[number].lost = false;
    }

    /// Loads what the journal knows; false when it cannot be read now. If only one program writes it, what the others
    /// learned meanwhile counts as written too.
    pub(super) fn recall(&mut self, program: usize) -> bool {
        let broker = self.programs[program].broker;
        let recalled = self.journal.recall(program, self.clocks());
        let is_read = recalled.is_some();
        let beside = !self.journal.is_shared();
        if let Some(Recalled { mut account, mark: (mut fills, mut orders), mut blotter }) = recalled {
            let mut changes = Changes::default();
            if let Some(new) = self.heard_of_a_reset(broker, account.as_ref()).filter(|_| beside) {
                (account, fills, orders, blotter) = (Some(new.clone()), None, None, Blotter::default());
                let now = self.clocks();
                self.journal.keep(program, Kept::Account(&new), &blotter, now);
                self.journal.keep(program, Kept::Reset, &blotter, now);
            }
            for (_, mate) in self
                .programs
                .iter()
                .enumerate()
                .filter(|(at, mate)| beside && mate.broker == broker && !self.writes(*at))
            {
                let Some(known) = &mate.account else { continue };
                if account.get_or_insert_with(|| known.clone()) != known {
                    continue;
                }
                (fills, orders) = (fills.max(mate.mark.0), orders.max(mate.mark.1));
                let truth = &self.brokers[broker];
                let stated: Vec<_> =
                    mate.blotter.orders().filter(|order| truth.index.contains_key(&order.id)).cloned().collect();
                let rows = mate.blotter.executions().filter_map(|row| fill_of(truth, &row.id));
                let rows: Vec<_> = rows.map(|fill| fill.row.clone()).collect();
                changes.absorb(blotter.apply_snapshot(&stated, &rows));
            }
            if beside && self.owners[broker].is_none() {
                let now = self.clocks();
                for kept in account.iter().map(Kept::Account) {
                    self.journal.keep(program, kept, &blotter, now);
                }
                self.journal.keep(program, Kept::Mark((fills, orders)), &blotter, now);
                self.journal.keep(program, Kept::Changes(&changes), &blotter, now);
            }
            // What it learned while another program wrote may be older, by its time, than what that one kept.
            if blotter.conflicts().next().is_some() {
                self.programs[program].oracle.goes_back(&self.brokers[broker], &blotter);
            }
            self.programs[program].blotter = blotter;
            self.programs[program].mark = (fills, orders);
            self.programs[program].account.clone_from(&account);
            if orders.is_none() {
                // No complete snapshot of this account is kept: the next one counts as the first.
                self.programs[program].since = None;
            }
            if let (Some(session), Some(account)) = (&mut self.programs[program].session, account) {
                session.resume_from(account, fills, orders);
            }
        }
        if self.owners[broker].is_none() {
            self.owners[broker] = Some(program);
        }
        is_read
    }

    /// The account's current id, if nobody streams it, the stored data is of the account before a reset, and another
    /// program knows the new id already.
    fn heard_of_a_reset(&self, broker: usize, kept: Option<&AccountId>) -> Option<AccountId> {
        let id = self.brokers[broker].id();
        let knows = |mate: &Program| mate.broker == broker && mate.account.as_ref() == Some(&id);
        let is_of_the_old_one = self.owners[broker].is_none() && kept.is_some_and(|kept| *kept != id);
        (is_of_the_old_one && self.programs.iter().any(knows)).then_some(id)
    }

    /// A person starts the program again.
    fn again(&mut self, program: usize) {
        self.apply_to_program(program, Incident::Kill(std::time::Duration::from_secs(1)));
    }

    pub(super) fn clocks(&self) -> Now {
        super::clocks(self.now, self.plan.skew)
    }

    pub(super) fn input(&mut self, program: usize, input: Input) {
        let Some(mut session) = self.programs[program].session.take() else { return };
        if self.history.is_some() && !matches!(input, Input::Timeout) {
            let text = brief(&input);
            self.note(|| if program == 0 { text } else { format!("({program}) {text}") });
        }
        let reported = self.note_told(program, &input);
        let now = self.clocks();
        session.handle(input, &mut self.programs[program].blotter, now);
        while let Some(output) = session.poll() {
            self.output(program, output);
        }
        if self.programs[program].line.is_some() && session.follows() {
            self.programs[program].followed_since.get_or_insert(self.now);
        }
        let watermark = session.watermark();
        if watermark.1.is_some() {
            self.programs[program].mark = watermark;
            self.keep(program, Kept::Mark(watermark));
            let now = broker_time(self.now);
            let program = &mut self.programs[program];
            if let (None, Some(first)) = (program.since, watermark.1) {
                program.since = Some(now);
                program.begun.push((first, now));
            }
        }
        if matches!(session.state(), ConnectionState::NeedsRelink { .. }) && self.now >= self.refuse_until {
            // The user relinks the account.
            let after = self.chance.millis(100, 5_000);
            self.at(self.now + after, Event::WakeUp(program));
        } else if matches!(session.state(), ConnectionState::NeedsRelink { .. }) {
            self.at(self.refuse_until + std::time::Duration::from_secs(1), Event::WakeUp(program));
        }
        self.programs[program].session = Some(session);
        if let Some(update) = reported {
            self.must_be_shown(program, &update);
        }
    }

    /// Passes what a program learned to the journal.
    fn keep(&mut self, program: usize, kept: Kept<'_>) {
        if self.writes(program) || self.journal.is_shared() {
            self.journal.keep(program, kept, &self.programs[program].blotter, self.clocks());
        }
    }

    /// True when the program streams the account, so that the journal holds exactly what it shows.
    pub(super) fn writes(&self, program: usize) -> bool {
        self.owners[self.programs[program].broker] == Some(program)
    }

    /// False until the session notices a reset: it still shows the old account.
    pub(super) fn is_known(&self, number: usize) -> bool {
        // What another program has written since of a new account, this one does not know.
        let Program { account, broker, .. } = &self.programs[number];
        account.as_ref().is_none_or(|known| *known == self.brokers[*broker].id())
    }

    fn output(&mut self, program: usize, output: Output) {
        let at = u64::try_from(self.now.as_micros()).unwrap_or(u64::MAX);
        self.trace = (self.trace ^ at).wrapping_mul(0x0100_0000_01b3);
        let broker = self.programs[program].broker;
        match output {
            Output::OpenStream(epoch, form) => self.connect(program, epoch, form),
            Output::CloseStream => self.programs[program].line = None,
            // Requests in flight are still answered, and a refusal still counts.
            Output::DropRequests | Output::Over(_) => {}
            Output::EndWaits => {
                self.programs[program].limited_until = std::time::Duration::ZERO;
                self.programs[program].limited.values_mut().for_each(|(_, until)| *until = std::time::Duration::ZERO);
            }
            Output::Renew => {
                if self.relinked && self.now >= self.refuse_until {
                    self.at(self.now, Event::WakeUp(program));
                }
            }
            Output::Request(id, request) => self.ask(program, id, &request),
            Output::Changed(changes) => {
                if self.history.is_some() {
                    self.note(|| format!("   => {changes:?}"));
                }
                for id in &changes.executions {
                    self.hash(id.as_str());
                }
                for id in &changes.orders {
                    self.hash(id.as_str());
                }
                let known = self.is_known(program);
                let Program { oracle, blotter, .. } = &mut self.programs[program];
                if known {
                    let step = oracle.step(&self.brokers[broker], blotter, &changes);
                    self.wrong = self.wrong.take().or(step.err());
                }
                self.keep(program, Kept::Changes(&changes));
            }
            Output::Reset => {
                let known = &mut self.programs[program];
                known.oracle.reset();
                (known.since, known.mark) = (None, (None, None));
                known.begun.clear();
                known.unread.clear();
                self.keep(program, Kept::Reset);
            }
            Output::Account(account) => {
                if self.programs[program].shown.account.is_none() && self.journal.account(program).is_none() {
                    // These updates could not be attributed to an account; the lists are requested instead.
                    self.forget_early(program);
                }
                if self.other_account.is_of(&account) {
                    self.fail(|| "another account is shown".to_owned());
                }
                self.programs[program].account = Some(account.id.clone());
                self.keep(program, Kept::Account(&account.id));
                self.programs[program].shown.account = Some(*account);
            }
            Output::Positions(positions) => {
                if other_account::is_other_accounts(&positions) {
                    self.fail(|| "positions of another account are shown".to_owned());
                }
                self.programs[program].shown.positions = Some(positions);
            }
            Output::State(state) => {
                self.hash(state.word());
                self.note(|| format!("   {state} {}", state.reason().unwrap_or_default()));
                self.word_changed(program, &state);
            }
            Output::Log(text) | Output::Alarm(text) | Output::Fault(_, text) => {
                self.hash(&text);
                let accused = text.contains("did not report") || text.contains("left out");
                if accused && self.honest {
                    self.fail(|| format!("a stream that left nothing out is blamed: {text}"));
                }
                self.note(|| format!("   {text}"));
            }
        }
    }
}

fn reported(update: &TradeUpdate) -> String {
    let order = &update.order;
    let executions: Vec<_> = update.executions.iter().map(executed).collect();
    format!("{} {} cum {} {executions:?}", update.event, order.id, order.cum_qty)
}

fn executed(execution: &Execution) -> String {
    let px = execution.px.map_or_else(|| "--".to_owned(), |px| px.to_string());
    let until = execution.cum_qty.map_or_else(String::new, |cum| format!(" to {cum}"));
    format!("{} {}@{px}{until}", execution.id, execution.qty)
}

fn listed(row: &Activity) -> String {
    match &row.kind {
        ActivityKind::Fill { qty, px, cum_qty, .. } => {
            let until = cum_qty.map_or_else(String::new, |cum| format!(" to {cum}"));
            format!("{} {qty}@{px}{until}", row.id)
        }
        ActivityKind::Other { .. } => row.id.to_string(),
    }
}

fn brief(input: &Input) -> String {
    match input {
        Input::Stream(epoch, StreamEvent::Update(update)) => format!("#{} {}", epoch.0, reported(update)),
        Input::Reply(id, Ok(reply)) => match &**reply {
            Reply::Orders(orders) => {
                let seen: Vec<_> =
                    orders.iter().map(|order| format!("{} {} {}", order.id, order.status, order.cum_qty)).collect();
                format!("{id:?} {seen:?}")
            }
            Reply::Activities(rows) => {
                let seen: Vec<_> = rows.iter().map(listed).collect();
                format!("{id:?} {seen:?}")
            }
            Reply::Replay(updates) => {
                let seen: Vec<_> =
                    updates.iter().map(|update| format!("{} {}", reported(update), update.order.status)).collect();
                format!("{id:?} told again {seen:?}")
            }
            Reply::Order(orders) => {
                let seen: Vec<_> =
                    orders.iter().map(|order| format!("{} {} {}", order.id, order.status, order.cum_qty)).collect();
                format!("{id:?} order {seen:?}")
            }
            other => format!("{id:?} {}", format!("{other:?}").chars().take(30).collect::<String>()),
        },
        other => format!("{other:?}"),
    }
}

impl Incident {
    /// True for an incident of one program, not of the network.
    pub(super) const fn is_of_a_program(self) -> bool {
        matches!(self, Self::Kill(_) | Self::Sleep(_) | Self::Connect)
    }
}
