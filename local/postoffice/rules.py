"""Recurrence rules (RFC 5545, section 3.3.10): their dates, and how to describe them in words."""

from __future__ import annotations

from datetime import UTC, date, datetime, time
from functools import lru_cache
from itertools import islice, takewhile

from dateutil.rrule import rrulestr

Moment = datetime | date

LONGEST = 1_000
"""Dates of a rule that are calculated at most."""

UNITS = {"DAILY": "day", "WEEKLY": "week", "MONTHLY": "month", "YEARLY": "year"}
DAYS = {
    "MO": "Monday",
    "TU": "Tuesday",
    "WE": "Wednesday",
    "TH": "Thursday",
    "FR": "Friday",
    "SA": "Saturday",
    "SU": "Sunday",
}
WORKING_DAYS = {"MO", "TU", "WE", "TH", "FR"}
ORDINALS = {1: "first", 2: "second", 3: "third", 4: "fourth", 5: "fifth", -1: "last"}
MONTHS = [f"{date(2000, month, 1):%B}" for month in range(1, 13)]


def starts(first: Moment, rule: str) -> tuple[Moment, ...]:
    """The dates of a rule, with ``first``, in its zone. Raises :class:`ValueError` for an invalid rule."""
    wall = first if isinstance(first, datetime) else datetime.combine(first, time())
    parts = _parts(rule)
    last = parts.pop("UNTIL", "")
    if parts.get("FREQ") not in UNITS:
        raise ValueError(f"not a rule that a calendar shows: {rule}")
    plain = ";".join(f"{name}={value}" for name, value in parts.items())
    zone = first.tzinfo if isinstance(first, datetime) else None
    found: tuple[Moment, ...] = tuple(one.replace(tzinfo=zone) for one in _walls(wall.replace(tzinfo=None), plain))
    if not isinstance(first, datetime):
        found = tuple(one.date() for one in found if isinstance(one, datetime))
    until = _until(last, first)
    return tuple(takewhile(lambda one: until is None or one <= until, found))


@lru_cache(maxsize=64)
def _walls(first: datetime, rule: str) -> tuple[datetime, ...]:
    """Cached: a rule without any date takes seconds, since all years are searched."""
    return tuple(islice(rrulestr(rule, dtstart=first), LONGEST))


def in_words(rule: str, first: Moment) -> str:
    """The rule as a phrase if it is simple enough, else as it is written."""
    parts = _parts(rule)
    frequency = parts.pop("FREQ", "")
    count, interval = parts.pop("COUNT", ""), parts.pop("INTERVAL", "1")
    try:
        until = _until(parts.pop("UNTIL", ""), first)
        often = _often(frequency, int(interval), parts)
    except (ValueError, LookupError):
        return rule
    if until is not None:
        often += f" until {day(until)}"
    return often + (f", {count} times" if count else "")


def day(moment: Moment) -> str:
    """``Fri 12 March 2027``"""
    return f"{moment:%a} {moment.day} {moment:%B %Y}"


def _parts(rule: str) -> dict[str, str]:
    return dict(part.partition("=")[::2] for part in rule.upper().split(";"))


def _until(text: str, first: Moment) -> Moment | None:
    """The end of a rule, in the zone of its first date."""
    if not text:
        return None
    if not isinstance(first, datetime):
        return date.fromisoformat(text[:8])
    if len(text) == len("20270312"):
        return datetime.combine(date.fromisoformat(text), time.max, first.tzinfo)
    end = datetime.fromisoformat(text)
    return end.astimezone(first.tzinfo or UTC) if end.tzinfo else end.replace(tzinfo=first.tzinfo)


def _often(frequency: str, interval: int, parts: dict[str, str]) -> str:
    """``every second Friday``. Raises :class:`LookupError` or :class:`ValueError` for a rule that is too complex."""
    unit = UNITS[frequency]
    if parts.pop("WKST", "MO") != "MO" and interval > 1:
        raise LookupError("a week that begins on another day")
    by_day = [part for part in parts.pop("BYDAY", "").split(",") if part]
    by_date = [int(part) for part in parts.pop("BYMONTHDAY", "").split(",") if part]
    months = [MONTHS[int(part) - 1] for part in parts.pop("BYMONTH", "").split(",") if part]
    if parts or (by_day and by_date) or (months and frequency != "YEARLY"):
        raise LookupError("more than a sentence")
    if frequency in ("DAILY", "WEEKLY"):
        if by_date or (by_day and frequency == "DAILY"):
            raise LookupError("a day of the month in a week")
        return _every(unit, interval, by_day)
    within = f" of {_and(months)}" if months else " of the year" if frequency == "YEARLY" else ""
    if by_day:
        return f"{_each(unit, interval)} on {_and([_weekday(one) for one in by_day])}{within}"
    if by_date:
        if frequency == "YEARLY" and not months:
            raise LookupError("a day of every month, every year")
        return f"{_each(unit, interval)} on the {_and([_nth(n) for n in by_date])}{within}"
    return _each(unit, interval) + (f" in {_and(months)}" if months else "")


def _every(unit: str, interval: int, by_day: list[str]) -> str:
    names = [DAYS[one] for one in by_day]
    if not names:
        return _each(unit, interval)
    if interval == 1 and set(by_day) == WORKING_DAYS:
        return "every weekday"
    if interval == 1 or (interval == 2 and len(names) == 1):
        return _each(_and(names), interval)
    return f"{_each(unit, interval)} on {_and(names)}"


def _each(what: str, interval: int) -> str:
    if interval < 1:
        raise ValueError("an interval is positive")
    return {1: f"every {what}", 2: f"every second {what}"}.get(interval, f"every {interval} {what}s")


def _weekday(text: str) -> str:
    """``the last Friday`` for -1FR, ``every Friday`` for FR."""
    name = DAYS[text[-2:]]
    return f"the {ORDINALS[int(text[:-2])]} {name}" if text[:-2] else f"every {name}"


def _nth(number: int) -> str:
    """``15th``, ``last day``"""
    if number < 0:
        return {-1: "last day", -2: "last day but one"}[number]
    ending = "th" if 10 <= number % 100 <= 20 else {1: "st", 2: "nd", 3: "rd"}.get(number % 10, "th")
    return f"{number}{ending}"


def _and(words: list[str]) -> str:
    return ", ".join(words[:-1]) + f" and {words[-1]}" if len(words) > 1 else words[0]
