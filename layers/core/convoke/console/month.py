"""A month as weeks of days: the arithmetic of the month view. Pure."""

from __future__ import annotations

import re
from calendar import Calendar, monthrange
from datetime import date, datetime, timedelta

from ..model import YEARS, When, frozen

_NAME = re.compile(r"(\d{4})-(\d{2})", re.ASCII)


@frozen
class Month:
    year: int
    number: int
    """1 for January."""

    @property
    def name(self) -> str:
        """``2027-03``, as addresses have it."""
        return f"{self.year:04}-{self.number:02}"

    @property
    def first(self) -> date:
        return date(self.year, self.number, 1)

    @property
    def previous(self) -> Month | None:
        """The month before, ``None`` before the first year of :data:`YEARS`."""
        return _known(self.first - timedelta(days=1))

    @property
    def next(self) -> Month | None:
        """The month after, ``None`` after the last year of :data:`YEARS`."""
        return _known(self.first + timedelta(days=31))

    def weeks(self, first_weekday: int) -> tuple[tuple[date | None, ...], ...]:
        """The weeks of the month, which begin on ``first_weekday`` (0 is Monday), each of seven days; ``None`` in the
        place of a day of another month.
        """
        weeks = Calendar(first_weekday).monthdatescalendar(self.year, self.number)
        return tuple(tuple(day if day.month == self.number else None for day in week) for week in weeks)

    def days_of(self, when: When) -> tuple[date, ...]:
        """The days of this month on which something takes place, by the calendar of its zone. What ends at midnight is
        not on the day that begins then.
        """
        start, end = when.start, when.end
        if isinstance(start, datetime) and isinstance(end, datetime):
            # Where clocks are set back, the local time of the end may be before that of the start.
            last = max(end - timedelta(microseconds=1), start)
            start, end = start.date(), last.date()
        end = min(end, self.first + timedelta(days=monthrange(self.year, self.number)[1] - 1))
        start = max(start, self.first)
        return tuple(start + timedelta(days=count) for count in range((end - start).days + 1))


def month_of(day: date) -> Month:
    return Month(year=day.year, number=day.month)


def read(text: str) -> Month | None:
    """The month of ``2027-03``; ``None`` for any other text, and outside of :data:`YEARS`."""
    found = _NAME.fullmatch(text)
    if found is None or not 1 <= int(found[2]) <= 12 or int(found[1]) not in YEARS:
        return None
    return Month(year=int(found[1]), number=int(found[2]))


def _known(day: date) -> Month | None:
    return month_of(day) if day.year in YEARS else None
