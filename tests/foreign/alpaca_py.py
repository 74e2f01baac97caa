"""A day of trading with alpaca-py, unchanged, on the simulated brokerage.

    alpaca_py.py READY_LINE

Everything goes through the library's public classes; the only thing changed is where they connect to.
"""

import json
import logging
import sys
import threading
import time
import traceback
import urllib.request
from contextlib import contextmanager
from datetime import timedelta
from decimal import Decimal

from alpaca.common.exceptions import APIError
from alpaca.data.historical import CryptoHistoricalDataClient, StockHistoricalDataClient
from alpaca.data.live import StockDataStream
from alpaca.data.requests import (
    CryptoLatestQuoteRequest,
    StockBarsRequest,
    StockLatestBarRequest,
    StockLatestQuoteRequest,
    StockLatestTradeRequest,
    StockSnapshotRequest,
)
from alpaca.data.timeframe import TimeFrame
from alpaca.trading.client import TradingClient
from alpaca.trading.enums import AssetClass, AssetStatus, OrderClass, OrderSide, QueryOrderStatus, TimeInForce
from alpaca.trading.enums import CorporateActionType
from alpaca.trading.requests import (
    ClosePositionRequest,
    CreateWatchlistRequest,
    GetAssetsRequest,
    GetCalendarRequest,
    GetCorporateAnnouncementsRequest,
    GetOrderByIdRequest,
    GetOrdersRequest,
    GetPortfolioHistoryRequest,
    LimitOrderRequest,
    MarketOrderRequest,
    ReplaceOrderRequest,
    StopLossRequest,
    StopOrderRequest,
    TakeProfitRequest,
    TrailingStopOrderRequest,
)
from alpaca.trading.stream import TradingStream

PATIENCE = 20
ready = json.loads(sys.argv[1])
keys = (ready["key_id"], ready["secret_key"])
client = TradingClient(*keys, paper=True, url_override=ready["paper"]["api_url"])
data = StockHistoricalDataClient(*keys, url_override=ready["data"]["api_url"])
passed = failed = 0


@contextmanager
def step(name):
    """One thing that must work; the rest of the day goes on without it."""
    global passed, failed
    try:
        yield
        passed += 1
    except Exception as error:  # noqa: BLE001
        failed += 1
        where = traceback.extract_tb(error.__traceback__)
        lines = [frame.lineno for frame in where if frame.filename == __file__]
        print(f"alpaca-py: {name}: {type(error).__name__}: {error} (line {lines[-1] if lines else '?'})")


class Tape:
    """What the stream said, and a way to wait for more of it."""

    def __init__(self):
        self.updates = []
        self.changed = threading.Condition()

    async def hear(self, update):
        with self.changed:
            self.updates.append(update)
            self.changed.notify_all()

    def wait(self, order, event, patience=PATIENCE):
        def found():
            return next((u for u in self.updates if str(u.order.id) == str(order) and said(u) == event), None)

        with self.changed:
            update = self.changed.wait_for(found, patience)
        heard = [said(u) for u in self.updates if str(u.order.id) == str(order)]
        assert update, f"no {event} for {order}; heard {heard}"
        return update


def said(update):
    return getattr(update.event, "value", update.event)


def eventually(what, condition, patience=PATIENCE):
    deadline = time.monotonic() + patience
    while True:
        value = condition()
        if value:
            return value
        assert time.monotonic() < deadline, f"never: {what}"
        time.sleep(0.3)


def refused(status, code, call):
    try:
        call()
    except APIError as error:
        assert error.status_code == status, f"status {error.status_code}: {error}"
        if code is not None:
            assert error.code == code, f"code {error.code}: {error}"
        return error
    raise AssertionError("was not refused")


def control(action):
    """Moves the brokerage's clock; nothing of the library's knows of it."""
    request = urllib.request.Request(f"{ready['paper']['api_url']}/_sim/{action}", data=b"{}", method="POST")
    request.add_header("Content-Type", "application/json")
    urllib.request.urlopen(request, timeout=60).read()


def every_fill():
    """All fills of the account, oldest first, page by page."""
    rows, query = [], {"page_size": 20, "direction": "asc"}
    while True:
        page = client.get("/account/activities/FILL", query)
        rows += page
        if len(page) < 20:
            return rows
        query["page_token"] = page[-1]["id"]


def held(symbol):
    positions = {position.symbol: Decimal(position.qty) for position in client.get_all_positions()}
    return positions.get(symbol, Decimal(0))


def cents(value):
    return float(Decimal(str(value)).quantize(Decimal("0.01")))


def quote(symbol):
    return data.get_stock_latest_quote(StockLatestQuoteRequest(symbol_or_symbols=symbol))[symbol]


def market(symbol, qty, side=OrderSide.BUY, **more):
    return MarketOrderRequest(symbol=symbol, qty=qty, side=side, time_in_force=TimeInForce.DAY, **more)


def limit(symbol, qty, price, side=OrderSide.BUY, tif=TimeInForce.DAY, **more):
    return LimitOrderRequest(symbol=symbol, qty=qty, side=side, limit_price=cents(price), time_in_force=tif, **more)


logging.getLogger("alpaca.trading.stream").setLevel(logging.CRITICAL)
logging.getLogger("alpaca.data.live.websocket").setLevel(logging.CRITICAL)
tape = Tape()
stream = TradingStream(*keys, paper=True, url_override=ready["paper"]["stream_url"])
stream.subscribe_trade_updates(tape.hear)
threading.Thread(target=stream.run, daemon=True).start()

with step("account"):
    account = client.get_account()
    assert account.status.value == "ACTIVE" and account.account_number.startswith("PA"), account
    assert Decimal(account.equity) > 0 and Decimal(account.buying_power) > 0, account

with step("the same account by its OAuth token"):
    linked = TradingClient(oauth_token=ready["paper_token"], url_override=ready["paper"]["api_url"])
    assert linked.get_account().id == account.id

with step("a token of the other environment is refused"):
    foreign = TradingClient(oauth_token=ready["live_token"], url_override=ready["paper"]["api_url"])
    error = refused_status = None
    try:
        foreign.get_account()
    except APIError as error:
        refused_status = error.status_code
    assert refused_status in (401, 403), refused_status

with step("account configurations"):
    configuration = client.get_account_configurations()
    before = configuration.no_shorting
    configuration.no_shorting = not before
    assert client.set_account_configurations(configuration).no_shorting is not before
    configuration.no_shorting = before
    assert client.set_account_configurations(configuration).no_shorting is before

with step("clock and calendar"):
    clock = client.get_clock()
    assert clock.is_open and clock.next_close > clock.timestamp, clock
    days = client.get_calendar(
        GetCalendarRequest(start=(clock.timestamp - timedelta(days=14)).date(), end=clock.timestamp.date())
    )
    assert 8 <= len(days) <= 11 and all(day.open < day.close for day in days), days

with step("assets"):
    assets = client.get_all_assets(GetAssetsRequest(status=AssetStatus.ACTIVE, asset_class=AssetClass.US_EQUITY))
    assert {"AAPL", "MSFT"} <= {asset.symbol for asset in assets}, len(assets)
    apple = client.get_asset("AAPL")
    assert apple.tradable and client.get_asset(apple.id).symbol == "AAPL"
    refused(404, None, lambda: client.get_asset("NOSUCH"))

with step("portfolio history"):
    history = client.get_portfolio_history(GetPortfolioHistoryRequest(period="1M", timeframe="1D"))
    assert len(history.timestamp) == len(history.equity) == len(history.profit_loss), history

with step("quotes, trades, bars and snapshots"):
    now = quote("AAPL")
    assert 0 < now.bid_price <= now.ask_price, now
    trade = data.get_stock_latest_trade(StockLatestTradeRequest(symbol_or_symbols=["AAPL", "MSFT"]))
    assert trade["MSFT"].price > 0
    bar = data.get_stock_latest_bar(StockLatestBarRequest(symbol_or_symbols="AAPL"))["AAPL"]
    assert bar.low <= bar.close <= bar.high
    bars = data.get_stock_bars(
        StockBarsRequest(
            symbol_or_symbols=["AAPL"],
            timeframe=TimeFrame.Minute,
            start=clock.timestamp - timedelta(minutes=30),
            end=clock.timestamp,
        )
    )
    assert bars["AAPL"] and all(bar.low <= bar.open <= bar.high for bar in bars["AAPL"])
    snapshot = data.get_stock_snapshot(StockSnapshotRequest(symbol_or_symbols="AAPL"))["AAPL"]
    assert snapshot.latest_trade.price > 0 and snapshot.daily_bar.high >= snapshot.daily_bar.low
    crypto = CryptoHistoricalDataClient(url_override=ready["data"]["api_url"])
    coin = crypto.get_crypto_latest_quote(CryptoLatestQuoteRequest(symbol_or_symbols="BTC/USD"))
    assert coin["BTC/USD"].ask_price > 0

with step("the stream listens"):
    # The library does not say when it listens, so orders are placed until one is heard of.
    for attempt in range(10):
        probe = client.submit_order(limit("KO", 1, quote("KO").bid_price * 0.5))
        try:
            tape.wait(probe.id, "new", 2)
            break
        except AssertionError:
            client.cancel_order_by_id(probe.id)
    else:
        raise AssertionError("nothing was heard of ten orders")
    client.cancel_order_by_id(probe.id)
    update = tape.wait(probe.id, "canceled")
    assert update.order.status.value == "canceled" and update.order.canceled_at, update

with step("a market order fills"):
    before = held("AAPL")
    bought = client.submit_order(market("AAPL", 10, client_order_id="day-market-1"))
    assert bought.status.value in ("pending_new", "accepted", "new"), bought.status
    tape.wait(bought.id, "new")
    fill = tape.wait(bought.id, "fill")
    assert fill.price > 0 and fill.qty > 0 and fill.execution_id, fill
    assert Decimal(str(fill.position_qty)) == before + 10, fill.position_qty
    pieces = [u.qty for u in tape.updates if u.order.id == bought.id and said(u) in ("fill", "partial_fill")]
    assert sum(pieces) == 10, pieces
    order = client.get_order_by_id(bought.id)
    assert order.status.value == "filled" and Decimal(order.filled_qty) == 10, order
    assert Decimal(order.filled_avg_price) > 0 and order.filled_at, order
    assert held("AAPL") == before + 10
    position = client.get_open_position("AAPL")
    assert Decimal(position.avg_entry_price) > 0 and position.side.value == "long", position

with step("a limit order rests, is replaced and canceled"):
    price = quote("AAPL").bid_price * 0.8
    resting = client.submit_order(limit("AAPL", 3, price, tif=TimeInForce.GTC, client_order_id="day-limit-1"))
    tape.wait(resting.id, "new")
    assert client.get_order_by_client_id("day-limit-1").id == resting.id
    working = client.get_orders(GetOrdersRequest(status=QueryOrderStatus.OPEN, symbols=["AAPL"], nested=True))
    assert resting.id in {order.id for order in working}, working
    replacement = client.replace_order_by_id(resting.id, ReplaceOrderRequest(qty=5, limit_price=cents(price * 0.99)))
    assert replacement.id != resting.id and replacement.replaces == resting.id, replacement
    old = tape.wait(resting.id, "replaced")
    assert old.order.status.value == "replaced" and old.order.replaced_by == replacement.id, old
    tape.wait(replacement.id, "new")
    assert Decimal(client.get_order_by_id(replacement.id).qty) == 5
    client.cancel_order_by_id(replacement.id)
    tape.wait(replacement.id, "canceled")
    closed = client.get_orders(GetOrdersRequest(status=QueryOrderStatus.CLOSED, limit=50))
    assert {resting.id, replacement.id} <= {order.id for order in closed}

with step("a bracket fills and its legs are canceled together"):
    now = quote("MSFT").ask_price
    bracket = client.submit_order(
        market(
            "MSFT",
            2,
            order_class=OrderClass.BRACKET,
            take_profit=TakeProfitRequest(limit_price=cents(now * 1.3)),
            stop_loss=StopLossRequest(stop_price=cents(now * 0.7)),
        )
    )
    assert bracket.legs and len(bracket.legs) == 2, bracket
    tape.wait(bracket.id, "fill")
    parent = client.get_order_by_id(bracket.id, GetOrderByIdRequest(nested=True))
    assert {leg.type.value for leg in parent.legs} == {"limit", "stop"}, parent.legs
    profit = next(leg for leg in parent.legs if leg.type.value == "limit")
    tape.wait(profit.id, "new")
    answers = client.cancel_orders()
    assert answers and all(answer.status == 200 for answer in answers), answers
    for leg in parent.legs:
        eventually(
            f"{leg.type.value} leg canceled", lambda: client.get_order_by_id(leg.id).status.value == "canceled"
        )
    tape.wait(profit.id, "canceled")
    eventually("nothing works", lambda: client.get_orders(GetOrdersRequest(status=QueryOrderStatus.OPEN)) == [])

with step("a stop and a trailing stop wait"):
    now = quote("AAPL").bid_price
    stop = client.submit_order(
        StopOrderRequest(
            symbol="AAPL", qty=2, side=OrderSide.SELL, stop_price=cents(now * 0.7), time_in_force=TimeInForce.GTC
        )
    )
    trailing = client.submit_order(
        TrailingStopOrderRequest(
            symbol="AAPL", qty=3, side=OrderSide.SELL, trail_percent=10, time_in_force=TimeInForce.DAY
        )
    )
    tape.wait(stop.id, "new")
    tape.wait(trailing.id, "new")
    trailing = client.get_order_by_id(trailing.id)
    assert Decimal(trailing.hwm) > 0 and Decimal(trailing.stop_price) < Decimal(trailing.hwm), trailing
    assert Decimal(client.get_open_position("AAPL").qty_available) == held("AAPL") - 5
    client.cancel_orders()
    tape.wait(trailing.id, "canceled")
    tape.wait(stop.id, "canceled")

with step("a notional order buys a fraction"):
    notional = client.submit_order(
        MarketOrderRequest(symbol="SPY", notional=25.5, side=OrderSide.BUY, time_in_force=TimeInForce.DAY)
    )
    assert notional.qty is None and Decimal(notional.notional) == Decimal("25.5"), notional
    tape.wait(notional.id, "fill")
    assert 0 < held("SPY") < 1

with step("refusals have Alpaca's status and code"):
    error = refused(403, 40310000, lambda: client.submit_order(market("AAPL", 1_000_000)))
    assert "insufficient buying power" in error.message, error
    refused(422, None, lambda: client.submit_order(market("NOSUCH", 1)))
    error = refused(
        422, None, lambda: client.submit_order(limit("AAPL", 1, 100, client_order_id="day-market-1"))
    )
    assert "client_order_id must be unique" in error.message, error
    error = refused(422, 42210000, lambda: client.cancel_order_by_id(bought.id))
    assert "filled" in error.message, error
    refused(404, 40410000, lambda: client.get_order_by_id("00000000-0000-4000-8000-000000000000"))
    refused(404, 40410000, lambda: client.get_open_position("TSLA"))
    wrong = TradingClient("PKWRONG", "wrong", url_override=ready["paper"]["api_url"])
    refused(401, None, wrong.get_account)

with step("part of a position closes, then all of them"):
    before = held("AAPL")
    half = client.close_position("AAPL", ClosePositionRequest(percentage="50"))
    tape.wait(half.id, "fill")
    assert held("AAPL") == before / 2, held("AAPL")
    answers = client.close_all_positions(cancel_orders=True)
    assert answers and all(answer.status == 200 for answer in answers), answers
    eventually("every position closed", lambda: client.get_all_positions() == [])

with step("activities tell of every fill"):
    fills = client.get("/account/activities/FILL", {"page_size": 100})
    mine = [row for row in fills if row["order_id"] == str(bought.id)]
    assert sum(Decimal(row["qty"]) for row in mine) == 10, mine
    assert all(row["activity_type"] == "FILL" and "::" in row["id"] for row in fills)

with step("dividends are announced"):
    told = client.get_corporate_announcements(
        GetCorporateAnnouncementsRequest(
            ca_types=[CorporateActionType.DIVIDEND],
            since=(clock.timestamp - timedelta(days=85)).date(),
            until=clock.timestamp.date(),
        )
    )
    assert {"KO", "AAPL"} <= {one.initiating_symbol for one in told}, told
    assert all(one.cash > 0 and one.ex_date < one.payable_date for one in told), told

with step("watchlists"):
    watchlist = client.create_watchlist(CreateWatchlistRequest(name="Day", symbols=["AAPL", "MSFT"]))
    assert [asset.symbol for asset in watchlist.assets] == ["AAPL", "MSFT"], watchlist
    more = client.add_asset_to_watchlist_by_id(watchlist.id, "SPY")
    assert "SPY" in {asset.symbol for asset in more.assets}
    fewer = client.remove_asset_from_watchlist_by_id(watchlist.id, "AAPL")
    assert "AAPL" not in {asset.symbol for asset in fewer.assets}
    assert watchlist.id in {one.id for one in client.get_watchlists()}
    client.delete_watchlist_by_id(watchlist.id)
    refused(404, None, lambda: client.get_watchlist_by_id(watchlist.id))

with step("the data stream"):
    seen = {"quotes": [], "trades": []}
    arrived = threading.Condition()

    async def on_quote(quote):
        with arrived:
            seen["quotes"].append(quote)
            arrived.notify_all()

    async def on_trade(trade):
        with arrived:
            seen["trades"].append(trade)
            arrived.notify_all()

    prices = StockDataStream(*keys, url_override=ready["data"]["stream_url"])
    prices.subscribe_quotes(on_quote, "AAPL", "SPY", "NVDA")
    prices.subscribe_trades(on_trade, "AAPL", "SPY", "NVDA")
    threading.Thread(target=prices.run, daemon=True).start()
    with arrived:
        assert arrived.wait_for(lambda: seen["quotes"] and seen["trades"], PATIENCE), {k: len(v) for k, v in seen.items()}
    first = seen["quotes"][0]
    assert first.symbol in ("AAPL", "SPY", "NVDA") and 0 < first.bid_price <= first.ask_price, first
    assert seen["trades"][0].price > 0 and seen["trades"][0].timestamp.tzinfo, seen["trades"][0]
    prices.stop()

with step("a day from bell to bell"):
    control("open_market")
    morning = client.get_clock()
    assert morning.is_open, morning
    cash = Decimal(client.get_account().cash)
    known = {row["id"] for row in every_fill()}
    bought = client.submit_order(market("NVDA", 7))
    tape.wait(bought.id, "fill")
    low = quote("NVDA").bid_price * 0.5
    for_the_day = client.submit_order(limit("NVDA", 2, low))
    # A sale may not meet an order of one's own, so the one that stays is in another share.
    for_longer = client.submit_order(limit("KO", 2, quote("KO").bid_price * 0.5, tif=TimeInForce.GTC))
    at_the_close = client.submit_order(
        MarketOrderRequest(symbol="NVDA", qty=2, side=OrderSide.BUY, time_in_force=TimeInForce.CLS, client_order_id="moc")
    )
    assert at_the_close.status.value == "accepted", at_the_close.status
    tape.wait(for_the_day.id, "new")
    tape.wait(for_longer.id, "new")

    control("close_market")
    expired = tape.wait(for_the_day.id, "expired")
    assert expired.order.status.value == "expired" and expired.order.expired_at, expired
    auction = tape.wait(at_the_close.id, "fill")
    assert Decimal(str(auction.qty)) == 2, auction
    evening = client.get_clock()
    assert not evening.is_open and evening.next_open > evening.timestamp >= morning.next_close, evening
    assert [order.id for order in client.get_orders(GetOrdersRequest(status=QueryOrderStatus.OPEN))] == [for_longer.id]

    late = client.submit_order(limit("NVDA", 1, quote("NVDA").ask_price * 1.02, extended_hours=True, client_order_id="late"))
    tape.wait(late.id, "fill")
    waits = client.submit_order(market("NVDA", 3, OrderSide.SELL))
    assert waits.status.value == "accepted", waits.status
    assert client.get_order_by_id(waits.id).status.value == "accepted"

    control("open_market")
    tape.wait(waits.id, "new")
    tape.wait(waits.id, "fill")
    tomorrow = client.get_clock()
    assert tomorrow.is_open and tomorrow.timestamp.date() > morning.timestamp.date(), tomorrow
    assert client.get_order_by_id(for_longer.id).status.value == "new"
    assert held("NVDA") == 7 + 2 + 1 - 3, held("NVDA")
    account = client.get_account()
    closes = client.get_portfolio_history(GetPortfolioHistoryRequest(period="2D", timeframe="1D")).equity
    assert len(closes) == 2 and abs(float(account.last_equity) - closes[0]) < 0.01, (account.last_equity, closes)
    # To the cent: what was paid and received is what the activities say.
    for row in every_fill():
        if row["id"] not in known:
            paid = Decimal(row["qty"]) * Decimal(row["price"])
            cash += -paid if row["side"] == "buy" else paid
    assert Decimal(account.cash) == cash, (account.cash, cash)
    client.cancel_order_by_id(for_longer.id)
    tape.wait(for_longer.id, "canceled")
    client.close_all_positions(cancel_orders=True)
    eventually("flat in the end", lambda: client.get_all_positions() == [])

stream.stop()
print(f"alpaca-py: {passed} passed, {failed} failed")
sys.exit(1 if failed else 0)
