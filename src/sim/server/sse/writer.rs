//! The writing half of an event stream over HTTP: data lines, comments, and faults.

use std::io;

use axum::body::Bytes;
use serde_json::Value;
use tokio::sync::mpsc;

use crate::sim::faults::Fault;
use crate::sim::server::lock::lock;
use crate::sim::server::request_filter::RequestFilter;
use crate::sim::server::stream::frame;

/// The stream is over.
pub(super) struct Over;

/// Writes a stream.
pub(super) struct Writer {
    /// The origin of the stream.
    pub request_filter: RequestFilter,
    sender: mpsc::Sender<io::Result<Bytes>>,
    /// A reordered event, which waits for the next one.
    held: Option<Vec<u8>>,
}

impl Writer {
    /// A writer for a stream of an origin.
    pub(super) fn new(request_filter: RequestFilter, sender: mpsc::Sender<io::Result<Bytes>>) -> Self {
        Self { request_filter, sender, held: None }
    }

    /// Waits until the reader is gone.
    pub(super) async fn closed(&self) {
        self.sender.closed().await;
    }

    /// Writes a comment.
    pub(super) async fn comment(&self, text: &str) -> Result<(), Over> {
        self.bytes(format!(": {text}\n\n").into_bytes()).await
    }

    /// Tells a reader what it missed.
    pub(super) async fn dropped(&self, count: u64) -> Result<(), Over> {
        self.comment(&format!("you are reading too slowly, dropped {count} messages")).await
    }

    /// Writes a reordered event that is still waiting.
    pub(super) async fn finish(mut self) {
        if let Some(held) = self.held.take() {
            // The reader may be gone, which no longer matters.
            drop(self.line(held).await);
        }
    }

    /// Writes an event, subject to frame faults.
    pub(super) async fn event(&mut self, data: &str, what: &str) -> Result<(), Over> {
        let sim = std::sync::Arc::clone(&self.request_filter.sim);
        let faults = lock(&sim.faults).on_frame(self.request_filter.origin, what, sim.clock.real());
        let without_id = faults.contains(&Fault::NoEventId);
        let mut bytes =
            if without_id { frame::without_id(&frame::parsed(data)).to_string() } else { data.to_owned() }.into_bytes();
        let (mut copies, mut hold) = (1, false);
        for fault in faults {
            match fault {
                Fault::Drop => {
                    self.held = None;
                    // An error instead of a chunk ends the connection without the final chunk.
                    drop(self.sender.send(Err(io::ErrorKind::ConnectionAborted.into())).await);
                    return Err(Over);
                }
                Fault::ServerError => {
                    self.comment("internal server error").await?;
                    return Err(Over);
                }
                Fault::Dropped => return self.dropped(1).await,
                Fault::Starve | Fault::Lose => return Ok(()),
                Fault::Duplicate => copies += 1,
                Fault::Reorder => hold = true,
                Fault::Delay(time) => sim.pause(time).await,
                Fault::Corrupt | Fault::Truncate => frame::damage(&mut bytes, fault, &mut lock(&sim.faults)),
                Fault::DataNull => self.line(b"null".to_vec()).await?,
                Fault::UnknownEvent => {
                    let strange: Value = frame::of_unheard_event(&frame::parsed(data));
                    self.line(strange.to_string().into_bytes()).await?;
                }
                _ => {}
            }
        }
        if hold && self.held.is_none() {
            self.held = Some(bytes);
            return Ok(());
        }
        for _ in 0..copies {
            self.line(bytes.clone()).await?;
        }
        match self.held.take() {
            Some(held) => self.line(held).await,
            None => Ok(()),
        }
    }

    async fn line(&self, data: Vec<u8>) -> Result<(), Over> {
        self.bytes([&b"data: "[..], &data, b"\n\n"].concat()).await
    }

    async fn bytes(&self, bytes: Vec<u8>) -> Result<(), Over> {
        self.sender.send(Ok(Bytes::from(bytes))).await.map_err(|_| Over)
    }
}
