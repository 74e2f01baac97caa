"""What the measurements share: the built programs, a program in a pseudo-terminal, a simulated brokerage with a linked account."""
import contextlib
import fcntl
import json
import os
import pathlib
import pty
import re
import select
import signal
import sqlite3
import statistics
import struct
import subprocess
import termios
import time
import urllib.parse
import urllib.request

ROOT = pathlib.Path(__file__).resolve().parents[2]
RELEASE = pathlib.Path(os.environ.get("CARGO_TARGET_DIR", ROOT / "target")) / "release"


class Screen:
    """A program in a pseudo-terminal."""

    def __init__(self, command, home, columns=140, rows=40):
        self.began = time.perf_counter()
        self.pid, self.fd = pty.fork()
        if self.pid == 0:
            environment = {"TERM": "xterm-256color", "HOME": str(home), "PATH": os.environ["PATH"]}
            os.execve(command[0], command, environment)
        fcntl.ioctl(self.fd, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))
        self.seen = b""

    def read(self, seconds):
        """Reads what comes within this time; returns the bytes."""
        got = b""
        deadline = time.perf_counter() + seconds
        while (left := deadline - time.perf_counter()) > 0:
            if not select.select([self.fd], [], [], left)[0]:
                break
            try:
                data = os.read(self.fd, 65536)
            except OSError:
                break
            got += data
        self.seen += got
        return got

    def wait(self, text, seconds=30):
        """Reads until the text was written; returns the time since the start."""
        deadline = time.perf_counter() + seconds
        while text not in self.seen:
            if time.perf_counter() > deadline:
                raise SystemExit(f"no {text!r} within {seconds} s; the end of what came: {self.seen[-400:]!r}")
            if select.select([self.fd], [], [], 0.5)[0]:
                self.seen += os.read(self.fd, 65536)
        return time.perf_counter() - self.began

    def key(self, text):
        os.write(self.fd, text)

    def figures(self):
        """CPU ticks, voluntary and involuntary switches over all threads, resident KiB."""
        switches = 0
        for task in pathlib.Path(f"/proc/{self.pid}/task").iterdir():
            status = dict(line.split(":", 1) for line in (task / "status").read_text().splitlines())
            switches += int(status["voluntary_ctxt_switches"])
        fields = pathlib.Path(f"/proc/{self.pid}/stat").read_text().rsplit(")", 1)[1].split()
        status = dict(line.split(":", 1) for line in pathlib.Path(f"/proc/{self.pid}/status").read_text().splitlines())
        return int(fields[11]) + int(fields[12]), switches, int(status["VmRSS"].split()[0])

    def end(self):
        os.kill(self.pid, signal.SIGTERM)
        self.read(2)
        os.close(self.fd)
        os.waitpid(self.pid, 0)


def origin(url):
    parts = urllib.parse.urlsplit(url)
    return f"{parts.scheme}://{parts.netloc}"


def spread(values, unit=""):
    return f"{statistics.median(values):.2f}{unit} ({min(values):.2f} to {max(values):.2f})"


class Brokerage:
    """`brokerdeck sim` and an account linked to it in a home of its own; `through` may send the client another way."""

    def __init__(self, home, *options, through=lambda ready: ready["paper"]):
        self.home = home
        self.environment = {"PATH": os.environ["PATH"], "HOME": str(home)}
        self.process = subprocess.Popen([RELEASE / "brokerdeck", "sim", "--seed", "9", *options], stdout=subprocess.PIPE, env=self.environment, text=True)
        self.ready = json.loads(self.process.stdout.readline())
        self.config = home / "config.toml"
        self.options = ["--config", str(self.config), "--data-dir", str(home / "data")]
        self.configure(through(self.ready))
        link = self.start("link", "sim", "--no-browser", "--yes")
        url = link.stdout.readline().strip()
        token = re.search(r'name="form_token" value="([^"]+)"', urllib.request.urlopen(url, timeout=10).read().decode())[1]
        form = urllib.parse.urlencode({"decision": "allow", "form_token": token}).encode()
        urllib.request.urlopen(urllib.request.Request(url, form), timeout=10).read()
        if link.wait(30):
            raise SystemExit("linking failed")

    def configure(self, paper):
        """Writes the configuration; `paper` has the addresses that the client is to use."""
        ready = self.ready
        self.config.write_text(f"""[tokens]
store = "file"
[ui]
theme = "dark"
[[brokers]]
id = "sim"
name = "Simulated Paper"
environment = "paper"
authorize_url = "{ready['authorize_url']}"
token_url = "{ready['token_url']}"
api_url = "{paper['api_url']}"
stream_url = "{paper['stream_url']}"
client_id = "{ready['client_id']}"
client_secret = "{ready['client_secret']}"
redirect_uris = {json.dumps(ready['redirect_uris'])}
""")
        # A token is for the origins that it was granted for; here both ends are ours.
        links = self.home / "data" / "links.json"
        if links.exists():
            known = json.loads(links.read_text())
            for link in known["links"]:
                link["grantor"]["origins"] = [origin(paper["api_url"]), origin(paper["stream_url"])]
            links.write_text(json.dumps(known))

    def start(self, *command):
        """A command of brokerdeck on this account, its output to be read."""
        return subprocess.Popen([RELEASE / "brokerdeck", *command, *self.options], stdout=subprocess.PIPE, env=self.environment, text=True)

    def order(self, body):
        request = urllib.request.Request(self.ready["paper"]["api_url"].rstrip("/") + "/v2/orders", json.dumps(body).encode(), method="POST")
        request.add_header("Authorization", f"Bearer {self.ready['paper_token']}")
        request.add_header("Content-Type", "application/json")
        return json.load(urllib.request.urlopen(request, timeout=10))

    def control(self, action, body):
        request = urllib.request.Request(f"{self.ready['paper']['api_url'].rstrip('/')}/_sim/{action}", json.dumps(body).encode(), method="POST")
        request.add_header("Content-Type", "application/json")
        return urllib.request.urlopen(request, timeout=10).read()

    def journal(self, orders):
        """Lets the dashboard journal this many orders, then stops the market's traders."""
        screen = self.screen()
        screen.wait(b"live")
        self.control("bot", {"on": True, "rate": 600})
        path = self.home / "data" / "journal.sqlite"
        held = 0
        while held < orders:
            screen.read(0.5)
            with contextlib.closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True)) as journal:
                held = journal.execute("SELECT count(*) FROM orders").fetchone()[0]
        self.control("bot", {"on": False})
        screen.read(2)
        screen.end()
        return held

    def screen(self):
        return Screen([str(RELEASE / "brokerdeck"), *self.options], self.home)

    def end(self):
        self.process.terminate()
        self.process.wait(10)
