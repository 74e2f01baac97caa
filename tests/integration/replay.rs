//! A replayed recording shows the same frames, and no recording contains secret input.

use std::path::{Path, PathBuf};

use brokerdeck::app::keymap::Keymap;
use brokerdeck::app::model::Pane;
use brokerdeck::app::{Model, Msg, update};
use brokerdeck::domain::Now;
use brokerdeck::io::record::{Recorder, Replay};
use brokerdeck::io::start::Settings;
use brokerdeck::link::progress::Sensitive;
use brokerdeck::view::{Theme, ViewState, render};
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use rust_decimal::Decimal;

use super::fixture::{brokers, program};
use super::stage;

const SIZE: (u16, u16) = (120, 36);

/// A program with nothing configured.
pub(crate) fn settings() -> Settings {
    Settings {
        locks: None,
        program: program(),
        keymap: Keymap::default(),
        keys: Vec::new(),
        mouse: true,
        osc9: false,
        notify_command: Vec::new(),
        config_path: PathBuf::from("config.toml"),
        choices: None,
    }
}

/// Draws as the loop would, with the view state kept between frames.
fn frame(model: &Model, view: &mut ViewState) -> Buffer {
    let area = Rect::new(0, 0, SIZE.0, SIZE.1);
    let mut buffer = Buffer::empty(area);
    render(model, view, area, &mut buffer);
    buffer
}

/// Runs and records the messages; returns the frame after each.
fn record(path: &Path, run: &[(Now, Msg)]) -> Vec<Buffer> {
    let mut model = Model::new(program(), Keymap::default(), brokers(), run[0].0);
    let mut recorder = Recorder::create(path, &settings(), &model).unwrap();
    let mut view = ViewState::new(Theme::default(), false);
    let mut frames = Vec::new();
    for (now, msg) in run {
        recorder.write(&model, msg, *now).unwrap();
        drop(update(&mut model, msg.clone(), *now));
        frames.push(frame(&model, &mut view));
    }
    frames
}

#[test]
fn a_replay_shows_the_same_frames() {
    let folder = tempfile::tempdir().unwrap();
    for screen in ["both", "order", "stale", "filter", "failed", "palette"] {
        let run = stage::fixture(screen, SIZE).log;
        let path = folder.path().join(screen);
        let frames = record(&path, &run);
        let mut replay = Replay::open(&path).unwrap();
        let mut view = ViewState::new(Theme::default(), false);
        for (step, expected) in frames.iter().enumerate() {
            assert!(replay.step().unwrap(), "{screen}: the recording ends at {step}");
            assert_eq!(&frame(&replay.model, &mut view), expected, "{screen}: message {step}");
        }
        assert!(!replay.step().unwrap(), "{screen}: nothing follows");
    }
}

/// The model after all of a recording's messages.
fn played(path: &Path) -> Model {
    let mut replay = Replay::open(path).unwrap();
    let mut played = 0;
    while replay.step().unwrap() {
        played += 1;
    }
    assert_eq!(played, std::fs::read_to_string(path).unwrap().lines().count() - 1, "{}", path.display());
    replay.model
}

/// The file was written when the version was raised, and is frozen: where it no longer plays to the end, the version
/// has to be raised again.
#[test]
fn the_frozen_recording_of_the_version_that_is_written_can_be_played() {
    let model = played(&Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/recording-5.jsonl"));
    let account = &model.accounts.all()[0];
    assert_eq!((account.state().word(), account.blotter.order_count()), ("live", 14));
    let pages: Vec<u16> = Pane::ALL.iter().map(|pane| *model.extent.pages.get(*pane)).collect();
    assert_eq!((pages.as_slice(), model.extent.overlay_page), ([2, 3, 5, 7, 11].as_slice(), 13));
}

/// A new version needs its frozen file: this run is written by the present one.
#[test]
fn the_version_that_is_written_has_a_frozen_file() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("run");
    record(&path, &stage::fixture("first-run", SIZE).log);
    let text = std::fs::read_to_string(&path).unwrap();
    let head: serde_json::Value = serde_json::from_str(text.lines().next().unwrap()).unwrap();
    assert_eq!(head["program"], env!("CARGO_PKG_VERSION"));
    let frozen = format!("tests/fixtures/recording-{}.jsonl", head["version"]);
    assert!(Path::new(env!("CARGO_MANIFEST_DIR")).join(&frozen).exists(), "{frozen}");
}

#[test]
fn a_recording_of_another_version_is_refused_with_the_program_that_plays_it() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("run");
    let refused = |head: &str| {
        std::fs::write(&path, format!("{head}\n")).unwrap();
        let done = std::process::Command::new(env!("CARGO_BIN_EXE_brokerdeck"))
            .args(["replay", path.to_str().unwrap(), "--cast", "-"])
            .env_clear()
            .env("HOME", folder.path())
            .output()
            .unwrap();
        assert_eq!(done.status.code(), Some(2), "{done:?}");
        String::from_utf8(done.stderr).unwrap()
    };
    // Nothing else of a first line needs to fit.
    let newer = refused(r#"{"version":6,"program":"0.9.0","now":"in another form"}"#);
    assert!(
        newer.contains("is a recording of version 6, written by brokerdeck 0.9.0; this program reads version 5"),
        "{newer}"
    );
    assert!(newer.contains("replay it with brokerdeck 0.9.0"), "{newer}");
    let older = refused(r#"{"version":4}"#);
    assert!(older.contains("is a recording of version 4; this program reads version 5"), "{older}");
    assert!(older.contains("replay it with the version of brokerdeck that wrote it"), "{older}");
    let own = env!("CARGO_PKG_VERSION");
    let build = refused(&format!(r#"{{"version":4,"program":"{own}"}}"#));
    assert!(
        build.contains(&format!("it was written by another build of brokerdeck {own}; record it again")),
        "{build}"
    );
    assert!(!build.contains("replay it with"), "{build}");
}

#[test]
fn a_replay_without_a_screen_names_the_way_that_needs_none() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("run");
    record(&path, &stage::fixture("first-run", SIZE).log);
    let done = std::process::Command::new(env!("CARGO_BIN_EXE_brokerdeck"))
        .args(["replay", path.to_str().unwrap()])
        .env_clear()
        .env("HOME", folder.path())
        .stdin(std::process::Stdio::null())
        .output()
        .unwrap();
    let said = String::from_utf8(done.stderr).unwrap();
    assert!(done.status.code() == Some(2) && said.contains("--cast") && !said.contains("watch"), "{said}");
}

#[test]
fn a_recording_is_owner_only_and_contains_no_secret() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("run");
    let mut fixture = stage::fixture("waiting", SIZE);
    fixture.press("p");
    fixture.write("zqcanary");
    fixture.send(Msg::Paste(Sensitive::new("http://localhost:41970/callback?code=zqcanary&state=zqcanary")));
    fixture.press("enter");
    record(&path, &fixture.log);
    let text = std::fs::read_to_string(&path).unwrap();
    assert!(
        !text.contains("zqcanary") && !text.contains("o5vJ0s0T1q2w3e4r5t6y7u8i9o0p"),
        "a secret is in the recording"
    );
    let letters: String = ["z", "q", "c", "n", "r", "y"].map(|ch| format!("{{\"Char\":\"{ch}\"}}")).join("|");
    assert!(letters.split('|').all(|letter| !text.contains(letter)), "typed letters are in the recording");
    assert!(text.contains("41970"), "text that is not secret is kept");
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
    }
    assert!(Recorder::create(&path, &settings(), &fixture.model).is_err(), "an existing file is never overwritten");
}

/// The last screen of an asciinema file, and its times.
fn watched(cast: &str) -> (String, Vec<Decimal>) {
    let mut lines = cast.lines();
    let head: serde_json::Value = serde_json::from_str(lines.next().unwrap()).unwrap();
    assert_eq!(head["version"], 2);
    let side = |name: &str| std::num::NonZero::new(u16::try_from(head[name].as_u64().unwrap()).unwrap()).unwrap();
    let mut parser = vt100::Parser::new(side("height"), side("width"), 0);
    let mut times = Vec::new();
    for line in lines {
        let (at, kind, text): (serde_json::Number, String, String) = serde_json::from_str(line).unwrap();
        assert_eq!(kind, "o");
        times.push(at.to_string().parse().unwrap());
        parser.process(text.as_bytes());
    }
    (parser.screen().contents(), times)
}

#[test]
fn a_recording_becomes_an_asciinema_file_that_ends_on_the_same_screen() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("run");
    let run = stage::fixture("order", SIZE).log;
    let frames = record(&path, &run);
    let output = std::process::Command::new(env!("CARGO_BIN_EXE_brokerdeck"))
        .args(["replay", path.to_str().unwrap(), "--cast", "-", "--size", "120x36", "--theme", "dark"])
        .env_clear()
        .env("HOME", folder.path())
        .output()
        .unwrap();
    assert!(output.status.success(), "{output:?}");
    let (shown, times) = watched(std::str::from_utf8(&output.stdout).unwrap());
    assert!(times.is_sorted() && times.first() == Some(&Decimal::ZERO), "{times:?}");
    let last = frames.last().unwrap();
    for (line, y) in shown.lines().zip(0..) {
        let cells: String = (0..SIZE.0).map(|x| last[(x, y)].symbol()).collect();
        assert_eq!(line.trim_end(), cells.trim_end(), "line {y}");
    }
}

#[test]
fn the_demo_in_assets_is_an_asciinema_file_of_modest_size() {
    let cast = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/assets/demo.cast")).unwrap();
    assert!(cast.len() < 300_000, "{} bytes", cast.len());
    let (_, times) = watched(&cast);
    assert!(
        times.is_sorted() && times.last().is_some_and(|last| (Decimal::TEN..Decimal::ONE_HUNDRED).contains(last)),
        "{times:?}"
    );
    assert!(cast.contains("SIMULATED") && cast.contains("Alpaca Live"));
}

#[cfg(unix)]
#[test]
fn a_recording_from_a_pipe_is_played_and_a_recording_is_never_overwritten_by_its_replay() {
    let folder = tempfile::tempdir().unwrap();
    let (path, pipe) = (folder.path().join("run"), folder.path().join("pipe"));
    record(&path, &stage::fixture("order", SIZE).log);
    let whole = std::fs::read(&path).unwrap();
    assert!(std::process::Command::new("mkfifo").arg(&pipe).status().unwrap().success());
    let writer = std::thread::spawn({
        let (pipe, whole) = (pipe.clone(), whole.clone());
        move || std::fs::write(pipe, whole)
    });
    let steps = |path| {
        let mut replay = Replay::open(path).unwrap();
        std::iter::from_fn(move || replay.step().unwrap().then_some(())).count()
    };
    assert_eq!(steps(&pipe), steps(&path));
    writer.join().unwrap().unwrap();
    let [hard, soft] = ["hard", "soft"].map(|name| folder.path().join(name));
    std::fs::hard_link(&path, &hard).unwrap();
    std::os::unix::fs::symlink(&path, &soft).unwrap();
    for name in [&path, &hard, &soft] {
        let same = std::process::Command::new(env!("CARGO_BIN_EXE_brokerdeck"))
            .args(["replay", path.to_str().unwrap(), "--cast", name.to_str().unwrap()])
            .output()
            .unwrap();
        assert_eq!(same.status.code(), Some(2), "{same:?}");
        assert_eq!(std::fs::read(&path).unwrap(), whole, "the recording is unchanged");
    }
}

#[test]
fn a_recording_without_line_ends_or_with_impossible_times_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("run");
    let run = stage::fixture("order", SIZE).log;
    record(&path, &run[..2]);
    let whole = std::fs::read_to_string(&path).unwrap();
    let refused = |text: &str| {
        let path = folder.path().join("other");
        std::fs::write(&path, text).unwrap();
        let play = || -> Result<(), brokerdeck::io::record::RecordError> {
            let mut replay = Replay::open(&path)?;
            while replay.step()? {}
            Ok(())
        };
        play().err().map(|error| error.to_string()).unwrap_or_default()
    };
    assert_eq!(refused(&whole), "");
    let file = std::fs::File::create(folder.path().join("endless")).unwrap();
    // A sparse file: nothing is written, and its one line is longer than memory should hold.
    file.set_len(1 << 40).unwrap();
    let error = Replay::open(&folder.path().join("endless")).err().unwrap().to_string();
    assert!(error.contains("longer than 64 MiB"), "{error}");
    let lines: Vec<serde_json::Value> = whole.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let with = |line: usize, pointer: &str, value: serde_json::Value| {
        let mut lines = lines.clone();
        *lines[line].pointer_mut(pointer).unwrap() = value;
        lines.iter().fold(String::new(), |text, line| format!("{text}{line}\n"))
    };
    for (line, pointer, value) in [
        (1, "/now/mono/secs", serde_json::json!(u64::MAX)),
        (1, "/now/wall", serde_json::json!("9999-12-30T00:00:00Z")),
        (0, "/now/wall", serde_json::json!("-005000-01-02T00:00:00Z")),
        (0, "/now/mono/secs", serde_json::json!(40_000_000_000_u64)),
    ] {
        let error = refused(&with(line, pointer, value));
        assert!(error.contains("its time is out of range"), "{line} {pointer}: {error}");
    }
    let error = refused(&with(0, "/now/mono/secs", serde_json::json!(30_000_000)));
    assert!(error.contains("its times go backwards"), "{error}");
}

#[test]
fn a_damaged_recording_names_its_line() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("run");
    record(&path, &stage::fixture("first-run", SIZE).log);
    let text = std::fs::read_to_string(&path).unwrap();
    let lines: Vec<&str> = text.lines().collect();
    assert!(lines.len() > 2, "{text}");
    // Of another version, readable, cut off.
    let foreign = lines[1].replacen("\"msg\":", "\"msg\":[],\"was\":", 1);
    let mixed = [lines[0], lines[1], &foreign, lines[2], "{\"now\":"];
    std::fs::write(&path, mixed.join("\n")).unwrap();
    let mut replay = Replay::open(&path).unwrap();
    let error = replay.step().unwrap_err();
    assert!(error.to_string().contains("run:3:"), "{error}");
    assert!(error.to_string().contains("2 of 4 messages cannot be read, and the replay ends before"), "{error}");
    assert!(error.hint().contains("--record FILE"), "{error}");
    std::fs::write(&path, "not a recording\n").unwrap();
    let message = Replay::open(&path).err().map(|error| error.to_string()).unwrap_or_default();
    assert!(message.contains("run:1:"), "{message}");
}
