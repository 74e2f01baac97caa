//! The runtimes that commands run on, and whether the system has what they need.

use crate::error::Error;

/// A runtime with two threads, for the simulated brokerage.
///
/// # Errors
/// When the system refuses threads or descriptors.
#[cfg(feature = "simulator")]
pub(super) fn server_runtime() -> Result<tokio::runtime::Runtime, Error> {
    descriptors()?;
    tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .map_err(|error| unstarted(&error))
}

/// A single-threaded runtime, for every other command.
///
/// # Errors
/// When the system refuses threads or descriptors.
pub(super) fn runtime() -> Result<tokio::runtime::Runtime, Error> {
    descriptors()?;
    // One thread is enough, and an idle program then wakes only one.
    tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(|error| unstarted(&error))
}

fn unstarted(error: &std::io::Error) -> Error {
    Error::failed(format!("cannot start the runtime: {error}"), "end some programs: threads or open files have run out")
}

/// Checks that enough descriptors are free; without them tokio aborts the program.
#[cfg(unix)]
fn descriptors() -> Result<(), Error> {
    const NEEDED: usize = 16;
    let tried: std::io::Result<Vec<_>> = (0..NEEDED).map(|_| std::fs::File::open("/dev/null")).collect();
    match tried.map_err(|error| error.raw_os_error().map(rustix::io::Errno::from_raw_os_error)) {
        Err(Some(rustix::io::Errno::MFILE)) => {
            Err(Error::failed("the limit on open files is too low", "raise it, for example with `ulimit -n 1024`"))
        }
        Err(Some(rustix::io::Errno::NFILE)) => {
            Err(Error::failed("too many files are open on this machine", "close the programs that hold them"))
        }
        _ => Ok(()),
    }
}

/// Descriptors are unlimited on this platform.
#[cfg(not(unix))]
#[expect(clippy::unnecessary_wraps, reason = "same signature as on Unix")]
fn descriptors() -> Result<(), Error> {
    Ok(())
}
