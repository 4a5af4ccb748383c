"""Makes one POST request to a webhook: no redirects, and never longer than a fixed time."""

from __future__ import annotations

import http.client
import queue
import socket
import ssl
import threading
import time
from collections.abc import Mapping
from contextlib import suppress
from datetime import datetime
from typing import Any

from ..model import InvalidField, frozen
from .events import Webhook, WebhookEvent, request
from .url_guard import Forbidden, Resolve, Target, address_of, target_of

CONNECT_TIMEOUT = 3.0
"""In seconds."""
READ_TIMEOUT = 5.0
"""In seconds, for each read."""
TOTAL_TIMEOUT = 10.0
"""In seconds: the connection is then closed, even if the server keeps sending a few bytes at a time."""


RESOLVE_TIMEOUT = 3.0
"""In seconds: for the host name's addresses."""


@frozen
class Answer:
    """The result of a request: the HTTP ``status``, 0 without a response; ``why`` says what was wrong, empty if nothing
    was.
    """

    status: int = 0
    why: str = ""


def post_event(
    webhook: Webhook, event: WebhookEvent, content: Mapping[str, Any], at: datetime, *, local: bool
) -> Answer:
    """Post the event, signed at ``at`` (UTC), to the webhook. ``local`` also allows ``http://127.0.0.1``."""
    payload, headers = request(webhook, event, content, at)
    try:
        target = target_of(webhook.url, local=local)
    except InvalidField as error:
        return Answer(why=f"its URL {error.message}")
    return post(target, payload, headers)


def post(
    target: Target,
    body: bytes,
    headers: Mapping[str, str],
    *,
    resolve: Resolve = socket.getaddrinfo,
    timeout: float = TOTAL_TIMEOUT,
    trust: ssl.SSLContext | None = None,
) -> Answer:
    """Post ``body`` once; failures are in the result, too. 2xx is a success; the response body is not read.

    ``resolve`` looks up the host name; ``timeout`` is in seconds, for all of it; ``trust`` are the certificates that
    are accepted, by default those of the system.
    """
    began = time.monotonic()
    try:
        address = _address_in_time(target, resolve, min(timeout, RESOLVE_TIMEOUT))
    except Forbidden:
        return Answer(why="its host name has an address that is not public")
    except TimeoutError:
        return Answer(why="its host name was not resolved in time")
    except (OSError, UnicodeError):
        return Answer(why="its host name has no address")
    connection = _Connection(target, address, trust or ssl.create_default_context())
    cut = threading.Timer(timeout - (time.monotonic() - began), connection.cut)
    cut.daemon = True
    cut.start()
    try:
        connection.request("POST", target.path, body, {"Host": target.authority, **headers})
        status = connection.getresponse().status
    except ssl.SSLCertVerificationError:
        return Answer(why="its certificate is not valid for its host name")
    except (OSError, http.client.HTTPException, ValueError) as error:
        return Answer(why=f"it did not answer: {type(error).__name__}")
    finally:
        cut.cancel()
        connection.close()
    return Answer(status=status, why="" if 200 <= status < 300 else f"it answered {status}")


def _address_in_time(target: Target, resolve: Resolve, timeout: float) -> str:
    """As :func:`address_of`; raises :class:`TimeoutError` where that takes longer than ``timeout`` seconds.

    The system's resolver cannot be interrupted: its thread is left behind, and ends when the resolver gives up.
    """
    found: queue.SimpleQueue[str | Exception] = queue.SimpleQueue()

    def look_up() -> None:
        try:
            found.put(address_of(target, resolve))
        except Exception as error:
            found.put(error)

    threading.Thread(target=look_up, daemon=True).start()
    try:
        address = found.get(timeout=timeout)
    except queue.Empty:
        raise TimeoutError from None
    if isinstance(address, Exception):
        raise address
    return address


class _Connection(http.client.HTTPConnection):
    """Connects to the address that was checked; the certificate must still be valid for the host name."""

    def __init__(self, target: Target, address: str, trust: ssl.SSLContext) -> None:
        super().__init__(target.host, target.port, timeout=READ_TIMEOUT)
        self._target, self._address, self._trust = target, address, trust

    def connect(self) -> None:
        self.sock = socket.create_connection((self._address, self._target.port), timeout=CONNECT_TIMEOUT)
        self.sock.settimeout(READ_TIMEOUT)
        if self._target.secure:
            secured = self._trust.wrap_socket(
                self.sock, server_hostname=self._target.host, do_handshake_on_connect=False
            )
            # Set before the handshake, so that `cut` can close it if the handshake takes too long.
            self.sock = secured
            secured.do_handshake()

    def cut(self) -> None:
        """Shut the socket down, from another thread, so that whatever waits for it fails at once."""
        with suppress(OSError):
            if self.sock is not None:
                socket.socket.shutdown(self.sock, socket.SHUT_RDWR)
