//! Plays the example scenario on a running brokerage with a manual clock, and checks the books after each step.

use std::path::Path;

use super::*;

/// One order in the books, by its `client_order_id`: status, executed quantity and average price.
fn order<'a>(truth: &'a Value, name: &str) -> (&'a str, &'a str, Option<&'a str>) {
    let rows = truth["orders"].as_array().unwrap();
    let row = rows.iter().find(|row| row["client_order_id"] == name).unwrap_or_else(|| panic!("no order {name}"));
    (row["status"].as_str().unwrap(), row["filled_qty"].as_str().unwrap(), row["filled_avg_price"].as_str())
}

/// Checks that cash is the opening cash plus the effect of all valid executions, to the last digit.
fn assert_exact(truth: &Value) {
    let amount = |value: &Value| value.as_str().unwrap().parse::<Decimal>().unwrap();
    let mut cash = Decimal::from(100_000);
    let mut shares = std::collections::BTreeMap::<String, Decimal>::new();
    for row in truth["executions"].as_array().unwrap().iter().filter(|row| row["restated"] != "busted") {
        let sign = if row["side"] == "buy" { Decimal::ONE } else { -Decimal::ONE };
        cash -= sign * amount(&row["qty"]) * amount(&row["price"]);
        *shares.entry(row["symbol"].as_str().unwrap().to_owned()).or_default() += sign * amount(&row["qty"]);
    }
    assert_eq!(amount(&truth["cash"]), cash, "{truth}");
    shares.retain(|_, qty| !qty.is_zero());
    let held = truth["positions"].as_array().unwrap().iter();
    let held: std::collections::BTreeMap<_, _> =
        held.map(|row| (row["symbol"].as_str().unwrap().to_owned(), amount(&row["qty"]))).collect();
    assert_eq!(held, shares, "{truth}");
}

struct Day {
    fixture: Fixture,
    steps: usize,
}

impl Day {
    async fn truth(&self) -> Value {
        self.fixture.paper(Method::GET, "/_sim/truth", None).await.1
    }

    /// Sets the clock to a time of the day and waits until the next step is done.
    async fn step(&mut self, time: &str, action: &str) -> Value {
        let now: jiff::Timestamp = self.truth().await["now"].as_str().unwrap().parse().unwrap();
        let zone = jiff::tz::TimeZone::posix("EST5EDT,M3.2.0,M11.1.0").unwrap();
        let moment = now.to_zoned(zone).with().time(time.parse().unwrap()).build().unwrap().timestamp();
        let by = moment.duration_since(now).as_millis() + 1;
        self.fixture.control("advance", json!({"by": format!("{by}ms")})).await;
        self.steps += 1;
        self.done(action).await;
        // One second more, so that the venue has handled the step's requests.
        self.fixture.control("advance", json!({"by": "1s"})).await;
        let truth = self.truth().await;
        assert_exact(&truth);
        truth
    }

    /// The log entries of the scenario's steps, without clock changes and triggered faults.
    async fn done(&self, action: &str) {
        let all = async {
            loop {
                let (_, log) = self.fixture.paper(Method::GET, "/_sim/log", None).await;
                let lines = log.as_array().unwrap().iter();
                let steps: Vec<&Value> =
                    lines.filter(|line| line["fault"] != "advance" && line["fault"] != "duplicate").collect();
                assert!(
                    steps.iter().all(|line| !line["what"].as_str().unwrap_or_default().starts_with("failed")),
                    "{log}"
                );
                if let Some(last) = steps.get(self.steps - 1) {
                    assert_eq!(last["fault"], action, "step {}", self.steps);
                    return;
                }
                tokio::task::yield_now().await;
            }
        };
        tokio::time::timeout(TEST_TIMEOUT, all).await.unwrap_or_else(|_| panic!("step {} never came", self.steps));
    }
}

#[tokio::test]
async fn the_example_scenario_is_played_step_by_step() {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/scenario.toml");
    // A thousandth of real time, so that in effect only the test moves the clock.
    let frozen = SimOptions { pace: Decimal::new(1, 3), scenario: Some(file), ..options() };
    let mut day = Day { fixture: Fixture::with(frozen).await, steps: 0 };
    let mut socket = day.fixture.listening().await;

    day.step("13:31", "place").await;
    let truth = day.step("13:32", "partial_fill").await;
    assert_eq!(order(&truth, "patience"), ("partially_filled", "40", Some("150")), "not beyond the limit by itself");
    assert_eq!(socket.events_until("partial_fill").await, ["pending_new", "new", "partial_fill"]);

    day.step("13:33", "fault").await;
    let truth = day.step("13:34", "partial_fill").await;
    assert_eq!(order(&truth, "patience").1, "75");
    let first = socket.receive().await.unwrap();
    assert_eq!(first["data"]["event"], "partial_fill");
    assert_eq!(socket.receive().await.unwrap(), first, "the same frame twice");

    let truth = day.step("13:35", "correct").await;
    assert_eq!(order(&truth, "patience"), ("partially_filled", "75", Some("149.65")));
    let correction = socket.receive().await.unwrap();
    assert_eq!(
        (&correction["data"]["event"], &correction["data"]["price"]),
        (&json!("trade_correct"), &json!("149.25"))
    );
    assert_eq!(correction["data"]["previous_execution_id"], first["data"]["execution_id"]);
    assert_eq!(socket.receive().await.unwrap(), correction, "the second of two duplicates");

    assert_eq!(order(&day.step("13:36", "partial_fill").await, "patience").1, "80");
    assert_eq!(socket.events_until("partial_fill").await, ["partial_fill"], "and no third");
    assert_eq!(order(&day.step("13:37", "bust").await, "patience").1, "75");
    assert_eq!(order(&day.step("13:40", "cancel").await, "patience").0, "canceled");
    day.step("13:45", "place").await;
    let truth = day.step("13:50", "price").await;
    let (status, sold, at) = order(&truth, "protection");
    assert_eq!((status, sold), ("filled", "75"), "{truth}");
    let at: Decimal = at.unwrap().parse().unwrap();
    assert!((at - Decimal::from(199)).abs() < Decimal::ONE, "{at}");
    assert_eq!(truth["positions"], json!([]));

    day.step("13:55", "place").await;
    assert_eq!(order(&day.step("13:56", "reject").await, "unwanted").0, "rejected");
    assert_eq!(order(&day.step("15:45", "place").await, "at the close").0, "accepted");
    assert_eq!(order(&day.step("15:46", "place").await, "for the day").0, "new");
    let truth = day.step("16:30", "place").await;
    assert_eq!(order(&truth, "at the close").0, "filled");
    assert_eq!(order(&truth, "for the day").0, "expired");
    assert_eq!(order(&truth, "for tomorrow").0, "accepted");
    let truth = day.step("16:31", "open_market").await;
    assert_eq!(order(&truth, "for tomorrow").0, "filled");
    let morning = |frame: &Value| frame["data"]["order"]["client_order_id"] == "for tomorrow";
    loop {
        let frame = socket.receive().await.expect("the stream lasts until the morning's drop");
        if morning(&frame) && frame["data"]["event"] == "fill" {
            break;
        }
    }
    // After midnight, 9:31 is of the new day.
    day.step("09:31", "drop").await;
    while socket.receive().await.is_some() {}

    let (_, log) = day.fixture.paper(Method::GET, "/_sim/log", None).await;
    let struck = log.as_array().unwrap().iter().filter(|line| line["fault"] == "duplicate").count();
    assert_eq!(struck, 2);
}
