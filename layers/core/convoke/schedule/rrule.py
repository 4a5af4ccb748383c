"""Parses and writes the text of a recurrence rule, the value of RRULE (RFC 5545, section 3.3.10)."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import replace
from datetime import UTC, date, datetime

from ..model import basic, frozen

WEEKDAYS = ("MO", "TU", "WE", "TH", "FR", "SA", "SU")
"""As RFC 5545 names them, by the numbers of ``datetime.weekday()``."""
_FREQUENCIES = ("DAILY", "WEEKLY", "MONTHLY", "YEARLY")
_FINER = ("HOURLY", "MINUTELY", "SECONDLY", "BYHOUR", "BYMINUTE", "BYSECOND")
_COARSE = ("BYYEARDAY", "BYWEEKNO")
_PARTS = ("FREQ", "UNTIL", "COUNT", "INTERVAL", "BYMONTH", "BYMONTHDAY", "BYDAY", "BYSETPOS", "WKST")
_LIMIT = 500  # characters of a rule
_EXAMPLE = "such as FREQ=WEEKLY;COUNT=4"

_NUMBER = re.compile(r"[+-]?[0-9]{1,9}")
_DAY = re.compile(r"([+-]?[0-9]{1,2})?(MO|TU|WE|TH|FR|SA|SU)")
_UNTIL = re.compile(r"([0-9]{8})(?:(T[0-9]{6})(Z?))?")

Weekday = tuple[int, int]
"""The number within the month or year (-1 is the last, 0 means all of them), and the day of the week (0 is Monday)."""


@frozen
class Rule:
    """The parts of an RRULE. Lists are sorted and without duplicates.

    ``until`` is as in the text: an instant (UTC), a local time, or a day. Of ``until`` and ``count`` exactly one is
    given. ``week_start`` is WKST, 0 for Monday.
    """

    frequency: str
    until: datetime | date | None = None
    count: int | None = None
    interval: int = 1
    months: tuple[int, ...] = ()
    month_days: tuple[int, ...] = ()
    weekdays: tuple[Weekday, ...] = ()
    positions: tuple[int, ...] = ()
    week_start: int = 0

    @property
    def ordinal(self) -> bool:
        """Whether a weekday has a number, as in ``2TU``."""
        return any(nth for nth, _ in self.weekdays)

    @property
    def weeks(self) -> int:
        """The highest number that a weekday can have: within a month, or within a year."""
        return 53 if self.frequency == "YEARLY" and not self.months else 5


def read(text: str) -> Rule:
    """Parse ``text``. Raises :class:`ValueError`, with a sentence for the API's caller, if it is not supported."""
    parts = _parts(text)
    frequency = parts.get("FREQ", "")
    if frequency in _FINER:
        raise ValueError("must have FREQ be DAILY, WEEKLY, MONTHLY or YEARLY: a series has at most one date a day")
    if frequency not in _FREQUENCIES:
        raise ValueError("must have FREQ be DAILY, WEEKLY, MONTHLY or YEARLY")
    if "COUNT" in parts and "UNTIL" in parts:
        raise ValueError("must not have both COUNT and UNTIL")
    if "COUNT" not in parts and "UNTIL" not in parts:
        raise ValueError("must have COUNT or UNTIL: a series has an end")
    rule = Rule(
        frequency=frequency,
        until=_until(parts["UNTIL"]) if "UNTIL" in parts else None,
        count=_number("COUNT", parts["COUNT"], 999_999_999) if "COUNT" in parts else None,
        interval=_number("INTERVAL", parts.get("INTERVAL", "1"), 999),
        months=_numbers("BYMONTH", parts, 12, signed=False),
        month_days=_numbers("BYMONTHDAY", parts, 31),
        weekdays=_weekdays(parts["BYDAY"]) if "BYDAY" in parts else (),
        positions=_numbers("BYSETPOS", parts, 366),
        week_start=_week_start(parts.get("WKST", "MO")),
    )
    _belong_together(rule)
    return rule


def endless(text: str) -> Rule:
    """The rule ``text`` without COUNT and UNTIL."""
    return replace(read(text), until=None, count=None)


def _parts(text: str) -> dict[str, str]:
    if len(text) > _LIMIT or not text.isascii():
        raise ValueError(f"must be an RRULE {_EXAMPLE}, of at most {_LIMIT} ASCII characters")
    parts: dict[str, str] = {}
    for part in text.strip().upper().removeprefix("RRULE:").removesuffix(";").split(";"):
        name, _, value = part.partition("=")
        if name in _FINER:
            raise ValueError(f"must not have {name}: each date begins at the time of day of start")
        if name in _COARSE:
            raise ValueError(f"must not have {name}: give the days by BYMONTH, BYMONTHDAY or BYDAY")
        if name not in _PARTS or not value:
            raise ValueError(f"must be an RRULE {_EXAMPLE}, of the parts {', '.join(_PARTS)}")
        if name in parts:
            raise ValueError(f"must have {name} only once")
        parts[name] = value
    return parts


def _number(name: str, text: str, most: int, *, signed: bool = False) -> int:
    number = int(text) if _NUMBER.fullmatch(text) and (signed or text.isdigit()) else 0
    if not 1 <= abs(number) <= most:
        raise ValueError(f"must have {name} from 1 to {most}" + (f", or from -1 to -{most}" if signed else ""))
    return number


def _numbers(name: str, parts: dict[str, str], most: int, *, signed: bool = True) -> tuple[int, ...]:
    listed = parts[name].split(",") if name in parts else ()
    return _in_order(_number(name, each, most, signed=signed) for each in listed)


def _in_order(numbers: Iterable[int]) -> tuple[int, ...]:
    """Sorted and without duplicates; negative numbers, which count from the end, are last."""
    return tuple(sorted(set(numbers), key=lambda number: (number < 0, number)))


def _weekdays(text: str) -> tuple[Weekday, ...]:
    found = [_DAY.fullmatch(each) for each in text.split(",")]
    if not all(found):
        raise ValueError("must have BYDAY be weekdays such as MO, 2TU or -1FR")
    days = {(int(each[1] or 0), WEEKDAYS.index(each[2])) for each in found if each}
    if any(each and each[1] and not int(each[1]) for each in found):
        raise ValueError("must have BYDAY be weekdays such as MO, 2TU or -1FR: there is none with number 0")
    return by_week(days)


def by_week(days: Iterable[Weekday]) -> tuple[Weekday, ...]:
    """Sorted by number and day, without duplicates; those that count from the end are last."""
    return tuple(sorted(set(days), key=lambda day: (day[0] < 0, *day)))


def _week_start(text: str) -> int:
    if text not in WEEKDAYS:
        raise ValueError("must have WKST be a weekday such as MO")
    return WEEKDAYS.index(text)


def _until(text: str) -> datetime | date:
    found = _UNTIL.fullmatch(text)
    try:
        if found is None:
            raise ValueError(text)
        if not found[2]:
            return date.fromisoformat(found[1])
        until = datetime.fromisoformat(found[1] + found[2])
    except ValueError:
        raise ValueError("must have UNTIL be a time or a date such as 20270312T080000Z, or 20270312") from None
    return until.replace(tzinfo=UTC) if found[3] else until


def _belong_together(rule: Rule) -> None:
    """Raise :class:`ValueError` for parts that RFC 5545 does not allow together, and for numbers that match no day."""
    if rule.frequency == "WEEKLY" and rule.month_days:
        raise ValueError("must not have BYMONTHDAY in a WEEKLY rule")
    if rule.ordinal:
        if rule.frequency not in ("MONTHLY", "YEARLY"):
            raise ValueError("must have numbers in BYDAY (such as 2TU) only in a MONTHLY or YEARLY rule")
        if any(abs(nth) > rule.weeks for nth, _ in rule.weekdays):
            raise ValueError(f"must have numbers in BYDAY (such as 2TU) of at most {rule.weeks} here")
    if rule.positions:
        if not (rule.months or rule.month_days or rule.weekdays):
            raise ValueError("must have BYSETPOS only together with BYDAY, BYMONTHDAY or BYMONTH")
        if rule.frequency == "WEEKLY" and rule.months:
            raise ValueError("must not have BYSETPOS together with BYMONTH in a WEEKLY rule")


def spell(rule: Rule) -> str:
    """The text of ``rule``, without parts that have their default values."""
    parts = {
        "FREQ": rule.frequency,
        "UNTIL": _moment(rule.until) if rule.until is not None else "",
        "COUNT": str(rule.count or ""),
        "INTERVAL": str(rule.interval) if rule.interval > 1 else "",
        "BYMONTH": ",".join(map(str, rule.months)),
        "BYMONTHDAY": ",".join(map(str, rule.month_days)),
        "BYDAY": ",".join(f"{nth or ''}{WEEKDAYS[day]}" for nth, day in rule.weekdays),
        "BYSETPOS": ",".join(map(str, rule.positions)),
        "WKST": WEEKDAYS[rule.week_start] if rule.week_start else "",
    }
    return ";".join(f"{name}={value}" for name, value in parts.items() if value)


def _moment(moment: datetime | date) -> str:
    return basic(moment) + ("Z" if isinstance(moment, datetime) and moment.tzinfo else "")
