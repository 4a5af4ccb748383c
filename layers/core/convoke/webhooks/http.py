"""Carries one signed fact to one webhook: one POST, no redirects, and nobody may keep us waiting."""

from __future__ import annotations

import http.client
import socket
import ssl
import threading
from collections.abc import Mapping
from contextlib import suppress

from ..model import frozen
from .url_guard import Forbidden, Resolve, Target, address_of

CONNECT = 3.0
READ = 5.0
PATIENCE = 10.0
"""Seconds after which the connection is cut, however busily the other side is dripping."""


@frozen
class Answer:
    """``status`` is HTTP's, or 0 where none came; ``why`` says what was wrong, and is empty where nothing was."""

    status: int = 0
    why: str = ""


def post(
    target: Target,
    body: bytes,
    headers: Mapping[str, str],
    *,
    resolve: Resolve = socket.getaddrinfo,
    patience: float = PATIENCE,
    trust: ssl.SSLContext | None = None,
) -> Answer:
    """Post once. Any 2xx is a yes; what the answer says is not read."""
    try:
        address = address_of(target, resolve)
    except Forbidden:
        return Answer(why="its name leads to an address that is not public")
    except (OSError, UnicodeError):
        return Answer(why="its name has no address")
    connection = _Connection(target, address, trust or ssl.create_default_context())
    cut = threading.Timer(patience, connection.cut)
    cut.daemon = True
    cut.start()
    try:
        connection.request("POST", target.path, body, {"Host": target.authority, **headers})
        status = connection.getresponse().status
    except ssl.SSLCertVerificationError:
        return Answer(why="its certificate is not good for its name")
    except (OSError, http.client.HTTPException, ValueError) as error:
        return Answer(why=f"it did not answer: {type(error).__name__}")
    finally:
        cut.cancel()
        connection.close()
    return Answer(status=status, why="" if 200 <= status < 300 else f"it answered {status}")


class _Connection(http.client.HTTPConnection):
    """To an address that was looked at; the certificate must be good for the name all the same."""

    def __init__(self, target: Target, address: str, trust: ssl.SSLContext) -> None:
        super().__init__(target.host, target.port, timeout=READ)
        self._target, self._address, self._trust = target, address, trust

    def connect(self) -> None:
        self.sock = socket.create_connection((self._address, self._target.port), timeout=CONNECT)
        self.sock.settimeout(READ)
        if self._target.secure:
            secured = self._trust.wrap_socket(
                self.sock, server_hostname=self._target.host, do_handshake_on_connect=False
            )
            # Where `cut` finds it: a handshake can drip, too.
            self.sock = secured
            secured.do_handshake()

    def cut(self) -> None:
        """From another thread: whatever is being waited for ends now."""
        with suppress(OSError):
            if self.sock is not None:
                socket.socket.shutdown(self.sock, socket.SHUT_RDWR)
