#!/usr/bin/env python3
"""What the dashboard costs at a steady rate of messages: CPU, wake-ups, bytes to the terminal and to the disk.

    cargo build --release
    python3 benches/process/paced.py [--rates 10,200,1000] [--seconds 8] [--rounds 3] [--binary OLD --binary NEW]

A storm fills every turn, commit and frame; a trader's day does not, so that its cost is another one. With several binaries they
take turns within each round. CPU is all of a process's threads (schedstat), bytes are /proc/PID/io. Linux only; nothing is asserted.
"""
import argparse
import contextlib
import json
import os
import pathlib
import statistics
import tempfile
import threading
import time
import urllib.request

import desk
from feed import Feed, frame, story

FIGURES = ("cpu", "wakes", "terminal", "disk")


def cpu(pid):
    """CPU seconds of all threads."""
    total = 0
    for task in pathlib.Path(f"/proc/{pid}/task").iterdir():
        with contextlib.suppress(FileNotFoundError):
            total += int((task / "schedstat").read_text().split()[0])
    return total / 1e9


def written(pid):
    """Bytes that the kernel was given to write to a disk."""
    lines = pathlib.Path(f"/proc/{pid}/io").read_text().splitlines()
    return int(dict(line.split(": ") for line in lines)["write_bytes"])


def paced(feed, frames, rate):
    """Sends the frames evenly."""
    began = time.perf_counter()
    for place, data in enumerate(frames):
        wait = began + place / rate - time.perf_counter()
        if wait > 0:
            time.sleep(wait)
        feed.stream.sendall(data)


def run(brokerage, account, binary, rate, seconds):
    """One dashboard at one rate: CPU share of a core, wake-ups a second, bytes a message to the terminal and to the disk."""
    desk.RELEASE = binary.parent
    feed = Feed(account)
    brokerage.configure(feed.addresses())
    for file in (brokerage.home / "data").glob("journal*"):
        file.unlink()
    screen = desk.Screen([str(binary), *brokerage.options], brokerage.home)
    deadline = time.perf_counter() + 30
    while not feed.listening.is_set():
        screen.read(0.05)
        if time.perf_counter() > deadline:
            raise SystemExit("nobody listens")
    screen.read(6)
    count = int(rate * seconds)
    frames = [frame(told) for place in range(count // 5 + 1) for told in story(place, place * 5)][:count]
    before = (cpu(screen.pid), screen.figures()[1], written(screen.pid))
    began, terminal = time.perf_counter(), 0
    sender = threading.Thread(target=paced, args=(feed, frames, rate))
    sender.start()
    while sender.is_alive() or time.perf_counter() - began < seconds:
        terminal += len(screen.read(0.02))
    took = time.perf_counter() - began
    after = (cpu(screen.pid), screen.figures()[1], written(screen.pid))
    spent, wakes, disk = (new - old for new, old in zip(after, before))
    screen.end()
    return {"cpu": spent / took * 100, "wakes": wakes / took, "terminal": terminal / count, "disk": disk / count}


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rates", default="10,200,1000", help="messages a second")
    parser.add_argument("--seconds", type=float, default=8)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--binary", action="append", type=pathlib.Path, help="instead of the one that was built")
    parser.add_argument("--under", type=pathlib.Path, help="a folder on the disk to measure")
    options = parser.parse_args()
    binaries = [binary.resolve() for binary in options.binary or [desk.RELEASE / "brokerdeck"]]
    with tempfile.TemporaryDirectory(dir=options.under) as folder:
        brokerage = desk.Brokerage(pathlib.Path(folder), "--idle")
        asked = urllib.request.Request(
            f"{brokerage.ready['paper']['api_url'].rstrip('/')}/v2/account",
            headers={"Authorization": f"Bearer {brokerage.ready['paper_token']}"},
        )
        account = json.load(urllib.request.urlopen(asked, timeout=10))
        for rate in map(float, options.rates.split(",")):
            found = {binary: [] for binary in binaries}
            for _ in range(options.rounds):
                for binary in binaries:
                    found[binary].append(run(brokerage, account, binary, rate, options.seconds))
            for binary, rounds in found.items():
                median = {figure: statistics.median(one[figure] for one in rounds) for figure in FIGURES}
                span = [one["cpu"] for one in rounds]
                print(
                    f"{rate:6.0f} messages/s: {median['cpu']:6.2f} % of a core ({min(span):.2f} to {max(span):.2f}),"
                    f" {median['wakes']:6.0f} wake-ups/s, a message {median['terminal']:6.0f} B to the terminal"
                    f" and {median['disk']:6.0f} B to the disk  {binary}",
                    flush=True,
                )
        brokerage.end()


if __name__ == "__main__":
    main()
