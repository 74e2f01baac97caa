#!/usr/bin/env python3
"""How long from connecting to live with many orders in the gap, against fetching the same bytes once (docs/DESIGN.md 11, P11).

    cargo build --release; cargo bench --bench peer --no-run
    python3 benches/process/reconnect.py --peer target/release/deps/peer-… [--orders 10000] [--rounds 11]

`brokerdeck watch` is live when its stream is cut; every order comes and is filled before it is back. From the new stream's
handshake to the word that it is live, with a line printed for each execution. Nothing is asserted.
"""
import argparse
import json
import pathlib
import queue
import subprocess
import tempfile
import threading
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


def states(watch):
    """When `watch` told each state of its connection; everything else it prints is read and dropped."""
    told = queue.Queue()

    def read():
        for text in watch.stdout:
            if text.startswith('{"') and '"type":"connection"' in text:
                told.put((time.perf_counter(), json.loads(text)["state"]))

    threading.Thread(target=read, daemon=True).start()
    return told


def live(told):
    while True:
        at, state = told.get(timeout=120)
        if state == "live":
            return at


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
        before = (before["id"], json.dumps(before).encode())
        orders, rows = gap(options.orders)
        ours, least, ratio = [], [], []
        for _ in range(options.rounds):
            feed.hold([before], [])
            watch = brokerage.start("watch", "--json")
            told = states(watch)
            live(told)
            feed.cut()
            feed.hold([*orders, before], rows)
            feed.asked.clear()
            ours.append((live(told) - feed.upgraded) * 1000)
            addresses = [feed.addresses()["api_url"] + target for target in feed.asked if "/events/" not in target]
            watch.terminate()
            watch.wait(10)
            fetched = subprocess.run([options.peer, "fetch", *addresses], stdout=subprocess.PIPE, text=True, check=True)
            least.append(int(fetched.stdout) / 1000)
            ratio.append(ours[-1] / least[-1])
        print(f"P11 live with {options.orders} orders in the gap ({len(addresses)} requests): {spread(ours, ' ms')}; the same bytes fetched once {spread(least, ' ms')}; ratio {spread(ratio)}")
        brokerage.end()


main()
