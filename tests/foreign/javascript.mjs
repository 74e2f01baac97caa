// A day of trading with @alpacahq/alpaca-trade-api, unchanged, on the simulated brokerage.
//
//   node javascript.mjs READY_LINE
//
// REST goes through the library's own classes with `basePath`, the one-call workflow through the `Alpaca` client with
// its `fetchApi` option, streams through their `url` option.

import { strict as assert } from "node:assert";
import { Alpaca, OrdersApi, marketData, streaming, trading } from "@alpacahq/alpaca-trade-api";

const PATIENCE = 20_000;
const ready = JSON.parse(process.argv[2]);
const credentials = { keyId: ready.key_id, secret: ready.secret_key };
const config = new trading.Configuration({ basePath: ready.paper.api_url, ...credentials });
const dataConfig = new marketData.Configuration({ basePath: ready.data.api_url, ...credentials });
const orders = new OrdersApi(config);
const positions = new trading.PositionsApi(config);
const stocks = new marketData.StockApi(dataConfig);
let passed = 0;
let failed = 0;

/** One thing that must work; the rest of the day goes on without it. */
async function step(name, work) {
  try {
    await work();
    passed += 1;
  } catch (error) {
    failed += 1;
    const line = /javascript\.mjs:(\d+)/.exec(error?.stack ?? "")?.[1] ?? "?";
    console.log(`javascript: ${name}: ${error?.name}: ${String(error?.message).split("\n").join(" ")} (line ${line})`);
  }
}

/** What the stream said, and a way to wait for more of it. */
const tape = {
  updates: [],
  waiting: new Set(),
  hear(update) {
    this.updates.push(update);
    for (const look of [...this.waiting]) look();
  },
  wait(id, event) {
    return new Promise((resolve, reject) => {
      const look = () => {
        const found = this.updates.find((update) => update.order.id === id && update.event === event);
        if (!found) return;
        clearTimeout(timer);
        this.waiting.delete(look);
        resolve(found);
      };
      const timer = setTimeout(() => {
        this.waiting.delete(look);
        const heard = this.updates.filter((update) => update.order.id === id).map((update) => update.event);
        reject(new Error(`no ${event} for ${id}; heard ${heard.join(", ") || "nothing"}`));
      }, PATIENCE);
      this.waiting.add(look);
      look();
    });
  },
};

async function eventually(what, condition) {
  const deadline = Date.now() + PATIENCE;
  while (!(await condition())) {
    assert.ok(Date.now() < deadline, `never: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 300));
  }
}

function within(promise, what) {
  const late = new Promise((_, reject) => setTimeout(() => reject(new Error(`never: ${what}`)), PATIENCE).unref());
  return Promise.race([promise, late]);
}

async function refused(status, code, work) {
  try {
    await work();
  } catch (error) {
    assert.equal(error.status, status, `status ${error.status}: ${error.message}`);
    if (code !== undefined) assert.equal(error.code, code, `code ${error.code}: ${error.message}`);
    return error;
  }
  throw new Error("was not refused");
}

async function quote(symbol) {
  const answer = await stocks.stockLatestQuotes({ symbols: symbol });
  return answer.quotes[symbol];
}

async function held(symbol) {
  const found = (await positions.getAllOpenPositions()).find((position) => position.symbol === symbol);
  return found ? Number(found.qty) : 0;
}

/** Moves the brokerage's clock; nothing of the library's knows of it. */
async function control(action) {
  const answer = await fetch(`${ready.paper.api_url}/_sim/${action}`, {
    method: "POST", headers: { "Content-Type": "application/json" }, body: "{}",
  });
  assert.ok(answer.ok, `${action}: ${answer.status}`);
}

const cents = (value) => value.toFixed(2);
const number = (value) => Number(value);

const stream = new streaming.TradingStream({ credentials, url: ready.paper.stream_url });
stream.onTradeUpdate((update) => tape.hear(update));
stream.onError((message) => console.log(`javascript: stream: ${message}`));
const listening = new Promise((resolve) => stream.once(streaming.EVENT.SUBSCRIPTION, resolve));
stream.subscribeTradeUpdates();
stream.connect();

await step("the stream listens", async () => {
  assert.ok(await stream.waitForAuthentication(PATIENCE), "not authenticated");
  assert.deepEqual(await within(listening, "listening"), ["trade_updates"]);
});

await step("account, by key and by token", async () => {
  const account = await new trading.AccountsApi(config).getAccount();
  assert.equal(account.status, "ACTIVE");
  assert.ok(number(account.equity) > 0 && number(account.buyingPower) > 0);
  const token = new trading.Configuration({ basePath: ready.paper.api_url, accessToken: ready.paper_token });
  assert.equal((await new trading.AccountsApi(token).getAccount()).id, account.id);
});

await step("account configurations", async () => {
  const api = new trading.AccountConfigurationsApi(config);
  const before = await api.getAccountConfig();
  const changed = { ...before, noShorting: !before.noShorting };
  assert.equal((await api.patchAccountConfig({ accountConfigurations: changed })).noShorting, changed.noShorting);
  assert.equal((await api.patchAccountConfig({ accountConfigurations: before })).noShorting, before.noShorting);
});

await step("clocks, calendar and assets", async () => {
  const clocks = new trading.ClockApi(config);
  const clock = await clocks.legacyClock();
  assert.ok(clock.isOpen && clock.nextClose > clock.timestamp);
  assert.ok((await clocks.clock({})).clocks.length > 0);
  const start = new Date(clock.timestamp.getTime() - 14 * 86_400_000);
  const days = await new trading.CalendarApi(config).legacyCalendar({ start, end: clock.timestamp });
  assert.ok(days.length >= 8 && days.length <= 11, `${days.length} days`);
  const assets = new trading.AssetsApi(config);
  assert.ok((await assets.getV2Assets({ status: "active" })).some((asset) => asset.symbol === "AAPL"));
  assert.equal((await assets.getV2AssetsSymbolOrAssetId({ symbolOrAssetId: "MSFT" })).symbol, "MSFT");
});

await step("portfolio history", async () => {
  const history = await new trading.PortfolioHistoryApi(config).getAccountPortfolioHistory({ period: "1M" });
  assert.equal(history.timestamp.length, history.equity.length);
});

await step("quotes, trades, bars and snapshots", async () => {
  const now = await quote("AAPL");
  assert.ok(now.bp > 0 && now.bp <= now.ap, JSON.stringify(now));
  assert.ok((await stocks.stockLatestTrades({ symbols: "AAPL,MSFT" })).trades.MSFT.p > 0);
  const bar = (await stocks.stockLatestBars({ symbols: "AAPL" })).bars.AAPL;
  assert.ok(bar.l <= bar.c && bar.c <= bar.h);
  const snapshot = (await stocks.stockSnapshots({ symbols: "AAPL" })).AAPL;
  assert.ok(snapshot.latestTrade.p > 0);
});

let bought;
await step("a market order fills", async () => {
  const before = await held("AAPL");
  bought = await orders.market({ symbol: "AAPL", qty: 10, side: "buy", clientOrderId: "node-market-1" });
  await tape.wait(bought.id, "new");
  const fill = await tape.wait(bought.id, "fill");
  assert.ok(number(fill.price) > 0 && fill.executionId);
  assert.equal(number(fill.positionQty), before + 10);
  const pieces = tape.updates.filter((u) => u.order.id === bought.id && ["fill", "partial_fill"].includes(u.event));
  assert.equal(pieces.reduce((sum, piece) => sum + number(piece.qty), 0), 10);
  const order = await orders.getOrderByOrderID({ orderId: bought.id });
  assert.equal(order.status, "filled");
  assert.ok(order.filledAt instanceof Date && number(order.filledAvgPrice) > 0);
  assert.equal(await held("AAPL"), before + 10);
});

await step("a limit order rests, is replaced and canceled", async () => {
  const price = (await quote("AAPL")).bp * 0.8;
  const resting = await orders.limit({
    symbol: "AAPL", qty: 3, side: "buy", limitPrice: cents(price), timeInForce: "gtc", clientOrderId: "node-limit-1",
  });
  await tape.wait(resting.id, "new");
  assert.equal((await orders.getOrderByClientOrderId({ clientOrderId: "node-limit-1" })).id, resting.id);
  const open = await orders.getAllOrders({ status: "open", symbols: ["AAPL"], nested: true });
  assert.ok(open.some((order) => order.id === resting.id));
  const replacement = await orders.patchOrderByOrderId({
    orderId: resting.id, patchOrderRequest: { qty: "5", limitPrice: cents(price * 0.99) },
  });
  assert.notEqual(replacement.id, resting.id);
  const old = await tape.wait(resting.id, "replaced");
  assert.equal(old.order.replacedBy, replacement.id);
  await tape.wait(replacement.id, "new");
  await orders.deleteOrderByOrderID({ orderId: replacement.id });
  await tape.wait(replacement.id, "canceled");
});

await step("bracket, trailing stop and cancel all", async () => {
  const now = (await quote("MSFT")).ap;
  const bracket = await orders.bracket({
    symbol: "MSFT", qty: 2, side: "buy",
    takeProfit: { limitPrice: cents(now * 1.3) }, stopLoss: { stopPrice: cents(now * 0.7) },
  });
  assert.equal(bracket.legs.length, 2);
  await tape.wait(bracket.id, "fill");
  const parent = await orders.getOrderByOrderID({ orderId: bracket.id, nested: true });
  const profit = parent.legs.find((leg) => leg.type === "limit");
  await tape.wait(profit.id, "new");
  const trailing = await orders.trailingStop({ symbol: "AAPL", qty: 3, side: "sell", trailPercent: 10 });
  await tape.wait(trailing.id, "new");
  assert.ok(number((await orders.getOrderByOrderID({ orderId: trailing.id })).hwm) > 0);
  const answers = await orders.deleteAllOrders();
  assert.ok(answers.length >= 2 && answers.every((answer) => answer.status === 200), JSON.stringify(answers));
  await tape.wait(trailing.id, "canceled");
  await tape.wait(profit.id, "canceled");
  await eventually("nothing works", async () => (await orders.getAllOrders({ status: "open" })).length === 0);
});

await step("submit and wait", async () => {
  // The client's own workflow: the stream confirms its subscription, the order goes out, the fill resolves it.
  const fetchApi = (input, init) => fetch(String(input).replace("https://paper-api.alpaca.markets", ready.paper.api_url), init);
  const alpaca = new Alpaca({ ...credentials, fetchApi });
  const own = alpaca.trading.stream({ url: ready.paper.stream_url });
  own.connect();
  const filled = await alpaca.trading.submitAndWait(
    { type: "market", symbol: "KO", qty: 1, side: "buy", timeInForce: "day" }, { stream: own, timeoutMs: PATIENCE },
  );
  own.disconnect();
  assert.equal(filled.status, "filled");
});

await step("refusals have Alpaca's status and code", async () => {
  const error = await refused(403, 40310000, () => orders.market({ symbol: "AAPL", qty: 1_000_000, side: "buy" }));
  assert.match(error.message, /insufficient buying power/);
  assert.ok(error.requestId, "no X-Request-ID");
  await refused(422, undefined, () =>
    orders.limit({ symbol: "AAPL", qty: 1, side: "buy", limitPrice: 100, clientOrderId: "node-market-1" }));
  await refused(422, 42210000, () => orders.deleteOrderByOrderID({ orderId: bought.id }));
  await refused(404, 40410000, () => orders.getOrderByOrderID({ orderId: "00000000-0000-4000-8000-000000000000" }));
  const wrong = new trading.Configuration({ basePath: ready.paper.api_url, keyId: "PKWRONG", secret: "wrong" });
  await refused(401, undefined, () => new trading.AccountsApi(wrong).getAccount());
});

await step("part of a position closes, then all of them", async () => {
  const before = await held("AAPL");
  const half = await positions.deleteOpenPosition({ symbolOrAssetId: "AAPL", percentage: 50 });
  await tape.wait(half.id, "fill");
  assert.equal(await held("AAPL"), before / 2);
  const answers = await positions.deleteAllOpenPositions({ cancelOrders: true });
  assert.ok(answers.length > 0 && answers.every((answer) => answer.status === 200), JSON.stringify(answers));
  await eventually("every position closed", async () => (await positions.getAllOpenPositions()).length === 0);
});

await step("activities tell of every fill", async () => {
  const activities = new trading.AccountActivitiesApi(config);
  // The SDK reads rows of the narrower endpoint as non-trade activities whatever they are, so this asks the wide one.
  const fills = await activities.getAccountActivities({ activityTypes: ["FILL"], pageSize: 100 });
  const mine = fills.filter((row) => row.orderId === bought.id);
  assert.equal(mine.reduce((sum, row) => sum + number(row.qty), 0), 10);
});

await step("watchlists", async () => {
  const api = new trading.WatchlistsApi(config);
  const made = await api.postWatchlist({ createWatchlistRequest: { name: "Node", symbols: ["AAPL"] } });
  assert.deepEqual(made.assets.map((asset) => asset.symbol), ["AAPL"]);
  const more = await api.addAssetToWatchlist({ watchlistId: made.id, addAssetToWatchlistRequest: { symbol: "SPY" } });
  assert.equal(more.assets.length, 2);
  assert.equal((await api.getWatchlistByName({ name: "Node" })).id, made.id);
  assert.ok((await api.getWatchlists()).some((list) => list.id === made.id));
  await api.deleteWatchlistById({ watchlistId: made.id });
  await refused(404, undefined, () => api.getWatchlistById({ watchlistId: made.id }));
});

await step("the data stream", async () => {
  const prices = new streaming.StockDataStream({ credentials, url: ready.data.stream_url });
  const first = new Promise((resolve) => prices.onQuote(resolve));
  const trade = new Promise((resolve) => prices.onTrade(resolve));
  prices.onError((message) => console.log(`javascript: data stream: ${message}`));
  prices.onConnect(() => {
    prices.subscribeForQuotes(["AAPL", "NVDA", "SPY"]);
    prices.subscribeForTrades(["AAPL", "NVDA", "SPY"]);
  });
  prices.connect();
  const seen = await within(first, "a quote");
  assert.ok(["AAPL", "NVDA", "SPY"].includes(seen.symbol), JSON.stringify(seen));
  await within(trade, "a trade");
  prices.disconnect();
});

await step("a day from bell to bell", async () => {
  const clocks = new trading.ClockApi(config);
  await control("open_market");
  const morning = await clocks.legacyClock();
  assert.ok(morning.isOpen);
  const first = await orders.market({ symbol: "NVDA", qty: 7, side: "buy" });
  await tape.wait(first.id, "fill");
  const low = cents((await quote("NVDA")).bp * 0.5);
  const forTheDay = await orders.limit({ symbol: "NVDA", qty: 2, side: "buy", limitPrice: low });
  // A sale may not meet an order of one's own, so the one that stays is in another share.
  const forLonger = await orders.limit({ symbol: "KO", qty: 2, side: "buy", limitPrice: "20.00", timeInForce: "gtc" });
  const atTheClose = await orders.market({ symbol: "NVDA", qty: 2, side: "buy", timeInForce: "cls" });
  assert.equal(atTheClose.status, "accepted");
  await tape.wait(forTheDay.id, "new");
  await tape.wait(forLonger.id, "new");

  await control("close_market");
  const expired = await tape.wait(forTheDay.id, "expired");
  assert.ok(expired.order.status === "expired" && expired.order.expiredAt, JSON.stringify(expired));
  assert.equal(number((await tape.wait(atTheClose.id, "fill")).qty), 2);
  const evening = await clocks.legacyClock();
  assert.ok(!evening.isOpen && evening.nextOpen > evening.timestamp && evening.timestamp >= morning.nextClose);
  assert.deepEqual((await orders.getAllOrders({ status: "open" })).map((order) => order.id), [forLonger.id]);

  const late = await orders.limit({
    symbol: "NVDA", qty: 1, side: "buy", limitPrice: cents((await quote("NVDA")).ap * 1.02), extendedHours: true,
  });
  await tape.wait(late.id, "fill");
  const waits = await orders.market({ symbol: "NVDA", qty: 3, side: "sell" });
  assert.equal(waits.status, "accepted");
  assert.equal((await orders.getOrderByOrderID({ orderId: waits.id })).status, "accepted");

  await control("open_market");
  await tape.wait(waits.id, "new");
  await tape.wait(waits.id, "fill");
  const tomorrow = await clocks.legacyClock();
  assert.ok(tomorrow.isOpen && tomorrow.timestamp.getTime() - morning.timestamp.getTime() > 20 * 3_600_000);
  assert.equal((await orders.getOrderByOrderID({ orderId: forLonger.id })).status, "new");
  assert.equal(await held("NVDA"), 7 + 2 + 1 - 3);
  await orders.deleteOrderByOrderID({ orderId: forLonger.id });
  await tape.wait(forLonger.id, "canceled");
  await positions.deleteAllOpenPositions({ cancelOrders: true });
  await eventually("flat in the end", async () => (await positions.getAllOpenPositions()).length === 0);
});

stream.disconnect();
console.log(`javascript: ${passed} passed, ${failed} failed`);
process.exit(failed ? 1 : 0);
