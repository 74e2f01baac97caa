//! A fake broker for linking: token endpoint, revocation, `GET /v2/account`, and a consent page.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::body::Body;
use axum::extract::{Query, State};
use axum::http::{HeaderMap, StatusCode, Uri};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use tokio::net::TcpListener;
use tokio::sync::watch;

/// The response of the token endpoint.
#[derive(Clone)]
pub(crate) enum Reply {
    /// A status, a content type and a body.
    Http(u16, &'static str, String),
    /// The connection is cut before an answer.
    Cut,
}

/// The response of `GET /v2/account` to a known token: a status and an account number.
#[derive(Clone, Copy)]
pub(crate) struct AccountReply(pub u16, pub &'static str);

#[derive(Default)]
pub(crate) struct Seen {
    /// The forms that reached the token endpoint, with their content type.
    pub exchanges: Vec<(String, HashMap<String, String>)>,
    /// The tokens that were revoked.
    pub revoked: Vec<String>,
    /// The bearer tokens of account requests.
    pub bearers: Vec<String>,
    /// The number of connections to the token endpoint.
    pub token_connections: usize,
}

pub(crate) struct Fake {
    pub auth: SocketAddr,
    pub paper: SocketAddr,
    pub live: SocketAddr,
    script: Arc<Script>,
}

struct Script {
    token: Mutex<Reply>,
    paper: Mutex<AccountReply>,
    live: Mutex<AccountReply>,
    /// The account answered from the request after the next one on.
    turns: Mutex<Option<AccountReply>>,
    seen: Mutex<Seen>,
    /// The path whose responses are held back.
    held: watch::Sender<Option<&'static str>>,
}

impl Script {
    /// Waits while responses of this path are held back.
    async fn pass(&self, path: &str) {
        drop(self.held.subscribe().wait_for(|held| *held != Some(path)).await);
    }
}

pub(super) fn token(text: &str) -> Reply {
    let body = format!(r#"{{"access_token":"{text}","token_type":"Bearer","scope":"account:write trading"}}"#);
    Reply::Http(200, "application/json", body)
}

impl Fake {
    pub(crate) async fn start() -> Self {
        let script = Arc::new(Script {
            token: Mutex::new(token("token-one")),
            paper: Mutex::new(AccountReply(200, "PA3TEST0001")),
            live: Mutex::new(AccountReply(200, "812345678")),
            turns: Mutex::default(),
            seen: Mutex::default(),
            held: watch::Sender::new(None),
        });
        let auth = Router::new()
            .route("/oauth/token", post(exchange))
            .route("/oauth/revoke", post(revoke))
            .route("/oauth/authorize", get(consent).post(decide));
        let empty = || get(async || ([("content-type", "application/json")], "[]"));
        let account = |pick: fn(&Script) -> &Mutex<AccountReply>| {
            let lists = ["/v2/orders", "/v2/positions", "/v2/account/activities"];
            lists.into_iter().fold(Router::new(), |router, path| router.route(path, empty())).route(
                "/v2/account",
                get(move |State(script): State<Arc<Script>>, headers: HeaderMap| async move {
                    let bearer = headers["authorization"].to_str().unwrap().to_owned();
                    script.seen.lock().unwrap().bearers.push(bearer);
                    script.pass("/v2/account").await;
                    let AccountReply(status, number) = {
                        let mut reply = pick(&script).lock().unwrap();
                        let next = script.turns.lock().unwrap().take();
                        let now = *reply;
                        *reply = next.unwrap_or(now);
                        now
                    };
                    let status = StatusCode::from_u16(status).unwrap();
                    let body = if status.is_success() {
                        let id = format!("id-of-{number}");
                        // A full body, or an account number.
                        if number.starts_with('{') {
                            number.to_owned()
                        } else {
                            format!(r#"{{"id":"{id}","account_number":"{number}","status":"ACTIVE","currency":"USD"}}"#)
                        }
                    } else {
                        r#"{"code":40310000,"message":"forbidden."}"#.to_owned()
                    };
                    (status, [("content-type", "application/json")], body)
                }),
            )
        };
        Self {
            auth: serve(auth.with_state(Arc::clone(&script))).await,
            paper: serve(account(|script| &script.paper).with_state(Arc::clone(&script))).await,
            live: serve(account(|script| &script.live).with_state(Arc::clone(&script))).await,
            script,
        }
    }

    pub(crate) fn answer(&self, reply: Reply) {
        *self.script.token.lock().unwrap() = reply;
    }

    pub(crate) fn paper_account(&self, reply: AccountReply) {
        *self.script.paper.lock().unwrap() = reply;
    }

    /// Changes the account answered from the request after the next one on.
    pub(crate) fn turns_into(&self, reply: AccountReply) {
        *self.script.turns.lock().unwrap() = Some(reply);
    }

    pub(crate) fn live_account(&self, reply: AccountReply) {
        *self.script.live.lock().unwrap() = reply;
    }

    /// Holds back responses of this path until [`Self::release`].
    pub(crate) fn hold(&self, path: &'static str) {
        self.script.held.send_replace(Some(path));
    }

    pub(crate) fn release(&self) {
        self.script.held.send_replace(None);
    }

    pub(crate) fn seen<T>(&self, look: impl FnOnce(&Seen) -> T) -> T {
        look(&self.script.seen.lock().unwrap())
    }
}

async fn serve(router: Router) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
    address
}

fn form(body: &str) -> HashMap<String, String> {
    url::form_urlencoded::parse(body.as_bytes()).into_owned().collect()
}

async fn exchange(State(script): State<Arc<Script>>, headers: HeaderMap, body: String) -> Response {
    let kind = headers.get("content-type").map(|kind| kind.to_str().unwrap().to_owned()).unwrap_or_default();
    {
        let mut seen = script.seen.lock().unwrap();
        seen.token_connections += 1;
        seen.exchanges.push((kind, form(&body)));
    }
    script.pass("/oauth/token").await;
    let reply = script.token.lock().unwrap().clone();
    match reply {
        Reply::Http(status, kind, body) => {
            let headers = [("content-type", kind), ("location", "http://127.0.0.1:1/elsewhere")];
            (StatusCode::from_u16(status).unwrap(), headers, body).into_response()
        }
        Reply::Cut => {
            let cut = futures_util::stream::iter([Err::<Vec<u8>, _>(std::io::Error::other("cut"))]);
            Response::new(Body::from_stream(cut))
        }
    }
}

async fn revoke(State(script): State<Arc<Script>>, body: String) -> StatusCode {
    script.seen.lock().unwrap().revoked.push(form(&body).remove("token").unwrap());
    script.pass("/oauth/revoke").await;
    StatusCode::OK
}

async fn consent() -> &'static str {
    r#"<form method="post"><input type="radio" name="account" value="PA3TEST0001" checked></form>"#
}

async fn decide(Query(query): Query<HashMap<String, String>>, uri: Uri, body: String) -> Response {
    let form = form(&body);
    assert_eq!((form["decision"].as_str(), form["account"].as_str()), ("allow", "PA3TEST0001"));
    assert!(uri.query().is_some());
    let back = format!("{}?code=from-consent&state={}", query["redirect_uri"], query["state"]);
    (StatusCode::FOUND, [("location", back)]).into_response()
}
