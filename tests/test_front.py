"""The proxy that gives the pages on this machine a root path of their own."""

from __future__ import annotations

import http.client
import socket
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import urlsplit

import pytest

from local.front import MOST, Front
from local.preflight import Unready, pages_port


class Api(BaseHTTPRequestHandler):
    """Says what it was asked."""

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        asked = f"{self.command} {self.path} {body.decode()} {self.headers['X-Said']} {self.headers['Host']}"
        self.send_response(418)
        self.send_header("Content-Type", "text/x-tea")
        self.send_header("Set-Cookie", "a=1")
        self.send_header("Set-Cookie", "b=2")
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(asked.encode())

    do_GET = do_HEAD = do_PUT = do_POST  # noqa: N815

    def log_message(self, *_: Any) -> None:
        pass


@pytest.fixture
def front() -> Iterator[Front]:
    one = Front()
    one.start()
    try:
        yield one
    finally:
        one.stop()


@pytest.fixture
def api() -> Iterator[str]:
    with ThreadingHTTPServer(("127.0.0.1", 0), Api) as server:
        threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}/_aws/api/v1"
        server.shutdown()


def ask(front: Front, method: str, path: str, body: bytes | None = None, **headers: str) -> tuple[Any, bytes]:
    to = urlsplit(front.url)
    connection = http.client.HTTPConnection(to.hostname or "", to.port, timeout=10)
    try:
        connection.request(method, path, body, {name.replace("_", "-"): value for name, value in headers.items()})
        answer = connection.getresponse()
        return answer, answer.read()
    finally:
        connection.close()


def test_what_is_asked_and_what_is_answered_are_passed_on_as_they_are(front: Front, api: str) -> None:
    front.connect(api)
    answer, body = ask(front, "POST", "/r/a%2Fb?x=%C3%BC&y", b"name=Bo", X_Said="yes")
    assert answer.status == 418
    assert answer.headers["Content-Type"] == "text/x-tea"
    assert answer.headers.get_all("Set-Cookie") == ["a=1", "b=2"]
    assert body.decode() == f"POST /_aws/api/v1/r/a%2Fb?x=%C3%BC&y name=Bo yes {urlsplit(api).netloc}"
    assert ask(front, "HEAD", "/e/x")[1] == b""
    assert ask(front, "PUT", "/e/x")[0].status == 418


def test_before_the_stack_is_up_and_after_it_is_down_that_is_said(front: Front) -> None:
    answer, _ = ask(front, "GET", "/e/x")
    assert (answer.status, answer.headers["Retry-After"]) == (503, "1")
    with socket.create_server(("127.0.0.1", 0)) as nobody:
        port = nobody.getsockname()[1]
    front.connect(f"http://127.0.0.1:{port}/v1")
    assert ask(front, "GET", "/e/x")[0].status == 502


@pytest.mark.parametrize("length", [str(MOST + 1), "-1", "x", "9" * 400])
def test_more_than_a_form_can_be_is_not_read(front: Front, api: str, length: str) -> None:
    front.connect(api)
    answer, _ = ask(front, "POST", "/e/x", Content_Length=length)
    assert (answer.status, answer.headers.get("Connection")) in ((413, None), (413, "close"))


def test_it_listens_on_this_machine_only_and_on_the_port_that_is_wanted(front: Front) -> None:
    assert front.url.startswith("http://127.0.0.1:")
    port = urlsplit(front.url).port or 0
    with pytest.raises(OSError, match="in use"):
        Front(port)
    assert pages_port({}, (4566, 8025)) == 0
    with pytest.raises(Unready, match=f"Port {port} is in use. Choose another: make run CONVOKE_PAGES_PORT="):
        pages_port({"CONVOKE_PAGES_PORT": str(port)}, (4566, 8025))
    with pytest.raises(Unready, match="4566 is in use"):
        pages_port({"CONVOKE_PAGES_PORT": "4566"}, (4566, 8025))
    with pytest.raises(Unready, match="CONVOKE_PAGES_PORT is 'x', which is no port"):
        pages_port({"CONVOKE_PAGES_PORT": "x"}, (4566, 8025))
