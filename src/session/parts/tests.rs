use super::*;
use crate::session::request::RequestErrorKind;

const PART: Part = Part::Positions;

fn at(millis: u64) -> Now {
    Now { mono: Mono::from_millis(millis), wall: jiff::Timestamp::UNIX_EPOCH }
}

/// Why the part is missing at this time, if it is.
fn lack(parts: &Parts, millis: u64) -> Option<String> {
    let lacks = parts.lacks(None, Mono::from_millis(millis));
    lacks.into_iter().find(|lack| lack.part == PART).map(|lack| lack.reason)
}

#[test]
fn a_failure_is_reported_when_it_lasts_and_ends_with_an_answer() {
    let mut parts = Parts::default();
    parts.good(PART, at(0));
    parts.failed(PART, &RequestError::local(RequestErrorKind::Server, "first"), at(1_000));
    assert!(parts.has_failed(PART));
    // The same kind of failure with other text is not news; another kind is, and keeps the start time.
    parts.failed(PART, &RequestError::local(RequestErrorKind::Server, "second"), at(2_000));
    assert_eq!((lack(&parts, 5_999), parts.deadline(Mono::from_millis(5_999))), (None, Some(Mono::from_millis(6_000))));
    let said = lack(&parts, 6_000).unwrap();
    assert!(said.contains("first"), "{said}");
    parts.failed(PART, &RequestError::local(RequestErrorKind::Network, "third"), at(6_000));
    let said = lack(&parts, 6_000).unwrap();
    assert!(said.contains("third"), "{said}");
    // An answer of several pages ends the failure with its last page.
    parts.answered(PART, at(7_000));
    assert_eq!(
        (lack(&parts, 7_000).as_deref(), parts.has_failed(PART)),
        (Some("the answer is not complete yet"), false)
    );
    parts.good(PART, at(8_000));
    assert_eq!((lack(&parts, 60_000), parts.has_failed(PART)), (None, false));
    assert_eq!(parts.deadline(Mono::from_millis(6_000)), None);
}

#[test]
fn a_request_that_was_given_up_counts_as_failed_until_a_complete_answer() {
    let mut parts = Parts::default();
    parts.good(PART, at(0));
    parts.lost(PART, "no".to_owned());
    assert!(parts.has_failed(PART));
    assert_eq!(lack(&parts, 0).as_deref(), Some("no"));
    assert!(!parts.good(PART, at(1)), "its absence was not reported");
    assert!(!parts.has_failed(PART) && lack(&parts, 1).is_none());
}

#[test]
fn a_part_is_overdue_after_the_time_of_one_request_and_one_retry() {
    let mut parts = Parts::default();
    parts.good(Part::Recent, at(0));
    parts.due(Part::Recent, Mono::from_millis(10_000));
    let missing = |parts: &Parts, millis| {
        parts.lacks(None, Mono::from_millis(millis)).iter().any(|lack| lack.part == Part::Recent)
    };
    assert_eq!((missing(&parts, 39_999), missing(&parts, 40_000)), (false, true));
    assert_eq!(parts.deadline(Mono::ZERO), Some(Mono::from_millis(40_000)));
    // The pass is busy with another part.
    parts.answered(Part::Working, at(20_000));
    assert!(missing(&parts, 40_000));
    // Its own pages extend the deadline, but not forever.
    parts.answered(Part::Recent, at(39_999));
    assert_eq!((missing(&parts, 69_999), missing(&parts, 70_000)), (false, true));
    assert_eq!(parts.deadline(Mono::from_millis(40_000)), Some(Mono::from_millis(70_000)));
    // From then on, only the last page makes it current again.
    parts.pass_began();
    parts.answered(Part::Recent, at(40_001));
    assert!(missing(&parts, 40_001));
    parts.good(Part::Recent, at(50_000));
    parts.due(Part::Recent, Mono::from_millis(60_000));
    assert!(!missing(&parts, 50_000));
}

#[test]
fn a_part_is_as_old_as_the_first_page_of_its_last_answer() {
    let mut parts = Parts::default();
    parts.answered(PART, at(1_000));
    parts.answered(PART, at(50_000));
    parts.good(PART, at(60_999));
    let fresh = |parts: &Parts, millis| {
        let fresh = parts.freshness(PART, true, Mono::from_millis(millis));
        (fresh.good.map(|good| good.mono), fresh.current)
    };
    assert_eq!(fresh(&parts, 60_999), (Some(Mono::from_millis(1_000)), true));
    // A single page counts only for its own pass.
    parts.answered(PART, at(70_000));
    parts.pass_began();
    parts.good(PART, at(80_000));
    assert_eq!(fresh(&parts, 80_000), (Some(Mono::from_millis(80_000)), true));
    // An answer that took a minute is not current, and is reported once even if it recurs.
    let mut reported = 0;
    for minute in [2, 4, 6] {
        parts.answered(PART, at(minute * 60_000));
        assert!(!parts.good(PART, at((minute + 1) * 60_000)));
        assert_eq!(fresh(&parts, (minute + 1) * 60_000), (Some(Mono::from_millis(minute * 60_000)), false));
        let lacks = parts.lacks(None, Mono::from_millis((minute + 1) * 60_000));
        let of_part: Vec<MissingPart> = lacks.into_iter().filter(|lack| lack.part == PART).collect();
        reported += usize::from(parts.has_news(&of_part, at(minute * 60_000).mono));
    }
    assert_eq!(reported, 1);
    assert!(parts.good(PART, at(500_000)), "it is over");
}

#[test]
fn nothing_is_current_unless_the_connection_follows_and_forgetting_clears_everything() {
    let mut parts = Parts::default();
    parts.good(PART, at(0));
    parts.failed(PART, &RequestError::local(RequestErrorKind::Server, "no"), at(1_000));
    let now = Mono::from_millis(2_000);
    assert_eq!((parts.freshness(PART, true, now).current, parts.freshness(PART, true, now).reason), (true, None));
    let alone = parts.freshness(PART, false, now);
    assert!(!alone.current && alone.reason.is_some_and(|reason| reason.contains("no")), "{alone:?}");
    assert!(parts.any_since(Mono::ZERO) && !parts.any_since(Mono::from_millis(1)));
    parts.forget();
    assert_eq!(parts.freshness(PART, true, now).good, None);
}
