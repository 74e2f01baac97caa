//! A day of trading with the `apca` crate, unchanged: account, orders placed, changed and deleted, and their updates.
//!
//! `apca-day READY_LINE`; the crate is told where to connect and nothing else.

use std::fmt::Debug;
use std::future::Future;
use std::time::Duration;

use apca::api::v2::account_activities::{self, ActivityReq, ActivityType};
use apca::api::v2::order::{self, Amount, ChangeReq, CreateReqInit, Side, Status, StopLoss, TakeProfit, TimeInForce, Type};
use apca::api::v2::updates::{OrderStatus, OrderUpdate, OrderUpdates};
use apca::api::v2::{account, asset, assets, clock, orders, position, positions};
use apca::data::v2::stream::{drive, Data, MarketData, RealtimeData, IEX};
use apca::{ApiInfo, Client, RequestError};
use futures::{FutureExt as _, StreamExt as _};
use num_decimal::Num;
use serde_json::Value;
use tokio::sync::mpsc::{unbounded_channel, UnboundedReceiver};
use tokio::time::timeout;
use url::Url;

const PATIENCE: Duration = Duration::from_secs(20);

type Failure = Box<dyn std::error::Error>;
type Outcome<T = ()> = Result<T, Failure>;

/// What the stream said about every order so far.
struct Tape {
    incoming: UnboundedReceiver<OrderUpdate>,
    heard: Vec<OrderUpdate>,
}

impl Tape {
    async fn wait(&mut self, id: order::Id, event: OrderStatus) -> Outcome<OrderUpdate> {
        let waiting = async {
            loop {
                let found = self.heard.iter().find(|update| update.order.id == id && update.event == event);
                if let Some(update) = found {
                    return Some(update.clone());
                }
                self.heard.push(self.incoming.recv().await?);
            }
        };
        let answer = timeout(PATIENCE, waiting).await.ok().flatten();
        answer.ok_or_else(|| {
            let events: Vec<_> = self.heard.iter().filter(|u| u.order.id == id).map(|u| u.event).collect();
            format!("no {event:?} for order {}; heard {events:?}", id.as_hyphenated()).into()
        })
    }
}

#[derive(Default)]
struct Score {
    passed: u32,
    failed: u32,
}

impl Score {
    async fn step(&mut self, name: &str, work: impl Future<Output = Outcome>) {
        match work.await {
            Ok(()) => self.passed += 1,
            Err(error) => {
                self.failed += 1;
                println!("apca: {name}: {error}");
            }
        }
    }
}

fn ensure(what: bool, or: impl Debug) -> Outcome {
    if what {
        Ok(())
    } else {
        Err(format!("unexpected: {or:?}").into())
    }
}

fn text<'a>(ready: &'a Value, pointer: &str) -> Outcome<&'a str> {
    Ok(ready.pointer(pointer).and_then(Value::as_str).ok_or_else(|| format!("no {pointer} in the ready line"))?)
}

fn info(ready: &Value) -> Outcome<ApiInfo> {
    let base = text(ready, "/paper/api_url")?;
    let mut info = ApiInfo::from_parts(base, text(ready, "/key_id")?, text(ready, "/secret_key")?)?;
    if base.starts_with("http:") {
        // The crate assumes that every stream uses TLS.
        info.api_stream_url = Url::parse(text(ready, "/paper/stream_url")?)?;
    }
    info.data_stream_base_url = Url::parse(text(ready, "/data/stream_url")?)?;
    Ok(info)
}

fn resting(price: &Num, share_of_price: i32) -> Num {
    (price.clone() * share_of_price / 100).round_with(2)
}

fn limit(price: Num) -> CreateReqInit {
    CreateReqInit { type_: Type::Limit, limit_price: Some(price), ..Default::default() }
}

async fn market(client: &Client, tape: &mut Tape, symbol: &str, qty: i32, side: Side) -> Outcome<order::Order> {
    let request = CreateReqInit::default().init(symbol, side, Amount::quantity(qty));
    let placed = client.issue::<order::Create>(&request).await?;
    tape.wait(placed.id, OrderStatus::New).await?;
    tape.wait(placed.id, OrderStatus::Filled).await?;
    Ok(client.issue::<order::Get>(&placed.id).await?)
}

/// Moving the brokerage's clock, which the crate does not know of.
mod hand {
    #[derive(Debug)]
    pub struct Unreadable;

    impl std::fmt::Display for Unreadable {
        fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
            f.write_str("unreadable")
        }
    }

    impl std::error::Error for Unreadable {}

    http_endpoint::EndpointDef! {
        pub Move(&'static str),
        Ok => (), [OK,],
        Err => MoveError, [],
        ConversionErr => Unreadable,
        ApiErr => Unreadable,

        fn method() -> http::Method {
            http::Method::POST
        }

        fn path(action: &Self::Input) -> http_endpoint::Str {
            format!("/_sim/{action}").into()
        }

        fn parse(_: &[u8]) -> Result<(), Unreadable> {
            Ok(())
        }

        fn parse_err(body: &[u8]) -> Result<Unreadable, Vec<u8>> {
            Err(body.to_vec())
        }
    }
}

#[tokio::main]
async fn main() -> Outcome {
    let ready = std::env::args().nth(1).ok_or("usage: apca-day READY_LINE")?;
    let ready: Value = serde_json::from_str(&ready)?;
    let client = Client::new(info(&ready)?);
    let mut score = Score::default();

    score
        .step("account", async {
            let account = client.issue::<account::Get>(&()).await?;
            ensure(account.status == account::Status::Active && account.equity > Num::from(0), &account)
        })
        .await;
    score
        .step("clock", async {
            let clock = client.issue::<clock::Get>(&()).await?;
            ensure(clock.open && clock.next_close > clock.current, clock)
        })
        .await;
    score
        .step("assets", async {
            let list = client.issue::<assets::List>(&assets::ListReq::default()).await?;
            ensure(list.iter().any(|asset| asset.symbol == "AAPL"), list.len())?;
            let apple = client.issue::<asset::Get>(&asset::Symbol::Sym("AAPL".into())).await?;
            ensure(apple.tradable && apple.exchange == asset::Exchange::Nasdaq, &apple)?;
            let same = client.issue::<asset::Get>(&asset::Symbol::Id(apple.id)).await?;
            ensure(same == apple, same)
        })
        .await;

    let (mut stream, subscription) = client.subscribe::<OrderUpdates>().await?;
    let (sender, incoming) = unbounded_channel();
    let reader = tokio::spawn(async move {
        while let Some(update) = stream.next().await {
            match update {
                Ok(Ok(update)) => {
                    if sender.send(update).is_err() {
                        break;
                    }
                }
                Ok(Err(error)) => println!("apca: the stream said something the crate can't read: {error}"),
                Err(error) => {
                    println!("apca: the stream ended: {error}");
                    break;
                }
            }
        }
    });
    let mut tape = Tape { incoming, heard: Vec::new() };
    let mut price = Num::from(0);

    score
        .step("a market order fills", async {
            let filled = market(&client, &mut tape, "AAPL", 6, Side::Buy).await?;
            ensure(filled.status == Status::Filled && filled.filled_quantity == Num::from(6), &filled)?;
            price = filled.average_fill_price.clone().ok_or("no average price")?;
            let position = client.issue::<position::Get>(&asset::Symbol::Sym("AAPL".into())).await?;
            ensure(position.side == position::Side::Long && position.quantity >= Num::from(6), position)
        })
        .await;
    score
        .step("a limit order is changed and deleted", async {
            let init = CreateReqInit { client_order_id: Some("apca-limit-1".into()), ..limit(resting(&price, 80)) };
            let placed = client.issue::<order::Create>(&init.init("AAPL", Side::Buy, Amount::quantity(3))).await?;
            tape.wait(placed.id, OrderStatus::New).await?;
            let same = client.issue::<order::GetByClientId>(&"apca-limit-1".to_owned()).await?;
            ensure(same.id == placed.id, same)?;
            let change = ChangeReq {
                quantity: Some(Num::from(4)),
                limit_price: Some(resting(&price, 79)),
                ..Default::default()
            };
            let changed = client.issue::<order::Change>(&(placed.id, change)).await?;
            ensure(changed.id != placed.id, &changed)?;
            let old = tape.wait(placed.id, OrderStatus::Replaced).await?;
            ensure(old.order.status == Status::Replaced, &old)?;
            tape.wait(changed.id, OrderStatus::New).await?;
            let open = client.issue::<orders::List>(&orders::ListReq::default()).await?;
            ensure(open.iter().any(|order| order.id == changed.id), open.len())?;
            client.issue::<order::Delete>(&changed.id).await?;
            let gone = tape.wait(changed.id, OrderStatus::Canceled).await?;
            ensure(gone.order.status == Status::Canceled, gone)
        })
        .await;
    score
        .step("a bracket's legs are known by their parent", async {
            let init = CreateReqInit {
                class: order::Class::Bracket,
                take_profit: Some(TakeProfit::Limit(resting(&price, 130))),
                stop_loss: Some(StopLoss::Stop(resting(&price, 60))),
                ..limit(resting(&price, 75))
            };
            let placed = client.issue::<order::Create>(&init.init("AAPL", Side::Buy, Amount::quantity(1))).await?;
            ensure(placed.legs.len() == 2, &placed)?;
            tape.wait(placed.id, OrderStatus::New).await?;
            client.issue::<order::Delete>(&placed.id).await?;
            tape.wait(placed.id, OrderStatus::Canceled).await?;
            Ok(())
        })
        .await;
    score
        .step("refusals are told apart", async {
            let request = CreateReqInit::default().init("AAPL", Side::Buy, Amount::quantity(1_000_000));
            let refused = client.issue::<order::Create>(&request).await;
            let allowed = matches!(&refused, Err(RequestError::Endpoint(order::CreateError::NotPermitted(Ok(error))))
            if error.message == "insufficient buying power");
            ensure(allowed, refused)?;
            let again = CreateReqInit { client_order_id: Some("apca-limit-1".into()), ..limit(resting(&price, 80)) };
            let refused = client.issue::<order::Create>(&again.init("AAPL", Side::Buy, Amount::quantity(1))).await;
            ensure(matches!(&refused, Err(RequestError::Endpoint(order::CreateError::InvalidInput(_)))), refused)?;
            let unknown: order::Id = serde_json::from_str("\"00000000-0000-4000-8000-000000000000\"")?;
            let refused = client.issue::<order::Delete>(&unknown).await;
            ensure(matches!(&refused, Err(RequestError::Endpoint(order::DeleteError::NotFound(_)))), refused)?;
            let done = tape.heard.iter().find(|update| update.event == OrderStatus::Filled).ok_or("nothing filled")?;
            let refused = client.issue::<order::Delete>(&done.order.id).await;
            ensure(matches!(&refused, Err(RequestError::Endpoint(order::DeleteError::NotCancelable(_)))), refused)
        })
        .await;
    score
        .step("a position is closed", async {
            let closing = client.issue::<position::Delete>(&asset::Symbol::Sym("AAPL".into())).await?;
            tape.wait(closing.id, OrderStatus::Filled).await?;
            let left = client.issue::<positions::List>(&()).await?;
            ensure(left.iter().all(|position| position.symbol != "AAPL"), left)?;
            let gone = client.issue::<position::Get>(&asset::Symbol::Sym("AAPL".into())).await;
            ensure(matches!(&gone, Err(RequestError::Endpoint(position::GetError::NotFound(_)))), gone)
        })
        .await;
    score
        .step("activities", async {
            let request = ActivityReq { types: vec![ActivityType::Fill], page_size: Some(50), ..Default::default() };
            let fills = client.issue::<account_activities::Get>(&request).await?;
            ensure(fills.len() >= 2, fills)
        })
        .await;
    score
        .step("the data stream", async {
            let (mut stream, mut subscription) = client.subscribe::<RealtimeData<IEX>>().await?;
            let mut wanted = MarketData::default();
            wanted.set_quotes(["AAPL", "NVDA", "SPY"]);
            let subscribing = subscription.subscribe(&wanted).boxed_local();
            drive(subscribing, &mut stream).await.map_err(|error| format!("not subscribed: {error:?}"))???;
            let first = timeout(PATIENCE, stream.next()).await?.ok_or("the data stream ended")???;
            match first {
                Data::Quote(quote) => {
                    ensure(quote.bid_price > Num::from(0) && quote.bid_price <= quote.ask_price, quote)
                }
                other => Err(format!("not a quote: {other:?}").into()),
            }
        })
        .await;
    score
        .step("a day from bell to bell", async {
            let order = |init: CreateReqInit, side, qty| init.init("AAPL", side, Amount::quantity(qty));
            let gtc = |price| CreateReqInit { time_in_force: TimeInForce::UntilCanceled, ..limit(price) };
            let cls = CreateReqInit { time_in_force: TimeInForce::UntilMarketClose, ..Default::default() };
            client.issue::<hand::Move>(&"open_market").await?;
            let morning = client.issue::<clock::Get>(&()).await?;
            ensure(morning.open, morning)?;
            market(&client, &mut tape, "AAPL", 7, Side::Buy).await?;
            let day = client.issue::<order::Create>(&order(limit(resting(&price, 50)), Side::Buy, 2)).await?;
            // A sell may not cross a buy of the same account, so the order that stays open is in another symbol.
            let longer = gtc(Num::from(20)).init("KO", Side::Buy, Amount::quantity(2));
            let longer = client.issue::<order::Create>(&longer).await?;
            let close = client.issue::<order::Create>(&order(cls, Side::Buy, 2)).await?;
            ensure(close.status == Status::Accepted, &close)?;
            tape.wait(day.id, OrderStatus::New).await?;
            tape.wait(longer.id, OrderStatus::New).await?;

            client.issue::<hand::Move>(&"close_market").await?;
            let expired = tape.wait(day.id, OrderStatus::Expired).await?;
            ensure(expired.order.status == Status::Expired && expired.order.expired_at.is_some(), &expired)?;
            tape.wait(close.id, OrderStatus::Filled).await?;
            let evening = client.issue::<clock::Get>(&()).await?;
            ensure(!evening.open && evening.current >= morning.next_close, evening)?;
            let open = client.issue::<orders::List>(&orders::ListReq::default()).await?;
            ensure(open.iter().map(|order| order.id).eq([longer.id]), &open)?;
            let dear = resting(&price, 110);
            let late = CreateReqInit { extended_hours: true, ..limit(dear) };
            let late = client.issue::<order::Create>(&order(late, Side::Buy, 1)).await?;
            tape.wait(late.id, OrderStatus::Filled).await?;
            let waits = client.issue::<order::Create>(&order(CreateReqInit::default(), Side::Sell, 3)).await?;
            ensure(waits.status == Status::Accepted, &waits)?;

            client.issue::<hand::Move>(&"open_market").await?;
            tape.wait(waits.id, OrderStatus::New).await?;
            tape.wait(waits.id, OrderStatus::Filled).await?;
            let tomorrow = client.issue::<clock::Get>(&()).await?;
            ensure(tomorrow.open && tomorrow.current > evening.current, tomorrow)?;
            ensure(client.issue::<order::Get>(&longer.id).await?.status == Status::New, longer.id)?;
            let position = client.issue::<position::Get>(&asset::Symbol::Sym("AAPL".into())).await?;
            ensure(position.quantity == Num::from(7 + 2 + 1 - 3), position)?;
            client.issue::<order::Delete>(&longer.id).await?;
            tape.wait(longer.id, OrderStatus::Canceled).await?;
            Ok(())
        })
        .await;

    drop(subscription);
    reader.abort();
    println!("apca: {} passed, {} failed", score.passed, score.failed);
    if score.failed > 0 {
        std::process::exit(1);
    }
    Ok(())
}
