//! `brokerdeck replay FILE`: replays a recorded run on the screen, or converts it to an asciinema file.

mod cast;

use std::collections::VecDeque;
use std::path::{Path, PathBuf};
use std::time::Duration;

use tokio::sync::mpsc;

use super::{Global, output, pace};
use crate::app::keymap::{Chord, KeyCode};
use crate::error::Error;
use crate::io::hyperlink;
use crate::io::input::{self, InputEvent, Keyboard};
use crate::io::record::{RecordError, Recorder, Replay};
use crate::io::runtime::Loop;
use crate::io::signals::{self, Change};
use crate::io::start::Settings;
use crate::io::terminal::{self, Screen, background};
use crate::view::{self, ViewState};

/// Options of the replay.
#[derive(Debug, Clone, clap::Args)]
pub struct ReplayArgs {
    /// A file written by `--record`.
    pub file: PathBuf,
    /// Playback speed, from 0.1 to 100; 1 is the original speed.
    #[arg(long, value_name = "X", default_value = "1", value_parser = pace::parse)]
    pub pace: rust_decimal::Decimal,
    /// Write an asciinema file instead of playing; `-` for stdout.
    #[arg(long, value_name = "OUT")]
    pub cast: Option<PathBuf>,
    /// Screen size of the asciinema file.
    #[arg(long, value_name = "COLSxROWS", default_value = "120x34", value_parser = cast::size, requires = "cast")]
    pub size: (u16, u16),
}

/// Longest wait between two messages, so that quiet hours are skipped.
const LONGEST: Duration = Duration::from_secs(5);
/// The hint when there is no usable terminal.
const HEADLESS: &str = "run it in a terminal; without one, `--cast OUT` writes the run to a file";
/// Exit code when the terminal is gone, as after SIGHUP.
const GONE: u8 = 129;

/// Starts the recording when `--record` is given.
///
/// # Errors
/// [`Error::Usage`] when the file exists or cannot be written.
pub fn recorder(path: Option<&Path>, settings: &Settings, running: &Loop) -> Result<Option<Recorder>, Error> {
    let Some(path) = path else { return Ok(None) };
    let hint = "name a file that does not exist yet".to_owned();
    Recorder::create(path, settings, &running.model).map(Some).map_err(|error| Error::usage(error.to_string(), hint))
}

/// Plays the file: Space pauses, `.` steps, `q` quits. The last screen stays until a key is pressed.
///
/// # Errors
/// Usage errors for a file that is not a recording; a failure when the terminal cannot be used.
pub async fn run(global: &Global, args: &ReplayArgs) -> Result<u8, Error> {
    let mut replay = Replay::open(&args.file).map_err(unreadable)?;
    let mut state = super::theme::choose(global.theme.as_deref().unwrap_or("auto"), global.color, false)?;
    if let Some(out) = &args.cast {
        return write_cast(&mut replay, &mut state, args, out);
    }
    let (guard, mut screen) = terminal::enter(false)
        .map_err(|error| Error::usage(format!("cannot open the screen: {error}"), HEADLESS.to_owned()))?;
    let outcome = play(&mut replay, &mut screen, &mut state, args.pace).await;
    drop(guard);
    outcome
}

async fn play(
    replay: &mut Replay,
    screen: &mut Screen,
    state: &mut ViewState,
    pace: rust_decimal::Decimal,
) -> Result<u8, Error> {
    let mut ends = signals::listen();
    let mut changes = signals::changes();
    let mut keys = input::listen(Keyboard::default());
    let mut early = background::ask(&mut keys, state).await;
    let mut paused = false;
    loop {
        if screen.is_free() {
            draw(replay, screen, state).map_err(refused)?;
        }
        let before = replay.model.now;
        let wait = replay.next_at().map(|at| slowed(at.mono.since(before.mono), pace).min(LONGEST));
        let step = async {
            match wait.filter(|_| !paused) {
                Some(wait) => tokio::time::sleep(wait).await,
                None => std::future::pending().await,
            }
        };
        let free = screen.is_free();
        let key = tokio::select! {
            biased;
            Some(signal) = ends.recv() => return Ok(u8::try_from(128 + signal).unwrap_or(1)),
            heard = next(&mut early, &mut keys) => match heard {
                Some(InputEvent::Background(background)) => {
                    background::apply(state, background);
                    continue;
                }
                Some(InputEvent::Key(chord)) => key(chord),
                Some(InputEvent::Resized) => {
                    screen.invalidate(terminal::size()).map_err(refused)?;
                    continue;
                }
                Some(_) => continue,
                None => return Ok(GONE),
            },
            Some(change) = changes.recv() => {
                let taken = match change {
                    Change::Resized => screen.invalidate(terminal::size()),
                    Change::Stop => terminal::suspend(false, false, screen).map(drop),
                    Change::Continued => terminal::continued(false, screen),
                };
                taken.map_err(refused)?;
                continue;
            }
            () = screen.freed(), if !free => continue,
            () = step => Key::Step,
        };
        match key {
            Key::Leave => return Ok(0),
            Key::Pause => paused = !paused,
            Key::Repaint => {
                terminal::repaint(false, screen).map_err(refused)?;
            }
            Key::Other if wait.is_none() => return Ok(0),
            Key::Other => {}
            Key::Step => drop(replay.step().map_err(unreadable)?),
        }
    }
}

/// Input that arrived while the background was queried, then what follows.
async fn next(early: &mut VecDeque<InputEvent>, keys: &mut mpsc::Receiver<InputEvent>) -> Option<InputEvent> {
    match early.pop_front() {
        Some(heard) => Some(heard),
        None => keys.recv().await,
    }
}

fn draw(replay: &Replay, screen: &mut Screen, state: &mut ViewState) -> std::io::Result<()> {
    screen.frame(|surface| {
        let drawn = surface.draw(|frame| view::draw(&replay.model, state, frame))?;
        let pieces = hyperlink::pieces(drawn.buffer, state.hyperlinks());
        hyperlink::write(surface.backend_mut(), &pieces)
    })
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
        return output::print(&output::Printable::own(String::from_utf8_lossy(&text).trim_end())).map(|_| 0);
    }
    // Creating it would empty the recording before it is read.
    if is_one_file(&args.file, out) {
        let message = format!("{} is the recording itself", out.display());
        return Err(Error::usage(message, "name another file".to_owned()));
    }
    let file = std::fs::File::create(out).map_err(|error| {
        Error::usage(format!("{}: {error}", out.display()), "name a file that can be written".to_owned())
    })?;
    let mut file = std::io::BufWriter::new(file);
    cast::write(replay, state, args.size, args.pace, &mut file)?;
    std::io::Write::flush(&mut file)
        .map_err(|error| Error::failed(error.to_string(), "free some disk space there, or name another file"))?;
    Ok(0)
}

/// True for two names of one file, be they links to it.
fn is_one_file(one: &Path, other: &Path) -> bool {
    #[cfg(unix)]
    {
        use std::os::unix::fs::MetadataExt;
        let identity = |path: &Path| std::fs::metadata(path).ok().map(|found| (found.dev(), found.ino()));
        identity(one).is_some_and(|one| identity(other) == Some(one))
    }
    #[cfg(not(unix))]
    one.canonicalize().ok().is_some_and(|one| other.canonicalize().is_ok_and(|other| one == other))
}

#[expect(clippy::needless_pass_by_value, reason = "map_err passes the error by value")]
fn unreadable(error: RecordError) -> Error {
    Error::usage(error.to_string(), error.hint())
}

enum Key {
    Leave,
    Pause,
    Step,
    Repaint,
    Other,
}

fn key(chord: Chord) -> Key {
    match (chord.code, chord.ctrl) {
        (KeyCode::Char('q') | KeyCode::Esc, false) | (KeyCode::Char('c'), true) => Key::Leave,
        (KeyCode::Char('l'), true) => Key::Repaint,
        (KeyCode::Char(' '), false) => Key::Pause,
        (KeyCode::Char('.'), false) => Key::Step,
        _ => Key::Other,
    }
}

/// A wait, scaled by the pace.
fn slowed(wait: Duration, pace: rust_decimal::Decimal) -> Duration {
    let millis = rust_decimal::Decimal::from(u64::try_from(wait.as_millis()).unwrap_or(u64::MAX));
    let scaled = millis.checked_div(pace).and_then(|millis| u64::try_from(millis.trunc()).ok());
    Duration::from_millis(scaled.unwrap_or(0))
}

#[expect(clippy::needless_pass_by_value, reason = "map_err passes the error by value")]
fn refused(error: std::io::Error) -> Error {
    Error::failed(format!("the terminal cannot be used: {error}"), HEADLESS)
}
