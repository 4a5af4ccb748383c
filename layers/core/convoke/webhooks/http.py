"""Makes one POST request to a webhook: no redirects, and never longer than a fixed time."""

from __future__ import annotations

import http.client
import socket
import ssl
import threading
from collections.abc import Mapping
from contextlib import suppress

from ..model import frozen
from .url_guard import Forbidden, Resolve, Target, address_of

CONNECT_TIMEOUT = 3.0
"""In seconds."""
READ_TIMEOUT = 5.0
"""In seconds, for each read."""
TOTAL_TIMEOUT = 10.0
"""In seconds: the connection is then closed, even if the server keeps sending a few bytes at a time."""


@frozen
class Answer:
    """The result of a request: the HTTP ``status``, 0 without a response; ``why`` says what was wrong, empty if nothing
    was.
    """

    status: int = 0
    why: str = ""


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

    ``resolve`` looks up the host name; ``timeout`` is in seconds; ``trust`` are the certificates that are accepted,
    by default those of the system.
    """
    try:
        address = address_of(target, resolve)
    except Forbidden:
        return Answer(why="its host name has an address that is not public")
    except (OSError, UnicodeError):
        return Answer(why="its host name has no address")
    connection = _Connection(target, address, trust or ssl.create_default_context())
    cut = threading.Timer(timeout, connection.cut)
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
