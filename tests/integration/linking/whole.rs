//! Links and tokens change together or not at all: everything that can fail is checked before the first change.

use std::fs::File;
use std::sync::{Arc, Mutex};

use brokerdeck::accounts::Effect as AccountEffect;
use brokerdeck::app::Msg;
use brokerdeck::config::TokenStoreChoice;
use brokerdeck::domain::LinkId;
use brokerdeck::io::accounts::AccountAccess;
use brokerdeck::io::effects::Effects;
use brokerdeck::io::journal::AccountLock;
use brokerdeck::io::tokens::{Connect, Keys, SystemKeys, Tokens};
use brokerdeck::link::LinkFailure;
use brokerdeck::session::{AuthForm, Epoch};
use secrecy::SecretString;
use tokio::sync::mpsc;

use super::fake::token;
use super::fixture::{Fixture, TEST_TIMEOUT, eventually};

/// Holds a lock until dropped.
enum Refusal {
    Folder(std::path::PathBuf),
    Held(#[expect(dead_code, reason = "held until dropped")] File),
}

impl Refusal {
    fn all(fixture: &Fixture) -> Vec<(String, Box<dyn Fn() -> Self>)> {
        let mut all: Vec<(String, Box<dyn Fn() -> Self>)> = Vec::new();
        for name in ["tokens.json.lock", "links.json.lock"] {
            let path = fixture.dir.path().join(name);
            let other = path.clone();
            all.push((
                format!("a folder as {name}"),
                Box::new(move || {
                    drop(std::fs::remove_file(&path));
                    std::fs::create_dir(&path).unwrap();
                    Self::Folder(path.clone())
                }),
            ));
            all.push((
                format!("{name} held"),
                Box::new(move || {
                    let file = File::options().create(true).append(true).open(&other).unwrap();
                    file.lock().unwrap();
                    Self::Held(file)
                }),
            ));
        }
        all
    }
}

/// The file that fails.
fn file_of(what: &str) -> &'static str {
    if what.contains("tokens.json") { "tokens.json" } else { "links.json" }
}

impl Drop for Refusal {
    fn drop(&mut self) {
        if let Self::Folder(path) = self {
            std::fs::remove_dir(path).unwrap();
        }
    }
}

#[tokio::test]
async fn a_failed_unlink_keeps_token_and_link() {
    let mut fixture = Fixture::new().await;
    let link = fixture.link("acme-paper", &["Mine"]).await.remove(0);
    for (what, refuse) in Refusal::all(&fixture) {
        let refusal = refuse();
        let still = fixture.linker.unlink(&link.id).await.unwrap_err();
        assert!(still.message.contains("Mine is still linked"), "{what}: {still:?}");
        assert!(still.message.contains(file_of(&what)) && !still.hint.is_empty(), "{what}: {still:?}");
        assert_eq!(fixture.token(&link).await.as_deref(), Some("token-one"), "{what}");
        assert_eq!(fixture.links.list().await.unwrap().links, std::slice::from_ref(&link), "{what}");
        drop(refusal);
    }
    fixture.linker.unlink(&link.id).await.unwrap();
    assert_eq!(fixture.token(&link).await, None);
    assert!(fixture.links.list().await.unwrap().links.is_empty());
}

#[tokio::test]
async fn a_link_that_fails_at_the_last_step_changes_nothing() {
    let mut fixture = Fixture::new().await;
    let link = fixture.link("acme-paper", &["Mine"]).await.remove(0);
    fixture.fake.answer(token("token-two"));
    for (what, refuse) in Refusal::all(&fixture) {
        let waiting = fixture.begin("acme-paper").await;
        fixture.come_back(&waiting, "code=c").await;
        fixture.confirm().await;
        // It broke while the browser was away.
        let refusal = refuse();
        fixture.linker.save(waiting.attempt, Vec::new());
        let failure = fixture.failure().await;
        let LinkFailure::Store { message, hint } = &failure else { panic!("{what}: {failure:?}") };
        // The message does not blame the token store for the list.
        assert!(message.contains(file_of(&what)) && !hint.is_empty(), "{what}: {failure:?}");
        assert_eq!(
            failure.sentence().0.contains("token cannot be stored"),
            what.contains("tokens.json"),
            "{failure:?}"
        );
        assert_eq!(fixture.token(&link).await.as_deref(), Some("token-one"), "{what}");
        assert_eq!(fixture.links.list().await.unwrap().links, std::slice::from_ref(&link), "{what}");
        drop(refusal);
    }
}

/// A system store in memory that breaks the list of links whenever it deletes a token.
struct Spiteful {
    kept: Mutex<std::collections::HashMap<String, String>>,
    list: std::path::PathBuf,
}

impl Keys for Spiteful {
    fn set(&self, name: &str, secret: &str) -> Result<(), String> {
        self.kept.lock().unwrap().insert(name.to_owned(), secret.to_owned());
        Ok(())
    }

    fn get(&self, name: &str) -> Result<Option<SecretString>, String> {
        Ok(self.kept.lock().unwrap().get(name).cloned().map(SecretString::from))
    }

    fn delete(&self, name: &str) -> Result<bool, String> {
        if name.contains("acme") {
            drop(std::fs::rename(&self.list, self.list.with_extension("away")));
            drop(std::fs::create_dir(&self.list));
        }
        Ok(self.kept.lock().unwrap().remove(name).is_some())
    }
}

#[tokio::test]
async fn a_list_that_fails_at_the_last_moment_restores_the_token() {
    let mut fixture = Fixture::new().await;
    let list = fixture.dir.path().join("links.json");
    let connect = {
        let list = list.clone();
        Connect::new(move || Ok(Box::new(Spiteful { kept: Mutex::default(), list: list.clone() }) as SystemKeys))
    };
    let tokens = Arc::new(Tokens::with_system(TokenStoreChoice::Os, fixture.dir.path(), connect));
    fixture.change(|setup| setup.tokens = Arc::clone(&tokens));
    let link = fixture.link("acme-paper", &["Mine"]).await.remove(0);
    let still = fixture.linker.unlink(&link.id).await.unwrap_err();
    assert!(still.message.contains("Mine is still linked") && still.message.contains("links.json"), "{still:?}");
    assert!(still.hint.contains("links.json") && still.hint.contains("away"), "{still:?}");
    assert_eq!(fixture.token(&link).await.as_deref(), Some("token-one"));
    std::fs::remove_dir(&list).unwrap();
    std::fs::rename(list.with_extension("away"), &list).unwrap();
    assert_eq!(fixture.links.list().await.unwrap().links, [link]);
}

/// Whether the dashboard holds the account's lock.
fn streams(fixture: &Fixture, link: &LinkId) -> bool {
    AccountLock::try_take(fixture.dir.path(), link).unwrap().is_none()
}

#[tokio::test]
async fn an_account_whose_unlink_fails_keeps_its_connections() {
    let mut fixture = Fixture::new().await;
    let link = fixture.link("acme-paper", &["Mine"]).await.remove(0);
    let specs = Arc::new(vec![super::fixture::spec(&fixture.fake, "acme-paper", Vec::new())]);
    let tokens = Arc::new(Tokens::new(TokenStoreChoice::File, fixture.dir.path()));
    let accounts = AccountAccess { specs, links: Arc::clone(&fixture.links), tokens, read_only: false };
    let (inbox, mut news) = mpsc::channel(256);
    let linker = Arc::new(fixture.another_linker());
    let mut effects = Effects::new(inbox, accounts, linker, Some(fixture.dir.path().to_owned()));
    effects.know(std::slice::from_ref(&link));
    let open = AccountEffect::OpenStream { link: link.id.clone(), epoch: Epoch(1), form: AuthForm::Authenticate };
    assert!(effects.account(open).is_none());
    eventually("the account is taken", async || streams(&fixture, &link.id)).await;
    let lock = fixture.dir.path().join("tokens.json.lock");
    std::fs::remove_file(&lock).unwrap();
    std::fs::create_dir(&lock).unwrap();
    let mut unlink = async || {
        assert!(effects.account(AccountEffect::Unlink { link: link.id.clone() }).is_none());
        loop {
            let msg = tokio::time::timeout(TEST_TIMEOUT, news.recv()).await.expect("an answer in time").unwrap();
            if let Msg::Unlinked { result, .. } = msg {
                return result;
            }
        }
    };
    assert!(unlink().await.is_err());
    assert!(streams(&fixture, &link.id), "its connections are up");
    std::fs::remove_dir(&lock).unwrap();
    unlink().await.unwrap();
    assert!(!streams(&fixture, &link.id));
}
