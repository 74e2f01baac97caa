"""A day of trading with ccxt, unchanged, on the simulated brokerage: coins, over REST and streams.

    python ccxt_day.py READY_LINE
"""

import asyncio
import json
import sys
import traceback

import ccxt.pro

PATIENCE = 20
SYMBOL = "BTC/USD"
ready = json.loads(sys.argv[1])
passed = failed = 0


def exchange():
    """ccxt's exchange with the brokerage's addresses; nothing else of it is changed."""
    made = ccxt.pro.alpaca({"apiKey": ready["key_id"], "secret": ready["secret_key"]})
    streams = ready["data"]["stream_url"].rsplit("/v2/", 1)[0]
    made.urls["api"] = made.deep_extend(made.urls["api"], {
        "trader": ready["paper"]["api_url"],
        "market": ready["data"]["api_url"],
        "ws": {"crypto": f"{streams}/v1beta2/crypto", "trading": ready["paper"]["stream_url"]},
    })
    return made


async def step(name, work):
    """One thing that must work; the rest of the day goes on without it."""
    global passed, failed
    try:
        await asyncio.wait_for(work, PATIENCE)
        passed += 1
    except Exception as error:  # whatever the library throws
        failed += 1
        line = next((at.lineno for at in traceback.extract_tb(error.__traceback__) if at.filename == __file__), "?")
        print(f"ccxt: {name}: {type(error).__name__}: {str(error)[:300]} (line {line})")


async def markets(broker):
    await broker.load_markets()
    assert SYMBOL in broker.markets and broker.markets[SYMBOL]["active"]
    assert (await broker.fetch_time()) > 0
    assert (await broker.fetch_balance())["USD"]["total"] > 0


async def prices(broker):
    for frame in ("1m", "1h", "1d"):
        bars = await broker.fetch_ohlcv(SYMBOL, frame, since=broker.parse8601("2026-01-05T00:00:00Z"), limit=5)
        assert bars and all(len(bar) == 6 and bar[4] > 0 for bar in bars), frame
    book = await broker.fetch_order_book(SYMBOL)
    assert book["bids"][0][0] < book["asks"][0][0]
    assert (await broker.fetch_ticker(SYMBOL))["last"] > 0
    assert await broker.fetch_trades(SYMBOL, limit=5)


async def streams(broker):
    book = await broker.watch_order_book(SYMBOL)
    assert book["bids"][0][0] < book["asks"][0][0]
    trades = await broker.watch_trades(SYMBOL)
    assert trades and trades[0]["price"] > 0
    assert (await broker.watch_ticker(SYMBOL))["bid"] > 0


async def orders(broker):
    last = (await broker.fetch_ticker(SYMBOL))["last"]
    watching = asyncio.ensure_future(broker.watch_orders(SYMBOL))
    await asyncio.sleep(0)
    placed = await broker.create_order(SYMBOL, "limit", "buy", 0.01, round(last * 0.8), {"timeInForce": "gtc"})
    heard = await watching
    assert heard[-1]["id"] == placed["id"], heard
    assert [row["id"] for row in await broker.fetch_open_orders(SYMBOL)] == [placed["id"]]
    await broker.cancel_order(placed["id"], SYMBOL)


async def fills(broker):
    watching = asyncio.ensure_future(broker.watch_my_trades(SYMBOL))
    placed = await broker.create_order(SYMBOL, "market", "buy", 0.01, None, {"timeInForce": "gtc"})
    heard = await watching
    assert heard and heard[-1]["order"] == placed["id"], heard
    assert any(row["order"] == placed["id"] for row in await broker.fetch_my_trades(SYMBOL))


async def main():
    broker = exchange()
    try:
        await step("markets, time, balance", markets(broker))
        await step("bars, book, ticker, trades", prices(broker))
        await step("streams of book, trades, ticker", streams(broker))
        await step("an order is placed, told of, and canceled", orders(broker))
        await step("an order fills", fills(broker))
    finally:
        await broker.close()
    print(f"ccxt: {passed} passed, {failed} failed")
    return 1 if failed else 0


sys.exit(asyncio.run(main()))
