//! Output to a console that never blocks.

use std::io::{self, Write};
use std::sync::Arc;

/// The output to the console.
#[derive(Debug)]
pub struct Output(());

impl Output {
    /// The console on standard output.
    ///
    /// # Errors
    /// Never.
    pub fn of_stdout() -> io::Result<Arc<Self>> {
        Ok(Arc::new(Self(())))
    }

    /// Whether everything is written.
    pub const fn is_free(&self) -> bool {
        true
    }

    /// Waits until [`Self::is_free`] may have changed.
    pub async fn freed(&self) {}

    /// Writes bytes.
    ///
    /// # Errors
    /// When the console is gone.
    pub fn send(self: &Arc<Self>, bytes: &[u8]) -> io::Result<()> {
        let mut out = io::stdout();
        out.write_all(bytes)?;
        out.flush()
    }

    /// Writes the last bytes, ignoring errors: there is no one to report them to.
    pub fn end(&self, bytes: &[u8]) {
        let mut out = io::stdout();
        drop(out.write_all(bytes).and_then(|()| out.flush()));
    }
}
