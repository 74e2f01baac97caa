//! Records the messages of a run and replays them: one JSON line for the start, then one per message.
//!
//! Messages hold no secrets except what is typed or pasted while linking, which is written as dots. Effects are not
//! recorded; a replay performs none. A recording is bound to its version and not meant for keeping (docs/DESIGN.md 9.7): it
//! holds the program's own messages, so a change of how one is written, or of which requests are sent, raises `VERSION`.

use std::fs::File;
use std::io::{BufRead, BufReader, BufWriter, Read, Write};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use thiserror::Error;

use super::settings::Settings;
use crate::app::brokers::BrokerSummary;
use crate::app::keymap::{Chord, KeyCode, Keymap};
use crate::app::model::{Program, Zone};
use crate::app::{Model, Msg, update};
use crate::config::zone;
use crate::domain::text::{escape_json, sanitize_to};
use crate::domain::{BrokerId, Environment, Now};
use crate::link::progress::Sensitive;

/// The layout of the file and the requests that the messages answer; another one is refused rather than misread.
const VERSION: u32 = 5;
/// The longest line that is read, in bytes: a body of 8 MiB, both decoded and as text.
const LONGEST_LINE: u64 = 64 * 1024 * 1024;
/// Most bytes read from a pipe.
#[cfg(unix)]
const LONGEST_PIPE: u64 = 1024 * 1024 * 1024;
/// Longest run that is replayed.
const LONGEST_RUN: Duration = Duration::from_hours(400 * 24);

/// Why a recording cannot be written or read.
#[derive(Debug, Error)]
pub enum RecordError {
    /// The file cannot be written or read.
    #[error("{path}: {source}")]
    File {
        /// Which file.
        path: String,
        /// What failed.
        source: std::io::Error,
    },
    /// The file has a layout that this program does not read.
    #[error("{path} is a recording of version {version}{}; this program reads version {VERSION}", by(.program.as_ref()))]
    Version {
        /// Which file.
        path: String,
        /// Its version.
        version: u64,
        /// The version of the program that wrote it, where it says so.
        program: Option<String>,
    },
    /// The first line is invalid.
    #[error("{path}:1: not a recording of this version: {message}")]
    Head {
        /// Which file.
        path: String,
        /// What is wrong with it.
        message: String,
    },
    /// A message is invalid. The replay ends before it: without it, later screens would be wrong.
    #[error(
        "{path}:{line}: not a recording of this version: {message}; {unread} of {messages} messages cannot be read, and the \
         replay ends before the first of them"
    )]
    Line {
        /// Which file.
        path: String,
        /// Which line, from 1.
        line: usize,
        /// What is wrong with it.
        message: String,
        /// How many messages cannot be read.
        unread: usize,
        /// How many messages the file has.
        messages: usize,
    },
}

impl RecordError {
    /// What to do about it.
    pub fn hint(&self) -> String {
        match self {
            // Builds of one version may differ while it is not released.
            Self::Version { program: Some(program), .. } if program == env!("CARGO_PKG_VERSION") => {
                format!("it was written by another build of brokerdeck {program}; record it again")
            }
            Self::Version { program: Some(program), .. } => format!("replay it with brokerdeck {program}"),
            Self::Version { program: None, .. } => "replay it with the version of brokerdeck that wrote it".to_owned(),
            Self::File { .. } | Self::Head { .. } | Self::Line { .. } => {
                "recordings are made with `brokerdeck --record FILE`".to_owned()
            }
        }
    }
}

/// Which program wrote it, where that says more than the hint.
fn by(program: Option<&String>) -> String {
    let other = program.filter(|program| *program != env!("CARGO_PKG_VERSION"));
    other.map_or_else(String::new, |program| format!(", written by brokerdeck {program}"))
}

/// What the first line of every version says.
#[derive(Debug, Deserialize)]
struct Layout {
    version: u64,
    #[serde(default)]
    program: Option<String>,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
struct Head {
    version: u32,
    /// The version of the program that wrote it, for the sentence of a program that does not read it.
    #[serde(default)]
    program: Option<String>,
    now: Now,
    simulated: bool,
    read_only: bool,
    can_approve: bool,
    trading_live: bool,
    first_run: bool,
    flash: bool,
    mouse: bool,
    timezone: String,
    timezone_label: String,
    #[serde(default)]
    zones: Vec<(String, String)>,
    #[serde(default)]
    themes: Vec<String>,
    config_path: String,
    keys: Vec<(usize, String, Vec<String>)>,
    brokers: Vec<HeadBroker>,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
struct HeadBroker {
    id: BrokerId,
    name: String,
    environments: Vec<Environment>,
    missing: Option<String>,
}

#[derive(Debug, Serialize, Deserialize)]
struct Line {
    now: Now,
    msg: Msg,
}

/// Writes a run's messages as they are handled.
#[derive(Debug)]
pub struct Recorder {
    out: BufWriter<File>,
}

impl Recorder {
    /// Starts a recording in a new owner-only file.
    ///
    /// # Errors
    /// When the file exists or cannot be written.
    pub fn create(path: &Path, settings: &Settings, model: &Model) -> Result<Self, RecordError> {
        let file = |source| RecordError::File { path: path.display().to_string(), source };
        let mut options = std::fs::OpenOptions::new();
        options.write(true).create_new(true);
        #[cfg(unix)]
        {
            use std::os::unix::fs::OpenOptionsExt;
            options.mode(0o600);
        }
        let mut recorder = Self { out: BufWriter::new(options.open(path).map_err(file)?) };
        recorder.line(&head(settings, model)).map_err(file)?;
        Ok(recorder)
    }

    /// Writes one message before it is handled by the model.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn write(&mut self, model: &Model, msg: &Msg, now: Now) -> std::io::Result<()> {
        let msg = if model.input_is_secret() { hidden(msg) } else { msg.clone() };
        self.line(&Line { now, msg })
    }

    fn line<T: Serialize>(&mut self, value: &T) -> std::io::Result<()> {
        let json = serde_json::to_string(value)?;
        // A recording is looked at in a terminal too.
        self.out.write_all(escape_json(&json).as_bytes())?;
        self.out.write_all(b"\n")?;
        self.out.flush()
    }
}

/// What a person types or pastes becomes dots; keys that edit or leave the field stay what they are.
#[expect(clippy::wildcard_enum_match_arm, reason = "every other message is written as it is")]
fn hidden(msg: &Msg) -> Msg {
    match msg {
        Msg::Key(Chord { code: KeyCode::Char(_), ctrl: false, alt: false }) => Msg::Key(Chord::char('•')),
        Msg::Paste(text) => Msg::Paste(Sensitive::new("•".repeat(text.expose().chars().count()))),
        other => other.clone(),
    }
}

fn head(settings: &Settings, model: &Model) -> Head {
    let program = &settings.program;
    let broker = |broker: &BrokerSummary| HeadBroker {
        id: broker.id.clone(),
        name: broker.name.to_string(),
        environments: broker.environments.clone(),
        missing: broker.missing.clone(),
    };
    Head {
        version: VERSION,
        program: Some(env!("CARGO_PKG_VERSION").to_owned()),
        now: model.now,
        simulated: program.simulated,
        read_only: program.read_only,
        can_approve: program.can_approve,
        trading_live: program.trading_live,
        first_run: program.first_run,
        flash: program.flash,
        mouse: settings.mouse,
        timezone: program.timezone.iana_name().unwrap_or("UTC").to_owned(),
        timezone_label: program.timezone_label.to_string(),
        zones: program.zones.iter().map(|zone| (zone.name.to_string(), zone.label.to_string())).collect(),
        themes: program.themes.iter().map(ToString::to_string).collect(),
        config_path: program.config_path.to_string(),
        keys: settings.keys.clone(),
        brokers: model.brokers.iter().map(broker).collect(),
    }
}

/// A replay: the model so far, and the next message.
pub struct Replay {
    /// The model after the messages played.
    pub model: Model,
    lines: BufReader<File>,
    path: String,
    read: usize,
    next: Option<(Now, Msg)>,
}

impl Replay {
    /// Opens a recording.
    ///
    /// # Errors
    /// When it cannot be read, or is not a recording of this version.
    pub fn open(path: &Path) -> Result<Self, RecordError> {
        let name = path.display().to_string();
        let file = opened(path).map_err(|source| RecordError::File { path: name.clone(), source })?;
        let mut lines = BufReader::new(file);
        let wrong = |message: String| RecordError::Head { path: name.clone(), message };
        let first = line(&mut lines).map_err(|error| wrong(error.to_string()))?;
        let first = first.ok_or_else(|| wrong("it is empty".to_owned()))?;
        // The version first: the rest of another version's line may not fit.
        let Layout { version, program } = serde_json::from_slice(&first).map_err(|error| wrong(error.to_string()))?;
        if version != u64::from(VERSION) {
            let program = program.map(|program| sanitize_to(&program, 40));
            return Err(RecordError::Version { path: name, version, program });
        }
        let head: Head = serde_json::from_slice(&first).map_err(|error| wrong(error.to_string()))?;
        plausible(head.now, None).map_err(|why| wrong(why.to_owned()))?;
        let model = model(&head).map_err(wrong)?;
        let mut replay = Self { model, lines, path: name, read: 1, next: None };
        replay.advance()?;
        Ok(replay)
    }

    /// When the next message was handled; `None` at the end.
    pub fn next_at(&self) -> Option<Now> {
        self.next.as_ref().map(|(now, _)| *now)
    }

    /// Plays one message; false at the end.
    ///
    /// # Errors
    /// When the following line is damaged.
    pub fn step(&mut self) -> Result<bool, RecordError> {
        let Some((now, msg)) = self.next.take() else { return Ok(false) };
        // A replay does not perform effects.
        drop(update(&mut self.model, msg, now));
        self.advance()?;
        Ok(true)
    }

    fn advance(&mut self) -> Result<(), RecordError> {
        self.read += 1;
        match next(&mut self.lines, self.model.now) {
            Ok(next) => self.next = next,
            Err(message) => return Err(self.unreadable(message)),
        }
        Ok(())
    }

    /// The error for the line just read; also counts the others that cannot be read.
    fn unreadable(&mut self, message: String) -> RecordError {
        let (mut unread, mut messages) = (1, self.read - 1);
        while let Ok(Some(bytes)) = line(&mut self.lines) {
            messages += 1;
            unread += usize::from(serde_json::from_slice::<Line>(&bytes).is_err());
        }
        RecordError::Line { path: self.path.clone(), line: self.read, message, unread, messages }
    }
}

/// The next message and its time, which is not before this one; `None` at the end.
fn next(lines: &mut BufReader<File>, before: Now) -> Result<Option<(Now, Msg)>, String> {
    let Some(bytes) = line(lines).map_err(|error| error.to_string())? else { return Ok(None) };
    let Line { now, msg } = serde_json::from_slice(&bytes).map_err(|error| error.to_string())?;
    plausible(now, Some(before))?;
    Ok(Some((now, msg)))
}

/// The recording as a regular file. A pipe is read completely first, so that playing never waits for its writer.
fn opened(path: &Path) -> std::io::Result<File> {
    let kind = std::fs::metadata(path)?.file_type();
    if kind.is_file() {
        return File::open(path);
    }
    #[cfg(unix)]
    if std::os::unix::fs::FileTypeExt::is_fifo(&kind) {
        let mut whole = tempfile::tempfile()?;
        let length = std::io::copy(&mut File::open(path)?.take(LONGEST_PIPE + 1), &mut whole)?;
        if length > LONGEST_PIPE {
            return Err(std::io::Error::other("the pipe delivers more than 1 GiB"));
        }
        std::io::Seek::rewind(&mut whole)?;
        return Ok(whole);
    }
    Err(std::io::Error::other("it is neither a regular file nor a pipe"))
}

/// The next line without its end; `None` after the last.
fn line(lines: &mut BufReader<File>) -> std::io::Result<Option<Vec<u8>>> {
    let mut bytes = Vec::new();
    lines.by_ref().take(LONGEST_LINE + 1).read_until(b'\n', &mut bytes)?;
    if bytes.len() as u64 > LONGEST_LINE {
        return Err(std::io::Error::other("it is longer than 64 MiB"));
    }
    Ok((!bytes.is_empty()).then_some(bytes))
}

/// Times that a run can have: they do not go backwards, and stay within the range of calendars and durations.
fn plausible(now: Now, before: Option<Now>) -> Result<(), &'static str> {
    // The years 2000 to 2200.
    let known = 946_684_800..7_258_118_400;
    if before.is_some_and(|before| now.mono < before.mono) {
        return Err("its times go backwards");
    }
    if now.mono.0 > LONGEST_RUN || !known.contains(&now.wall.as_second()) {
        return Err("its time is out of range");
    }
    Ok(())
}

/// A zone that this machine does not know is shown as UTC, at the same place in the list.
fn zone((name, label): &(String, String)) -> Zone {
    let zone = zone::get(name).unwrap_or(jiff::tz::TimeZone::UTC);
    Zone { name: Arc::from(name.as_str()), label: Arc::from(label.as_str()), zone }
}

fn model(head: &Head) -> Result<Model, String> {
    let timezone = zone::get(&head.timezone).unwrap_or(jiff::tz::TimeZone::UTC);
    let program = Program {
        simulated: head.simulated,
        read_only: head.read_only,
        can_approve: head.can_approve,
        trading_live: head.trading_live,
        first_run: head.first_run,
        flash: head.flash,
        timezone,
        timezone_label: Arc::from(head.timezone_label.as_str()),
        zones: head.zones.iter().map(zone).collect(),
        themes: head.themes.iter().map(|name| Arc::from(name.as_str())).collect(),
        config_path: Arc::from(head.config_path.as_str()),
        ..Program::default()
    };
    let overrides = head.keys.iter().map(|(line, name, chords)| (*line, name.as_str(), chords.as_slice()));
    let keymap = Keymap::with_overrides(overrides)
        .map_err(|problems| problems.iter().map(ToString::to_string).collect::<Vec<_>>().join("; "))?;
    let broker = |broker: &HeadBroker| BrokerSummary {
        id: broker.id.clone(),
        name: Arc::from(broker.name.as_str()),
        environments: broker.environments.clone(),
        missing: broker.missing.clone(),
    };
    let mut model = Model::new(program, keymap, head.brokers.iter().map(broker).collect(), head.now);
    model.mouse = head.mouse;
    Ok(model)
}
