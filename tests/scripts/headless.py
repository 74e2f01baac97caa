"""Uses brokerdeck as a script would: `sim`, `link --no-browser --yes`, `watch --json`, with only a config file.

Usage: headless.py PATH-OF-BROKERDECK
"""
import json
import os
import pathlib
import re
import subprocess
import sys
import tempfile
import urllib.parse
import urllib.request

BINARY = sys.argv[1]
SYMBOLS = ["AAPL", "MSFT", "KO", "JPM", "F", "AMD", "GOOGL", "NVDA", "TSLA", "META"]


def start(home, *args):
    env = {"PATH": os.environ["PATH"], "HOME": str(home)}
    return subprocess.Popen([BINARY, *args], env=env, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def config(home, ready):
    path = home / "config.toml"
    path.write_text(f"""[tokens]
store = "file"
[[brokers]]
id = "sim"
name = "Simulated Paper"
environment = "paper"
authorize_url = "{ready['authorize_url']}"
token_url = "{ready['token_url']}"
api_url = "{ready['paper']['api_url']}"
stream_url = "{ready['paper']['stream_url']}"
client_id = "{ready['client_id']}"
client_secret = "{ready['client_secret']}"
redirect_uris = {json.dumps(ready['redirect_uris'])}
""")
    return str(path)


def call(ready, method, path, body=None):
    request = urllib.request.Request(ready["paper"]["api_url"].rstrip("/") + path, method=method)
    request.add_header("Authorization", f"Bearer {ready['paper_token']}")
    data = None
    if body is not None:
        data = json.dumps(body).encode()
        request.add_header("Content-Type", "application/json")
    with urllib.request.urlopen(request, data, timeout=10) as answer:
        return json.loads(answer.read() or b"null")


def main():
    with tempfile.TemporaryDirectory() as folder:
        home = pathlib.Path(folder)
        running = []
        try:
            sim = start(home, "sim", "--seed", "5")
            running.append(sim)
            ready = json.loads(sim.stdout.readline())
            common = ["--config", config(home, ready), "--data-dir", str(home / "data")]
            link = start(home, "link", "sim", "--no-browser", "--yes", *common)
            running.append(link)
            url = link.stdout.readline().strip()
            # What a person does in the browser: the same page, Allow pressed; the redirect reaches the callback server.
            with urllib.request.urlopen(url, timeout=10) as page:
                token = re.search(r'name="form_token" value="([^"]+)"', page.read().decode())[1]
            body = urllib.parse.urlencode({"decision": "allow", "form_token": token}).encode()
            with urllib.request.urlopen(urllib.request.Request(url, body), timeout=10) as answer:
                assert answer.status == 200, answer.status
            out, err = link.communicate(timeout=30)
            assert link.returncode == 0, (link.returncode, out, err)
            watch = start(home, "watch", "--json", *common)
            running.append(watch)
            order = None
            executions, states = set(), []
            for line in watch.stdout:
                event = json.loads(line)
                if event["type"] == "connection":
                    states.append(event["state"])
                    if event["state"] == "live" and order is None:
                        # The history is that of the day of the run: an order of the bot may work on the other side.
                        taken = {row["symbol"] for row in call(ready, "GET", "/v2/orders?status=open&limit=500")}
                        symbol = next(symbol for symbol in SYMBOLS if symbol not in taken)
                        order = call(ready, "POST", "/v2/orders", {
                            "symbol": symbol, "qty": "3", "side": "buy", "type": "market", "time_in_force": "day"})
                    continue
                assert event["account"] and event["environment"] == "paper", event
                if event.get("execution_id"):
                    assert event["execution_id"] not in executions, f"printed twice: {event}"
                    executions.add(event["execution_id"])
                if order and event["order"]["id"] == order["id"] and event["event"] == "fill":
                    assert event["order"]["status"] == "filled" and event["price"] and event["qty"], event
                    break
            assert "live" in states, states
            orders = subprocess.run([BINARY, "orders", "--status", "all", "--json", *common], capture_output=True, text=True, check=True)
            assert any(row["id"] == order["id"] for row in json.loads(orders.stdout))
            positions = subprocess.run([BINARY, "positions", "--json", *common], capture_output=True, text=True, check=True)
            assert any(row["symbol"] == symbol for row in json.loads(positions.stdout))
            print("headless: 1 passed, 0 failed")
        finally:
            for process in running:
                process.terminate()
                process.wait(timeout=15)


main()
