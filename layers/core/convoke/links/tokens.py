"""Tokens: what a link, or a hidden field of a form, proves about itself.

Whoever holds a token was given it: it is signed with HMAC-SHA256 (RFC 2104), cut to 16 bytes. Nothing in it is secret,
and nothing is encrypted. It is written in base64url without padding (RFC 4648, section 5), in one spelling only. There
are two kinds, and each purpose belongs to one:

- *Personal* (:func:`personal`): names a registration. The signature covers a number that the registration has and the
  token has not, ``Registration.links``: where that rises, all tokens of before are void. Those of purposes that last do
  not name a time at which they expire either, since that is decided by the event as it is when one is used; they are
  74 characters, 39 bytes of ids and 16 of signature. Those with a time are six characters longer.
- *Sealed* (:func:`sealed`): carries some bytes until a time, and may be bound to a context that is not in it.

A token is signed for one purpose, and is invalid for any other. Keys, random bytes and the present time are arguments.
"""

from __future__ import annotations

import base64
import binascii
import hmac
import re
from datetime import UTC, datetime, timedelta
from enum import IntEnum

from ..model import ConvokeError, frozen

KEY_BYTES = 32
AFTER_THE_EVENT = timedelta(days=31)
"""For how long after the end of an event the personal links of its registrations are valid."""

RECENT_FOR = timedelta(hours=1)
"""For how long a link that was just mailed opens what a forwarded mail must not open."""

EVENT_ID, REGISTRATION_ID = 26, 36
"""How many characters ids have, of five bits each (``store.keys``)."""

_MAC_BYTES = 16
_TIME_BYTES = 5  # seconds since 1970: enough for 34,000 years
_IDS_BYTES = (5 * (EVENT_ID + REGISTRATION_ID) + 7) // 8
_LONGEST = 1_000  # characters of a token
_DIGITS = "0123456789abcdefghijklmnopqrstuv"  # base32hex in lower case, as all ids are written (``store.keys``)
_IDS = re.compile(f"[{_DIGITS}]{{{EVENT_ID + REGISTRATION_ID}}}")
_TOKEN = re.compile(r"[A-Za-z0-9_-]+", re.ASCII)
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


# A link in what somebody quotes of a mail: also where a mail program broke it into several lines, or wrapped it in the
# query of an address of its own (with the slashes escaped, once or twice, or written as underscores). Of each kind all
# characters of the shortest token are taken, across line breaks and the signs of quoting after them, and then what
# follows the last on its line. A token in /c/ has 63 characters (CONFIRM) or 146 (ADDRESS), one in /console/link/
# has 71 for the shortest address.
_SLASH = r"(?:/|%(?:25)*2F|_)"
_CHARACTER = r"(?:[A-Za-z0-9_-](?:=?[ \t]*\n[ \t>|]*)?)"
_LINK = re.compile(
    rf"({_SLASH}c{_SLASH})(?:{_CHARACTER}{{145}}|{_CHARACTER}{{62}})[A-Za-z0-9_-]+"
    rf"|({_SLASH}[fru]{_SLASH}){_CHARACTER}{{73}}[A-Za-z0-9_-]+"
    rf"|({_SLASH}console{_SLASH}link{_SLASH}){_CHARACTER}{{63}}[A-Za-z0-9_-]+",
    re.ASCII | re.IGNORECASE,
)


class Purpose(IntEnum):
    """What a token is for. The numbers are signed: one is never used again for something else."""

    PERSONAL = 1  # the personal page
    FEED = 2  # the private calendar feed
    WITHDRAW = 3  # one-click unsubscribe (RFC 8058)
    RECENT = 4  # the personal page by a link that was just mailed: what a forwarded mail must not be able to do
    CONFIRM = 5  # confirms the address of somebody who registers
    ADDRESS = 6  # confirms a new address
    FORM = 7  # a form that was shown by a page
    SIGN_IN = 8  # a sign-in by mail


LASTING = frozenset((Purpose.PERSONAL, Purpose.FEED, Purpose.WITHDRAW))
"""The purposes whose tokens name a registration and no time."""
_NAMES_REGISTRATION = LASTING | {Purpose.RECENT}


class InvalidLink(ConvokeError):
    """A token that was not made by this deployment for this purpose, or is void by now. Why not is not said."""


class ExpiredLink(InvalidLink):
    """A token that is as it was made, and whose time is over."""


@frozen
class Keys:
    """What tokens are signed with: the ``current`` key, and ``earlier`` ones whose tokens are still valid. Each is 32
    random bytes. Their text never shows them.
    """

    current: bytes
    earlier: tuple[bytes, ...] = ()

    def __post_init__(self) -> None:
        if any(len(key) != KEY_BYTES for key in self.all):
            raise ValueError(f"a key of links has {KEY_BYTES} bytes")

    @property
    def all(self) -> tuple[bytes, ...]:
        return (self.current, *self.earlier)

    def __repr__(self) -> str:
        return f"Keys(current=…, earlier=({len(self.earlier)}))"


def redacted(text: str) -> str:
    """``text``, which somebody wrote and may have quoted a mail in, without the tokens of personal links."""
    return _LINK.sub(lambda found: f"{found[1] or found[2] or found[3]}…", text)


# --- tokens that name a registration ------------------------------------------------------------------------------


@frozen
class Unverified:
    """The ids that a token names, for its holder to be looked up. Only :meth:`verify` says whether it is valid."""

    event_id: str
    registration_id: str
    _purpose: Purpose
    _signed: bytes
    _mac: bytes
    _expires: datetime | None

    def verify(self, keys: Keys, *, links: int, now: datetime) -> None:
        """Raise :class:`InvalidLink` unless the token was made with one of ``keys`` while the registration's counter
        was ``links``, and :class:`ExpiredLink` if its time is over at ``now`` (UTC).
        """
        _verify(keys, self._mac, _personal_content(self._purpose, links, self._signed))
        _in_time(self._expires, now)


def personal(
    keys: Keys,
    purpose: Purpose,
    event_id: str,
    registration_id: str,
    links: int,
    expires: datetime | None = None,
) -> str:
    """A token for the holder of a registration whose counter is ``links``.

    ``expires`` (UTC) is the first instant at which it is not valid any more, in whole seconds; it is ``None`` for the
    purposes that are :data:`LASTING`, and only for these. Raises :class:`ValueError` for ids of another form than those
    of ``store.keys``.
    """
    if purpose not in _NAMES_REGISTRATION or (purpose in LASTING) != (expires is None):
        raise ValueError(f"not how a token for {purpose.name} is made")
    if len(event_id) != EVENT_ID or not _IDS.fullmatch(event_id + registration_id):
        raise ValueError("ids of another form cannot be in a token")
    content = int(event_id + registration_id, 32).to_bytes(_IDS_BYTES, "big")
    if expires is not None:
        content += _seconds(expires)
    return _written(content + _mac(keys.current, _personal_content(purpose, links, content)))


def unverified(purpose: Purpose, token: str) -> Unverified:
    """What the text ``token`` of a personal link names. Raises :class:`InvalidLink` if it has not the form of one."""
    if purpose not in _NAMES_REGISTRATION:
        raise ValueError(f"a token for {purpose.name} names no registration")
    raw = _read(token)
    content, mac = raw[:-_MAC_BYTES], raw[-_MAC_BYTES:]
    if len(content) != _IDS_BYTES + (0 if purpose in LASTING else _TIME_BYTES):
        raise InvalidLink("not the length of a token for this purpose")
    ids = _base32(int.from_bytes(content[:_IDS_BYTES], "big"))
    return Unverified(
        event_id=ids[:EVENT_ID],
        registration_id=ids[EVENT_ID:],
        _purpose=purpose,
        _signed=content,
        _mac=mac,
        _expires=None if purpose in LASTING else _instant(content[_IDS_BYTES:]),
    )


def _personal_content(purpose: Purpose, links: int, content: bytes) -> bytes:
    return bytes([purpose]) + links.to_bytes(8, "big") + content


def _base32(number: int) -> str:
    digits = [_DIGITS[number >> 5 * place & 31] for place in range(EVENT_ID + REGISTRATION_ID)]
    if number >> 5 * len(digits):
        raise InvalidLink("no ids")
    return "".join(reversed(digits))


# --- tokens that carry bytes --------------------------------------------------------------------------------------


def sealed(keys: Keys, purpose: Purpose, payload: bytes, expires: datetime, context: str = "") -> str:
    """A token that carries ``payload``, readable by anybody, until ``expires`` (UTC, in whole seconds). It is valid
    only together with ``context``, such as the path of the form that it is in.

    Raises :class:`ValueError` for a payload that is too long for a link.
    """
    if purpose in _NAMES_REGISTRATION:
        raise ValueError(f"a token for {purpose.name} names a registration")
    content = _seconds(expires) + payload
    token = _written(content + _mac(keys.current, _sealed_content(purpose, context, content)))
    if len(token) > _LONGEST:
        raise ValueError("too long for a link")
    return token


def opened(keys: Keys, purpose: Purpose, token: str, *, now: datetime, context: str = "") -> bytes:
    """The payload of the text ``token``. Raises :class:`InvalidLink` unless :func:`sealed` made it with one of ``keys``
    for this purpose and context, and :class:`ExpiredLink` if its time is over at ``now`` (UTC).
    """
    if purpose in _NAMES_REGISTRATION:
        raise ValueError(f"a token for {purpose.name} names a registration")
    raw = _read(token)
    content, mac = raw[:-_MAC_BYTES], raw[-_MAC_BYTES:]
    if len(content) < _TIME_BYTES:
        raise InvalidLink("too short for a token")
    _verify(keys, mac, _sealed_content(purpose, context, content))
    _in_time(_instant(content[:_TIME_BYTES]), now)
    return content[_TIME_BYTES:]


def _sealed_content(purpose: Purpose, context: str, content: bytes) -> bytes:
    bound = context.encode()
    return bytes([purpose]) + len(bound).to_bytes(8, "big") + bound + content


# --- both ---------------------------------------------------------------------------------------------------------


def _mac(key: bytes, content: bytes) -> bytes:
    return hmac.digest(key, b"convoke link\0" + content, "sha256")[:_MAC_BYTES]


def _verify(keys: Keys, mac: bytes, content: bytes) -> None:
    """Raise :class:`InvalidLink` unless one of ``keys`` made ``mac``. All are tried, each in constant time."""
    made = [hmac.compare_digest(mac, _mac(key, content)) for key in keys.all]
    if True not in made:
        raise InvalidLink("not signed for this")


def _in_time(expires: datetime | None, now: datetime) -> None:
    if expires is not None and now >= expires:
        raise ExpiredLink("its time is over")


def _seconds(instant: datetime) -> bytes:
    return int((instant - _EPOCH).total_seconds()).to_bytes(_TIME_BYTES, "big")


def _instant(seconds: bytes) -> datetime:
    try:
        return _EPOCH + timedelta(seconds=int.from_bytes(seconds, "big"))
    except OverflowError:
        raise InvalidLink("no time") from None


def _written(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def _read(token: str) -> bytes:
    """The bytes of a token. Raises :class:`InvalidLink` for any spelling that :func:`_written` does not have."""
    if len(token) > _LONGEST or not _TOKEN.fullmatch(token):
        raise InvalidLink("not the form of a token")
    try:
        raw = base64.urlsafe_b64decode(token + "=" * (-len(token) % 4))
    except binascii.Error:
        raise InvalidLink("not the form of a token") from None
    if _written(raw) != token or len(raw) < _MAC_BYTES:
        raise InvalidLink("not the form of a token")
    return raw
