"""A real HTTP server on loopback that answers like OpenAI's chat completions, or breaks in a chosen way."""

from __future__ import annotations

import json
import socket
import threading
import time
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

Handler = Callable[["FakeHandler"], None]


class FakeServer:
    """`answers` are used one a request, the last one again and again; what came in is in `requests`."""

    def __init__(self, *answers: Handler):
        self.answers = list(answers)
        self.requests: list[dict] = []  # time, path, headers, body
        self.hung_up = threading.Event()  # set when a client left before its answer
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), FakeHandler)
        self._server.daemon_threads = True
        self._server.fake = self
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self._server.server_address[1]}/v1"

    def __enter__(self) -> FakeServer:
        self._thread.start()
        return self

    def __exit__(self, *_) -> None:
        self._server.shutdown()
        self._server.server_close()


class FakeHandler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_POST(self):
        fake = self.server.fake
        body = self.rfile.read(int(self.headers["Content-Length"]))
        headers = {name.lower(): value for name, value in self.headers.items()}
        fake.requests.append(
            {"time": time.monotonic(), "path": self.path, "headers": headers, "body": json.loads(body)}
        )
        answer = fake.answers[min(len(fake.requests), len(fake.answers)) - 1]
        try:
            answer(self)
        except (BrokenPipeError, ConnectionResetError):
            fake.hung_up.set()
        self.close_connection = True

    def send(self, status: int, body: bytes, **headers: str) -> None:
        self.send_response(status)
        for name, value in {"Content-Type": "application/json", "Content-Length": str(len(body)), **headers}.items():
            self.send_header(name.replace("_", "-"), value)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


def reply(text, finish: str = "stop", **message) -> Handler:
    choice = {"index": 0, "finish_reason": finish, "message": {"role": "assistant", "content": text, **message}}
    return data({"id": "1", "object": "chat.completion", "created": 0, "model": "tiny", "choices": [choice]})


def data(value, status: int = 200, **headers: str) -> Handler:
    return lambda handler: handler.send(status, json.dumps(value).encode(), **headers)


def raw(body: bytes, status: int = 200, **headers: str) -> Handler:
    return lambda handler: handler.send(status, body, **headers)


def error(status: int, message: str = "", **headers: str) -> Handler:
    return data({"error": {"message": message, "type": "x", "code": None}}, status, **headers)


def drop(handler: FakeHandler) -> None:
    """Hang up without a word."""
    handler.connection.shutdown(socket.SHUT_RDWR)


def drop_in_the_middle(handler: FakeHandler) -> None:
    """Promise a long body and hang up after its first bytes."""
    handler.send_response(200)
    handler.send_header("Content-Length", "1000")
    handler.end_headers()
    handler.wfile.write(b'{"choices": [')
    handler.wfile.flush()
    handler.connection.shutdown(socket.SHUT_RDWR)


def silence(handler: FakeHandler) -> None:
    """Say nothing until the client hangs up, at most 20 seconds."""
    handler.connection.settimeout(20)
    try:
        if handler.connection.recv(1) == b"":
            handler.server.fake.hung_up.set()
    except OSError:
        handler.server.fake.hung_up.set()


def drip(handler: FakeHandler) -> None:
    """One byte at a time, so that no single read takes long and the answer never ends."""
    handler.send_response(200)
    handler.send_header("Content-Length", "100000")
    handler.end_headers()
    for _ in range(1000):
        handler.wfile.write(b" ")
        handler.wfile.flush()
        time.sleep(0.02)


def flood(status: int = 200, chunk: bytes = b" " * 65536, most: int = 1 << 30) -> Handler:
    """An endless body."""

    def answer(handler: FakeHandler) -> None:
        handler.send_response(status)
        handler.send_header("Connection", "close")
        handler.end_headers()
        for _ in range(most // len(chunk)):
            handler.wfile.write(chunk)

    return answer
