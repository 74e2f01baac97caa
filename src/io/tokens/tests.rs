//! The choice of a store and what each does, with a system store that works, refuses, forgets or hangs.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::mpsc;

use super::*;

/// A system store in memory, which may misbehave.
#[derive(Clone, Default)]
struct FakeKeys {
    secrets: Arc<Mutex<HashMap<String, String>>>,
    locked: bool,
    forgetful: bool,
    /// Calls wait here while it is set.
    hang: Option<Arc<Mutex<mpsc::Receiver<()>>>>,
}

impl FakeKeys {
    fn connect(&self) -> Connect {
        let keys = self.clone();
        Connect::new(move || Ok(Box::new(keys.clone())))
    }

    fn wait(&self) {
        if let Some(gate) = &self.hang {
            gate.lock().unwrap().recv().ok();
        }
    }

    fn names(&self) -> Vec<String> {
        self.secrets.lock().unwrap().keys().cloned().collect()
    }
}

impl Keys for FakeKeys {
    fn set(&self, name: &str, secret: &str) -> Result<(), String> {
        self.wait();
        if self.locked {
            return Err("the collection is locked\x1b[2J".to_owned());
        }
        if !self.forgetful {
            self.secrets.lock().unwrap().insert(name.to_owned(), secret.to_owned());
        }
        Ok(())
    }

    fn get(&self, name: &str) -> Result<Option<SecretString>, String> {
        self.wait();
        Ok(self.secrets.lock().unwrap().get(name).cloned().map(SecretString::from))
    }

    fn delete(&self, name: &str) -> Result<bool, String> {
        self.wait();
        Ok(self.secrets.lock().unwrap().remove(name).is_some())
    }
}

fn link(number: &str) -> LinkId {
    LinkId::new(format!("alpaca-paper/paper/{number}"))
}

fn secret(text: &str) -> SecretString {
    SecretString::from(text.to_owned())
}

async fn get(tokens: &Tokens, number: &str) -> Option<String> {
    tokens.get(&link(number)).await.unwrap().map(|token| token.expose_secret().to_owned())
}

fn no_system() -> Connect {
    Connect::new(|| Err("there is no bus".to_owned()))
}

#[tokio::test]
async fn every_store_keeps_replaces_and_forgets() {
    let dir = tempfile::tempdir().unwrap();
    let keys = FakeKeys::default();
    let stores = [
        Tokens::memory(),
        Tokens::with_system(TokenStoreChoice::File, dir.path(), no_system()),
        Tokens::with_system(TokenStoreChoice::Os, dir.path(), keys.connect()),
    ];
    for tokens in &stores {
        assert_eq!(get(tokens, "PA1").await, None);
        tokens.put(&link("PA1"), &secret("one")).await.unwrap();
        tokens.put(&link("PA2"), &secret("two")).await.unwrap();
        tokens.put(&link("PA1"), &secret("again")).await.unwrap();
        assert_eq!(get(tokens, "PA1").await.as_deref(), Some("again"));
        assert!(tokens.remove(&link("PA1")).await.unwrap());
        assert!(!tokens.remove(&link("PA1")).await.unwrap());
        assert_eq!(get(tokens, "PA1").await, None);
        assert_eq!(get(tokens, "PA2").await.as_deref(), Some("two"));
        assert!(!format!("{tokens:?}").contains("two"), "debugging prints no token");
    }
}

#[tokio::test]
async fn auto_takes_the_system_store_when_it_proves_itself() {
    let dir = tempfile::tempdir().unwrap();
    let keys = FakeKeys::default();
    let tokens = Tokens::with_system(TokenStoreChoice::Auto, dir.path(), keys.connect());
    tokens.put(&link("PA1"), &secret("one")).await.unwrap();
    assert_eq!(keys.names(), ["alpaca-paper/paper/PA1"], "the probe is gone");
    assert!(!dir.path().join("tokens.json").exists());
    assert!(tokens.location().await.unwrap().contains(vault::NAME));
}

#[tokio::test]
async fn a_locked_a_forgetful_and_a_missing_store_fall_back_to_the_file_and_say_so() {
    let locked = FakeKeys { locked: true, ..FakeKeys::default() };
    let forgetful = FakeKeys { forgetful: true, ..FakeKeys::default() };
    let cases = [(locked.connect(), "locked␛[2J"), (forgetful.connect(), "return"), (no_system(), "no bus")];
    for (connect, reason) in cases {
        let dir = tempfile::tempdir().unwrap();
        let tokens = Tokens::with_system(TokenStoreChoice::Auto, dir.path(), connect.clone());
        tokens.put(&link("PA1"), &secret("one")).await.unwrap();
        let place = tokens.location().await.unwrap();
        assert!(place.contains("tokens.json") && place.contains(reason), "{place}");
        assert_eq!(get(&tokens, "PA1").await.as_deref(), Some("one"));
        let insist = Tokens::with_system(TokenStoreChoice::Os, dir.path(), connect);
        let error = insist.put(&link("PA1"), &secret("one")).await.unwrap_err();
        assert!(matches!(error, StoreError::System { .. }), "{error}");
    }
}

#[tokio::test]
async fn a_store_that_never_answers_costs_two_seconds_once() {
    let dir = tempfile::tempdir().unwrap();
    let (release, gate) = mpsc::channel();
    let keys = FakeKeys { hang: Some(Arc::new(Mutex::new(gate))), ..FakeKeys::default() };
    let tokens = Tokens::with_system(TokenStoreChoice::Auto, dir.path(), keys.connect());
    let started = tokio::time::Instant::now();
    tokens.put(&link("PA1"), &secret("one")).await.unwrap();
    tokens.put(&link("PA2"), &secret("two")).await.unwrap();
    let took = started.elapsed();
    assert!(took >= std::time::Duration::from_secs(2) && took < std::time::Duration::from_secs(4), "{took:?}");
    assert!(tokens.location().await.unwrap().contains("2 seconds"));
    drop(release);
}

#[tokio::test]
async fn a_token_that_may_be_in_a_silent_store_is_not_called_missing() {
    let dir = tempfile::tempdir().unwrap();
    let tokens = Tokens::with_system(TokenStoreChoice::Auto, dir.path(), no_system());
    assert!(matches!(tokens.get(&link("PA1")).await, Err(StoreError::Hidden { .. })));
}

#[tokio::test]
async fn a_write_that_succeeds_after_it_was_given_up_is_undone() {
    let (release, gate) = mpsc::channel();
    let keys = FakeKeys { hang: Some(Arc::new(Mutex::new(gate))), ..FakeKeys::default() };
    let vault = Vault::open(keys.connect());
    let error = vault.set("name", &secret("token")).await.unwrap_err();
    assert!(error.contains("2 seconds"), "{error}");
    assert!(vault.get("name").await.unwrap_err().contains("earlier call"), "refused at once");
    for _ in 0..2 {
        release.send(()).unwrap();
    }
    drop(release);
    let back = loop {
        match vault.get("name").await {
            Ok(back) => break back,
            Err(_) => tokio::task::yield_now().await,
        }
    };
    assert!(back.is_none() && keys.names().is_empty());
}

#[tokio::test]
async fn tokens_move_from_the_file_to_the_system_store_and_leave_no_copy() {
    let dir = tempfile::tempdir().unwrap();
    let before = Tokens::with_system(TokenStoreChoice::Auto, dir.path(), no_system());
    before.put(&link("PA1"), &secret("one")).await.unwrap();
    before.put(&link("PA2"), &secret("two")).await.unwrap();
    let keys = FakeKeys::default();
    // From before the time when the store did not work and the account was linked again.
    keys.secrets.lock().unwrap().insert("alpaca-paper/paper/PA1".to_owned(), "older".to_owned());
    let after = Tokens::with_system(TokenStoreChoice::Auto, dir.path(), keys.connect());
    assert_eq!(get(&after, "PA1").await.as_deref(), Some("one"));
    assert_eq!(get(&after, "PA2").await.as_deref(), Some("two"));
    assert!(!dir.path().join("tokens.json").exists());
    let notices = after.take_notices();
    assert!(notices.len() == 1 && notices[0].contains("moved 2 tokens"), "{notices:?}");
    assert!(after.take_notices().is_empty());
}

#[tokio::test]
async fn a_corrupted_file_is_set_aside_and_reported_once() {
    let dir = tempfile::tempdir().unwrap();
    let tokens = Tokens::with_system(TokenStoreChoice::File, dir.path(), no_system());
    for text in ["", "{", "[]", "{\"version\":1}", "{\"version\":1,\"tokens\":{\"a\":7}}", "\u{0}\u{1}"] {
        tokens.put(&link("PA1"), &secret("one")).await.unwrap();
        std::fs::write(dir.path().join("tokens.json"), text).unwrap();
        assert_eq!(get(&tokens, "PA1").await, None, "{text:?}");
        let notices = tokens.take_notices();
        assert!(notices.len() == 1 && notices[0].contains("unreadable"), "{text:?}: {notices:?}");
        assert_eq!(get(&tokens, "PA1").await, None);
        assert!(tokens.take_notices().is_empty());
    }
}

#[tokio::test]
async fn a_file_of_a_later_version_is_left_alone() {
    let dir = tempfile::tempdir().unwrap();
    let tokens = Tokens::with_system(TokenStoreChoice::File, dir.path(), no_system());
    tokens.put(&link("PA1"), &secret("one")).await.unwrap();
    let text = "{\"version\":9,\"vaults\":[]}";
    std::fs::write(dir.path().join("tokens.json"), text).unwrap();
    assert!(matches!(tokens.put(&link("PA1"), &secret("two")).await, Err(StoreError::Newer { .. })));
    assert_eq!(std::fs::read_to_string(dir.path().join("tokens.json")).unwrap(), text);
}

#[cfg(unix)]
#[tokio::test]
async fn a_file_that_others_could_read_is_neither_read_nor_overwritten() {
    use std::os::unix::fs::PermissionsExt;
    let dir = tempfile::tempdir().unwrap();
    let tokens = Tokens::with_system(TokenStoreChoice::File, dir.path(), no_system());
    tokens.put(&link("PA1"), &secret("one")).await.unwrap();
    let path = dir.path().join("tokens.json");
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o644)).unwrap();
    assert!(matches!(tokens.get(&link("PA1")).await, Err(StoreError::File(FileError::Untrusted { .. }))));
    assert!(tokens.put(&link("PA1"), &secret("two")).await.unwrap_err().hint().contains("chmod 600"));
}

#[tokio::test]
async fn a_system_store_that_comes_back_is_used_without_a_restart() {
    let dir = tempfile::tempdir().unwrap();
    let up = Arc::new(std::sync::atomic::AtomicBool::new(false));
    let (keys, seen) = (FakeKeys::default(), Arc::clone(&up));
    let connect = Connect::new(move || {
        let answers = seen.load(std::sync::atomic::Ordering::SeqCst);
        if answers { Ok(Box::new(keys.clone())) } else { Err("locked".to_owned()) }
    });
    let tokens = Tokens::with_system(TokenStoreChoice::Os, dir.path(), connect);
    assert!(tokens.put(&link("PA1"), &secret("one")).await.is_err());
    up.store(true, std::sync::atomic::Ordering::SeqCst);
    let kept = loop {
        match tokens.put(&link("PA1"), &secret("one")).await {
            Ok(()) => break get(&tokens, "PA1").await,
            Err(StoreError::System { reason }) => assert_eq!(reason, "locked"),
            Err(error) => panic!("{error}"),
        }
    };
    assert_eq!(kept.as_deref(), Some("one"));
}

#[tokio::test]
async fn a_look_finds_every_token_and_moves_none() {
    let dir = tempfile::tempdir().unwrap();
    let keys = FakeKeys::default();
    let system = Tokens::with_system(TokenStoreChoice::Os, dir.path(), keys.connect());
    system.put(&link("PA1"), &secret("one")).await.unwrap();
    let file = Tokens::with_system(TokenStoreChoice::File, dir.path(), no_system());
    file.put(&link("PA2"), &secret("two")).await.unwrap();
    let kept = dir.path().join("tokens.json");
    let before = std::fs::read(&kept).unwrap();
    let look = || Tokens::with_system(TokenStoreChoice::Auto, dir.path(), keys.connect()).looking();
    assert_eq!(get(&look(), "PA1").await.as_deref(), Some("one"));
    assert_eq!(get(&look(), "PA2").await.as_deref(), Some("two"));
    assert_eq!((std::fs::read(&kept).unwrap(), keys.names().len()), (before, 1));
    // A damaged one is said, by either way to the store.
    std::fs::write(&kept, "{bad").unwrap();
    let alone = Tokens::with_system(TokenStoreChoice::File, dir.path(), no_system()).looking();
    for tokens in [look(), alone] {
        assert!(matches!(tokens.location().await, Err(StoreError::Damaged { .. })));
        assert!(matches!(tokens.get(&link("PA2")).await, Err(StoreError::Damaged { .. })));
    }
    assert_eq!(std::fs::read(&kept).unwrap(), b"{bad");
}

#[tokio::test]
async fn whether_a_token_could_be_kept_is_known_before_there_is_one() {
    let dir = tempfile::tempdir().unwrap();
    let tokens = Tokens::with_system(TokenStoreChoice::File, &dir.path().join("data"), no_system());
    tokens.prove().await.unwrap();
    assert!(!dir.path().join("data").exists(), "it leaves nothing");
    std::fs::write(dir.path().join("data"), "").unwrap();
    assert!(matches!(tokens.prove().await, Err(StoreError::File(FileError::Io { .. }))));
    let os = Tokens::with_system(TokenStoreChoice::Os, dir.path(), no_system());
    assert!(matches!(os.prove().await, Err(StoreError::System { .. })));
    Tokens::memory().prove().await.unwrap();
}
