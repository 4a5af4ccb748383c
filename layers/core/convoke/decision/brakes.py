"""How much of what anybody may ask for on the pages is done, so that nobody can have strangers mailed. Pure; all times
are UTC.

Each purpose has budgets of its own: whoever spends those of one leaves the others. There are two kinds:

- A *mailbox* is protected exactly: in any sixty minutes and in any twenty-four hours, however they lie, no more mails
  of a purpose are sent to it than :data:`MAILBOX` says, over all events and accounts of a deployment.
- Networks, events and accounts are counted by whole hours and whole days (:class:`Limit`), as mails are.

Over the budget of a mailbox nothing is mailed and nothing is said: what the visitor is shown must not tell whether
somebody asked for the same address before. All others are answered with the time from which on it is done again.
"""

from __future__ import annotations

from datetime import timedelta
from enum import StrEnum
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network

from ..model import frozen
from .limits import Limit


class Purpose(StrEnum):
    """What is asked for."""

    CONFIRM = "confirm"
    """To register: a mail to an address that is not confirmed, or an invitation where the event wants no confirmation.
    """
    LINK = "link"
    """The personal link of a registration, to its own address."""
    FRESH = "fresh"
    """A fresh link, by whoever has the personal one, to the registration's own address."""
    SIGN_IN = "sign-in"
    """A link to sign in with, to an organizer's own address."""
    KEY = "key"
    """To sign in with an API key, which mails nobody: it is counted for its networks alone."""


@frozen
class MailboxLimit:
    """How many mails to one mailbox in any sixty minutes, and in any twenty-four hours."""

    hour: int
    day: int


HOUR = timedelta(hours=1)
DAY = timedelta(days=1)

MAILBOX = {
    Purpose.CONFIRM: MailboxLimit(hour=1, day=3),
    Purpose.LINK: MailboxLimit(hour=2, day=5),
    Purpose.FRESH: MailboxLimit(hour=3, day=6),
    Purpose.SIGN_IN: MailboxLimit(hour=5, day=10),
}
ADDRESS = Limit(hour=60, day=200)
"""Requests of one purpose from one IP address: a hall full of people may share it."""
NETWORK = Limit(hour=240, day=800)
"""Requests of one purpose from the network around an IP address."""
EVENT = {Purpose.CONFIRM: Limit(hour=500, day=5000), Purpose.LINK: Limit(hour=100, day=500)}
"""Requests of one purpose at one event."""
ACCOUNT_LINKS = Limit(hour=500, day=2000)
"""Requests for personal links at all events of an account."""

UNKNOWN = "unknown"


def account(purpose: Purpose, unconfirmed_mails: int) -> Limit:
    """The limit of one account, of which ``unconfirmed_mails`` is what it allows in a day."""
    if purpose is Purpose.CONFIRM:
        return Limit(hour=unconfirmed_mails, day=unconfirmed_mails)
    return ACCOUNT_LINKS


def networks(source_ip: str) -> tuple[tuple[str, Limit], ...]:
    """The networks that a request from ``source_ip`` counts for, each with its limit: the address itself (IPv4), or
    what one customer has (IPv6: /64), and what surrounds it (IPv4: /24, IPv6: /48).

    Text that is no address is one network of its own.
    """
    try:
        address: IPv4Address | IPv6Address = ip_address(source_ip)
    except ValueError:
        return ((UNKNOWN, ADDRESS),)
    if isinstance(address, IPv6Address):
        address = address.ipv4_mapped or IPv6Address(int(address))  # without a zone, which the client names itself
    own, around = (32, 24) if address.version == 4 else (64, 48)
    return (
        (str(ip_network((address, own), strict=False)), ADDRESS),
        (str(ip_network((address, around), strict=False)), NETWORK),
    )
