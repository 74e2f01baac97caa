"""A day of trading with alpaca-trade-api, the older Python SDK, unchanged, on the simulated brokerage.

    python older_python.py READY_LINE

REST goes through `base_url` and APCA_API_DATA_URL, streams through `base_url` and `data_stream_url`.
"""

import asyncio
import json
import os
import sys
import threading
import traceback

ready = json.loads(sys.argv[1])
os.environ["APCA_API_DATA_URL"] = ready["data"]["api_url"]

from alpaca_trade_api.common import URL  # noqa: E402
from alpaca_trade_api.rest import REST, TimeFrame, TimeFrameUnit  # noqa: E402
from alpaca_trade_api.stream import Stream  # noqa: E402

PATIENCE = 20
keys = ready["key_id"], ready["secret_key"]
api = REST(*keys, base_url=URL(ready["paper"]["api_url"]))
stream_url = ready["data"]["stream_url"].rsplit("/v2/", 1)[0].replace("ws", "http", 1)
stream = Stream(*keys, base_url=URL(ready["paper"]["api_url"]), data_stream_url=URL(stream_url), data_feed="iex", raw_data=True)
passed = failed = 0


def step(name):
    """One thing that must work; the rest of the day goes on without it."""

    def run(work):
        global passed, failed
        try:
            work()
            passed += 1
        except Exception as error:  # whatever the library throws
            failed += 1
            line = next((at.lineno for at in traceback.extract_tb(error.__traceback__) if at.filename == __file__), "?")
            print(f"alpaca-trade-api: {name}: {type(error).__name__}: {str(error)[:300]} (line {line})")

    return run


class Tape:
    """What a stream said, and a way to wait for more of it."""

    def __init__(self):
        self.heard, self.changed = [], threading.Condition()

    async def hear(self, message):
        with self.changed:
            # Raw frames of the order stream keep their envelope.
            self.heard.append(message.get("data", message))
            self.changed.notify_all()

    def wait(self, what, fits):
        with self.changed:
            assert self.changed.wait_for(lambda: any(map(fits, self.heard)), PATIENCE), f"never: {what}"
            return next(message for message in self.heard if fits(message))


updates, trades, books, news = Tape(), Tape(), Tape(), Tape()
stream.subscribe_trade_updates(updates.hear)
stream.subscribe_trades(trades.hear, "AAPL")
stream.subscribe_crypto_orderbooks(books.hear, "BTC/USD")
stream.subscribe_news(news.hear, "*")
threading.Thread(target=lambda: asyncio.run(stream._run_forever()), daemon=True).start()


@step("the account")
def _():
    account = api.get_account()
    assert account.status == "ACTIVE" and float(account.equity) > 0


@step("streams of shares and coins")
def _():
    trades.wait("a trade of AAPL", lambda row: row["S"] == "AAPL" and row["p"] > 0)
    book = books.wait("an order book", lambda row: row["S"] == "BTC/USD")
    assert book["b"] and book["a"]


@step("bars, quotes, snapshots, news")
def _():
    bars = api.get_bars("AAPL", TimeFrame(1, TimeFrameUnit.Day), "2026-01-05", "2026-01-30")
    assert len(bars) > 10 and bars[0].c > 0
    assert api.get_latest_quote("AAPL").ap > 0
    assert api.get_snapshot("AAPL").latest_trade.p > 0
    assert len(api.get_crypto_bars("BTC/USD", TimeFrame.Minute, limit=5)) > 0
    assert api.get_latest_crypto_orderbooks(["BTC/USD"])["BTC/USD"].bids
    articles = api.get_news("AAPL", limit=3)
    assert len(articles) == 3 and all("AAPL" in article.symbols for article in articles)


@step("an order is placed, told of, and canceled")
def _():
    order = api.submit_order("AAPL", qty=2, side="buy", type="limit", time_in_force="day", limit_price="100.00")
    updates.wait("new", lambda row: row["event"] == "new" and row["order"]["id"] == order.id)
    assert [row.id for row in api.list_orders()] == [order.id]
    api.cancel_order(order.id)
    updates.wait("canceled", lambda row: row["event"] == "canceled" and row["order"]["id"] == order.id)


@step("an order fills, and its position is closed")
def _():
    order = api.submit_order("KO", qty=3)
    fill = updates.wait("fill", lambda row: row["event"] == "fill" and row["order"]["id"] == order.id)
    assert float(fill["price"]) > 0
    assert int(api.get_position("KO").qty) == 3
    sold = api.close_position("KO")
    updates.wait("fill of the sale", lambda row: row["event"] == "fill" and row["order"]["id"] == sold.id)
    assert sum(row.activity_type == "FILL" for row in api.get_activities("FILL")) >= 2


@step("clock, calendar, assets, watchlists")
def _():
    assert api.get_clock().is_open
    assert len(api.get_calendar("2026-01-01", "2026-01-31")) > 15
    assert api.get_asset("AAPL").tradable
    made = api.create_watchlist("Older", ["AAPL"])
    assert api.get_watchlist(made.id).assets[0]["symbol"] == "AAPL"
    api.delete_watchlist(made.id)


print(f"alpaca-trade-api: {passed} passed, {failed} failed")
sys.stdout.flush()
os._exit(1 if failed else 0)
