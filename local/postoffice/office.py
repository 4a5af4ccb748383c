"""The server of the post office: it runs in a thread of this process and listens on 127.0.0.1 only."""

from __future__ import annotations

import os
import socket
import struct
import threading
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import boto3
from botocore.config import Config
from flask import Flask, Response, abort, request
from werkzeug.serving import BaseWSGIServer, WSGIRequestHandler, make_server

from . import counter, page, ses
from .connected import Console, Tellings
from .faults import Faults
from .records import Places
from .replies import Answers
from .reports import Reports
from .shelf import Shelf

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIEnvironment

HOST = "127.0.0.1"
LARGEST_REQUEST = 64 * 1024 * 1024  # the largest mail, in base64, in JSON
MOST_AT_ONCE = 1024  # the backlog of connections
SELF = "'self'"
SAFE_METHODS = ("GET", "HEAD", "OPTIONS")


class PostOffice:
    """Accepts mail as SES does and shows it. ``port`` 0 means any free one; a timeout lasts ``silence`` seconds."""

    def __init__(self, folder: Path, port: int = 0, *, silence: float = 20.0) -> None:
        self._port = port
        self._closing = threading.Event()
        self._server: BaseWSGIServer | None = None
        self._thread: threading.Thread | None = None
        self.shelf = Shelf(folder)
        self.faults = Faults()
        self.reports = Reports(self.shelf)
        self.tellings = Tellings()
        self.console = Console()
        self.app = Flask(__name__)
        self.app.config.update(MAX_CONTENT_LENGTH=LARGEST_REQUEST, TRUSTED_HOSTS=[HOST, "localhost"])
        self.app.before_request(_refuse_other_sites)
        self.app.after_request(self._harden)
        self.app.register_blueprint(
            ses.wire(self.shelf, self.faults, self.reports.accepted, lambda: self._closing.wait(silence))
        )
        self.app.register_blueprint(counter.tool_routes(self.shelf, self.faults, self.reports))
        self.app.register_blueprint(
            page.inbox(self.shelf, self.faults, self.reports, Answers(), self.tellings, self.console)
        )

    @property
    def url(self) -> str:
        """Its base URL, once started, without a trailing slash."""
        if self._server is None:
            raise RuntimeError("the post office is not started")
        return f"http://{HOST}:{self._server.port}"

    def start(self) -> None:
        """Start. Raises :class:`OSError` if the port is in use."""
        listener = socket.create_server((HOST, self._port), backlog=MOST_AT_ONCE)
        try:
            self._server = make_server(
                HOST, self._port, self.app, threaded=True, request_handler=OneRequest, fd=listener.fileno()
            )
        finally:
            listener.close()
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
        self._thread.start()
        self.reports.start()

    def connect(
        self,
        *,
        endpoint: str,
        feedback_topic: str,
        inbound_topic: str,
        inbound_bucket: str,
        region: str = "us-east-1",
        access_key: str = "test",
        secret_key: str = "test",  # noqa: S107 - the emulator's default, no secret
    ) -> None:
        """Publish reports to the stack at ``endpoint`` from now on."""
        session = boto3.Session(aws_access_key_id=access_key, aws_secret_access_key=secret_key, region_name=region)
        config = Config(connect_timeout=3, read_timeout=10, s3={"addressing_style": "path"})
        self.reports.connect(
            session.client("sns", endpoint_url=endpoint, config=config),
            session.client("s3", endpoint_url=endpoint, config=config),
            Places(
                feedback_topic=feedback_topic,
                inbound_topic=inbound_topic,
                inbound_bucket=inbound_bucket,
                region=region,
            ),
        )

    def stop(self) -> None:
        """Stop. Clients that are kept waiting are released at once."""
        self._closing.set()
        if self._server is not None and self._thread is not None:
            self._server.shutdown()
            self._thread.join(timeout=5)
            self._server.server_close()
            self.reports.stop()
            self._server = self._thread = None

    def _harden(self, answer: Response) -> Response:
        # A browser that heeds form-action does not follow a form's redirect to anywhere else.
        answer.headers.setdefault(
            "Content-Security-Policy",
            "default-src 'none'; style-src 'self'; img-src data:; frame-src 'self'; "
            f"form-action {' '.join(filter(None, (SELF, self.console.origin)))}; base-uri 'none'; "
            "frame-ancestors 'none'",
        )
        answer.headers["X-Content-Type-Options"] = "nosniff"
        answer.headers["Referrer-Policy"] = "same-origin"
        answer.headers["Cache-Control"] = "no-store"
        return answer


class OneRequest(WSGIRequestHandler):
    """Serves one request, without a log line, and with a connection reset where one was ordered."""

    def log_request(self, code: int | str = "-", size: int | str = "-") -> None:
        """Log nothing: the terminal shows the output of `make run`."""

    def connection_dropped(self, error: BaseException, environ: WSGIEnvironment | None = None) -> None:
        if isinstance(error, ses.HangUp):
            # Without lingering, closing sends RST. The descriptor itself is closed: files still hold the socket.
            self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            os.close(self.connection.detach())
            self.close_connection = True
        super().connection_dropped(error, environ)


def _refuse_other_sites() -> None:
    """Refuse requests from foreign web pages: they must not order faults or send answers by a developer's browser."""
    if request.method in SAFE_METHODS:
        return
    origin = request.headers.get("Origin")
    if origin is not None and urlsplit(origin).netloc != request.host:
        abort(403, "This request comes from another site.")
    if request.headers.get("Sec-Fetch-Site", "same-origin") not in ("same-origin", "none"):
        abort(403, "This request comes from another site.")
