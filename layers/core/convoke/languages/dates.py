"""How a language writes dates and times.

English without a region is written as in Europe: the day before the month, whose name is in letters, and 24 hours. It
reads the same everywhere, and needs no Babel. Other languages, and English of a region (``en-US``), are written as the
CLDR has them.
"""

from __future__ import annotations

from datetime import date, datetime
from functools import lru_cache

_DAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
_MONTHS = (
    *("January", "February", "March", "April", "May", "June"),
    *("July", "August", "September", "October", "November", "December"),
)


class PlainEnglish:
    """English without a region. Days and months are named here, since those of ``strftime`` depend on the locale. Times
    are local ones.
    """

    first_weekday = 0
    """The day that weeks begin with: Monday is 0."""

    def day(self, date: date) -> str:
        """The day in full: ``Friday 12 March 2027``."""
        return f"{_DAYS[date.weekday()]} {date.day} {_MONTHS[date.month - 1]} {date.year}"

    def short_day(self, date: date) -> str:
        """The day with abbreviations: ``Fri 12 Mar 2027``."""
        return f"{self._day_and_month(date)} {date.year}"

    def short_days(self, first: date, last: date) -> str:
        """Several days with abbreviations, the first and the last: ``Fri 2 to Mon 5 Apr 2027``."""
        if first.year != last.year:
            return f"{self.short_day(first)} to {self.short_day(last)}"
        if first.month != last.month:
            return f"{self._day_and_month(first)} to {self.short_day(last)}"
        return f"{_DAYS[first.weekday()][:3]} {first.day} to {self.short_day(last)}"

    def clock(self, time: datetime) -> str:
        return f"{time:%H:%M}"

    def month(self, date: date) -> str:
        return f"{_MONTHS[date.month - 1]} {date.year}"

    def weekday(self, number: int) -> str:
        """A day of the week in full: Monday is 0."""
        return _DAYS[number]

    def _day_and_month(self, date: date) -> str:
        return f"{_DAYS[date.weekday()][:3]} {date.day} {_MONTHS[date.month - 1][:3]}"


class FromCldr:
    """What :class:`PlainEnglish` has, for the language tag ``tag``, as :func:`negotiation.matched` has it, by the CLDR.
    A region that the CLDR does not know is left out.
    """

    def __init__(self, tag: str) -> None:
        from babel import Locale, core, dates, localedata

        name = tag.replace("-", "_")
        self._locale = Locale.parse(name if localedata.exists(name) else name.partition("_")[0])
        self._dates = dates
        # A week begins as it does where most people speak the language, unless a region is said.
        named = str(self._locale)
        region = named if self._locale.territory else core.get_global("likely_subtags").get(named, named)
        self.first_weekday: int = Locale.parse(region).first_week_day

    def day(self, date: date) -> str:
        return _spaced(self._dates.format_date(date, "full", self._locale))

    def short_day(self, date: date) -> str:
        return _spaced(self._dates.format_skeleton("yMMMEd", date, locale=self._locale))

    def short_days(self, first: date, last: date) -> str:
        return _spaced(self._dates.format_interval(first, last, "yMMMEd", locale=self._locale))

    def clock(self, time: datetime) -> str:
        return _spaced(self._dates.format_time(time.time(), "short", locale=self._locale))

    def month(self, date: date) -> str:
        return _spaced(self._dates.format_skeleton("yMMMM", date, locale=self._locale))

    def weekday(self, number: int) -> str:
        return str(self._locale.days["stand-alone"]["wide"][number])


def _spaced(text: str) -> str:
    """``text`` with ordinary spaces, breaking or not, in the place of narrow and thin ones: the CLDR has those around
    times and dashes, and many fonts of mail programs do not.
    """
    return text.replace("\u202f", "\u00a0").replace("\u2009", " ")


@lru_cache(maxsize=64)
def dates_of(tag: str) -> PlainEnglish | FromCldr:
    """The dates of a language tag, as :func:`negotiation.matched` has it."""
    return PlainEnglish() if tag == "en" else FromCldr(tag)
