"""Checks a webhook's URL and address, against server-side request forgery.

Without these checks, whoever may register a URL could make this deployment send requests to what only it can reach: the
instance metadata, an internal database, itself. So the host name is resolved, all its addresses must be public, and the
connection is made to one of the addresses that were checked, whatever the name resolves to a moment later.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from ipaddress import IPv4Address, IPv6Address, IPv6Network, ip_address
from typing import Any

from ..model import ConvokeError, InvalidField, frozen

MAX_URL_LENGTH = 2000
"""In characters."""
LOCAL = "127.0.0.1"
"""The only address that may be called over plain HTTP, and only with ``local``."""

# Stricter than RFC 3986, so that no other parser finds another host in it: no user info, fragment, backslash or space.
_URL = re.compile(
    r"(https?)://([A-Za-z0-9](?:[A-Za-z0-9.-]{0,252})|\[[0-9A-Fa-f:.]{2,45}\])(?::([0-9]{1,5}))?"
    r"((?:/[A-Za-z0-9._~%!$&'()*+,;=:@/-]*)?(?:\?[A-Za-z0-9._~%!$&'()*+,;=:@/?-]*)?)",
    re.ASCII,
)

# Labels of up to 63 characters (RFC 1123, section 2.1). A last label that is a number makes it an address to most
# resolvers, however it is written: 127.1, 0x7f.0.0.1.
_LABEL = r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?"
_NAME = re.compile(rf"(?:{_LABEL}\.)+(?!(?:[0-9]+|0x[0-9a-f]*)\Z){_LABEL}", re.ASCII)

# IPv6 networks whose addresses embed an IPv4 address, which may be private (RFC 4291, 6052, 8215, 3056, 4380).
_WRAPPED = tuple(
    map(IPv6Network, ("::ffff:0:0/96", "::/96", "64:ff9b::/96", "64:ff9b:1::/48", "2002::/16", "2001::/32"))
)

Resolve = Callable[..., Iterable[tuple[Any, ...]]]
"""``socket.getaddrinfo``, or a replacement for it."""


class Forbidden(ConvokeError):
    """Raised by :func:`address_of` for a host name that has an address which is not public."""


@frozen
class Target:
    """The parts of a URL. ``secure`` means https; ``path`` includes the query."""

    secure: bool
    host: str
    port: int
    path: str

    @property
    def authority(self) -> str:
        """The value of the Host header (RFC 9110, 7.2)."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if self.port == (443 if self.secure else 80) else f"{host}:{self.port}"


def target_of(url: str, *, local: bool = False) -> Target:
    """Parse a webhook's URL. ``local`` also allows ``http://127.0.0.1``.

    Raises :class:`InvalidField` if the URL is malformed, not https, or names a port or an address that is not allowed.
    """
    found = _URL.fullmatch(url) if len(url) <= MAX_URL_LENGTH else None
    if found is None:
        raise InvalidField("url", f"must be an https:// link of up to {MAX_URL_LENGTH} plain characters")
    scheme, host, port, path = found.groups()
    target = Target(
        secure=scheme == "https",
        host=host.strip("[]").lower(),
        port=int(port) if port else 443 if scheme == "https" else 80,
        path=path if path.startswith("/") else f"/{path}",
    )
    if local and not target.secure and target.host == LOCAL:
        return target
    if not target.secure:
        raise InvalidField("url", "must begin with https://")
    if target.port != 443 and not 1024 <= target.port <= 65535:
        raise InvalidField("url", "must have the port 443, or one from 1024 to 65535")
    try:
        address = ip_address(target.host)
    except ValueError:
        if not _NAME.fullmatch(target.host):
            raise InvalidField("url", "must have the full name of a public server") from None
        return target
    if not public(address):
        raise InvalidField("url", "must not point to a private address")
    return target


def host_of(url: str) -> str:
    """The host name in a webhook's URL, empty if it is malformed."""
    found = _URL.fullmatch(url)
    return found[2].lower() if found else ""


def address_of(target: Target, resolve: Resolve) -> str:
    """The address to connect to, the first that the host name has.

    Raises :class:`Forbidden` if any of its addresses is not public, and :class:`OSError` if it has none.
    """
    if not target.secure and target.host == LOCAL:
        return LOCAL  # `target_of` allowed it
    found = [str(entry[4][0]) for entry in resolve(target.host, target.port, type=1)]
    if not found:
        raise OSError("the name has no address")
    for address in found:
        if not public(ip_address(address.partition("%")[0])):
            raise Forbidden(target.host)
    return found[0]


def public(address: IPv4Address | IPv6Address) -> bool:
    """Whether the address is a public one, which anybody on the Internet can reach."""
    if isinstance(address, IPv6Address) and any(address in network for network in _WRAPPED):
        return False
    special = address.is_multicast or address.is_reserved or address.is_unspecified or address.is_link_local
    return address.is_global and not special and not getattr(address, "is_site_local", False)
