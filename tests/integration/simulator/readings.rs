//! The switches of the readings over HTTP, and single endpoints that fail for a long time.

use super::*;

#[tokio::test]
async fn readings_are_set_by_name_drawn_by_a_seed_and_reset() {
    let fixture = Fixture::open().await;
    let usual = fixture.control("readings", json!({})).await;
    assert_eq!((&usual["replace"], &usual["page"]), (&json!("anew"), &json!("full")));
    let turned = fixture.control("readings", json!({"replace": "carries", "page": "3"})).await;
    assert_eq!(
        (&turned["replace"], &turned["page"], &turned["row_time"]),
        (&json!("carries"), &json!("3"), &json!("same"))
    );
    let drawn = fixture.control("readings", json!({"seed": 12, "page": "full"})).await;
    assert_eq!(drawn, fixture.control("readings", json!({"seed": 12, "page": "full"})).await);
    assert_ne!(drawn, usual);
    for wrong in [json!({"replace": "perhaps"}), json!({"mood": "good"}), json!({"page": 3}), json!({"seed": "x"})] {
        let (status, answer) = fixture.paper(Method::POST, "/_sim/readings", Some(wrong.clone())).await;
        assert_eq!(status, StatusCode::BAD_REQUEST, "{wrong}: {answer}");
    }
    assert_eq!(fixture.control("readings", json!({})).await, drawn, "a refused request changes nothing");
    fixture.control("clear", json!({})).await;
    assert_eq!(fixture.control("readings", json!({})).await, usual);
    // The documentation lists every switch with every value.
    let docs = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/docs/SIMULATOR.md")).unwrap();
    for switch in brokerdeck::sim::engine::SWITCHES {
        let words = switch.words.iter().map(|word| format!("`{word}`")).collect::<Vec<_>>().join(" ");
        let row = format!("| `{}` | {words} | {} |", switch.name, switch.what);
        assert!(docs.contains(&row), "docs/SIMULATOR.md lacks: {row}");
    }
}

#[tokio::test]
async fn rest_dates_an_orders_change_as_configured() {
    let fixture = Fixture::open().await;
    let mut socket = fixture.listening().await;
    let id = fixture.limit("100.00").await["id"].as_str().unwrap().to_owned();
    let frame = loop {
        let frame = socket.receive().await.unwrap();
        if frame["data"]["event"] == "new" {
            break frame;
        }
    };
    let path = format!("/v2/orders/{id}");
    let at = async |word: &str| {
        fixture.control("readings", json!({"updated_at": word})).await;
        let order = fixture.paper(Method::GET, &path, None).await.1;
        let listed = fixture.paper(Method::GET, "/v2/orders?status=all", None).await.1;
        if word != "moving" {
            assert_eq!(listed[0]["updated_at"], order["updated_at"], "{word}");
        }
        let moment = |name: &str| order[name].as_str().unwrap().parse::<jiff::Timestamp>().unwrap();
        (moment("updated_at"), moment("created_at"))
    };
    let reported: jiff::Timestamp = frame["data"]["order"]["updated_at"].as_str().unwrap().parse().unwrap();
    assert_eq!(at("exact").await.0, reported);
    let coarse = at("coarse").await.0;
    assert!(
        coarse < reported
            && coarse.as_millisecond() == reported.as_millisecond()
            && coarse.subsec_nanosecond() % 1_000_000 == 0
    );
    let (still, created) = at("still").await;
    assert_eq!(still, created);
    let (first, second) = (at("moving").await.0, at("moving").await.0);
    assert!(reported < first && first < second, "the time changes, and nothing else");
}

#[tokio::test]
async fn the_time_of_a_row_differs_from_its_frames_when_configured() {
    let fixture = Fixture::open().await;
    let order = fixture.limit("100.00").await;
    fixture.control("fill", json!({"order": order["id"]})).await;
    let at = async |word: &str| {
        fixture.control("readings", json!({"row_time": word})).await;
        let rows = fixture.paper(Method::GET, "/v2/account/activities/FILL", None).await.1;
        rows[0]["transaction_time"].as_str().unwrap().parse::<jiff::Timestamp>().unwrap()
    };
    let same = at("same").await;
    let five = jiff::SignedDuration::from_secs(5);
    assert_eq!((at("5s_late").await, at("5s_early").await), (same + five, same - five));
}

#[tokio::test]
async fn single_endpoints_fail_for_a_time_and_recover() {
    let fixture = Fixture::open().await;
    let order = fixture.limit("100.00").await;
    fixture.control("fill", json!({"order": order["id"], "qty": "4"})).await;
    let fault = async |rule: &str, path: &str| {
        fixture.control("clear", json!({})).await;
        fixture.control("fault", json!({"rule": rule, "path": path})).await;
    };
    let ask = async |path: &str| fixture.ask(Method::GET, path, &fixture.ready().paper_token, None).await;
    for (rule, status) in [("403~1h", 403), ("500~1h", 500), ("401~1h", 401), ("html403~1h", 403), ("html200~1h", 200)]
    {
        fault(rule, "/v2/positions").await;
        for _ in 0..3 {
            let answer = ask("/v2/positions").await;
            assert_eq!(answer.status().as_u16(), status, "{rule}");
            let kind = answer.headers()["content-type"].to_str().unwrap().to_owned();
            assert_eq!(kind.starts_with("text/html"), rule.starts_with("html"), "{rule}");
        }
        assert_eq!(ask("/v2/account").await.status(), StatusCode::OK, "{rule} affects one endpoint alone");
    }
    fault("retry_after=1h~1h", "/v2/account").await;
    let answer = ask("/v2/account").await;
    assert_eq!((answer.status().as_u16(), &answer.headers()["retry-after"]), (429, &"3600".parse().unwrap()));
    fault("null_body~1h", "/v2/orders").await;
    assert_eq!(ask("/v2/orders").await.text().await.unwrap(), "null");
    fixture.limit("99.00").await;
    fault("bad_row~1h", "/v2/orders").await;
    let rows: Value = ask("/v2/orders?status=all").await.json().await.unwrap();
    assert_eq!(
        (&rows[0]["filled_qty"], &rows[0]["qty"], &rows[1]["filled_qty"]),
        (&json!(""), &json!(""), &json!("4"))
    );
    fault("401*3", "/v2/positions").await;
    for expected in [401, 401, 401, 200] {
        assert_eq!(ask("/v2/positions").await.status().as_u16(), expected, "it recovers by itself");
    }
}
