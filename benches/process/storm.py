#!/usr/bin/env python3
"""What a message costs from socket to screen: the dashboard against the least a client can do, and against alpaca-py.

    cargo build --release; cargo bench --bench peer --no-run
    python3 benches/process/storm.py --peer target/release/deps/peer-… [--python VENV/bin/python] [--orders 20000] [--rounds 5]

P5: the whole dashboard in a pseudo-terminal (decode, merge, journal with its syncs, frames) against a websocket and serde_json alone.
P6: its CPU a message against alpaca-py's TradingStream with an empty handler, where an interpreter that has alpaca-py is named.
CPU is all of a process's threads, counted by the kernel. Linux only. Ratios are of interleaved rounds; nothing is asserted.
"""
import argparse
import json
import os
import pathlib
import subprocess
import tempfile
import threading
import time
import urllib.request

from desk import Brokerage, spread
from feed import Feed, frame, story

TICK = os.sysconf("SC_CLK_TCK")
HANDLER = """
import asyncio, sys
from alpaca.trading.stream import TradingStream
stream = TradingStream("key", "secret", paper=True, url_override=sys.argv[1])
async def handler(update): pass
stream.subscribe_trade_updates(handler)
stream.run()
"""


def cpu(pid):
    fields = pathlib.Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / TICK


def settle(pid, read):
    """Waits until a process has had next to nothing to do for half a second; returns its CPU time."""
    before = cpu(pid)
    while True:
        read(0.5)
        now = cpu(pid)
        if now - before <= 2 / TICK:
            return now
        before = now


def measure(feed, pid, read, frames):
    """Sends the frames to whoever listens; seconds until all were read, and CPU seconds until nothing was left to do."""
    deadline = time.perf_counter() + 30
    while not feed.listening.is_set():
        read(0.05)
        if time.perf_counter() > deadline:
            raise SystemExit("nobody listens")
    began_cpu = settle(pid, read)
    began = time.perf_counter()
    sent = []
    sender = threading.Thread(target=lambda: (feed.stream.sendall(frames), sent.append(feed.ping(600))))
    sender.start()
    while sender.is_alive():
        read(0.01)
    took = time.perf_counter() - began
    if sent != [True]:
        raise SystemExit("not all frames were read")
    return took, settle(pid, read) - began_cpu


def dashboard(brokerage, account, frames):
    feed = Feed(account)
    brokerage.configure(feed.addresses())
    for path in (brokerage.home / "data").glob("journal*"):
        path.unlink()
    screen = brokerage.screen()
    figures = measure(feed, screen.pid, screen.read, frames)
    screen.end()
    return figures


def started(feed, command, frames):
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
    figures = measure(feed, process.pid, time.sleep, frames)
    process.kill()
    process.wait()
    return figures


def main():
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("--peer", required=True)
    arguments.add_argument("--python")
    arguments.add_argument("--orders", type=int, default=20_000)
    arguments.add_argument("--rounds", type=int, default=5)
    options = arguments.parse_args()
    texts = [text for number in range(options.orders) for text in story(number, number * 5)]
    frames, count = b"".join(frame(text) for text in texts), len(texts)
    with tempfile.TemporaryDirectory() as folder:
        brokerage = Brokerage(pathlib.Path(folder), "--idle")
        request = urllib.request.Request(brokerage.ready["paper"]["api_url"].rstrip("/") + "/v2/account", headers={"Authorization": f"Bearer {brokerage.ready['paper_token']}"})
        account = json.load(urllib.request.urlopen(request, timeout=10))
        rate, cost, python = [], [], []
        for _ in range(options.rounds):
            ours = dashboard(brokerage, account, frames)
            feed = Feed(account)
            # One frame more than come: it must not end before its CPU was read.
            least = started(feed, [options.peer, "stream", feed.addresses()["stream_url"], str(count + 1)], frames)
            rate.append(least[0] / ours[0])
            cost.append(ours[1] / least[1])
            line = f"a message: dashboard {ours[1] / count * 1e6:.1f} us CPU, {count / ours[0]:.0f}/s; socket and serde {least[1] / count * 1e6:.1f} us, {count / least[0]:.0f}/s"
            if options.python:
                feed = Feed(account)
                theirs = started(feed, [options.python, "-c", HANDLER, feed.addresses()["stream_url"]], frames)
                python.append(theirs[1] / ours[1])
                line += f"; alpaca-py {theirs[1] / count * 1e6:.1f} us, {count / theirs[0]:.0f}/s"
            print(line, flush=True)
        print(f"P5 {count} messages: {spread(rate)} times the messages a second of socket and serde alone, {spread(cost)} times their CPU")
        if python:
            print(f"P6 alpaca-py with an empty handler takes {spread(python)} times the CPU a message")
        brokerage.end()


main()
