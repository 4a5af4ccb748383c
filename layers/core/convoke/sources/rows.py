"""A row of a site's table, as the fields of a request to the HTTP API, or what is wrong with it.

Rows are as boto3's deserializer gives them: text, ``Decimal``, ``bool``, ``None``, ``bytes``, lists, maps and sets.
Nothing is validated here that the models of the HTTP API validate.
"""

from __future__ import annotations

import base64
import hashlib
import json
import re
from collections.abc import Iterable, Mapping
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

from ..model import Duration, InvalidField, frozen
from ..registrations.responses import NO, YES
from ..web.walltimes import zones
from .mapping import Constant, EventRows, RegistrationRows, Rows, Scalar, Statuses, is_one_of

Row = Mapping[str, Any]

_INSTANT = re.compile(r"(\d{4}-\d{2}-\d{2})[T ](\d{2}:\d{2}(?::\d{2})?)(?:\.\d{1,9})?(Z|[+-]\d{2}:?\d{2})?", re.ASCII)
_LONGEST_TIME = 40
_TIMES = ("start", "end")
_WHOLE_NUMBERS = ("capacity", "guests")
_TRUTH_VALUES = ("release_on_decline", "public", "confirm_address", "approval")
_LISTS = ("reminders", "occurrences")


@frozen
class EventRow:
    """An event as its row describes it.

    ``status`` is ``confirmed``, ``tentative``, ``draft`` or ``cancelled``; ``fields`` are those of a request that
    creates the event, without its status. ``reason`` says why it is cancelled.
    """

    external_id: str
    status: str
    fields: Mapping[str, Any]
    reason: str = ""


@frozen
class RegistrationRow:
    """A registration as its row describes it. ``event`` names the event, as ``external_id`` names a row.

    ``status`` is ``registered`` or ``withdrawn``; ``fields`` are those of a request that registers somebody.
    """

    external_id: str
    event: str
    status: str
    fields: Mapping[str, Any]


def counts(rows: Rows, row: Row) -> bool:
    """Whether ``row`` is one of those that the description is about."""
    return all(condition.holds(value_at(row, path)) for path, condition in rows.where.items())


def external_id(rows: Rows, row: Row) -> str:
    """The row's primary key as text: of a key of two attributes, both as a JSON list."""
    return _joined(_key_text(row[name]) for name in rows.key.names)


def event_row(rows: EventRows, row: Row) -> EventRow:
    """The event that ``row`` describes. Raises :class:`InvalidField`, with the field of the API that is wrong."""
    fields = _fields(rows, row)
    status = _status(rows.status, row, "confirmed")
    if zone := fields.get("time_zone"):
        if zone not in zones():
            raise InvalidField("time_zone", "must be the IANA name of a time zone, such as Europe/Berlin")
        fields |= _times({name: fields.pop(name) for name in _TIMES if name in fields}, zone)
    reason = "" if rows.reason is None else _text("reason", value_at(row, rows.reason)) or ""
    return EventRow(external_id=external_id(rows, row), status=status, fields=_nested(fields), reason=reason)


def registration_row(rows: RegistrationRows, row: Row) -> RegistrationRow:
    """The registration that ``row`` describes. Raises :class:`InvalidField` as :func:`event_row` does.

    Times of ``occurrences`` are as they stand in the row, since the event's zone is not known here.
    """
    return RegistrationRow(
        external_id=external_id(rows, row),
        event=event_of(rows, row),
        status=_status(rows.status, row, "registered"),
        fields=_nested(_fields(rows, row)),
    )


def event_of(rows: RegistrationRows, row: Row) -> str:
    """What the row names its event by. Raises :class:`InvalidField`."""
    paths = [rows.event] if isinstance(rows.event, str) else rows.event
    named = [value_at(row, path) for path in paths]
    if any(value is None for value in named):
        raise InvalidField("event", "is missing")
    return _joined(map(_key_text, named))


def fingerprint(row: EventRow | RegistrationRow) -> str:
    """A hash of everything that the row says. Attributes that are not mapped do not count."""
    said = [row.external_id, row.status, row.fields]
    said += [row.reason] if isinstance(row, EventRow) else [row.event]
    return hashlib.sha256(json.dumps(said, sort_keys=True).encode()).hexdigest()[:32]


def value_at(row: Row, path: str) -> Any:
    """The value at ``path``, ``None`` where there is none. An attribute with dots in its own name comes first."""
    if path in row:
        return row[path]
    found: Any = row
    for name in path.split("."):
        if not isinstance(found, Mapping) or name not in found:
            return None
        found = found[name]
    return found


def _times(written: Mapping[str, str], zone: str) -> dict[str, str]:
    """Start and end of a row as the API wants them; a duration in place of an end that is the second of two equal local
    times, which the API cannot name. Raises :class:`InvalidField`.
    """
    times = {name: _local(name, value, zone) for name, value in written.items()}
    start, end = times.get("start"), times.get("end")
    if not isinstance(end, datetime) or not end.fold or not isinstance(start, datetime):
        return {name: local_time(name, value, zone) for name, value in written.items()}
    local = local_time("start", written["start"], zone)
    length = end.replace(tzinfo=ZoneInfo(zone)).astimezone(UTC) - start.replace(tzinfo=ZoneInfo(zone)).astimezone(UTC)
    if length <= timedelta(0):
        raise InvalidField("end", "must be after start")
    return {"start": local, "duration": str(Duration(seconds=length // timedelta(seconds=1)))}


def local_time(field: str, value: str, zone: str) -> str:
    """A time of a row as the API wants it: local to ``zone`` and without an offset.

    ``value`` is a date, a local time, an instant in ISO 8601, or seconds since 1970 (9 to 11 digits).
    Raises :class:`InvalidField`; also for an instant that is the second of two equal local times, when clocks are set
    back: without its offset it would be the first, an hour earlier.
    """
    local = _local(field, value, zone)
    if isinstance(local, datetime) and local.fold:
        raise InvalidField(
            field, f"is the second of two equal times of the clock in {zone}: only the first can be meant"
        )
    return local if isinstance(local, str) else local.isoformat()


def _local(field: str, value: str, zone: str) -> datetime | str:
    """The local time of an instant; any other time as the API wants it. Raises :class:`InvalidField`."""
    try:
        if re.fullmatch(r"\d{9,11}", value, re.ASCII):
            at = datetime.fromtimestamp(int(value), UTC)
        elif len(value) <= _LONGEST_TIME and (found := _INSTANT.fullmatch(value)) is not None:
            day, clock, offset = found.groups()
            if offset is None:
                return f"{day}T{clock}"
            at = datetime.fromisoformat(f"{day}T{clock}{offset.replace('Z', '+00:00')}")
        else:
            return date.fromisoformat(value).isoformat()
        return at.astimezone(ZoneInfo(zone)).replace(tzinfo=None)
    except (ValueError, OverflowError, OSError):
        raise InvalidField(field, "must be a date, a time in ISO 8601, or seconds since 1970") from None


def _status(statuses: Statuses | None, row: Row, otherwise: str) -> str:
    """A value that no status was given for is an error: a guess might withdraw somebody, or mail everybody."""
    if statuses is None:
        return otherwise
    value = value_at(row, statuses.field)
    for name, values in statuses.given():
        if is_one_of(value, values):
            return name
    raise InvalidField("status", f"has a value in {statuses.field} that the mapping does not name")


def _fields(rows: Rows, row: Row) -> dict[str, Any]:
    found = {}
    for name, place in rows.fields.items():
        value = place.value if isinstance(place, Constant) else value_at(row, place)
        if (read := _read(name, value)) is not None:
            found[name] = read
    return found


def _read(name: str, value: Any) -> Any:
    """``value`` as the type that the API has for the field ``name``; ``None`` means absent."""
    if value is None or value == "":
        return None
    if name.startswith("responses.") and isinstance(value, bool):
        return YES if value else NO
    if name in _WHOLE_NUMBERS:
        return _whole_number(name, value)
    if name in _TRUTH_VALUES:
        if not isinstance(value, bool):
            raise InvalidField(name, "must be true or false")
        return value
    if name in _LISTS:
        if isinstance(value, str) or not isinstance(value, Iterable) or isinstance(value, Mapping | bytes):
            raise InvalidField(name, "must be a list")
        return sorted(_text(name, each) or "" for each in value)
    return _text(name, value)


def _text(name: str, value: Scalar | Decimal) -> str | None:
    if value is None:
        return None
    if isinstance(value, str):
        return value
    if isinstance(value, Decimal | int) and not isinstance(value, bool):
        return f"{value:f}" if isinstance(value, Decimal) else str(value)
    raise InvalidField(name, "must be text")


def _whole_number(name: str, value: Any) -> int:
    try:
        number = Decimal(value) if isinstance(value, Decimal | int | str) and not isinstance(value, bool) else None
        if number is not None and number == number.to_integral_value() and abs(number) < 10**12:
            return int(number)
    except ArithmeticError:
        pass
    raise InvalidField(name, "must be a whole number")


def _nested(fields: Mapping[str, Any]) -> dict[str, Any]:
    """Dotted names as objects: ``organizer.name`` is the field ``name`` of ``organizer``."""
    result: dict[str, Any] = {}
    for name, value in fields.items():
        outer, _, inner = name.rpartition(".")
        (result.setdefault(outer, {}) if outer else result)[inner] = value
    return result


def _key_text(value: Any) -> str:
    return (
        base64.b64encode(bytes(value)).decode() if isinstance(value, bytes | bytearray) else _text("key", value) or ""
    )


def _joined(parts: Iterable[str]) -> str:
    listed = list(parts)
    return listed[0] if len(listed) == 1 else json.dumps(listed, ensure_ascii=False, separators=(",", ":"))
