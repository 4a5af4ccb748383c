"""Parses an iCalendar object leniently, as mail programs write it, into components and content lines.

Bytes are unfolded before they are decoded, since a line may be folded inside a character (RFC 5545, section 3.1). Only
properties that are asked for by name are parsed, so that a broken line affects nothing else. They are parsed by the
icalendar library; where that fails (quotes within a name, backslashes before quotes, unquoted colons in a TZID), by
more lenient patterns of our own.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field

from ..model import frozen
from . import plain_text

_FOLD = re.compile(rb"(?<![\r\n])[\r\n]+[ \t]")
_BREAK = re.compile(rb"[\r\n]+")
_SPACES = re.compile("[\x0b\x0c]")
_CONTROLS = re.compile("[\x00-\x08\x0b-\x1f\x7f]")

_NAME = re.compile(r"[ \t]*([A-Za-z0-9-]{1,64})[ \t]*(?=[;:])")
_BORDER = re.compile(r"[ \t]*(BEGIN|END)[ \t]*:[ \t]*([A-Za-z0-9-]{1,64})", re.IGNORECASE)
_PARAM = re.compile(r';[ \t]*([A-Za-z0-9-]{1,64})[ \t]*=[ \t]*("[^"]*"|[^";]*)')
_REMARK = re.compile(r';X-RESPONSE-COMMENT="(.*?)(?:"[ \t]*(?=;[A-Za-z0-9-]{1,64}=)|\Z)', re.IGNORECASE)
_ANSWER = re.compile(r";[ \t]*PARTSTAT[ \t]*=", re.IGNORECASE)
_MAIL = re.compile(r'.*[:"][ \t]*(mailto[ \t]*:.*)', re.IGNORECASE)
_SCHEME = re.compile(r"(?:[:\"]mailto)+\Z", re.IGNORECASE)  # written twice
_TIME = re.compile(r".*:[ \t]*([0-9]{4}-?[0-9]{2}-?[0-9]{2}(?:T[0-9:.]*Z*)?)[ \t]*", re.IGNORECASE)
_ESCAPE = re.compile(r"\\([\\;,nN])")

_LONGEST_LINE = 8 * 1024  # characters; longer ones are not given to the library, which examines each character
_DEEPEST = 16
_MOST_PROPERTIES = 500  # of one name

_NEEDED = frozenset(
    (
        *("ATTENDEE", "COMMENT", "DTEND", "DTSTAMP", "DTSTART", "DURATION", "METHOD", "ORGANIZER", "RDATE"),
        *("RECURRENCE-ID", "RRULE", "SEQUENCE", "TZID", "TZOFFSETFROM", "TZOFFSETTO", "UID"),
    )
)
# The value of these has no colon, except in ISO 8601's extended format.
_TIMES = frozenset(("DTEND", "DTSTAMP", "DTSTART", "RECURRENCE-ID"))


@frozen
class Property:
    """A content line: parameters by their names in upper case, and the value; both as written, not unescaped."""

    name: str
    params: dict[str, str]
    value: str


@dataclass(frozen=True)
class Component:
    """A component: its name in upper case, its properties as (name, line), and its components.

    Only properties that this package reads are kept.
    """

    name: str
    lines: list[tuple[str, str]] = field(default_factory=list)
    inside: list[Component] = field(default_factory=list)

    def properties(self, name: str) -> list[Property]:
        """Its properties of this ``name``, in order. Raises :class:`ValueError` for more than 500."""
        texts = [text for known, text in self.lines if known == name]
        if len(texts) > _MOST_PROPERTIES:
            raise ValueError(f"too many lines of {name}")
        return [_property(name, text) for text in texts]

    def first(self, name: str, number: int) -> list[Property]:
        """The first ``number`` of its properties of this ``name``."""
        texts = [text for known, text in self.lines if known == name]
        return [_property(name, text) for text in texts[:number]]

    def all(self, name: str) -> Iterator[Component]:
        """All components of this ``name`` inside it, at any depth, in order."""
        waiting = self.inside[::-1]
        while waiting:
            found = waiting.pop()
            if found.name == name:
                yield found
            waiting += found.inside[::-1]


def lines_of(data: bytes, charset: str) -> list[str]:
    """The lines of a calendar, unfolded and decoded, without control characters and without empty lines."""
    data, charset = plain_text.narrow(data, charset)
    whole = plain_text.decoded_lines(_BREAK.sub(b"\n", _FOLD.sub(b"", data)), charset)
    cleaned = _CONTROLS.sub("", _SPACES.sub(" ", whole)).removeprefix("\ufeff")
    return [line for line in cleaned.split("\n") if line and not line.isspace()]


def read(calendar: bytes) -> Component:
    """The components of a calendar in UTF-8, inside a root component without a name.

    A missing END is assumed before a component that cannot be nested; an END without BEGIN is ignored. Raises
    :class:`ValueError` for more than 16 levels.
    """
    path = [Component("")]
    open_name = False
    for text in lines_of(calendar, "utf-8"):
        if border := _BORDER.match(text):
            open_name = False
            name = border[2].upper()
            if border[1].upper() == "END":
                _leave(path, name)
                continue
            if name in ("VCALENDAR", "VEVENT", "VTIMEZONE"):
                _leave(path, name)
            if len(path) > _DEEPEST:
                raise ValueError("too deep")
            path[-1].inside.append(Component(name))
            path.append(path[-1].inside[-1])
            continue
        lines = path[-1].lines
        found = _NAME.match(text)
        if found is not None and found[1].upper() in _NEEDED:
            lines.append((found[1].upper(), text))
            # A line break within a quoted CN or remark splits it: the next line continues it, unless that is a property
            # itself.
            open_name = found[1].upper() == "ATTENDEE" and text.count('"') % 2 == 1
        elif open_name and (found is None or "mailto:" not in lines[-1][1].lower()):
            lines[-1] = (lines[-1][0], f"{lines[-1][1]} {text}")
            open_name = text.count('"') % 2 == 0
        else:
            open_name = False
    return path[0]


def text(value: str) -> str:
    """A TEXT value, unescaped (RFC 5545, section 3.3.11)."""
    return _ESCAPE.sub(lambda found: "\n" if found[1] in "nN" else found[1], value)


def _leave(path: list[Component], name: str) -> None:
    """Close the innermost open component of this ``name``, and all that are open inside it."""
    for depth in range(len(path) - 1, 0, -1):
        if path[depth].name == name:
            del path[depth:]
            return


def _property(name: str, text: str) -> Property:
    # Imported here, since that takes longer than to read a mail, and only the function Replies needs it.
    from icalendar.parser import Contentline

    try:
        if len(text) > _LONGEST_LINE:
            raise ValueError("too long")
        _, params, value = Contentline(text).raw_parts()  # type: ignore[no-untyped-call]
    except ValueError:
        return loose(name, text)
    # A TZID or SENT-BY with a colon, without the quotes that it needs.
    if (name in _TIMES and ":" in value) or (name == "ATTENDEE" and ":mailto:" in value.lower()):
        return loose(name, text)
    # Of a parameter that stands there twice it knows the last alone.
    if name == "ATTENDEE" and len(_ANSWER.findall(text)) > 1:
        return loose(name, text)
    strings = {key.upper(): ",".join(each) if isinstance(each, list) else str(each) for key, each in params.items()}
    found = Property(name=name, params=strings, value=value)
    # The library takes the text after an escaped quote for part of the parameter, and then finds no value.
    return found if value.strip() else loose(name, text)


def loose(name: str, text: str) -> Property:
    """A property of a malformed content line.

    The value is the last mail address of an ATTENDEE, the text after the last colon of a date or time, and the text
    after the first colon of any other. The values of a repeated parameter are joined by a comma.
    """
    found = (_MAIL if name == "ATTENDEE" else _TIME).fullmatch(text)
    if found is not None:
        head, value = _SCHEME.sub("", text[: found.start(1)].rstrip(' \t:"')), found[1]
    elif name == "ATTENDEE":
        head, _, value = text.rpartition(":")
    else:
        head, _, value = text.partition(":")
    params: dict[str, str] = {}
    for key, text_value in _PARAM.findall(head):
        known, stripped = params.get(key.upper()), text_value.strip(' \t"')
        params[key.upper()] = stripped if known in (None, stripped) else f"{known},{stripped}"
    if remark := _REMARK.search(head):
        params["X-RESPONSE-COMMENT"] = remark[1]  # Proton leaves quotes in it as they are
    return Property(name=name, params=params, value=value)
