//! Stored links, labels and tokens; relinking and unlinking.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};

use brokerdeck::config::{BrokerSpec, TokenStoreChoice};
use brokerdeck::io::accounts::{AccessError, AccountAccess};
use brokerdeck::io::tokens::{Connect, Keys, SystemKeys, Tokens};
use brokerdeck::link::{Grantor, LinkFailure, LinkRecord};
use secrecy::SecretString;

use super::fake::{AccountReply, token};
use super::fixture::Fixture;

fn labels(links: &[brokerdeck::link::LinkRecord]) -> Vec<&str> {
    links.iter().map(|link| &*link.label).collect()
}

#[tokio::test]
async fn a_saved_link_has_its_token_and_survives_a_restart() {
    let mut fixture = Fixture::new().await;
    let links = fixture.link("acme-paper", &["Mine"]).await;
    assert_eq!(links.len(), 1);
    assert_eq!(links[0].id.as_str(), "acme-paper/paper/PA3TEST0001");
    assert_eq!((&*links[0].label, &*links[0].account_number), ("Mine", "PA3TEST0001"));
    assert!(links[0].allows("trading") && !links[0].allows("data"));
    assert_eq!(fixture.token(&links[0]).await.as_deref(), Some("token-one"));
    let again = brokerdeck::io::links::Links::in_dir(fixture.dir.path());
    assert_eq!(again.list().await.unwrap().links, links);
    let text = std::fs::read_to_string(fixture.dir.path().join("links.json")).unwrap();
    assert!(!text.contains("token-one"), "the list of links holds no secret");
}

#[tokio::test]
async fn relinking_the_same_account_replaces_its_token_and_keeps_its_position() {
    let mut fixture = Fixture::new().await;
    let first = fixture.link("acme-paper", &["Mine"]).await;
    fixture.fake.paper_account(AccountReply(200, "PA3TEST0002"));
    fixture.link("acme-paper", &[]).await;
    fixture.fake.paper_account(AccountReply(200, "PA3TEST0001"));
    fixture.fake.answer(token("token-two"));
    let waiting = fixture.begin("acme-paper").await;
    fixture.come_back(&waiting, "code=c").await;
    let brokerdeck::link::LinkProgress::Confirm { accounts, .. } = fixture.confirm().await else { unreachable!() };
    assert_eq!(accounts[0].replaces.as_ref(), Some(&first[0].id));
    fixture.linker.save(waiting.attempt, Vec::new());
    assert!(matches!(fixture.next().await, brokerdeck::link::LinkProgress::Saved { .. }));
    let listed = fixture.links.list().await.unwrap().links;
    assert_eq!(labels(&listed), ["Mine", "acme-paper"]);
    assert_eq!(fixture.token(&listed[0]).await.as_deref(), Some("token-two"));
    assert_eq!(fixture.token(&listed[1]).await.as_deref(), Some("token-one"));
}

#[tokio::test]
async fn the_same_account_through_another_entry_of_the_same_host_is_not_a_second_link() {
    let mut fixture = Fixture::new().await;
    let first = fixture.link("acme-paper", &["Mine"]).await;
    fixture.fake.answer(token("token-both"));
    let both = fixture.link("acme", &[]).await;
    assert_eq!(both[0].id, first[0].id);
    let listed = fixture.links.list().await.unwrap().links;
    assert_eq!(labels(&listed), ["Mine", "acme Live"]);
    assert_eq!(fixture.token(&listed[0]).await.as_deref(), Some("token-both"));
}

#[tokio::test]
async fn labels_never_collide() {
    let mut fixture = Fixture::new().await;
    fixture.link("acme-paper", &["One"]).await;
    fixture.fake.paper_account(AccountReply(200, "PA3TEST0002"));
    let second = fixture.link("acme-paper", &["one"]).await;
    assert_eq!(labels(&second), ["one 2"]);
    let live = fixture.link("acme-live", &["\x1b[31mred\n"]).await;
    assert_eq!(labels(&live), ["␛[31mred"]);
}

#[tokio::test]
async fn unlinking_deletes_token_and_link_and_says_where_to_revoke_the_grant() {
    let mut fixture = Fixture::new().await;
    let link = fixture.link("acme-paper", &["Mine"]).await.remove(0);
    let sentence = fixture.linker.unlink(&link.id).await.unwrap();
    assert!(sentence.contains("Mine") && sentence.contains("dashboard"), "{sentence}");
    assert!(fixture.links.list().await.unwrap().links.is_empty());
    assert_eq!(fixture.token(&link).await, None);
    assert!(!fixture.dir.path().join("tokens.json").exists(), "the file is removed with the last token");
    assert!(fixture.fake.seen(|seen| seen.revoked.is_empty()));
}

#[tokio::test]
async fn unlinking_revokes_the_grant_when_no_other_link_uses_it() {
    let mut fixture = Fixture::with(offer_revocation).await;
    let links = fixture.link("acme", &[]).await;
    let sentence = fixture.linker.unlink(&links[0].id).await.unwrap();
    assert!(sentence.contains("acme Live also uses it"), "{sentence}");
    assert!(fixture.fake.seen(|seen| seen.revoked.is_empty()));
    let sentence = fixture.linker.unlink(&links[1].id).await.unwrap();
    assert!(sentence.contains("revoked"), "{sentence}");
    assert_eq!(fixture.fake.seen(|seen| seen.revoked.clone()), ["token-one"]);
}

pub(super) fn offer_revocation(setup: &mut brokerdeck::io::linker::Setup) {
    for spec in &mut setup.specs {
        let mut url = spec.token_url.clone();
        url.set_path("/oauth/revoke");
        spec.revoke_url = Some(url);
    }
}

#[tokio::test]
async fn a_replaced_and_a_declined_token_are_revoked_and_one_in_use_is_not() {
    let mut fixture = Fixture::with(offer_revocation).await;
    fixture.link("acme-paper", &["Mine"]).await;
    fixture.fake.answer(token("token-two"));
    let waiting = fixture.begin("acme-paper").await;
    fixture.come_back(&waiting, "code=c").await;
    fixture.confirm().await;
    fixture.linker.save(waiting.attempt, Vec::new());
    let brokerdeck::link::LinkProgress::Saved { stored_in, .. } = fixture.next().await else { panic!("not saved") };
    assert!(stored_in.contains("the previous token is revoked"), "{stored_in}");
    assert_eq!(fixture.fake.seen(|seen| seen.revoked.clone()), ["token-one"]);
    // Declined at the question, and refused after the exchange.
    fixture.fake.answer(token("token-three"));
    let waiting = fixture.begin("acme-paper").await;
    fixture.come_back(&waiting, "code=c").await;
    fixture.confirm().await;
    fixture.linker.cancel(waiting.attempt);
    fixture.linker.settle().await;
    fixture.fake.answer(token("token-four"));
    fixture.fake.live_account(AccountReply(401, ""));
    let waiting = fixture.begin("acme-live").await;
    fixture.come_back(&waiting, "code=c").await;
    fixture.failure().await;
    fixture.linker.settle().await;
    assert_eq!(fixture.fake.seen(|seen| seen.revoked.clone()), ["token-one", "token-three", "token-four"]);
    // The same token, granted again and declined, is the one that the link uses.
    fixture.fake.answer(token("token-two"));
    let waiting = fixture.begin("acme-paper").await;
    fixture.come_back(&waiting, "code=c").await;
    fixture.confirm().await;
    fixture.linker.cancel(waiting.attempt);
    fixture.linker.settle().await;
    assert_eq!(fixture.fake.seen(|seen| seen.revoked.len()), 3);
}

#[tokio::test]
async fn read_only_revokes_nothing_and_reports_it() {
    let mut fixture = Fixture::with(|setup| {
        offer_revocation(setup);
        setup.read_only = true;
    })
    .await;
    let link = fixture.link("acme-paper", &["Mine"]).await.remove(0);
    let sentence = fixture.linker.unlink(&link.id).await.unwrap();
    assert!(sentence.contains("not revoked, because of --read-only"), "{sentence}");
    assert_eq!(fixture.token(&link).await, None, "what is on this machine is its owner's");
    assert!(fixture.fake.seen(|seen| seen.revoked.is_empty()));
}

#[tokio::test]
async fn a_token_is_revoked_only_at_the_server_that_granted_it() {
    type Change = fn(Grantor) -> Grantor;
    // The server is another one now, or its revocation endpoint is, which did not exist before.
    let changes: [(Change, Option<&str>); 3] = [
        (|grantor| Grantor { issuer: "https://elsewhere.example".into(), ..grantor }, None),
        (|grantor| grantor, Some("https://elsewhere.example/revoke")),
        (|grantor| Grantor { revoker: None, ..grantor }, Some("https://elsewhere.example/revoke")),
    ];
    for (change, revoke_url) in changes {
        let mut fixture = Fixture::with(offer_revocation).await;
        let link = fixture.link("acme-paper", &["Mine"]).await.remove(0);
        let moved = LinkRecord { grantor: link.grantor.clone().map(change), ..link.clone() };
        if let Some(url) = revoke_url {
            let spec = super::fixture::spec(&fixture.fake, "acme-paper", Vec::new());
            assert!(moved.is_granted_by(&spec), "without a revocation endpoint");
            let spec = BrokerSpec { revoke_url: Some(url.parse().unwrap()), ..spec };
            assert!(!moved.is_granted_by(&spec), "at an address that it was not granted for");
            continue;
        }
        fixture.links.put(vec![moved]).await.unwrap();
        let sentence = fixture.linker.unlink(&link.id).await.unwrap();
        assert!(sentence.contains("dashboard"), "{sentence}");
        assert!(fixture.fake.seen(|seen| seen.revoked.is_empty()));
    }
}

#[tokio::test]
async fn an_account_that_answers_as_paper_and_as_live_is_not_saved() {
    let mut fixture = Fixture::new().await;
    // Both at once.
    fixture.fake.live_account(AccountReply(200, "PA3TEST0001"));
    let waiting = fixture.begin("acme").await;
    fixture.come_back(&waiting, "code=c").await;
    assert!(matches!(fixture.failure().await, LinkFailure::SameAccount { number } if &*number == "PA3TEST0001"));
    // One after the other.
    fixture.link("acme-paper", &["Mine"]).await;
    let waiting = fixture.begin("acme-live").await;
    fixture.come_back(&waiting, "code=c").await;
    assert!(matches!(fixture.failure().await, LinkFailure::SameAccount { .. }));
    assert_eq!(labels(&fixture.links.list().await.unwrap().links), ["Mine"]);
}

#[tokio::test]
async fn a_token_is_sent_only_to_the_addresses_it_was_granted_for() {
    let mut fixture = Fixture::new().await;
    let link = fixture.link("acme-paper", &["Mine"]).await.remove(0);
    let specs = vec![super::fixture::spec(&fixture.fake, "acme-paper", Vec::new())];
    let reach = async |specs: Vec<BrokerSpec>, link: &LinkRecord| {
        let (links, tokens) =
            (Arc::clone(&fixture.links), Arc::new(Tokens::new(TokenStoreChoice::File, fixture.dir.path())));
        AccountAccess { specs: Arc::new(specs), links, tokens, read_only: false }.access(link).await
    };
    assert!(reach(specs.clone(), &link).await.is_ok());
    let mut moved = specs.clone();
    moved[0].endpoints[0].api_url = "https://api.elsewhere.example".parse().unwrap();
    let error = reach(moved, &link).await.unwrap_err();
    assert!(matches!(&error, AccessError::Moved { place, .. } if place == "https://api.elsewhere.example"), "{error}");
    let mut moved = specs.clone();
    moved[0].endpoints[0].stream_url = "wss://stream.elsewhere.example/s".parse().unwrap();
    assert!(matches!(reach(moved, &link).await, Err(AccessError::Moved { .. })));
    // A record of an earlier version has no grantor, so only Alpaca's own addresses are accepted.
    let old = LinkRecord { grantor: None, ..link };
    assert!(matches!(reach(specs.clone(), &old).await, Err(AccessError::Moved { .. })));
    let mut own = specs;
    own[0].endpoints[0].api_url = "https://paper-api.alpaca.markets".parse().unwrap();
    own[0].endpoints[0].stream_url = "wss://paper-api.alpaca.markets/stream".parse().unwrap();
    assert!(reach(own, &old).await.is_ok());
}

#[tokio::test]
async fn a_store_that_fails_leaves_no_link() {
    let mut fixture = Fixture::new().await;
    let waiting = fixture.begin("acme-paper").await;
    // It broke while the browser was away.
    std::fs::create_dir(fixture.dir.path().join("tokens.json")).unwrap();
    fixture.come_back(&waiting, "code=c").await;
    fixture.confirm().await;
    fixture.linker.save(waiting.attempt, Vec::new());
    let failure = fixture.failure().await;
    assert!(matches!(failure, brokerdeck::link::LinkFailure::Store { .. }), "{failure:?}");
    assert!(fixture.links.list().await.unwrap().links.is_empty());
}

/// A system store that accepts one token and refuses all others.
#[derive(Clone, Default)]
struct OneToken(Arc<Mutex<HashMap<String, String>>>);

impl Keys for OneToken {
    fn set(&self, name: &str, secret: &str) -> Result<(), String> {
        let mut held = self.0.lock().unwrap();
        let full = held.keys().any(|known| known != name);
        if full {
            return Err("it takes no more".to_owned());
        }
        held.insert(name.to_owned(), secret.to_owned());
        Ok(())
    }

    fn get(&self, name: &str) -> Result<Option<SecretString>, String> {
        Ok(self.0.lock().unwrap().get(name).cloned().map(SecretString::from))
    }

    fn delete(&self, name: &str) -> Result<bool, String> {
        Ok(self.0.lock().unwrap().remove(name).is_some())
    }
}

#[tokio::test]
async fn a_store_that_fails_at_the_second_token_keeps_neither_of_an_attempt() {
    let keys = OneToken::default();
    let connect = {
        let keys = keys.clone();
        Connect::new(move || Ok(Box::new(keys.clone()) as SystemKeys))
    };
    let folder = tempfile::tempdir().unwrap();
    let tokens = Arc::new(Tokens::with_system(TokenStoreChoice::Os, folder.path(), connect));
    let mut fixture = Fixture::with(|setup| setup.tokens = tokens).await;
    let names = || keys.0.lock().unwrap().clone();
    let waiting = fixture.begin("acme").await;
    fixture.come_back(&waiting, "code=c").await;
    fixture.confirm().await;
    fixture.linker.save(waiting.attempt, Vec::new());
    let brokerdeck::link::LinkFailure::Store { message, .. } = fixture.failure().await else {
        panic!("not the store's")
    };
    assert!(message.contains("takes no more"), "{message}");
    assert!(fixture.links.list().await.unwrap().links.is_empty());
    assert!(names().is_empty(), "a token that no link leads to: {:?}", names().keys());

    // One of the two was linked before: its link stays, with the token that it had.
    let first = fixture.link("acme-paper", &["Mine"]).await;
    fixture.fake.answer(token("token-two"));
    let waiting = fixture.begin("acme").await;
    fixture.come_back(&waiting, "code=c").await;
    fixture.confirm().await;
    fixture.linker.save(waiting.attempt, Vec::new());
    let had = names();
    fixture.failure().await;
    assert_eq!(names(), had);
    assert!(had.contains_key(first[0].id.as_str()) && !had.values().any(|token| token == "token-two"));
}

#[tokio::test]
async fn the_demo_presses_allow_from_here_and_nothing_else_may() {
    let mut fixture = Fixture::with(|setup| setup.may_approve = true).await;
    let waiting = fixture.begin("acme-paper").await;
    fixture.linker.approve_in_demo(waiting.attempt);
    fixture.confirm().await;
    assert_eq!(fixture.fake.seen(|seen| seen.exchanges[0].1["code"].clone()), "from-consent");
    let mut fixture = Fixture::new().await;
    let waiting = fixture.begin("acme-paper").await;
    fixture.linker.approve_in_demo(waiting.attempt);
    fixture.come_back(&waiting, "code=by-hand").await;
    fixture.confirm().await;
    assert_eq!(fixture.fake.seen(|seen| seen.exchanges[0].1["code"].clone()), "by-hand");
}
