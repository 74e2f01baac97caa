//! Cash movements without a trade, and their rows in the activity list.

use super::*;
use jiff::civil::date;

const LIVE: AccountNo = AccountNo(2);

/// Every activity of an account, page by page, and what they add up to.
fn all(engine: &Engine, no: AccountNo, page_size: usize, ascending: bool) -> Vec<Activity> {
    let mut filter = ActivityFilter { ascending, page_size, ..ActivityFilter::default() };
    let mut rows: Vec<Activity> = Vec::new();
    loop {
        let page = engine.activities(no, &filter).unwrap();
        let full = page.len() == page_size;
        rows.extend(page);
        if !full {
            return rows;
        }
        filter.page_token = rows.last().map(|row| row.id.clone());
    }
}

fn sum(rows: &[Activity]) -> Decimal {
    rows.iter()
        .map(|row| match &row.what {
            ActivityOf::Fill(execution) if execution.side == Side::Buy => -execution.qty * execution.price,
            ActivityOf::Fill(execution) => execution.qty * execution.price,
            ActivityOf::CoinFee(execution) => coin_fee(execution).1,
            ActivityOf::Cash(row) => row.net_amount,
        })
        .sum()
}

fn kinds(rows: &[Activity]) -> Vec<&'static str> {
    rows.iter()
        .map(|row| match &row.what {
            ActivityOf::Fill(_) => "FILL",
            ActivityOf::CoinFee(_) => "CFEE",
            ActivityOf::Cash(row) => row.kind.as_str(),
        })
        .collect()
}

#[test]
fn the_activities_of_an_account_add_up_to_its_cash() {
    let mut engine = super::properties::lived_in(31);
    engine.book_cash(PAPER, CashKind::Deposit, dec("2500.50"), "from the bank").unwrap();
    engine.book_cash(PAPER, CashKind::Fee, dec("1.25"), "").unwrap();
    engine.pay_dividend("AAPL", dec("0.26")).unwrap();
    pass(&mut engine, 60_000);
    let down = all(&engine, PAPER, 7, false);
    let mut up = all(&engine, PAPER, 100, true);
    assert_eq!(sum(&up), engine.account(PAPER).unwrap().cash);
    up.reverse();
    assert_eq!(down, up, "the same rows in either direction and in pages of any size");
    assert!(kinds(&up).contains(&"CFEE") && kinds(&up).contains(&"CSD"), "{:?}", kinds(&up));
    assert_eq!(kinds(&up).last(), Some(&"JNLC"), "the oldest is what the account was opened with");
    let busted = engine.account(PAPER).unwrap().executions().last().unwrap().id;
    engine.bust(busted).unwrap();
    assert_eq!(sum(&all(&engine, PAPER, 100, true)), engine.account(PAPER).unwrap().cash, "also after a bust");
}

#[test]
fn activities_are_chosen_by_type_group_and_category() {
    let mut engine = engine(32);
    pass(&mut engine, 1_000);
    engine.place(PAPER, &NewOrder::market("KO", Side::Buy, dec("3"))).unwrap();
    pass(&mut engine, 1_000);
    for (kind, amount) in [(CashKind::Deposit, "10"), (CashKind::Withdrawal, "4"), (CashKind::Interest, "0.5")] {
        engine.book_cash(PAPER, kind, dec(amount), "").unwrap();
        // Within one millisecond rows have no particular order.
        pass(&mut engine, 50);
    }
    let ask = |kinds: &[&str], trades| {
        let kinds = kinds.iter().map(|kind| (*kind).to_owned()).collect();
        let filter = ActivityFilter { kinds, trades, page_size: 100, ascending: true, ..ActivityFilter::default() };
        super::cash::kinds(&engine.activities(PAPER, &filter).unwrap())
    };
    assert_eq!(ask(&[], None), ["JNLC", "FILL", "CSD", "CSW", "INT"]);
    assert_eq!(ask(&["TRANS"], None), ["CSD", "CSW"]);
    assert_eq!(ask(&["MISC"], None), ["JNLC", "INT"]);
    assert_eq!(ask(&["FILL", "CSW"], None), ["FILL", "CSW"]);
    assert_eq!(ask(&[], Some(true)), ["FILL"]);
    assert_eq!(ask(&[], Some(false)), ["JNLC", "CSD", "CSW", "INT"]);
    assert_eq!(engine.account(PAPER).unwrap().cash_rows()[2].net_amount, dec("-4"), "a withdrawal, with either sign");
    let since = engine.account(PAPER).unwrap().cash_rows()[1].at;
    let filter = ActivityFilter { after: Some(since), page_size: 9, ..ActivityFilter::default() };
    assert_eq!(super::cash::kinds(&engine.activities(PAPER, &filter).unwrap()), ["INT", "CSW"]);
}

/// Ids say New York's time, as those of the service do; in the autumn night an hour of them comes twice.
#[test]
fn pages_go_on_through_the_hour_that_comes_twice() {
    let start = "2026-11-01T05:10:00Z".parse().unwrap();
    let mut engine = Engine::new(EngineOptions { step_millis: 60_000, ..EngineOptions::new(33, start) });
    for _ in 0..12 {
        engine.book_cash(PAPER, CashKind::Interest, dec("0.01"), "").unwrap();
        pass(&mut engine, 10 * 60_000);
    }
    let rows = all(&engine, PAPER, 1, true);
    assert_eq!(rows.len(), 13);
    assert!(rows[1].id.starts_with("20261101011000"), "{}", rows[1].id);
    assert!(rows[7].id.starts_with("20261101011000"), "{}", rows[7].id);
    let mut down = all(&engine, PAPER, 1, false);
    down.reverse();
    assert_eq!(rows, down);
}

#[test]
fn live_accounts_get_dividends_on_positions_of_the_day_before_and_paper_accounts_none() {
    // KO goes ex on Monday, December 14, and pays on December 28.
    let start = "2026-12-11T18:30:00Z".parse().unwrap();
    let mut engine = Engine::new(EngineOptions { step_millis: 60_000, ..EngineOptions::new(34, start) });
    let buy = |qty| NewOrder::market("KO", Side::Buy, dec(qty));
    for no in [PAPER, LIVE] {
        engine.place(no, &buy("40")).unwrap();
    }
    engine.advance_to("2026-12-14T15:00:00Z".parse().unwrap());
    engine.place(LIVE, &buy("9")).unwrap();
    pass(&mut engine, 120_000);
    assert_eq!(engine.account(LIVE).unwrap().position_qty(engine.find_asset("KO").unwrap()), dec("49"));
    engine.advance_to("2026-12-27T15:00:00Z".parse().unwrap());
    assert_eq!(engine.account(LIVE).unwrap().cash_rows().len(), 1, "not paid yet");
    engine.advance_to("2026-12-28T15:00:00Z".parse().unwrap());
    let [_, paid] = engine.account(LIVE).unwrap().cash_rows() else { panic!("one dividend") };
    assert_eq!((paid.kind, paid.sub_kind, paid.symbol), (CashKind::Dividend, "CDIV", Some("KO")));
    assert_eq!((paid.qty, paid.per_share, paid.net_amount), (Some(dec("40")), Some(dec("0.51")), dec("20.4")));
    assert_eq!(paid.date, date(2026, 12, 28));
    assert_eq!(engine.account(PAPER).unwrap().cash_rows().len(), 1);
    super::properties::assert_books_balance(&engine, LIVE);
}

#[test]
fn live_sales_cost_the_regulators_fees_when_the_day_is_over() {
    let mut engine = engine(35);
    pass(&mut engine, 1_000);
    engine.place(LIVE, &NewOrder::market("KO", Side::Buy, dec("100"))).unwrap();
    pass(&mut engine, 5_000);
    engine.place(LIVE, &NewOrder::market("KO", Side::Sell, dec("100"))).unwrap();
    pass(&mut engine, 5_000);
    // About 7,200 dollars at 27.80 a million, and a hundred shares at 0.000166: 0.20 or 0.21, and 0.02.
    let pending = engine.account(LIVE).unwrap().pending_fees(engine.market(), engine.now());
    assert!(pending == dec("0.22") || pending == dec("0.23"), "{pending}");
    engine.advance_to("2026-10-21T01:00:00Z".parse().unwrap());
    let account = engine.account(LIVE).unwrap();
    let fees: Vec<_> = account.cash_rows().iter().skip(1).map(|row| (row.kind, row.sub_kind)).collect();
    assert_eq!(fees, [(CashKind::Fee, "REG"), (CashKind::Fee, "TAF")]);
    assert_eq!(account.cash_rows().iter().skip(1).map(|row| row.net_amount).sum::<Decimal>(), -pending);
    assert_eq!(account.pending_fees(engine.market(), engine.now()), Decimal::ZERO);
    super::properties::assert_books_balance(&engine, LIVE);
    engine.advance_to("2026-10-22T01:00:00Z".parse().unwrap());
    assert_eq!(engine.account(LIVE).unwrap().cash_rows().len(), 3, "charged once");
}

#[test]
fn deposits_are_not_profit() {
    let mut engine = engine(36);
    engine.advance_to("2026-10-21T14:00:00Z".parse().unwrap());
    engine.book_cash(PAPER, CashKind::Deposit, dec("5000"), "").unwrap();
    engine.book_cash(PAPER, CashKind::Interest, dec("7"), "").unwrap();
    pass(&mut engine, 60_000);
    let query = HistoryQuery {
        period: Some("2D".to_owned()),
        timeframe: Some(Timeframe::Day),
        cashflow: vec![CashKind::Deposit, CashKind::Fee, CashKind::Interest],
        ..HistoryQuery::default()
    };
    let history = engine.history(PAPER, &query).unwrap();
    let today = history.points.last().unwrap();
    assert_eq!((today.equity, today.profit_loss), (Some(dec("105007")), Some(dec("7"))));
    let both = |amount: &str| vec![Decimal::ZERO, dec(amount)];
    assert_eq!(history.cashflow, [(CashKind::Deposit, both("5000")), (CashKind::Interest, both("7"))]);
}
