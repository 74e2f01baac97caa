//! An account's equity over time; the curves are in [`crate::accounts::AccountState::curves`].

use super::{Data, Handler, Next};
use crate::accounts::{OnDemand, Period};
use crate::app::keymap::{Action, Reason, Scope};
use crate::domain::{LinkId, Mono};

/// An account's equity over time.
#[derive(Debug, Clone)]
pub struct EquityChart {
    /// The account's link.
    pub link: LinkId,
    pub period: Period,
    /// The point under the crosshair, by index; `None` until it is moved.
    pub cursor: Option<usize>,
}

impl EquityChart {
    /// Changes the period; its curve is fetched each time, since equity moves.
    fn step_period(&mut self, longer: bool) -> Vec<Next> {
        let at = self.period as usize;
        let next = if longer { at + 1 } else { at.saturating_sub(1) };
        let Some(next) = Period::ALL.get(next).copied() else { return Vec::new() };
        (self.period, self.cursor) = (next, None);
        vec![Next::AskCurve(self.link.clone(), next)]
    }

    /// Moves the crosshair, starting at the newest point.
    fn move_crosshair(&mut self, by: isize, data: &Data<'_>) -> Vec<Next> {
        let curve = data.accounts.get(&self.link).and_then(|account| account.curves.get(&self.period));
        if let Some(last) = curve.and_then(|dated| dated.value.points.len().checked_sub(1)) {
            self.cursor = Some(self.cursor.unwrap_or(last).saturating_add_signed(by).min(last));
        }
        Vec::new()
    }
}

impl Handler for EquityChart {
    fn scopes(&self) -> &'static [Scope] {
        &[Scope::Chart, Scope::Overlay]
    }

    fn available(&self, action: Action, _: &Data<'_>) -> Option<Result<(), Reason>> {
        let end = match (action, self.period) {
            (Action::ChartNext, Period::Year) => "this is the longest period",
            (Action::ChartPrev, Period::Day) => "this is the shortest period",
            _ => return None,
        };
        Some(Err(Reason(end.to_owned())))
    }

    #[expect(clippy::wildcard_enum_match_arm, reason = "other actions are handled elsewhere")]
    fn act(&mut self, action: Action, times: isize, data: &Data<'_>) -> Option<Vec<Next>> {
        match action {
            Action::ChartNext => Some(self.step_period(true)),
            Action::ChartPrev => Some(self.step_period(false)),
            Action::CrosshairLeft => Some(self.move_crosshair(times.saturating_neg(), data)),
            Action::CrosshairRight => Some(self.move_crosshair(times, data)),
            _ => None,
        }
    }

    fn asks_again(&self, data: &Data<'_>, now: Mono) -> Option<Next> {
        let at = data.accounts.get(&self.link)?.retry_at(OnDemand::Curve(self.period))?;
        (at <= now && self.period != Period::Day).then(|| Next::AskCurve(self.link.clone(), self.period))
    }

    fn shows_curve(&self, link: &LinkId, period: Period) -> bool {
        self.link == *link && self.period == period
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_curve_of_another_account_is_none_that_it_shows() {
        let chart = EquityChart { link: "paper".into(), period: Period::Week, cursor: None };
        assert!(chart.shows_curve(&"paper".into(), Period::Week));
        assert!(!chart.shows_curve(&"live".into(), Period::Week));
        assert!(!chart.shows_curve(&"paper".into(), Period::Month));
    }
}
