"""The pages for people at a root path of their own, as they have on a domain of their own: a proxy to the local API.

The API's own address here has a path before the stage, and its port is that of everything else that the emulator does.
Browsers keep cookies by host, whatever the port, and some only for the whole of a host: so pages have a server to
themselves.
"""

from __future__ import annotations

import http.client
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import urlsplit

HOST = "127.0.0.1"
MOST = 6_000_000
"""Bytes of a request. API Gateway takes more, Lambda as much; of the pages only an import of people has that many."""
SECONDS = 30.0
OWN_TO_A_CONNECTION = frozenset(
    {
        "connection",
        "keep-alive",
        "proxy-authenticate",
        "proxy-authorization",
        "te",
        "trailer",
        "transfer-encoding",
        "upgrade",
        "content-length",
        "host",
        "date",
        "server",
    }
)
"""Headers that are not passed on (RFC 9110, section 7.6.1), or that each side writes itself."""


class Front:
    """The proxy. It listens from the beginning, so that its address can be deployed; until :meth:`connect` it answers
    503. ``port`` 0 means any free one.
    """

    def __init__(self, port: int = 0) -> None:
        """Raises :class:`OSError` if the port is in use."""
        self._server = _Server((HOST, port), _Handler)
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)

    @property
    def url(self) -> str:
        return f"http://{HOST}:{self._server.server_port}"

    def start(self) -> None:
        self._thread.start()

    def connect(self, api: str) -> None:
        """``api`` is the address of the API, without a slash at its end."""
        self._server.api = api

    def stop(self) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 128
    api = ""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: _Server

    def do_GET(self) -> None:
        self._pass_on()

    do_HEAD = do_POST = do_PUT = do_PATCH = do_DELETE = do_OPTIONS = do_GET  # noqa: N815

    def _pass_on(self) -> None:
        length = self.headers.get("Content-Length") or "0"
        if not length.isdigit() or int(length) > MOST or "Transfer-Encoding" in self.headers:
            self.close_connection = True
            self._answer(413, [], b"")
            return
        body = self.rfile.read(int(length))
        if not self.server.api or not self.path.startswith("/"):
            self._answer(503, [("Retry-After", "1")], b"The stack is not up yet.\n")
            return
        to = urlsplit(self.server.api)
        connection = http.client.HTTPConnection(to.hostname or HOST, to.port, timeout=SECONDS)
        try:
            headers = {name: value for name, value in self.headers.items() if name.lower() not in OWN_TO_A_CONNECTION}
            connection.request(self.command, to.path + self.path, body or None, headers)
            answer = connection.getresponse()
            said = [(name, value) for name, value in answer.getheaders() if name.lower() not in OWN_TO_A_CONNECTION]
            self._answer(answer.status, said, answer.read())
        except (OSError, http.client.HTTPException):
            self._answer(502, [], b"The stack does not answer.\n")
        finally:
            connection.close()

    def _answer(self, status: int, headers: list[tuple[str, str]], body: bytes) -> None:
        self.send_response(status)
        for name, value in headers:
            self.send_header(name, value)
        if status not in (204, 304):
            self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def log_message(self, *_: Any) -> None:
        """Nothing: what is asked for has tokens in it."""
