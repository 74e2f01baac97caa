//! The real binary in a pseudo-terminal, its screen read through a terminal emulator.

use std::io::{Read, Write};
use std::num::NonZero;
use std::path::Path;
use std::sync::{Arc, Condvar, Mutex};
use std::time::{Duration, Instant};

use portable_pty::{Child, CommandBuilder, ExitStatus, MasterPty, PtySize, native_pty_system};

/// The deadline of every wait, long enough for a busy machine.
const TEST_TIMEOUT: Duration = Duration::from_mins(1);

struct Screen {
    parser: vt100::Parser,
    /// The first raw bytes.
    raw: Vec<u8>,
    /// Whether the terminal has stopped reading.
    stalled: bool,
    closed: bool,
}

/// The most raw bytes kept.
const RAW: usize = 4 * 1024 * 1024;

/// A running program and its terminal's screen.
pub(crate) struct Terminal {
    master: Box<dyn MasterPty + Send>,
    writer: Option<Box<dyn Write + Send>>,
    child: Box<dyn Child + Send + Sync>,
    screen: Arc<(Mutex<Screen>, Condvar)>,
    modes_before: String,
    /// Home of the program; deleted with the terminal.
    pub home: tempfile::TempDir,
}

impl Terminal {
    /// Starts the binary with these arguments on a terminal of this size.
    pub(crate) fn start(columns: u16, rows: u16, arguments: &[&str], environment: &[(&str, &str)]) -> Self {
        Self::start_program(env!("CARGO_BIN_EXE_brokerdeck"), columns, rows, arguments, environment)
    }

    /// As [`Self::start`], with another program, such as a shell that starts the binary.
    pub(crate) fn start_program(
        program: &str,
        columns: u16,
        rows: u16,
        arguments: &[&str],
        environment: &[(&str, &str)],
    ) -> Self {
        let home = tempfile::tempdir().unwrap();
        let size = PtySize { rows, cols: columns, pixel_width: 0, pixel_height: 0 };
        let pair = native_pty_system().openpty(size).unwrap();
        let mut command = CommandBuilder::new(program);
        command.args(arguments);
        command.env_clear();
        command.env("TERM", "xterm-256color");
        command.env("HOME", home.path());
        command.env("PATH", std::env::var_os("PATH").unwrap_or_default());
        for (name, value) in environment {
            command.env(name, value);
        }
        let modes_before = modes(&*pair.master);
        let child = pair.slave.spawn_command(command).unwrap();
        drop(pair.slave);
        let parser = vt100::Parser::new(cells(rows), cells(columns), 0);
        let screen = Screen { parser, raw: Vec::new(), stalled: false, closed: false };
        let screen = Arc::new((Mutex::new(screen), Condvar::new()));
        let mut reader = pair.master.try_clone_reader().unwrap();
        let shared = Arc::clone(&screen);
        std::thread::spawn(move || {
            let mut buffer = [0; 16 * 1024];
            loop {
                drop(shared.1.wait_while(shared.0.lock().unwrap(), |screen| screen.stalled).unwrap());
                let read = reader.read(&mut buffer).unwrap_or(0);
                let mut screen = shared.0.lock().unwrap();
                if read == 0 {
                    screen.closed = true;
                } else {
                    screen.parser.process(&buffer[..read]);
                    let room = RAW - screen.raw.len();
                    screen.raw.extend_from_slice(&buffer[..read.min(room)]);
                }
                shared.1.notify_all();
                if read == 0 {
                    break;
                }
            }
        });
        let writer = Some(pair.master.take_writer().unwrap());
        Self { master: pair.master, writer, child, screen, modes_before, home }
    }

    /// The answer to the last cursor position query.
    pub(crate) fn place_asked_for(&self) -> Option<String> {
        let raw = self.screen.0.lock().unwrap().raw.clone();
        let text = String::from_utf8_lossy(&raw);
        let (before, _) = text.rsplit_once("H\x1b[6n")?;
        Some(format!("\x1b[{}R", before.rsplit_once("\x1b[")?.1))
    }

    /// The address of the first hyperlink.
    pub(crate) fn hyperlink(&self) -> Option<String> {
        let raw = self.screen.0.lock().unwrap().raw.clone();
        let text = String::from_utf8_lossy(&raw);
        let (_, rest) = text.split_once("\x1b]8;id=brokerdeck;")?;
        Some(rest.split(['\x1b', '\x07']).next()?.to_owned())
    }

    /// Sends keys as bytes.
    pub(crate) fn keys(&mut self, keys: &str) {
        let writer = self.writer.as_mut().unwrap();
        writer.write_all(keys.as_bytes()).unwrap();
        writer.flush().unwrap();
    }

    /// The text on the screen.
    pub(crate) fn contents(&self) -> String {
        self.screen.0.lock().unwrap().parser.screen().contents()
    }

    /// Waits until the screen matches; fails with the screen's text after the deadline.
    pub(crate) fn wait(&self, what: &str, fits: impl Fn(&str) -> bool) -> String {
        let deadline = deadline();
        let mut screen = self.screen.0.lock().unwrap();
        loop {
            let contents = screen.parser.screen().contents();
            if fits(&contents) {
                return contents;
            }
            let left = deadline.saturating_duration_since(now());
            assert!(!left.is_zero() && !screen.closed, "waiting for {what}, the screen shows:\n{contents}");
            screen = self.screen.1.wait_timeout(screen, left).unwrap().0;
        }
    }

    /// Sends keys repeatedly until the screen matches, for lists with several pages.
    pub(crate) fn keys_until(&mut self, keys: &str, what: &str, fits: impl Fn(&str) -> bool) {
        let deadline = deadline();
        loop {
            self.keys(keys);
            let screen = self.screen.0.lock().unwrap();
            let wait = Duration::from_millis(200);
            let waited = self
                .screen
                .1
                .wait_timeout_while(screen, wait, |screen| !screen.closed && !fits(&screen.parser.screen().contents()));
            let (screen, timed_out) = waited.unwrap();
            if !timed_out.timed_out() && !screen.closed {
                return;
            }
            let contents = screen.parser.screen().contents();
            assert!(now() < deadline && !screen.closed, "waiting for {what}, the screen shows:\n{contents}");
        }
    }

    /// Waits until the screen shows a text.
    pub(crate) fn wait_for(&self, text: &str) -> String {
        self.wait(text, |contents| contents.contains(text))
    }

    /// Stops reading, as a held terminal or a stalled network does, or resumes.
    pub(crate) fn stall(&self, on: bool) {
        self.screen.0.lock().unwrap().stalled = on;
        self.screen.1.notify_all();
    }

    /// Stops the program's output, as Ctrl-S does, or resumes it.
    pub(crate) fn hold(&self, on: bool) {
        use rustix::termios::{Action, tcflow};
        let slave = std::fs::OpenOptions::new().read(true).write(true).open(self.master.tty_name().unwrap()).unwrap();
        tcflow(slave, if on { Action::OOff } else { Action::OOn }).unwrap();
    }

    /// Drops the received bytes.
    pub(crate) fn forget(&self) {
        self.screen.0.lock().unwrap().raw.clear();
    }

    /// Whether these bytes were received.
    pub(crate) fn received(&self, bytes: &str) -> bool {
        self.first(bytes).is_some()
    }

    /// After how many bytes these were first received.
    pub(crate) fn first(&self, bytes: &str) -> Option<usize> {
        let screen = self.screen.0.lock().unwrap();
        screen.raw.windows(bytes.len()).position(|window| window == bytes.as_bytes())
    }

    /// Waits until these bytes are received.
    pub(crate) fn wait_for_bytes(&self, bytes: &str) {
        let deadline = deadline();
        let mut screen = self.screen.0.lock().unwrap();
        while !screen.raw.windows(bytes.len()).any(|window| window == bytes.as_bytes()) {
            let left = deadline.saturating_duration_since(now());
            assert!(!left.is_zero() && !screen.closed, "{bytes:?} is not received");
            screen = self.screen.1.wait_timeout(screen, left).unwrap().0;
        }
    }

    /// Another program writes on the terminal.
    pub(crate) fn scribble(&self, text: &str) {
        self.screen.0.lock().unwrap().parser.process(text.as_bytes());
    }

    /// Sets an absurd terminal size.
    pub(crate) fn claim(&self, columns: u16, rows: u16) {
        self.master.resize(PtySize { rows, cols: columns, pixel_width: 0, pixel_height: 0 }).unwrap();
    }

    /// Waits for the end without reading; returns how long it took.
    pub(crate) fn end_stalled(&mut self) -> (ExitStatus, Duration) {
        let began = now();
        loop {
            if let Some(status) = self.child.try_wait().unwrap() {
                return (status, began.elapsed());
            }
            assert!(now() < began + TEST_TIMEOUT, "the program still runs");
            pause();
        }
    }

    /// Changes the terminal's size.
    pub(crate) fn resize(&self, columns: u16, rows: u16) {
        self.screen.0.lock().unwrap().parser.screen_mut().set_size(cells(rows), cells(columns));
        self.master.resize(PtySize { rows, cols: columns, pixel_width: 0, pixel_height: 0 }).unwrap();
    }

    /// Sends a signal by number.
    #[cfg(target_os = "linux")]
    pub(crate) fn signal_number(&self, number: i32) {
        let kill = format!("kill -{number} {}", self.child.process_id().unwrap());
        assert!(std::process::Command::new("sh").args(["-c", &kill]).status().unwrap().success(), "{kill}");
    }

    /// Sends a signal to the program.
    pub(crate) fn signal(&self, signal: rustix::process::Signal) {
        let pid = i32::try_from(self.child.process_id().unwrap()).unwrap();
        rustix::process::kill_process(rustix::process::Pid::from_raw(pid).unwrap(), signal).unwrap();
    }

    /// Waits for the end.
    pub(crate) fn end(&mut self) -> ExitStatus {
        let deadline = deadline();
        {
            let mut screen = self.screen.0.lock().unwrap();
            while !screen.closed {
                let left = deadline.saturating_duration_since(now());
                assert!(!left.is_zero(), "the program still runs:\n{}", screen.parser.screen().contents());
                screen = self.screen.1.wait_timeout(screen, left).unwrap().0;
            }
        }
        self.child.wait().unwrap()
    }

    /// Asserts that every mode switched on by the program is off again.
    pub(crate) fn assert_restored(&self) {
        {
            let screen = self.screen.0.lock().unwrap();
            let screen = screen.parser.screen();
            assert!(!screen.alternate_screen(), "the main screen is back");
            assert!(!screen.hide_cursor(), "the cursor is back");
            assert!(!screen.bracketed_paste(), "bracketed paste is off");
            assert_eq!(screen.mouse_protocol_mode(), vt100::MouseProtocolMode::None, "the mouse is free");
        }
        assert_eq!(self.modes_before, modes(&*self.master), "the terminal's modes are as before");
    }

    /// The modes now, in words.
    pub(crate) fn modes(&self) -> String {
        modes(&*self.master)
    }

    /// The modes before the program started.
    pub(crate) fn modes_before(&self) -> &str {
        &self.modes_before
    }

    /// The data folder of a program started with `--data-dir` in its home.
    pub(crate) fn home(&self) -> &Path {
        self.home.path()
    }
}

fn cells(count: u16) -> NonZero<u16> {
    NonZero::new(count).unwrap()
}

/// The terminal's modes as text, because the project does not depend on the crate of their type.
fn modes(master: &dyn MasterPty) -> String {
    let modes = master.get_termios().expect("a pseudo-terminal has modes");
    let flags = (modes.input_flags, modes.output_flags, modes.control_flags, modes.local_flags);
    format!("{flags:?}")
}

#[expect(clippy::disallowed_methods, reason = "a test's deadline on a real terminal")]
fn now() -> Instant {
    Instant::now()
}

/// Yields the processor to the program.
fn pause() {
    std::thread::park_timeout(Duration::from_millis(5));
}

fn deadline() -> Instant {
    now() + TEST_TIMEOUT
}

/// Waits until a process that is not a child has ended; an unreaped zombie counts as ended.
#[cfg(target_os = "linux")]
pub(crate) fn wait_until_gone(pid: u32) {
    let end = deadline();
    loop {
        let status = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
        let state = status.rsplit_once(") ").and_then(|(_, rest)| rest.chars().next());
        if matches!(state, None | Some('Z' | 'X')) {
            return;
        }
        assert!(now() < end, "process {pid} still runs without its terminal");
        pause();
    }
}

/// Waits until a file contains a line, and returns it.
#[cfg(target_os = "linux")]
pub(crate) fn wait_for_file(path: &Path) -> String {
    let end = deadline();
    loop {
        let text = std::fs::read_to_string(path).unwrap_or_default();
        if text.ends_with('\n') {
            return text;
        }
        assert!(now() < end, "{} is not written", path.display());
        pause();
    }
}

/// Waits until a condition holds; false after the deadline.
pub(crate) fn until(mut holds: impl FnMut() -> bool) -> bool {
    let end = deadline();
    while now() < end {
        if holds() {
            return true;
        }
        pause();
    }
    false
}
