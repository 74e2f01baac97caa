#!/usr/bin/env python3
"""Whole-process figures of the dashboard, as ratios within one interleaved run: first frame, idle cost, memory, key latency.

    cargo build --release --example hello --bin brokerdeck
    python3 benches/process/run.py [--rounds 11] [--idle 20] [--storm 20000] [--only P1,P2,P3,P7,P8]

Linux only: reads /proc. Prints medians with their range. Nothing is asserted: machines are shared and drift.
"""
import argparse
import base64
import json
import os
import pathlib
import queue
import socket
import statistics
import struct
import tempfile
import threading
import time
import urllib.parse

from desk import RELEASE, Brokerage, Screen, spread


def first_frame(rounds):
    """P1: the first frame with a journal of 10,000 orders, against the smallest ratatui program."""
    with tempfile.TemporaryDirectory() as folder:
        home = pathlib.Path(folder)
        brokerage = Brokerage(home, "--idle")
        held = brokerage.journal(10_000)
        ours, full, hello, ratio = [], [], [], []
        for _ in range(rounds):
            screen = brokerage.screen()
            ours.append(screen.wait(b"Brokers") * 1000)
            full.append(screen.wait(b"BUY") * 1000)
            screen.end()
            yardstick = Screen([str(RELEASE / "examples" / "hello")], home)
            hello.append(yardstick.wait(b"hello") * 1000)
            yardstick.end()
            ratio.append(ours[-1] / hello[-1])
        print(f"P1 first frame with {held} orders in the journal: {spread(ours, ' ms')}, with its orders {spread(full, ' ms')}, hello world {spread(hello, ' ms')}, ratio {spread(ratio)}", flush=True)
        brokerage.end()


def memory(rounds):
    """P3: resident memory of an account with 1,000 orders, against the smallest ratatui program; and the binary."""
    with tempfile.TemporaryDirectory() as folder:
        home = pathlib.Path(folder)
        brokerage = Brokerage(home, "--idle")
        held = brokerage.journal(1_000)
        ours, ratio = [], []
        for _ in range(rounds):
            screen = brokerage.screen()
            screen.wait(b"live")
            screen.read(1)
            ours.append(screen.figures()[2] / 1024)
            screen.end()
            yardstick = Screen([str(RELEASE / "examples" / "hello")], home)
            yardstick.wait(b"hello")
            ratio.append(ours[-1] * 1024 / yardstick.figures()[2])
            yardstick.end()
        print(f"P3 resident memory with {held} orders: {spread(ours, ' MiB')}, {spread(ratio)} times hello world; binary {(RELEASE / 'brokerdeck').stat().st_size / 1e6:.1f} MB", flush=True)
        brokerage.end()


def idle(seconds):
    """P2: a quiet live account."""
    with tempfile.TemporaryDirectory() as folder:
        brokerage = Brokerage(pathlib.Path(folder), "--idle")
        screen = brokerage.screen()
        screen.wait(b"live")
        screen.read(20)
        before = screen.figures()
        written = len(screen.read(seconds))
        after = screen.figures()
        ticks = os.sysconf("SC_CLK_TCK")
        share = (after[0] - before[0]) / ticks / seconds * 100
        print(f"P2 idle for {seconds} s: {(after[1] - before[1]) / seconds:.2f} wake-ups a second, {written / seconds:.0f} B/s to the terminal, {share:.2f} % of a core")
        screen.end()
        brokerage.end()


class RawSocket:
    """The least there is: a blocking websocket that listens to trade updates and looks for a text in what arrives."""

    def __init__(self, ready):
        address = urllib.parse.urlsplit(ready["paper"]["stream_url"])
        self.socket = socket.create_connection((address.hostname, address.port))
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        key = base64.b64encode(os.urandom(16)).decode()
        head = f"GET {address.path} HTTP/1.1\r\nHost: {address.netloc}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Key: {key}\r\nSec-WebSocket-Version: 13\r\n\r\n"
        self.socket.sendall(head.encode())
        self.until(b"\r\n\r\n")
        self.say({"action": "authenticate", "data": {"oauth_token": ready["paper_token"]}})
        self.until(b"authorized")
        self.say({"action": "listen", "data": {"streams": ["trade_updates"]}})
        self.until(b"listening")

    def say(self, value):
        data = json.dumps(value).encode()
        mask = os.urandom(4)
        length = bytes([0x80 | len(data)]) if len(data) < 126 else bytes([0x80 | 126]) + struct.pack(">H", len(data))
        self.socket.sendall(b"\x81" + length + mask + bytes(byte ^ mask[place % 4] for place, byte in enumerate(data)))

    def until(self, text):
        """Reads until the text arrives; returns when it was read."""
        seen = b""
        while text not in seen:
            seen += self.socket.recv(65536)
        return time.perf_counter()


def fill_to_screen(rounds):
    """P7: a fill on its way to the screen, against the same fill on its way to a blocking raw socket."""
    with tempfile.TemporaryDirectory() as folder:
        brokerage = Brokerage(pathlib.Path(folder), "--idle")
        screen = brokerage.screen()
        screen.wait(b"live")
        raw, ours, least = RawSocket(brokerage.ready), [], []
        for number in range(rounds * 5):
            order = json.loads(brokerage.control("place", {"symbol": "AAPL", "qty": "1", "side": "buy", "type": "limit", "time_in_force": "day", "limit_price": "1.00"}))["id"]
            screen.read(0.4)
            found = queue.Queue()
            listener = threading.Thread(target=lambda: found.put(raw.until(b'"fill"')))
            listener.start()
            marker = len(screen.seen)
            shown = None
            began = time.perf_counter()
            threading.Thread(target=brokerage.control, args=("fill", {"order": order, "price": "1.00"})).start()
            while shown is None and time.perf_counter() - began < 5:
                screen.read(0.001)
                if b"filled" in screen.seen[marker:] or b"fill" in screen.seen[marker:]:
                    shown = time.perf_counter()
            listener.join()
            if shown is None:
                raise SystemExit(f"fill {number} was not shown: {screen.seen[marker:]!r}")
            # Both from the moment the request was sent; the engine's own part is in both.
            ours.append((shown - began) * 1000)
            least.append((found.get() - began) * 1000)
            screen.read(0.1)
        ours.sort()
        least.sort()
        p99 = lambda values: values[int(len(values) * 0.99) - 1]
        print(f"P7 fill to screen: median {statistics.median(ours):.2f} ms, p99 {p99(ours):.2f} ms; to a blocking raw socket: median {statistics.median(least):.2f} ms, p99 {p99(least):.2f} ms; ratio at p99 {p99(ours) / p99(least):.1f}", flush=True)
        screen.end()
        brokerage.end()


def storm(rate, rounds):
    """P8: a key when quiet and under a storm of updates."""
    for options, name in ((["--idle"], "quiet"), (["--rate", str(rate)], f"{rate} updates/s")):
        with tempfile.TemporaryDirectory() as folder:
            brokerage = Brokerage(pathlib.Path(folder), *options)
            screen = brokerage.screen()
            screen.wait(b"live")
            screen.read(3)
            times = []
            for _ in range(rounds * 5):
                screen.read(0.05)
                began = time.perf_counter()
                screen.key(b"?")
                marker = len(screen.seen)
                while b"Help" not in screen.seen[marker:] and b"help" not in screen.seen[marker:]:
                    if time.perf_counter() - began > 5:
                        break
                    screen.read(0.001)
                times.append((time.perf_counter() - began) * 1000)
                screen.key(b"\x1b")
                screen.read(0.1)
            times.sort()
            print(f"P8 key to screen, {name}: median {statistics.median(times):.1f} ms, p99 {times[int(len(times) * 0.99) - 1]:.1f} ms")
            screen.end()
            brokerage.end()


def main():
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("--rounds", type=int, default=11)
    arguments.add_argument("--idle", type=int, default=20)
    arguments.add_argument("--storm", type=int, default=20_000)
    arguments.add_argument("--only", default="P1,P2,P3,P7,P8")
    options = arguments.parse_args()
    only = options.only.split(",")
    if "P1" in only:
        first_frame(options.rounds)
    if "P3" in only:
        memory(options.rounds)
    if "P2" in only:
        idle(options.idle)
    if "P7" in only:
        fill_to_screen(options.rounds)
    if "P8" in only:
        storm(options.storm, options.rounds)


main()
