//! Interrupts a query that yields no row for too long: the file may be damaged, or crafted to keep the program busy.

use std::sync::mpsc::{RecvTimeoutError, Sender, channel};
use std::time::Duration;

use rusqlite::Connection;

/// Watches one query until dropped.
pub(super) struct QueryTimeout(Sender<bool>);

impl QueryTimeout {
    /// Interrupts the connection when it yields no row for this long.
    pub(super) fn with(connection: &Connection, longest: Duration) -> Self {
        let (asked, asks) = channel();
        let query = connection.get_interrupt_handle();
        std::thread::spawn(move || {
            let mut waiting = true;
            loop {
                let heard = if waiting {
                    asks.recv_timeout(longest)
                } else {
                    asks.recv().map_err(|_| RecvTimeoutError::Disconnected)
                };
                match heard {
                    Ok(still) => waiting = still,
                    Err(RecvTimeoutError::Timeout) => query.interrupt(),
                    Err(RecvTimeoutError::Disconnected) => return,
                }
            }
        });
        Self(asked)
    }

    /// Sets whether a row is being waited for. While a row is being written there is no limit: its reader may be slow.
    pub(super) fn waiting(&self, still: bool) {
        if self.0.send(still).is_err() {
            tracing::debug!("the thread that watches queries has ended");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_query_without_end_ends() {
        let connection = Connection::open_in_memory().unwrap();
        let endless = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT count(*) FROM n";
        let query_timeout = QueryTimeout::with(&connection, Duration::from_millis(50));
        let error = connection.query_row(endless, [], |row| row.get::<_, i64>(0)).unwrap_err();
        assert_eq!(error.sqlite_error_code(), Some(rusqlite::ErrorCode::OperationInterrupted));
        drop(query_timeout);
        assert_eq!(connection.query_row("SELECT 1", [], |row| row.get::<_, i64>(0)), Ok(1));
    }
}
