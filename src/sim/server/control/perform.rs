//! Carries out control requests, from HTTP and from scenarios.

use std::sync::Arc;
use std::time::Duration;

use rust_decimal::Decimal;
use serde_json::{Map, Value, json};
use tokio::time::Instant;
use uuid::Uuid;

use super::body::{Body, wrong};
use crate::sim::engine::bot;
use crate::sim::engine::order::AccountNo;
use crate::sim::engine::{CashKind, Engine, EventKind, OrderId, Readings, Refusal, Restated};
use crate::sim::faults::{FaultError, Origin, Rule};
use crate::sim::server::lock::lock;
use crate::sim::server::query;
use crate::sim::server::reply::ApiError;
use crate::sim::server::rest::new_order;
use crate::sim::server::state::{AuthorizeTrick, ErrorShape, FormPolicy, Sim};
use crate::sim::wire::order::WireOrder;
use crate::sim::words::AuthForm;

/// Every control request with its description.
pub(crate) const ACTIONS: &[(&str, &str)] = &[
    ("place", "place an order as the owner does on the broker's own site: account, and the body of an order"),
    ("cancel", "cancel an order there: order (here and below its id, or its client_order_id)"),
    ("fill", "fill an order: order, price?, qty? (all that is left without it)"),
    ("partial_fill", "fill a part of an order: order, qty? (half without it), price?"),
    ("reject", "reject an order: order, reason?"),
    ("expire", "expire an order: order"),
    ("event", "send a rare event of an order: order, event"),
    ("bust", "bust an execution: execution, or order for its newest"),
    ("correct", "correct an execution: execution, or order for its newest; price?, qty?"),
    ("cash", "move money without a trade: type = CSD, CSW, JNLC, DIV, FEE, INT; amount, account?, description?"),
    ("dividend", "pay a dividend on every share held: symbol, per_share"),
    ("halt", "halt trading in a symbol: symbol"),
    ("resume", "resume trading in a symbol: symbol"),
    ("price", "set the price of a symbol: symbol, price"),
    ("bot", "start or stop the bot: on, account?, rate?"),
    ("close_market", "move simulated time to the next close"),
    ("open_market", "move simulated time to the next open"),
    ("advance", "move simulated time forward: by"),
    ("pace", "run simulated time at another speed: pace"),
    (
        "reset",
        "give a paper account a new id and number and an empty history: account?, cash?, revoke? (its tokens and keys stop working)",
    ),
    ("token", "issue a token: account?, live_account?, scopes? (without an account for the first paper account)"),
    ("revoke", "revoke a token, or every token of an account: token or account"),
    ("register", "register a redirect URI: redirect_uri"),
    (
        "authorize",
        "change the next answer of the consent page: next = deny, deny_without_words, wrong_state, no_state, hang",
    ),
    ("token_endpoint", "change the token endpoint: errors? = oauth, alpaca, text, html; delay?"),
    ("wrong_environment", "status for a credential that does not cover the origin: status = 401 or 403"),
    (
        "stream_auth",
        "how the stream answers a form of authentication: form = keys, old_keys, oauth_token, oauth_key; answer = \
            accept, refuse, silent",
    ),
    ("sse", "switch the event streams over HTTP: on"),
    ("history", "use null or zero in the equity history before the account existed: nulls"),
    ("symbol_limit", "limit the symbols of a data stream, trades and quotes together: limit"),
    (
        "readings",
        "choose between readings of the service's rules: each switch and its word, or seed; answers with all of them",
    ),
    ("fault", "add a fault: rule, method?, path?"),
    ("clear", "clear all faults and switches"),
    ("drop", "drop every connection and socket without notice"),
    ("refuse", "refuse connections: for"),
    ("freeze", "stall open sockets, neither reading nor writing: for"),
    ("lag", "answer reads from the state of this moment: for"),
    ("rate_limit", "requests a minute: limit?; retry_after?; exhaust? = an account"),
];

/// Longest advance of simulated time at once, because the engine computes every step of it.
const LONGEST_JUMP: Duration = Duration::from_hours(7 * 24);
/// Most redirect URIs.
const MOST_URIS: usize = 100;

impl From<FaultError> for ApiError {
    fn from(error: FaultError) -> Self {
        wrong(error.to_string())
    }
}

/// Carries out a control request.
pub(crate) fn perform(sim: &Arc<Sim>, action: &str, body: &Map<String, Value>) -> Result<Value, ApiError> {
    let body = Body(body);
    let done = trading(sim, action, &body)
        .or_else(|| market(sim, action, &body))
        .or_else(|| access(sim, action, &body))
        .or_else(|| trouble(sim, action, &body));
    let result = done.unwrap_or_else(|| Err(ApiError::not_found(format!("no control request {action:?}"))))?;
    sim.note(Origin::Paper, action, &Value::Object(body.0.clone()).to_string());
    Ok(result)
}

type Done = Option<Result<Value, ApiError>>;

fn shown(order: &crate::sim::engine::order::Order) -> Value {
    serde_json::to_value(WireOrder::alone(order)).unwrap_or_default()
}

fn trading(sim: &Sim, action: &str, body: &Body<'_>) -> Done {
    let (hub, clock) = (&sim.hub, &sim.clock);
    let run = || -> Result<Option<Value>, ApiError> {
        Ok(Some(match action {
            "place" => {
                let account = body.account(sim, "account")?;
                let request = new_order(body.0)?;
                shown(&hub.act(clock, |engine| engine.place(account, &request))?)
            }
            "cancel" => by_hand(sim, body, Engine::cancel)?,
            "fill" | "partial_fill" => {
                let (qty, price) = (body.amount("qty")?, body.amount("price")?);
                let half = action == "partial_fill" && qty.is_none();
                by_hand(sim, body, |engine, no, id| {
                    let left = engine.order(no, id)?.leaves_qty();
                    let whole = left == left.trunc() && left > Decimal::ONE;
                    let part = (left / Decimal::TWO).round_dp_with_strategy(
                        if whole { 0 } else { 9 },
                        rust_decimal::RoundingStrategy::AwayFromZero,
                    );
                    engine.force_fill(no, id, if half { Some(part) } else { qty }, price)
                })?
            }
            "reject" => {
                let reason = body.text("reason")?.unwrap_or("rejected by the venue");
                by_hand(sim, body, |engine, no, id| engine.force_reject(no, id, reason))?
            }
            "expire" => by_hand(sim, body, Engine::force_expire)?,
            "event" => {
                let word = body.need("event")?;
                let event = EventKind::from_word(word).ok_or_else(|| wrong(format!("no event {word}")))?;
                by_hand(sim, body, |engine, no, id| engine.force_event(no, id, event))?
            }
            "bust" => {
                let id = execution_of(sim, body)?;
                hub.act(clock, |engine| engine.bust(id))?;
                json!({"done": true, "execution": id})
            }
            "correct" => {
                let (id, price, qty) = (execution_of(sim, body)?, body.amount("price")?, body.amount("qty")?);
                hub.act(clock, |engine| engine.correct(id, price, qty))?;
                json!({"done": true, "execution": id})
            }
            "cash" => {
                let account = body.account(sim, "account")?;
                let kind = CashKind::from_word(body.need("type")?).ok_or_else(|| wrong("no such type of money"))?;
                let amount = body.amount("amount")?.ok_or_else(|| wrong("amount is required"))?;
                let words = body.text("description")?.unwrap_or_default();
                let row = hub.act(clock, |engine| engine.book_cash(account, kind, amount, words))?;
                json!({"net_amount": row.net_amount.to_string()})
            }
            "dividend" => {
                let symbol = body.need("symbol")?;
                let per_share = body.amount("per_share")?.ok_or_else(|| wrong("per_share is required"))?;
                let rows = hub.act(clock, |engine| engine.pay_dividend(symbol, per_share))?;
                json!({"paid": rows.iter().map(|row| row.net_amount.to_string()).collect::<Vec<_>>()})
            }
            "reset" => reset(sim, body)?,
            "readings" => readings(sim, body)?,
            _ => return Ok(None),
        }))
    };
    run().transpose()
}

/// Owner and id of the order given by its id or `client_order_id`.
fn order_of(engine: &Engine, name: &str) -> Result<(AccountNo, OrderId), Refusal> {
    let owners = || engine.accounts().iter().map(|account| account.no);
    let by_id = query::id(name).and_then(|id| owners().find(|no| engine.order(*no, id).is_ok()).map(|no| (no, id)));
    let by_name = || owners().find_map(|no| engine.order_by_client_id(no, name).ok().map(|order| (no, order.id)));
    by_id.or_else(by_name).ok_or_else(|| Refusal::no_order(name))
}

/// The execution given by its id, or the newest valid one of an order.
fn execution_of(sim: &Sim, body: &Body<'_>) -> Result<Uuid, ApiError> {
    if body.text("execution")?.is_some() {
        return body.id("execution");
    }
    let name = body.need("order").map_err(|_| wrong("execution or order is required"))?;
    sim.hub.act(&sim.clock, |engine| {
        let (no, id) = order_of(engine, name)?;
        let executions = engine.account(no)?.executions();
        let newest = executions.iter().rev().find(|e| e.order_id == id && e.restated != Some(Restated::Busted));
        let none = || Refusal::not_found(format!("no execution of order {name}"));
        Ok(newest.ok_or_else(none)?.id)
    })
}

/// Acts on an order of any account, and returns the order afterwards.
fn by_hand(
    sim: &Sim,
    body: &Body<'_>,
    act: impl FnOnce(&mut Engine, AccountNo, OrderId) -> Result<(), Refusal>,
) -> Result<Value, ApiError> {
    let name = body.need("order")?;
    sim.hub.act(&sim.clock, |engine| {
        let (owner, id) = order_of(engine, name)?;
        act(engine, owner, id)?;
        Ok(shown(engine.order(owner, id)?))
    })
}

/// Sets switches: all of them by a seed, then those given by name.
fn readings(sim: &Sim, body: &Body<'_>) -> Result<Value, ApiError> {
    sim.hub.act(&sim.clock, |engine| {
        let mut readings = match body.count("seed", u32::MAX)? {
            Some(seed) => Readings::drawn(u64::from(seed)),
            None => *engine.readings(),
        };
        for (name, word) in body.0.iter().filter(|(name, _)| *name != "seed") {
            let word = word.as_str().ok_or_else(|| wrong(format!("{name} must be a word")))?;
            readings.set(name, word).map_err(wrong)?;
        }
        engine.set_readings(readings);
        Ok(Value::Object(readings.words().map(|(name, word)| (name.to_owned(), word.into())).collect()))
    })
}

fn reset(sim: &Sim, body: &Body<'_>) -> Result<Value, ApiError> {
    let account = body.account(sim, "account")?;
    let cash = body.amount("cash")?;
    let start_over = |engine: &mut Engine| engine.reset_account(account, cash).map(|new| new.number.clone());
    let number = sim.hub.reset(&sim.clock, account, start_over)?;
    lock(&sim.watchlists).forget(account);
    if body.flag("revoke")?.unwrap_or(false) {
        {
            let mut grants = lock(&sim.grants);
            grants.revoke_all(Some(account));
            grants.revoke_keys(account);
        }
        sim.revoked.send_modify(|count| *count += 1);
    }
    Ok(json!({"account": number}))
}

fn market(sim: &Sim, action: &str, body: &Body<'_>) -> Done {
    let (hub, clock) = (&sim.hub, &sim.clock);
    let run = || -> Result<Option<Value>, ApiError> {
        match action {
            "halt" | "resume" => {
                let symbol = body.need("symbol")?;
                hub.act(clock, |engine| engine.halt(symbol, action == "halt"))?;
            }
            "price" => {
                let symbol = body.need("symbol")?;
                let price = body.amount("price")?.ok_or_else(|| wrong("price is required"))?;
                hub.act(clock, |engine| engine.set_price(symbol, price))?;
            }
            "bot" => {
                let account = body.account(sim, "account")?;
                let on = body.need_flag("on")?;
                let rate = body.count("rate", bot::HIGHEST_RATE)?;
                if on { sim.start_bot(account, rate) } else { sim.stop_bot() }
            }
            "close_market" => {
                let close = crate::sim::calendar::next_close(clock.now()).close_at;
                sim.jump(close);
            }
            "open_market" => {
                let open = crate::sim::calendar::next_open(clock.now()).open_at;
                sim.jump(open);
            }
            "advance" => {
                let by = body.time_up_to("by", "168h")?;
                if by > LONGEST_JUMP {
                    return Err(wrong("by must be 168h at most; send it again to go further"));
                }
                let by = jiff::SignedDuration::try_from(by).unwrap_or_default();
                sim.jump(clock.now().saturating_add(by).unwrap_or(clock.now()));
            }
            "pace" => {
                let pace = body.amount("pace")?.ok_or_else(|| wrong("pace is required"))?;
                if !(Decimal::new(1, 1)..=Decimal::ONE_THOUSAND).contains(&pace) {
                    return Err(wrong("pace must be from 0.1 to 1000"));
                }
                clock.set_pace(pace);
                hub.act(clock, |_| ());
            }
            _ => return Ok(None),
        }
        Ok(Some(json!({"now": clock.now().to_string()})))
    };
    run().transpose()
}

fn access(sim: &Sim, action: &str, body: &Body<'_>) -> Done {
    let run = || -> Result<Option<Value>, ApiError> {
        match action {
            "token" => return issue(sim, body).map(Some),
            "revoke" => {
                let count = if let Some(token) = body.text("token")? {
                    usize::from(lock(&sim.grants).revoke(token))
                } else {
                    let account = body.account(sim, "account")?;
                    lock(&sim.grants).revoke_all(Some(account))
                };
                sim.revoked.send_modify(|count| *count += 1);
                return Ok(Some(json!({"revoked": count})));
            }
            "register" => {
                let uri = body.need("redirect_uri")?.to_owned();
                if !url::Url::parse(&uri).is_ok_and(|url| matches!(url.scheme(), "http" | "https")) {
                    return Err(wrong("redirect_uri must be an http or https address"));
                }
                if let Some(client) = lock(&sim.grants).clients.first_mut() {
                    if client.redirect_uris.len() >= MOST_URIS {
                        return Err(wrong(format!("{MOST_URIS} redirect URIs are registered already")));
                    }
                    client.redirect_uris.push(uri);
                }
            }
            "authorize" => {
                let tricks = [
                    ("deny", AuthorizeTrick::Deny),
                    ("deny_without_words", AuthorizeTrick::DenyWithoutWords),
                    ("wrong_state", AuthorizeTrick::WrongState),
                    ("no_state", AuthorizeTrick::NoState),
                    ("hang", AuthorizeTrick::Hang),
                ];
                let trick = body.choice("next", &tricks)?;
                lock(&sim.policy).authorize = Some(trick);
            }
            "token_endpoint" => {
                let shapes = [
                    ("oauth", ErrorShape::OAuth),
                    ("alpaca", ErrorShape::Alpaca),
                    ("text", ErrorShape::Text),
                    ("html", ErrorShape::Html),
                ];
                if body.text("errors")?.is_some() {
                    let shape = body.choice("errors", &shapes)?;
                    lock(&sim.policy).token_errors = shape;
                }
                if body.text("delay")?.is_some() {
                    let delay = body.time("delay")?;
                    lock(&sim.policy).token_delay = Some(delay);
                }
            }
            "wrong_environment" => {
                let status = body.0.get("status").and_then(Value::as_u64);
                lock(&sim.policy).wrong_environment = match status {
                    Some(401) => 401,
                    Some(403) => 403,
                    _ => return Err(wrong("status must be 401 or 403")),
                };
            }
            "stream_auth" => {
                let forms = AuthForm::ALL.map(|form| (form.as_str(), form));
                let answers =
                    [("accept", FormPolicy::Accept), ("refuse", FormPolicy::Refuse), ("silent", FormPolicy::Silent)];
                let (form, policy) = (body.choice("form", &forms)?, body.choice("answer", &answers)?);
                lock(&sim.policy).forms.insert(form, policy);
            }
            "symbol_limit" => {
                let limit = body.count("limit", u32::MAX)?.ok_or_else(|| wrong("limit is required"))?;
                lock(&sim.policy).symbols = usize::try_from(limit).unwrap_or(usize::MAX);
            }
            "history" => {
                lock(&sim.policy).history_nulls = body.need_flag("nulls")?;
            }
            "sse" => lock(&sim.policy).sse = body.need_flag("on")?,
            _ => return Ok(None),
        }
        Ok(Some(json!({"done": true})))
    };
    run().transpose()
}

fn issue(sim: &Sim, body: &Body<'_>) -> Result<Value, ApiError> {
    use crate::sim::server::grants::{Grant, Scopes};
    let find = |name: &str, live: bool| -> Result<Option<AccountNo>, ApiError> {
        let Some(number) = body.text(name)? else { return Ok(None) };
        let found = sim.hub.accounts().into_iter().find(|account| account.number == number && account.live == live);
        found.map(|account| Some(account.no)).ok_or_else(|| ApiError::not_found(format!("no account {number}")))
    };
    let scopes = match body.text("scopes")? {
        Some(text) => Scopes::parse(text).map_err(|word| wrong(format!("unknown scope {word}")))?,
        None => Scopes::ALL,
    };
    let mut grant = Grant { paper: find("account", false)?, live: find("live_account", true)?, scopes };
    if grant.paper.is_none() && grant.live.is_none() {
        grant.paper = sim.hub.find_account(None);
    }
    Ok(json!({"token": lock(&sim.grants).issue_token(grant), "scopes": scopes.text()}))
}

fn trouble(sim: &Sim, action: &str, body: &Body<'_>) -> Done {
    let run = || -> Result<Option<Value>, ApiError> {
        match action {
            "fault" => {
                let mut rule = Rule::parse(body.need("rule")?, sim.clock.real())?;
                rule.method = body.text("method")?.map(str::to_owned);
                rule.path = body.text("path")?.map(str::to_owned);
                lock(&sim.faults).add(rule, sim.clock.real())?;
            }
            "clear" => {
                lock(&sim.faults).clear();
                lock(&sim.grants).refresh();
                *lock(&sim.policy) = crate::sim::server::state::Policy::default();
                sim.refuse.send_replace(None);
                sim.freeze.send_replace(None);
                sim.hub.end_lag();
                sim.hub.act(&sim.clock, |engine| engine.set_readings(Readings::default()));
            }
            "drop" => sim.drop_connections(),
            "refuse" => {
                let until = Instant::now() + body.time("for")?;
                sim.refuse.send_replace(Some(until));
                sim.drop_connections();
            }
            "freeze" => {
                let until = Instant::now() + body.time("for")?;
                sim.freeze.send_replace(Some(until));
            }
            "lag" => sim.hub.lag_until(&sim.clock, Instant::now() + body.time("for")?),
            "rate_limit" => {
                if let Some(limit) = body.count("limit", u32::MAX)? {
                    lock(&sim.grants).limit = limit;
                }
                if let Some(on) = body.flag("retry_after")? {
                    lock(&sim.policy).retry_after = on;
                }
                if body.text("exhaust")?.is_some() {
                    let account = body.account(sim, "exhaust")?;
                    let now = sim.clock.real();
                    lock(&sim.grants).exhaust(account, now);
                }
            }
            _ => return Ok(None),
        }
        Ok(Some(json!({"done": true})))
    };
    run().transpose()
}
