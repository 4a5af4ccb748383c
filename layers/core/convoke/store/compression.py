"""Rendered mails in the fewest bytes, since DynamoDB charges for each kilobyte that is written.

A mail holds its calendar twice more, in base64, and otherwise mostly the same words as any other. So the calendar is
left out of the mail, and both are compressed against a dictionary of such words. What is stored begins with the
dictionary's number. A dictionary that mails were stored with is never changed; a better one gets the next number.

Each other language than English has a dictionary of its own: its words follow those of an English one. Such mails are
unfolded besides, since of letters that take six or nine bytes each line has another part of the same words. So a mail
in Arabic or Japanese takes some 700 bytes, and otherwise 1100.
"""

from __future__ import annotations

import base64
import re
import zlib
from functools import cache
from pathlib import Path

from ..decision.calendar_state import RenderedMail
from ..mail.mime_parts import LINE, folded

DICTIONARY = 2
"""The dictionary that mails are stored with now."""
OF_LANGUAGES = {"de": 11, "fr": 12, "es": 13, "it": 14, "pt": 15, "nl": 16, "pl": 17, "ja": 18, "ar": 19}
"""The dictionaries of mails in other languages, which extend ``_BASE``, by the language of the mail's page."""
PLAIN = 0
"""Instead of a dictionary's number: compressed without one, and the mail is whole."""
CALENDAR = b"\0"
"""Stands in a mail for its calendar in base64."""
_BASE = 2
_LENGTH = 4
_UNFOLDED = frozenset(OF_LANGUAGES.values())
# A soft line break, but for those around the placeholder of a link (see ``mail.placeholders``).
_FOLD = re.compile(rb"(?<!=5F)=\r\n(?!=5F)")
_LANGUAGE = re.compile(rb'<html lang=3D"([a-z]{2,3})')


def packed(rendered: RenderedMail) -> bytes:
    """The calendar and the mail as bytes from which :func:`unpacked` makes just these again."""
    short = rendered.mail.replace(_encoded(rendered.calendar), CALENDAR)
    number = _number_for(short)
    unfolded = _unfolded(short) if number in _UNFOLDED else short
    small = bytes([number]) + _compressed(_joined(rendered.calendar, unfolded), number)
    if unpacked(small) == _bare(rendered):
        return small
    # A mail that has the sign for the calendar in it, or whose lines are folded otherwise than here.
    return bytes([PLAIN]) + _compressed(_joined(rendered.calendar, rendered.mail), PLAIN)


def unpacked(stored: bytes) -> RenderedMail:
    """The mail of which :func:`packed` made ``stored``, byte for byte; without the names of its plainer fields."""
    number = stored[0]
    decompressor = zlib.decompressobj(-zlib.MAX_WBITS, zdict=_dictionary(number))
    joined = decompressor.decompress(stored[1:]) + decompressor.flush()
    end = _LENGTH + int.from_bytes(joined[:_LENGTH], "big")
    calendar, mail = joined[_LENGTH:end], joined[end:]
    if number in _UNFOLDED:
        mail = _folded(mail)
    if number != PLAIN:
        mail = mail.replace(CALENDAR, _encoded(calendar))
    return RenderedMail(calendar=calendar, mail=mail)


def _number_for(mail: bytes) -> int:
    """The dictionary for ``mail``: that of the language of its page, if it has one."""
    found = _LANGUAGE.search(mail)
    return OF_LANGUAGES.get(found[1].decode(), DICTIONARY) if found else DICTIONARY


def _unfolded(mail: bytes) -> bytes:
    """``mail`` with the lines of its quoted-printable text as they were before they were folded."""
    head, end, body = mail.partition(b"\r\n\r\n")
    return head + end + _FOLD.sub(b"", body)


def _folded(mail: bytes) -> bytes:
    """``mail`` with the long lines of its quoted-printable text folded, as ``mail.mime_parts`` folds them."""
    head, end, body = mail.partition(b"\r\n\r\n")
    lines = ["\r\n".join(folded(line)) if len(line) > LINE else line for line in body.decode("latin-1").split("\r\n")]
    return head + end + "\r\n".join(lines).encode("latin-1")


def _bare(rendered: RenderedMail) -> RenderedMail:
    return RenderedMail(calendar=rendered.calendar, mail=rendered.mail)


def _joined(calendar: bytes, mail: bytes) -> bytes:
    return len(calendar).to_bytes(_LENGTH, "big") + calendar + mail


def _encoded(calendar: bytes) -> bytes:
    """The calendar as it stands in a mail's parts (see ``mail.mime_parts``)."""
    return base64.encodebytes(calendar).replace(b"\n", b"\r\n")


def _compressed(content: bytes, number: int) -> bytes:
    compressor = zlib.compressobj(9, zlib.DEFLATED, -zlib.MAX_WBITS, zdict=_dictionary(number))
    return compressor.compress(content) + compressor.flush()


@cache
def _dictionary(number: int) -> bytes:
    if number == PLAIN:
        return b""
    words = Path(__file__).with_name(f"dictionary-{number}.txt").read_bytes()
    return _FOLD.sub(b"", _dictionary(_BASE)) + words if number in _UNFOLDED else words
