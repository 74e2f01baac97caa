//! The simulated brokerage as a program of its own that runs out of descriptors.

use std::io::{BufRead, BufReader};
use std::net::{SocketAddr, TcpStream as Stream};
use std::process::{Child, Command, Stdio};

use super::*;

/// The limit of open descriptors, little more than it starts with.
const LIMIT: usize = 40;

struct Ended(Child);

impl Drop for Ended {
    fn drop(&mut self) {
        drop(self.0.kill());
        drop(self.0.wait());
    }
}

/// Processor time used so far, in hundredths of a second.
fn used(pid: u32) -> u64 {
    let text = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap();
    let fields: Vec<&str> = text.rsplit_once(") ").unwrap().1.split(' ').collect();
    fields[11].parse::<u64>().unwrap() + fields[12].parse::<u64>().unwrap()
}

fn open(pid: u32) -> usize {
    std::fs::read_dir(format!("/proc/{pid}/fd")).unwrap().count()
}

#[tokio::test]
async fn a_brokerage_without_descriptors_waits_without_spinning_and_recovers() {
    drop(rustls::crypto::ring::default_provider().install_default());
    let script = format!("ulimit -n {LIMIT}; exec '{}' sim --idle", env!("CARGO_BIN_EXE_brokerdeck"));
    let child = Command::new("sh").args(["-c", &script]).stdout(Stdio::piped()).spawn().unwrap();
    let mut program = Ended(child);
    let (pid, mut line) = (program.0.id(), String::new());
    BufReader::new(program.0.stdout.as_mut().unwrap()).read_line(&mut line).unwrap();
    let ready: Ready = serde_json::from_str(&line).unwrap();
    let api = Url::parse(&ready.paper.api_url).unwrap();
    let address = SocketAddr::from(([127, 0, 0, 1], api.port().unwrap()));

    let held: Vec<Stream> = (0..2 * LIMIT).map(|_| Stream::connect(address).unwrap()).collect();
    let full = tokio::time::timeout(TEST_TIMEOUT, async {
        while open(pid) < LIMIT {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    });
    assert!(full.await.is_ok(), "{} are open", open(pid));
    let before = used(pid);
    tokio::time::sleep(Duration::from_secs(2)).await;
    assert!(open(pid) >= LIMIT, "it still has none");
    let used = used(pid) - before;
    assert!(used < 20, "{used} hundredths of a second in two seconds");

    drop(held);
    let url = format!("{}/v2/account", ready.paper.api_url);
    let answer = Client::new().get(url).bearer_auth(&ready.paper_token).timeout(TEST_TIMEOUT).send().await.unwrap();
    assert_eq!(answer.status(), StatusCode::OK);
}
