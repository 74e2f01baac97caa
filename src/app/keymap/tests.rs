use std::collections::{BTreeMap, BTreeSet};

use super::*;
use crate::app::Model;
use crate::app::availability::availability;
use crate::app::hints;
use crate::app::model::Program;
use crate::domain::{Mono, Now};

fn model() -> Model {
    let now = Now { mono: Mono::ZERO, wall: jiff::Timestamp::from_second(1_790_000_000).unwrap() };
    Model::new(Program::default(), Keymap::default(), Vec::new(), now)
}

fn overrides(lines: &[(usize, &str, &[&str])]) -> Result<Keymap, Vec<KeymapProblem>> {
    let owned: Vec<(usize, String, Vec<String>)> = lines
        .iter()
        .map(|(line, name, words)| (*line, (*name).to_owned(), words.iter().map(|word| (*word).to_owned()).collect()))
        .collect();
    Keymap::with_overrides(owned.iter().map(|(line, name, words)| (*line, name.as_str(), words.as_slice())))
}

/// Every action, kept whole by the match: a new one does not compile before it is listed.
fn actions() -> Vec<Action> {
    let all = BINDINGS.iter().map(|binding| binding.action).collect::<BTreeSet<_>>();
    let json: Vec<String> = all.iter().map(|action| serde_json::to_string(action).unwrap()).collect();
    assert_eq!(json.len(), all.len());
    all.into_iter().collect()
}

#[test]
fn no_chord_is_bound_twice_in_a_scope() {
    let mut seen = BTreeMap::new();
    for binding in BINDINGS {
        for chord in binding.chords {
            let other = seen.insert((binding.scope, *chord), binding.name);
            assert_eq!(other, None, "{chord} in {:?} is {} already", binding.scope, binding.name);
        }
    }
}

#[test]
fn every_action_is_bound() {
    // The last variant's number is the count of variants less one; serde knows them all by name.
    let error = serde_json::from_str::<Action>("\"NoSuchAction\"").unwrap_err().to_string();
    let names: BTreeSet<String> =
        error.split('`').enumerate().filter(|(index, _)| index % 2 == 1).map(|(_, name)| name.to_owned()).collect();
    // `"Quit"`, or `{"FocusPane":1}`.
    let name = |action: &Action| serde_json::to_string(action).unwrap().split('"').nth(1).unwrap().to_owned();
    let bound: BTreeSet<String> = actions().iter().map(name).collect();
    let unbound: Vec<&String> = names.iter().filter(|name| *name != "NoSuchAction" && !bound.contains(*name)).collect();
    assert!(names.len() > 40, "serde lists the variants: {error}");
    assert!(unbound.is_empty(), "unbound: {unbound:?}");
}

#[test]
fn names_are_unique_and_begin_with_their_scope() {
    let mut names = BTreeSet::new();
    for binding in BINDINGS {
        assert!(names.insert(binding.name), "{} is listed twice", binding.name);
        assert_eq!(binding.name.split('.').next(), Some(binding.scope.name()), "{}", binding.name);
        assert!(!binding.chords.is_empty(), "{} has no key", binding.name);
    }
}

#[test]
fn labels_fit_the_footer_and_helps_are_sentences() {
    for binding in BINDINGS {
        assert!(binding.label.chars().count() <= 12, "{:?} is too long", binding.label);
        assert!(binding.help.ends_with('.') && binding.help.starts_with(char::is_uppercase), "{:?}", binding.help);
    }
}

#[test]
fn text_fields_take_no_letters_away_from_typing() {
    for binding in
        BINDINGS.iter().filter(|binding| matches!(binding.scope, Scope::Text | Scope::AddBroker | Scope::Always))
    {
        for chord in binding.chords {
            assert!(!matches!(chord, Chord { code: KeyCode::Char(_), ctrl: false, alt: false }), "{}", binding.name);
        }
    }
}

#[test]
fn the_innermost_scope_wins() {
    let keymap = Keymap::default();
    let pane = [Scope::Orders, Scope::List, Scope::Global, Scope::Always];
    assert_eq!(keymap.lookup(&pane, Chord::char('x')), Some(Action::CancelOrder));
    assert_eq!(keymap.lookup(&pane, Chord::char('j')), Some(Action::Down));
    assert_eq!(keymap.lookup(&pane, Chord::ctrl('c')), Some(Action::ForceQuit));
    assert_eq!(keymap.lookup(&[Scope::Overlay, Scope::Always], Chord::char('q')), Some(Action::Back));
    assert_eq!(keymap.lookup(&[Scope::Text, Scope::Always], Chord::char('q')), None);
}

#[test]
fn enter_does_not_save_a_live_link() {
    let live: Vec<&Binding> = BINDINGS.iter().filter(|binding| binding.action == Action::ConfirmLive).collect();
    assert_eq!(live.len(), 3);
    for binding in live {
        assert!(!binding.chords.contains(&Chord::key(KeyCode::Enter)) && !binding.chords.contains(&Chord::char('y')));
    }
}

#[test]
fn a_changed_key_acts_and_the_old_one_no_longer() {
    let keymap = overrides(&[(12, "orders.cancel", &["K", "ctrl-x"])]).unwrap();
    let pane = [Scope::Orders, Scope::Global];
    assert_eq!(keymap.lookup(&pane, Chord::char('K')), Some(Action::CancelOrder));
    assert_eq!(keymap.lookup(&pane, Chord::ctrl('x')), Some(Action::CancelOrder));
    assert_eq!(keymap.lookup(&pane, Chord::char('x')), None);
    assert_eq!(keymap.chord_for(&pane, Action::CancelOrder), Some(Chord::char('K')));
}

#[test]
fn a_key_may_be_unbound_and_two_may_be_swapped() {
    let keymap = overrides(&[(3, "orders.cancel", &[]), (4, "list.down", &["k"]), (5, "list.up", &["j"])]).unwrap();
    let pane = [Scope::Orders, Scope::List];
    assert_eq!(keymap.lookup(&pane, Chord::char('x')), None);
    assert_eq!(keymap.lookup(&pane, Chord::char('k')), Some(Action::Down));
    let row = BINDINGS.iter().position(|binding| binding.name == "orders.cancel").unwrap();
    assert!(keymap.chords_of(row).is_empty());
}

#[test]
fn problems_name_their_line_and_a_hint() {
    let problems = overrides(&[(7, "orders.cancle", &["x"]), (8, "list.down", &["hyper-x"]), (9, "list.top", &["j"])])
        .unwrap_err();
    let lines: Vec<usize> = problems.iter().map(|problem| problem.line).collect();
    assert_eq!(lines, [7, 8, 9]);
    assert!(problems[0].hint.contains("orders.cancel"), "{}", problems[0]);
    assert!(problems[1].message == "not a key" && problems[1].name == "list.down", "{}", problems[1]);
    assert!(problems[2].message.contains("j is already bound to list.down"), "{}", problems[2]);
}

#[test]
fn every_reason_is_a_sentence_without_a_stop() {
    let model = model();
    let mut refused = 0;
    for action in actions() {
        if let Err(Reason(text)) = availability(action, &model) {
            refused += 1;
            assert!(!text.is_empty() && !text.ends_with('.'), "{action:?}: {text:?}");
        }
    }
    assert!(refused > 10, "an empty program refuses much");
}

#[test]
fn the_footer_shows_each_action_once_and_dims_unavailable_ones() {
    let mut model = model();
    model.focus = crate::app::model::Pane::Orders;
    let offered = hints::hints(&model);
    let actions: Vec<Action> = offered.iter().map(|hint| hint.action).collect();
    let unique: BTreeSet<Action> = actions.iter().copied().collect();
    assert_eq!(unique.len(), actions.len());
    assert_eq!(actions.first(), Some(&Action::Detail), "the pane's own keys come first");
    assert!(offered.iter().any(|hint| hint.action == Action::CancelOrder && !hint.available));
    assert!(offered.iter().any(|hint| hint.action == Action::Quit && hint.available));
    let place = |action| actions.iter().position(|other| *other == action);
    assert!(place(Action::Help) < place(Action::Quit), "who knows no key needs help before the way out");
    assert!(place(Action::Quit) < place(Action::Zoom), "hints for wide footers come last");
    assert!(!actions.contains(&Action::AllAccounts), "optional hints are left out when they cannot act");
    assert!(!actions.contains(&Action::Back), "there is nothing to go back from");
    model.zoomed = true;
    assert!(hints::hints(&model).iter().any(|hint| hint.action == Action::Back));
}

#[test]
fn every_key_that_a_sentence_names_exists() {
    fn walk(folder: &std::path::Path, found: &mut Vec<String>) {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                walk(&path, found);
            } else if !path.to_string_lossy().contains("tests") {
                let text = std::fs::read_to_string(&path).unwrap();
                let names = text.split('{').skip(1).filter_map(|rest| rest.split_once('}')).map(|(name, _)| name);
                let scopes = Scope::ALL.map(Scope::name);
                let keys = names.filter(|name| name.split_once('.').is_some_and(|(scope, _)| scopes.contains(&scope)));
                found.extend(keys.map(str::to_owned));
            }
        }
    }
    let mut found = Vec::new();
    let source = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    for layer in ["app", "view", "link"] {
        walk(&source.join(layer), &mut found);
    }
    assert!(found.len() > 20, "{found:?}");
    for name in found {
        assert!(BINDINGS.iter().any(|binding| binding.name == name), "{name} is no key");
    }
}

#[test]
fn help_and_readme_hold_every_binding() {
    let groups = table(&Keymap::default());
    let rows: usize = groups.iter().map(|group| group.rows.len()).sum();
    assert_eq!(rows, BINDINGS.len());
    let text = markdown(&Keymap::default());
    for binding in BINDINGS {
        assert!(text.contains(&format!("`{}`", binding.name)), "{}", binding.name);
    }
    assert!(groups[0].rows.iter().any(|row| row.matches("FILTER")) && !groups[0].rows[0].matches("no such key"));
}

#[test]
fn ctrl_c_quits_with_any_configuration() {
    let with = |name: &str, words: &[&str]| {
        let words: Vec<String> = words.iter().map(|word| (*word).to_owned()).collect();
        Keymap::with_overrides([(7, name, words.as_slice())])
    };
    let out = |keymap: &Keymap| keymap.lookup(&[Scope::Text, Scope::Always], Chord::ctrl('c'));
    for words in [&[][..], &["ctrl-q"], &["Q", "ctrl-c", "Q"]] {
        assert_eq!(out(&with("always.quit", words).unwrap()), Some(Action::ForceQuit), "{words:?}");
    }
    let changed = with("always.quit", &["ctrl-q"]).unwrap();
    assert_eq!(
        changed.chord_for(&[Scope::Always], Action::ForceQuit),
        Some(Chord::ctrl('q')),
        "the chosen key is shown"
    );
    assert_eq!(changed.lookup(&[Scope::Always], Chord::ctrl('q')), Some(Action::ForceQuit));
    for binding in BINDINGS {
        let own = binding.chords.contains(&Chord::ctrl('c'));
        assert_eq!(own, binding.action == Action::ForceQuit, "{}", binding.name);
        if !own {
            let problems = with(binding.name, &["x", "ctrl-c"]).unwrap_err();
            let said =
                problems.iter().any(|problem| problem.to_string().contains("Ctrl-c always quits; choose another key"));
            assert!(said, "{}: {problems:?}", binding.name);
        }
    }
}
