"""Rendered mails in the fewest bytes, since DynamoDB charges for each kilobyte that is written.

A mail holds its calendar twice more, in base64, and otherwise mostly the same words as any other. So the calendar is
left out of the mail, and both are compressed against a dictionary of such words. What is stored begins with the
dictionary's number. A dictionary that mails were stored with is never changed; a better one gets the next number.
"""

from __future__ import annotations

import base64
import zlib
from functools import cache
from pathlib import Path

from ..decision.calendar_state import RenderedMail

DICTIONARY = 2
"""The dictionary that mails are stored with now."""
PLAIN = 0
"""Instead of a dictionary's number: compressed without one, and the mail is whole."""
CALENDAR = b"\0"
"""Stands in a mail for its calendar in base64."""
_LENGTH = 4


def packed(rendered: RenderedMail) -> bytes:
    """The calendar and the mail as bytes from which :func:`unpacked` makes just these again."""
    short = rendered.mail.replace(_encoded(rendered.calendar), CALENDAR)
    small = bytes([DICTIONARY]) + _compressed(_joined(rendered.calendar, short), DICTIONARY)
    if unpacked(small) == _bare(rendered):
        return small
    # A mail that has the sign for the calendar in it.
    return bytes([PLAIN]) + _compressed(_joined(rendered.calendar, rendered.mail), PLAIN)


def unpacked(stored: bytes) -> RenderedMail:
    """The mail of which :func:`packed` made ``stored``, byte for byte; without the names of its plainer fields."""
    number = stored[0]
    decompressor = zlib.decompressobj(-zlib.MAX_WBITS, zdict=_dictionary(number))
    joined = decompressor.decompress(stored[1:]) + decompressor.flush()
    end = _LENGTH + int.from_bytes(joined[:_LENGTH], "big")
    calendar, mail = joined[_LENGTH:end], joined[end:]
    if number != PLAIN:
        mail = mail.replace(CALENDAR, _encoded(calendar))
    return RenderedMail(calendar=calendar, mail=mail)


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
    return b"" if number == PLAIN else Path(__file__).with_name(f"dictionary-{number}.txt").read_bytes()
