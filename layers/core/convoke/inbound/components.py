"""A calendar as mail programs write it, taken apart without believing that its lines are right.

Bytes are unfolded before they are decoded, for a line may be folded inside a character (RFC 5545, section 3.1). Of all
lines only those are looked into that somebody asks for by name, so that a broken one costs nothing but itself. They are
read by the icalendar library's parser of content lines, and where that gives up (quotes within a name, backslashes
before quotes, colons in a zone's name without quotes) by patterns of our own that are content with less.
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
_ANSWER = re.compile(r";[ \t]*PARTSTAT[ \t]*=", re.IGNORECASE)
_MAIL = re.compile(r'.*[:"][ \t]*(mailto[ \t]*:.*)', re.IGNORECASE)
_SCHEME = re.compile(r"(?:[:\"]mailto)+\Z", re.IGNORECASE)  # written twice
_TIME = re.compile(r".*:[ \t]*([0-9]{4}-?[0-9]{2}-?[0-9]{2}(?:T[0-9:.]*Z*)?)[ \t]*", re.IGNORECASE)
_ESCAPE = re.compile(r"\\([\\;,nN])")

_LONGEST_LINE = 8 * 1024  # of those that the library looks at, letter by letter
_DEEPEST = 16
_MOST_PROPERTIES = 500  # of one name

_NEEDED = frozenset(
    (
        *("ATTENDEE", "COMMENT", "DTEND", "DTSTAMP", "DTSTART", "DURATION", "METHOD", "ORGANIZER", "RDATE"),
        *("RECURRENCE-ID", "RRULE", "SEQUENCE", "TZID", "TZOFFSETFROM", "TZOFFSETTO", "UID"),
    )
)
# A value of these holds no colon, but in the long spelling of ISO 8601.
_TIMES = frozenset(("DTEND", "DTSTAMP", "DTSTART", "RECURRENCE-ID"))


@frozen
class Property:
    """One line: its parameters by name in upper case, and its value, each as it stands there (not unescaped)."""

    name: str
    params: dict[str, str]
    value: str


@dataclass(frozen=True)
class Component:
    """A component by its name in upper case, with the lines that somebody may ask for and the components in it."""

    name: str
    lines: list[tuple[str, str]] = field(default_factory=list)
    inside: list[Component] = field(default_factory=list)

    def properties(self, name: str) -> list[Property]:
        """All its properties of this ``name``, in their order. Raises :class:`ValueError` for too many."""
        texts = [text for known, text in self.lines if known == name]
        if len(texts) > _MOST_PROPERTIES:
            raise ValueError(f"too many lines of {name}")
        return [_property(name, text) for text in texts]

    def first(self, name: str, number: int) -> list[Property]:
        """The first so many of its properties of this ``name``."""
        texts = [text for known, text in self.lines if known == name]
        return [_property(name, text) for text in texts[:number]]

    def all(self, name: str) -> Iterator[Component]:
        """All components of this ``name`` in it, however deep, in their order."""
        waiting = self.inside[::-1]
        while waiting:
            found = waiting.pop()
            if found.name == name:
                yield found
            waiting += found.inside[::-1]


def lines_of(data: bytes, charset: str) -> list[str]:
    """The lines of a calendar, unfolded and decoded, without control characters and empty ones."""
    data, charset = plain_text.narrow(data, charset)
    whole = plain_text.decoded_lines(_BREAK.sub(b"\n", _FOLD.sub(b"", data)), charset)
    cleaned = _CONTROLS.sub("", _SPACES.sub(" ", whole)).removeprefix("\ufeff")
    return [line for line in cleaned.split("\n") if line and not line.isspace()]


def read(calendar: bytes) -> Component:
    """The components of a calendar in UTF-8, in one without a name. Raises :class:`ValueError` where they are too deep.

    An END that is missing is where something begins that cannot be inside; one that ends nothing is passed over.
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
            # A line break in quotes cuts a name in two; what follows belongs to it unless it is a line itself.
            open_name = found[1].upper() == "ATTENDEE" and text.count('"') % 2 == 1
        elif found is None and open_name:
            lines[-1] = (lines[-1][0], f"{lines[-1][1]} {text}")
            open_name = text.count('"') % 2 == 0
        else:
            open_name = False
    return path[0]


def text(value: str) -> str:
    """A TEXT value as it is meant (RFC 5545, section 3.3.11)."""
    return _ESCAPE.sub(lambda found: "\n" if found[1] in "nN" else found[1], value)


def _leave(path: list[Component], name: str) -> None:
    """Leave the innermost component of this ``name``, and whatever is still open in it."""
    for depth in range(len(path) - 1, 0, -1):
        if path[depth].name == name:
            del path[depth:]
            return


def _property(name: str, text: str) -> Property:
    # The library takes longer to import than to read a mail, and only who reads mails needs it.
    from icalendar.parser import Contentline

    try:
        if len(text) > _LONGEST_LINE:
            raise ValueError("too long")
        _, params, value = Contentline(text).raw_parts()  # type: ignore[no-untyped-call]
    except ValueError:
        return loose(name, text)
    # TZID, or SENT-BY, without the quotes that its colon needs.
    if (name in _TIMES and ":" in value) or (name == "ATTENDEE" and ":mailto:" in value.lower()):
        return loose(name, text)
    # Of a parameter that stands there twice it knows the last alone.
    if name == "ATTENDEE" and len(_ANSWER.findall(text)) > 1:
        return loose(name, text)
    strings = {key.upper(): ",".join(each) if isinstance(each, list) else str(each) for key, each in params.items()}
    found = Property(name=name, params=strings, value=value)
    # It takes what stands behind an escaped quote for a parameter still, and then finds no value.
    return found if value.strip() else loose(name, text)


def loose(name: str, text: str) -> Property:
    """A line that is no content line. Of an ATTENDEE the last mail address is its value, of a time what stands behind
    the last colon, of all others what stands behind the first. A parameter that says two things says both.
    """
    found = (_MAIL if name == "ATTENDEE" else _TIME).fullmatch(text)
    if found is not None:
        head, value = _SCHEME.sub("", text[: found.start(1)].rstrip(' \t:"')), found[1]
    elif name == "ATTENDEE":
        head, _, value = text.rpartition(":")
    else:
        head, _, value = text.partition(":")
    params: dict[str, str] = {}
    for key, said in _PARAM.findall(head):
        known, said = params.get(key.upper()), said.strip(' \t"')
        params[key.upper()] = said if known in (None, said) else f"{known},{said}"
    return Property(name=name, params=params, value=value)
