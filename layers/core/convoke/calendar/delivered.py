"""What one attendee was sent, as one file to import: the entries of all messages, with UID, SEQUENCE, ORGANIZER and
ATTENDEE as they were mailed.

So the file puts the same entries into a calendar that the mails would have, and a mail that comes later changes or
removes them (RFC 5546, section 2.1.5). With one UID it is a REQUEST, as it was mailed. Of several UIDs a REQUEST may
not be (RFC 5546, section 3.2.2): then it has no METHOD, and is a plain file of entries (RFC 5545, section 3.7.2).

The calendars are those that :mod:`itip` wrote and that were stored; no component is interpreted, and each line stays
as it is.
"""

from __future__ import annotations

from collections.abc import Iterable

from ..model import frozen
from . import content_lines

HEAD = ("PRODID", "VERSION", "CALSCALE")


@frozen
class _Part:
    """The lines of one VEVENT, and what it is about: its UID, and its RECURRENCE-ID with parameters, or empty."""

    uid: str
    recurrence_id: str
    lines: tuple[str, ...]


def file(calendars: Iterable[bytes]) -> bytes | None:
    """The file after ``calendars``, each one message in order of SEQUENCE; ``None`` where nothing is left of them.

    A message about the whole replaces what was sent of single dates before it; a date that was cancelled is excluded
    from its series. Raises :class:`ValueError` for bytes that are no calendar.
    """
    entries: dict[str, dict[str, _Part]] = {}
    head: dict[str, str] = {}
    zones: dict[str, tuple[str, ...]] = {}
    for each in calendars:
        method, parts = _read(each, head, zones)
        for part in parts:
            if method == "REQUEST":
                before = entries.get(part.uid, {}) if part.recurrence_id else {}
                entries[part.uid] = {**before, part.recurrence_id: part}
            elif not part.recurrence_id:
                entries.pop(part.uid, None)
            elif part.uid in entries:
                _exclude(entries[part.uid], part.recurrence_id)
    left = {uid: parts for uid, parts in entries.items() if parts}
    if not left:
        return None
    lines = ["BEGIN:VCALENDAR", *(head[name] for name in HEAD if name in head)]
    lines += ["METHOD:REQUEST"] if len(left) == 1 else []
    body = [line for parts in left.values() for part in parts.values() for line in part.lines]
    for zone, written in zones.items():
        lines += written if any(f"TZID={zone}:" in line or f'TZID="{zone}":' in line for line in body) else ()
    return b"".join(map(content_lines.folded, [*lines, *body, "END:VCALENDAR"]))


def _exclude(parts: dict[str, _Part], recurrence_id: str) -> None:
    """Take one date out of a series, or out of the dates that were sent alone."""
    parts.pop(recurrence_id, None)
    whole = parts.get("")
    if whole is not None:
        excluded = f"EXDATE{recurrence_id}"
        # The last line ends the component.
        parts[""] = _Part(uid=whole.uid, recurrence_id="", lines=(*whole.lines[:-1], excluded, whole.lines[-1]))


def _read(data: bytes, head: dict[str, str], zones: dict[str, tuple[str, ...]]) -> tuple[str, list[_Part]]:
    """The method of a calendar and its entries; its head and zones are added to ``head`` and ``zones``."""
    method, found, inside = "", [], list[str]()
    for line in content_lines.unfolded(data).split("\r\n"):
        name, _, value = line.partition(":")
        if inside or line in ("BEGIN:VEVENT", "BEGIN:VTIMEZONE"):
            inside.append(line)
        elif name == "METHOD":
            method = value
        elif name in HEAD:
            head[name] = line
        if inside and line == f"END:{inside[0].removeprefix('BEGIN:')}":
            if inside[0] == "BEGIN:VEVENT":
                found.append(_part(tuple(inside)))
            else:
                zone = next(each.partition(":")[2] for each in inside if each.startswith("TZID:"))
                # Of two descriptions of a zone the longer one is valid for more years.
                zones[zone] = max(tuple(inside), zones.get(zone, ()), key=len)
            inside = []
    if not method or inside:
        raise ValueError("not a message as it was stored")
    return method, found


def _part(lines: tuple[str, ...]) -> _Part:
    uid = next(line.removeprefix("UID:") for line in lines if line.startswith("UID:"))
    named = [
        line.removeprefix("RECURRENCE-ID") for line in lines if line.startswith(("RECURRENCE-ID:", "RECURRENCE-ID;"))
    ]
    return _Part(uid=uid, recurrence_id=named[0] if named else "", lines=lines)
