//! *Add broker*: a search over the brokers that can be linked.

use tui_input::Input as Field;

use super::{Data, Handler, Next, Place, ranked};
use crate::app::brokers::BrokerSummary;
use crate::app::keymap::{Action, Scope};
use crate::domain::BrokerId;

/// The *Add broker* search.
#[derive(Debug, Clone)]
pub struct AddBroker {
    /// The search text.
    pub query: Field,
    /// The matches, best first.
    pub matches: Vec<BrokerId>,
    /// The chosen match.
    pub selected: usize,
}

impl AddBroker {
    /// The search before anything is typed.
    pub fn of(brokers: &[BrokerSummary]) -> Self {
        let matches = brokers.iter().map(|broker| broker.id.clone()).collect();
        Self { query: Field::default(), matches, selected: 0 }
    }

    fn choose(&self) -> Vec<Next> {
        vec![self.matches.get(self.selected).map_or_else(
            || Next::Say("no broker matches; add one under [[brokers]] in the configuration".to_owned()),
            |broker| Next::Link(broker.clone()),
        )]
    }
}

impl Handler for AddBroker {
    fn scopes(&self) -> &'static [Scope] {
        &[Scope::AddBroker, Scope::Text]
    }

    fn place(&mut self, _: &Data<'_>) -> Place<'_> {
        Place::Row(&mut self.selected, self.matches.len())
    }

    fn act(&mut self, action: Action, _: isize, _: &Data<'_>) -> Option<Vec<Next>> {
        (action == Action::Accept).then(|| self.choose())
    }

    fn click(&mut self, row: usize, _: &Data<'_>) -> Vec<Next> {
        if row >= self.matches.len() {
            return Vec::new();
        }
        self.selected = row;
        self.choose()
    }

    fn field(&mut self) -> Option<&mut Field> {
        Some(&mut self.query)
    }

    fn typed(&mut self, data: &Data<'_>) {
        let names: Vec<String> = data.brokers.iter().map(|broker| format!("{} {}", broker.name, broker.id)).collect();
        let found = ranked(self.query.value(), names.iter().map(String::as_str));
        self.matches =
            found.into_iter().filter_map(|index| data.brokers.get(index).map(|broker| broker.id.clone())).collect();
        self.selected = 0;
    }

    fn gives_way_to_linking(&self) -> bool {
        true
    }
}
