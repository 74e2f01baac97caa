#!/usr/bin/env python3
"""How soon a fill that was missed is told after the network returns (docs/DESIGN.md 9.4: within 2 s, p99, after up to 10 s).

    cargo build --release
    python3 benches/process/gap.py [--rounds 40] [--longest 10]

A proxy stands between `brokerdeck watch` and `brokerdeck sim`; it hangs up and refuses for a while, and a fill happens
meanwhile. Measured from the proxy's return to the line of `watch`. Nothing is asserted.
"""
import argparse
import json
import pathlib
import queue
import random
import socket
import statistics
import tempfile
import threading
import time
import urllib.parse

from desk import Brokerage


class Proxy:
    """Forwards a port, until told to hang up."""

    def __init__(self, target):
        self.target = target
        self.open = []
        self.connects = 0
        self.listener = None
        first = socket.create_server(("127.0.0.1", 0))
        self.port = first.getsockname()[1]
        self.serve(first)

    def serve(self, listener=None):
        self.listener = listener or socket.create_server(("127.0.0.1", self.port))
        threading.Thread(target=self.accept, args=(self.listener,), daemon=True).start()

    def accept(self, listener):
        while True:
            try:
                here, _ = listener.accept()
            except OSError:
                return
            self.connects += 1
            there = socket.create_connection(("127.0.0.1", self.target))
            for one, other in ((here, there), (there, here)):
                one.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                threading.Thread(target=self.copy, args=(one, other), daemon=True).start()
            self.open += [here, there]

    @staticmethod
    def copy(one, other):
        try:
            while data := one.recv(65536):
                other.sendall(data)
        except OSError:
            pass
        for end in (one, other):
            try:
                end.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass

    def hang_up(self):
        self.listener.shutdown(socket.SHUT_RDWR)
        self.listener.close()
        for end in self.open:
            try:
                end.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass
            end.close()
        self.open.clear()


def main():
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("--rounds", type=int, default=40)
    arguments.add_argument("--longest", type=float, default=10)
    options = arguments.parse_args()
    dice = random.Random(1)
    with tempfile.TemporaryDirectory() as folder:
        home = pathlib.Path(folder)
        proxy = None

        def through(ready):
            nonlocal proxy
            real = urllib.parse.urlsplit(ready["paper"]["api_url"]).port
            proxy = Proxy(real)
            return {name: url.replace(f":{real}", f":{proxy.port}") for name, url in ready["paper"].items()}

        brokerage = Brokerage(home, "--idle", through=through)
        watch = brokerage.start("watch", "--json")
        lines, state = queue.Queue(), [""]

        def listen():
            for text in watch.stdout:
                at, line = time.perf_counter(), json.loads(text)
                if line["type"] == "connection":
                    state.append(line["state"])
                lines.put((at, line))

        threading.Thread(target=listen, daemon=True).start()

        def until(fits, seconds=60):
            deadline = time.perf_counter() + seconds
            while True:
                at, line = lines.get(timeout=max(0.1, deadline - time.perf_counter()))
                if fits(line):
                    return at

        told, connects = [], []
        for _ in range(options.rounds):
            while state[-1] != "live":
                time.sleep(0.01)
            order = json.loads(brokerage.control("place", {"symbol": "AAPL", "qty": "1", "side": "buy", "type": "limit", "time_in_force": "day", "limit_price": "1.00"}))["id"]
            until(lambda line: line["type"] == "trade_update" and line["order"]["id"] == order)
            outage = dice.uniform(0.2, options.longest)
            proxy.hang_up()
            before = proxy.connects
            time.sleep(outage / 2)
            brokerage.control("fill", {"order": order, "price": "1.00"})
            time.sleep(outage / 2)
            back = time.perf_counter()
            proxy.serve()
            at = until(lambda line: line["type"] == "trade_update" and line["event"] == "fill" and line["order"]["id"] == order)
            told.append(at - back)
            connects.append(proxy.connects - before)
        told.sort()
        p99 = told[min(len(told) - 1, int(len(told) * 0.99))]
        print(f"{len(told)} outages with {statistics.median(connects):.0f} connects each (median; {max(connects)} at most), of up to {options.longest} s: the missed fill was told {statistics.median(told):.2f} s after the network's return (median), {p99:.2f} s (p99), {told[-1]:.2f} s (longest)")
        watch.terminate()
        watch.wait(10)
        brokerage.end()


main()
