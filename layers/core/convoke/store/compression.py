"""Rendered mails in the fewest bytes, since DynamoDB charges for each kilobyte that is written.

A mail holds its calendar twice more, in base64, and otherwise mostly the same words as any other. So the calendar is
left out of the mail, and both are compressed against a dictionary of such words, and of those of the mail's language.
What is stored begins with the dictionary's number. A dictionary that mails were stored with is never changed; a better
one gets another number.
"""

from __future__ import annotations

import base64
import re
import zlib
from functools import cache
from pathlib import Path

from ..decision.calendar_state import RenderedMail

DICTIONARY = 2
"""The dictionary that mails are stored with now, in English and in languages that have none of their own."""
LANGUAGES = {b"de": 3, b"fr": 4, b"es": 5, b"it": 6, b"pt": 7, b"nl": 8, b"pl": 9, b"ja": 10, b"ar": 11}
"""The dictionaries of other languages: each has its own words, to which those of :data:`DICTIONARY` are added."""
PLAIN = 0
"""Instead of a dictionary's number: compressed without one, and the mail is whole."""
CALENDAR = b"\0"
"""Stands in a mail for its calendar in base64."""
_LENGTH = 4
_LANGUAGE = re.compile(rb'<html lang=3D"([a-z]{2})')


def packed(rendered: RenderedMail) -> bytes:
    """The calendar and the mail as bytes from which :func:`unpacked` makes just these again."""
    short = rendered.mail.replace(_encoded(rendered.calendar), CALENDAR)
    number = _number(rendered.mail)
    small = bytes([number]) + _compressed(_joined(rendered.calendar, short), number)
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


def _number(mail: bytes) -> int:
    """The dictionary for a mail, by the language that its page names."""
    found = _LANGUAGE.search(mail)
    return DICTIONARY if found is None else LANGUAGES.get(found[1], DICTIONARY)


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
    return words + _dictionary(DICTIONARY) if number in LANGUAGES.values() else words
