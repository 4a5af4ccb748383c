"""Where a webhook may point: to a server that anybody could reach, by the very address that was looked at.

Whoever may name a URL would else have us knock at what only we can reach: the metadata of the machine, a neighbour's
database, ourselves. So the name is resolved, every address that it has must be a public one, and the connection goes to
one of these, however the name resolves a moment later.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from ipaddress import IPv4Address, IPv6Address, IPv6Network, ip_address
from typing import Any

from ..model import ConvokeError, InvalidField, frozen

LONGEST = 2000
LOCAL = "127.0.0.1"

# Read by this alone, so that nobody else reads another host in it: no user, no fragment, no backslash, no blank.
_URL = re.compile(
    r"(https?)://([A-Za-z0-9](?:[A-Za-z0-9.-]{0,252})|\[[0-9A-Fa-f:.]{2,45}\])(?::([0-9]{1,5}))?"
    r"((?:/[A-Za-z0-9._~%!$&'()*+,;=:@/-]*)?(?:\?[A-Za-z0-9._~%!$&'()*+,;=:@/?-]*)?)",
    re.ASCII,
)

# IPv6 addresses that stand for an IPv4 one (RFC 4291, 6052, 3056, 4380): who knows where they lead.
_WRAPPED = tuple(
    map(IPv6Network, ("::ffff:0:0/96", "::/96", "64:ff9b::/96", "64:ff9b:1::/48", "2002::/16", "2001::/32"))
)

Resolve = Callable[..., Iterable[tuple[Any, ...]]]
"""``socket.getaddrinfo``, or what stands in for it."""


class Forbidden(ConvokeError):
    """A name that has an address which is not public."""


@frozen
class Target:
    """A URL, taken apart. ``path`` has the query."""

    secure: bool
    host: str
    port: int
    path: str

    @property
    def authority(self) -> str:
        """The Host header."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if self.port == (443 if self.secure else 80) else f"{host}:{self.port}"


def target_of(url: str, *, local: bool = False) -> Target:
    """Read a webhook's URL. ``local`` also allows ``http://127.0.0.1``. Raises :class:`InvalidField`."""
    found = _URL.fullmatch(url) if len(url) <= LONGEST else None
    if found is None:
        raise InvalidField("url", f"must be an https:// link of up to {LONGEST} plain characters")
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
        literal = ip_address(target.host)
    except ValueError:
        if "." not in target.host or ":" in target.host:
            raise InvalidField("url", "must have the full name of a public server") from None
        return target
    if not public(literal):
        raise InvalidField("url", "must not point to a private address")
    return target


def address_of(target: Target, resolve: Resolve) -> str:
    """The address to connect to. Raises :class:`Forbidden`, and :class:`OSError` where the name has none."""
    if not target.secure and target.host == LOCAL:
        return LOCAL  # `target_of` admitted it
    found = [str(entry[4][0]) for entry in resolve(target.host, target.port, type=1)]
    if not found:
        raise OSError("the name has no address")
    for address in found:
        if not public(ip_address(address.partition("%")[0])):
            raise Forbidden(target.host)
    return found[0]


def public(address: IPv4Address | IPv6Address) -> bool:
    """Whether anybody on the Internet could reach it as well as we."""
    if isinstance(address, IPv6Address) and any(address in network for network in _WRAPPED):
        return False
    special = address.is_multicast or address.is_reserved or address.is_unspecified or address.is_link_local
    return address.is_global and not special and not getattr(address, "is_site_local", False)
