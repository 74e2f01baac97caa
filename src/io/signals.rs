//! Signals as messages. A second one of the same kind still ends the program the hard way.

use tokio::sync::mpsc;

use crate::app::Msg;

/// Listens for the signals that ask the program to end.
#[cfg(unix)]
pub fn listen() -> mpsc::Receiver<Msg> {
    use tokio::signal::unix::{SignalKind, signal};
    let (sender, receiver) = mpsc::channel(4);
    for kind in [SignalKind::terminate(), SignalKind::interrupt(), SignalKind::hangup()] {
        match signal(kind) {
            Ok(mut stream) => {
                let sender = sender.clone();
                tokio::spawn(async move {
                    while stream.recv().await.is_some() {
                        if sender.send(Msg::Terminate { signal: kind.as_raw_value() }).await.is_err() {
                            // Nobody listens any more: the program is past its loop and hangs in its end.
                            super::terminal::restore();
                            std::process::exit(128 + kind.as_raw_value());
                        }
                    }
                });
            }
            Err(error) => tracing::error!(%error, ?kind, "cannot listen for a signal"),
        }
    }
    receiver
}

/// Tells when the terminal has another size; several changes may be told as one.
#[cfg(unix)]
pub fn resizes() -> mpsc::Receiver<()> {
    use tokio::signal::unix::{SignalKind, signal};
    let (sender, receiver) = mpsc::channel(1);
    match signal(SignalKind::window_change()) {
        Ok(mut stream) => {
            tokio::spawn(async move {
                while stream.recv().await.is_some() {
                    if sender.send(()).await.is_err() {
                        return;
                    }
                }
            });
        }
        Err(error) => tracing::error!(%error, "a terminal that changes its size will not be noticed"),
    }
    receiver
}

/// The console tells its size by itself.
#[cfg(not(unix))]
pub fn resizes() -> mpsc::Receiver<()> {
    mpsc::channel(1).1
}

/// Listens for Ctrl-C, the only signal elsewhere.
#[cfg(not(unix))]
pub fn listen() -> mpsc::Receiver<Msg> {
    let (sender, receiver) = mpsc::channel(4);
    tokio::spawn(async move {
        while tokio::signal::ctrl_c().await.is_ok() {
            if sender.send(Msg::Terminate { signal: 2 }).await.is_err() {
                break;
            }
        }
    });
    receiver
}

/// Stops the whole process group as Ctrl-Z would; returns when it is continued.
pub fn stop_self() {
    #[cfg(unix)]
    if let Err(error) = rustix::process::kill_current_process_group(rustix::process::Signal::TSTP) {
        tracing::warn!(%error, "cannot suspend");
    }
}
