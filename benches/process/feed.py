"""A broker of canned answers: whatever orders it is given, and frames as fast as the socket takes them."""
import base64
import hashlib
import json
import socket
import struct
import threading
import time
import urllib.parse


class Feed:
    """Serves REST and the order stream on one port. Everything is made before it is asked for."""

    def __init__(self, account):
        self.account = account
        self.orders = []
        self.rows = []
        self.asked = []
        self.stream = None
        self.listening = threading.Event()
        self.pong = threading.Event()
        self.listener = socket.create_server(("127.0.0.1", 0), backlog=64)
        self.port = self.listener.getsockname()[1]
        threading.Thread(target=self.accept, daemon=True).start()

    def addresses(self):
        return {"api_url": f"http://127.0.0.1:{self.port}", "stream_url": f"ws://127.0.0.1:{self.port}/stream"}

    def accept(self):
        while True:
            client, _ = self.listener.accept()
            client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            threading.Thread(target=self.serve, args=(client,), daemon=True).start()

    def serve(self, client):
        reader = client.makefile("rb")
        try:
            while line := reader.readline():
                target = line.split()[1].decode()
                headers = {}
                while (line := reader.readline().strip()):
                    name, value = line.decode().split(":", 1)
                    headers[name.lower()] = value.strip()
                if "sec-websocket-key" in headers:
                    return self.talk(client, reader, headers["sec-websocket-key"])
                self.asked.append(target)
                status, body = self.answer(target)
                head = f"HTTP/1.1 {status}\r\ncontent-type: application/json\r\ncontent-length: {len(body)}\r\nx-ratelimit-limit: 1000\r\n\r\n"
                client.sendall(head.encode() + body)
        except OSError:
            pass
        finally:
            client.close()

    def answer(self, target):
        url = urllib.parse.urlsplit(target)
        query = dict(urllib.parse.parse_qsl(url.query))
        if url.path == "/v2/account":
            return "200 OK", json.dumps(self.account).encode()
        if url.path == "/v2/positions":
            return "200 OK", b"[]"
        if url.path == "/v2/orders":
            # Newest first, all of them done.
            before = query.get("before_order_id")
            start = 0 if before is None else self.places[before] + 1
            page = self.orders[start:start + int(query["limit"])] if query["status"] != "open" else []
            return "200 OK", b"[" + b",".join(page) + b"]"
        if url.path == "/v2/account/activities/FILL":
            token = query.get("page_token")
            start = 0 if token is None else self.rows_places[token] + 1
            rows = self.rows[start:start + int(query["page_size"])] if query.get("direction") == "asc" else []
            return "200 OK", b"[" + b",".join(rows) + b"]"
        return "404 Not Found", b'{"message":"not found"}'

    def hold(self, orders, rows):
        """Serves these: (id, JSON), orders newest first, rows oldest first."""
        self.places = {id: place for place, (id, _) in enumerate(orders)}
        self.rows_places = {id: place for place, (id, _) in enumerate(rows)}
        self.orders, self.rows = [text for _, text in orders], [text for _, text in rows]

    def talk(self, client, reader, key):
        accept = base64.b64encode(hashlib.sha1((key + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11").encode()).digest()).decode()
        client.sendall(f"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: {accept}\r\n\r\n".encode())
        self.stream, self.upgraded = client, time.perf_counter()
        while True:
            head = reader.read(2)
            if len(head) < 2:
                return
            length = head[1] & 127
            if length == 126:
                length = struct.unpack(">H", reader.read(2))[0]
            elif length == 127:
                length = struct.unpack(">Q", reader.read(8))[0]
            mask = reader.read(4)
            data = bytes(byte ^ mask[place % 4] for place, byte in enumerate(reader.read(length)))
            kind = head[0] & 15
            if kind == 9:
                client.sendall(bytes([0x8A, len(data)]) + data)
            elif kind == 10:
                self.pong.set()
            elif kind == 8:
                return
            elif b"listen" in data:
                client.sendall(frame(b'{"stream":"listening","data":{"streams":["trade_updates"]}}'))
                self.listening.set()
            else:
                client.sendall(frame(b'{"stream":"authorization","data":{"action":"authenticate","status":"authorized"}}'))

    def cut(self):
        """Ends the stream without a word."""
        self.listening.clear()
        self.stream.shutdown(socket.SHUT_RDWR)

    def ping(self, seconds):
        """A ping behind everything sent so far, and its pong: all before it was read."""
        self.pong.clear()
        self.stream.sendall(b"\x89\x04last")
        return self.pong.wait(seconds)


def frame(data):
    """An unmasked text frame."""
    if len(data) < 126:
        return bytes([0x81, len(data)]) + data
    if len(data) < 65536:
        return b"\x81\x7e" + struct.pack(">H", len(data)) + data
    return b"\x81\x7f" + struct.pack(">Q", len(data)) + data


def order(number, filled, status, at):
    """An order of 100 shares with as many members as the service sends."""
    return {
        "id": f"5f0e7f2c-6f0e-4a53-9d3e-{number:012}", "client_order_id": f"bot-{number}", "created_at": "2026-03-02T14:30:00Z",
        "updated_at": at, "submitted_at": f"2026-03-02T14:{30 + number // 1000000:02}:{number // 20000 % 60:02}.{number % 20000 * 50:06}Z",
        "filled_at": at if status == "filled" else None, "expired_at": None, "expires_at": None, "cancel_requested_at": None,
        "canceled_at": None, "failed_at": None, "replaced_at": None, "replaced_by": None, "replaces": None,
        "asset_id": "00000000-0000-4000-8000-00000000000a", "symbol": "AAPL", "asset_class": "us_equity", "notional": None, "qty": "100",
        "filled_qty": str(filled), "filled_avg_price": "186.195" if filled else None, "order_class": "", "order_type": "limit", "type": "limit",
        "side": "buy", "position_intent": "buy_to_open", "time_in_force": "day", "limit_price": "186.20", "stop_price": None, "status": status,
        "extended_hours": False, "legs": None, "trail_percent": None, "trail_price": None, "hwm": None,
    }


def story(number, clock):
    """The frames of an order's life, a millisecond apart: new, three parts, the rest."""
    steps = [("new", 0, "new"), ("partial_fill", 25, "partially_filled"), ("partial_fill", 50, "partially_filled"), ("partial_fill", 75, "partially_filled"), ("fill", 100, "filled")]
    for step, (event, filled, status) in enumerate(steps):
        millis = clock + step
        at = f"2026-03-02T{15 + millis // 3600000:02}:{millis // 60000 % 60:02}:{millis // 1000 % 60:02}.{millis % 1000:03}Z"
        data = {"at": at, "event_id": f"01KJQ8WZ5M{number * 5 + step:016}", "event": event, "timestamp": at, "order": order(number, filled, status, at)}
        if filled:
            data |= {"price": "186.19", "qty": "25", "position_qty": str(filled), "execution_id": f"0a0b0c0d-6f0e-4a53-9d3e-{number * 5 + step:012}"}
        yield json.dumps({"stream": "trade_updates", "data": data}, separators=(",", ":")).encode()
