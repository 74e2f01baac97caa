#!/usr/bin/env python3
"""How long from connecting to live with many orders in the gap, against fetching the same bytes once (PERFORMANCE P11).

    cargo build --release; cargo bench --bench peer --no-run
    python3 benches/process/reconnect.py --peer target/release/deps/peer-… [--orders 10000] [--rounds 11]

`brokerdeck watch` knew the account before; then it was closed, and every order came and was filled. Nothing is asserted.
"""
import argparse
import json
import pathlib
import shutil
import subprocess
import tempfile
import time
import urllib.request

from desk import Brokerage, spread
from feed import Feed, order


def gap(count):
    """Orders newest first, their executions oldest first."""
    orders, rows = [], []
    for number in range(1, count + 1):
        second, milli = divmod(number * 5, 1000)
        at = f"2026-03-02T{16 + second // 3600:02}:{second // 60 % 60:02}:{second % 60:02}.{milli:03}Z"
        body = order(number, 100, "filled", at) | {"submitted_at": at}
        row = {"id": f"{at.translate(str.maketrans('', '', '-T:.Z'))}::0a0b0c0d-6f0e-4a53-9d3e-{number:012}", "activity_type": "FILL", "type": "fill", "transaction_time": at,
               "price": "186.19", "qty": "100", "cum_qty": "100", "leaves_qty": "0", "side": "buy", "symbol": "AAPL", "order_id": body["id"], "order_status": "filled"}
        orders.append((body["id"], json.dumps(body).encode()))
        rows.append((row["id"], json.dumps(row).encode()))
    orders.reverse()
    return orders, rows


def connect(brokerage):
    """Runs `watch` until it is live; seconds from its first word of connecting."""
    watch = brokerage.start("watch", "--json")
    began = None
    for text in watch.stdout:
        line = json.loads(text)
        state = line.get("state")
        if state == "connecting" and began is None:
            began = time.perf_counter()
        if state == "live":
            break
    took = time.perf_counter() - began
    watch.terminate()
    # What is printed after it is read, or the pipe would hold it up.
    watch.stdout.read()
    watch.wait(10)
    return took


def main():
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("--peer", required=True)
    arguments.add_argument("--orders", type=int, default=10_000)
    arguments.add_argument("--rounds", type=int, default=11)
    options = arguments.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        brokerage = Brokerage(pathlib.Path(folder), "--idle")
        request = urllib.request.Request(brokerage.ready["paper"]["api_url"].rstrip("/") + "/v2/account", headers={"Authorization": f"Bearer {brokerage.ready['paper_token']}"})
        feed = Feed(json.load(urllib.request.urlopen(request, timeout=10)))
        brokerage.configure(feed.addresses())
        before = order(0, 100, "filled", "2026-03-02T15:00:00Z")
        feed.hold([(before["id"], json.dumps(before).encode())], [])
        connect(brokerage)
        data, kept = brokerage.home / "data", brokerage.home / "kept"
        shutil.copytree(data, kept)
        orders, rows = gap(options.orders)
        feed.hold(orders + [(before["id"], json.dumps(before).encode())], rows)
        ours, least, ratio = [], [], []
        for _ in range(options.rounds):
            shutil.rmtree(data)
            shutil.copytree(kept, data)
            feed.asked.clear()
            ours.append(connect(brokerage) * 1000)
            addresses = [brokerage_url(feed, target) for target in feed.asked if "/events/" not in target]
            fetched = subprocess.run([options.peer, "fetch", *addresses], stdout=subprocess.PIPE, text=True, check=True)
            least.append(int(fetched.stdout) / 1000)
            ratio.append(ours[-1] / least[-1])
        print(f"P11 live with {options.orders} orders in the gap ({len(addresses)} requests): {spread(ours, ' ms')}; the same bytes fetched once {spread(least, ' ms')}; ratio {spread(ratio)}")
        brokerage.end()


def brokerage_url(feed, target):
    return feed.addresses()["api_url"] + target


main()
