//! `brokerdeck replay FILE`: plays a recorded run on the real screen, or writes it down as an asciinema file.

use std::path::{Path, PathBuf};
use std::time::Duration;

use crossterm::event::{Event, KeyCode, KeyEventKind, KeyModifiers};

use super::{Global, HEADLESS_HINT, cast, output, pace};
use crate::error::Error;
use crate::io::record::{RecordError, Recorder, Replay};
use crate::io::runtime::Loop;
use crate::io::start::Settings;
use crate::io::terminal;
use crate::view;

/// Options of the replay.
#[derive(Debug, Clone, clap::Args)]
pub struct ReplayArgs {
    /// A file written by `--record`.
    pub file: PathBuf,
    /// How fast to play, from 0.1 to 100; 1 is as it was.
    #[arg(long, value_name = "X", default_value = "1", value_parser = pace::parse)]
    pub pace: rust_decimal::Decimal,
    /// Write an asciinema file instead of playing; `-` is stdout.
    #[arg(long, value_name = "OUT")]
    pub cast: Option<PathBuf>,
    /// The size of its screen.
    #[arg(long, value_name = "COLSxROWS", default_value = "120x34", value_parser = cast::size, requires = "cast")]
    pub size: (u16, u16),
}

/// The longest wait between two messages, so that a night without events does not take a night to watch.
const LONGEST: Duration = Duration::from_secs(5);

/// Begins a recording when one is wanted.
///
/// # Errors
/// [`Error::Usage`] when the file exists or cannot be written.
pub fn recorder(path: Option<&Path>, settings: &Settings, running: &Loop) -> Result<Option<Recorder>, Error> {
    let Some(path) = path else { return Ok(None) };
    let hint = "name a file that does not exist yet".to_owned();
    Recorder::create(path, settings, &running.model).map(Some).map_err(|error| Error::usage(error.to_string(), hint))
}

/// Plays the file: Space pauses, `.` steps, `q` leaves. At its end the last screen stays until a key is pressed.
///
/// # Errors
/// Usage errors for a file that is no recording, and a terminal that cannot be taken over.
pub fn run(global: &Global, args: &ReplayArgs) -> Result<u8, Error> {
    let mut replay = Replay::open(&args.file).map_err(unreadable)?;
    let mut state = super::theme::choose(global.theme.as_deref().unwrap_or("auto"), global.color, false)?;
    if let Some(out) = &args.cast {
        return write_cast(&mut replay, &mut state, args, out);
    }
    let (guard, mut screen) = terminal::enter(false)
        .map_err(|error| Error::usage(format!("cannot open the screen: {error}"), HEADLESS_HINT.to_owned()))?;
    let mut paused = false;
    let outcome = loop {
        let drawn = screen.draw(|frame| view::draw(&replay.model, &mut state, frame));
        if let Err(error) = drawn {
            break Err(Error::failed(error.to_string()));
        }
        let before = replay.model.now;
        let wait = replay.next_at().map(|at| slowed(at.mono.since(before.mono), args.pace).min(LONGEST));
        let key = match wait.filter(|_| !paused) {
            Some(wait) => key_within(wait),
            None => key(),
        };
        match key {
            Ok(Some(Key::Leave)) => break Ok(0),
            Ok(Some(Key::Pause)) => paused = !paused,
            Ok(Some(Key::Other)) if wait.is_none() => break Ok(0),
            Ok(Some(Key::Step) | None) => {
                if let Err(error) = replay.step() {
                    break Err(unreadable(error));
                }
            }
            Ok(Some(Key::Other)) => {}
            Err(error) => break Err(Error::failed(error.to_string())),
        }
    };
    drop(guard);
    outcome
}

fn write_cast(
    replay: &mut Replay,
    state: &mut crate::view::ViewState,
    args: &ReplayArgs,
    out: &Path,
) -> Result<u8, Error> {
    if out == Path::new("-") {
        let mut text = Vec::new();
        cast::write(replay, state, args.size, args.pace, &mut text)?;
        return output::own(String::from_utf8_lossy(&text).trim_end()).map(|_| 0);
    }
    let file = std::fs::File::create(out).map_err(|error| {
        Error::usage(format!("{}: {error}", out.display()), "name a file that can be written".to_owned())
    })?;
    let mut file = std::io::BufWriter::new(file);
    cast::write(replay, state, args.size, args.pace, &mut file)?;
    std::io::Write::flush(&mut file).map_err(|error| Error::failed(error.to_string()))?;
    Ok(0)
}

#[expect(clippy::needless_pass_by_value, reason = "it stands where an error is mapped")]
pub(super) fn unreadable(error: RecordError) -> Error {
    Error::usage(error.to_string(), "recordings are made with `brokerdeck --record FILE`".to_owned())
}

enum Key {
    Leave,
    Pause,
    Step,
    Other,
}

fn key_within(wait: Duration) -> std::io::Result<Option<Key>> {
    if crossterm::event::poll(wait)? { key() } else { Ok(None) }
}

fn key() -> std::io::Result<Option<Key>> {
    loop {
        match crossterm::event::read()? {
            Event::Key(key) if key.kind == KeyEventKind::Press => {
                let ctrl_c = key.code == KeyCode::Char('c') && key.modifiers.contains(KeyModifiers::CONTROL);
                return Ok(Some(match key.code {
                    KeyCode::Char('q') | KeyCode::Esc => Key::Leave,
                    _ if ctrl_c => Key::Leave,
                    KeyCode::Char(' ') => Key::Pause,
                    KeyCode::Char('.') => Key::Step,
                    _ => Key::Other,
                }));
            }
            Event::Resize(..) => return Ok(Some(Key::Other)),
            _ => {}
        }
    }
}

/// A wait at another pace.
pub(super) fn slowed(wait: Duration, pace: rust_decimal::Decimal) -> Duration {
    let millis = rust_decimal::Decimal::from(u64::try_from(wait.as_millis()).unwrap_or(u64::MAX));
    let scaled = millis.checked_div(pace).and_then(|millis| u64::try_from(millis.trunc()).ok());
    Duration::from_millis(scaled.unwrap_or(0))
}
