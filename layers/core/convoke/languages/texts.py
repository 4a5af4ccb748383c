"""The texts of one language. In the code they are English, whole sentences with named placeholders: ``%(title)s``."""

from __future__ import annotations

import unicodedata
from collections.abc import Mapping
from datetime import date, datetime, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo

from ..model import LocalTime, When
from .catalogue import catalogue
from .dates import dates_of
from .negotiation import matched

_RIGHT_TO_LEFT = frozenset({"ar"})
_WITHOUT_SPACES = frozenset({"ja"})
_OTHER_WAY = {"ltr": frozenset({"R", "AL", "AN"}), "rtl": frozenset({"L"})}
_ISOLATE, _END_ISOLATE = "\u2068", "\u2069"


def gettext_noop(message: str) -> str:
    """``message`` itself: marks a text in a table as one to be translated, with :meth:`Texts.gettext`, where it is
    used.
    """
    return message


def texts_in(*tags: str) -> Texts:
    """The texts in the first of the language ``tags`` (BCP 47) that is known, else in English. Tags may be empty."""
    return _texts(next(filter(None, map(matched, tags)), "en"))


class Texts:
    """The texts of one language, and its dates and times.

    ``tag`` is its language tag, perhaps with a region, for the attribute ``lang`` of HTML; ``language`` is the tag
    without a region, one of ``LANGUAGES``; ``direction`` is ``ltr`` or ``rtl``, for ``dir``. Instances are shared, and
    may be used by several threads at once.
    """

    def __init__(self, tag: str) -> None:
        """``tag`` is one that :func:`negotiation.matched` returned."""
        self.tag = tag
        self.language = tag.partition("-")[0]
        self.direction = "rtl" if self.language in _RIGHT_TO_LEFT else "ltr"

    def __repr__(self) -> str:
        return f"Texts({self.tag!r})"

    # --- texts ----------------------------------------------------------------------------------------------------

    def gettext(self, message: str, /, **values: object) -> str:
        """``message`` in this language, with its placeholders replaced by ``values``. Without any it is returned as it
        is in the catalogue, as Jinja's newstyle gettext wants it.
        """
        return _filled(self._text("", message), values)

    def pgettext(self, context: str, message: str, /, **values: object) -> str:
        """:meth:`gettext` for a text that several languages need different words for: ``context`` tells them apart."""
        return _filled(self._text(context, message), values)

    def ngettext(self, singular: str, plural: str, num: int, /, **values: object) -> str:
        """The form for the count ``num``, by the rules of this language. With ``values``, or if there are placeholders,
        ``%(num)s`` is the count.
        """
        return _filled(self._plural("", singular, plural, num), {"num": num, **values} if values else {})

    def npgettext(self, context: str, singular: str, plural: str, num: int, /, **values: object) -> str:
        """:meth:`ngettext` with a context, as :meth:`pgettext` has one."""
        return _filled(self._plural(context, singular, plural, num), {"num": num, **values} if values else {})

    def _text(self, context: str, message: str) -> str:
        if self.language == "en":
            return message
        return catalogue(self.language).texts.get((context, message), message)

    def _plural(self, context: str, singular: str, plural: str, num: int) -> str:
        if self.language != "en":
            found = catalogue(self.language)
            if (forms := found.plurals.get((context, singular))) is not None:
                return forms[found.form(num)]
        return singular if num == 1 else plural

    def sentences(self, *sentences: str) -> str:
        """Whole sentences, one after the other."""
        return ("" if self.language in _WITHOUT_SPACES else " ").join(sentences)

    # --- direction ------------------------------------------------------------------------------------------------

    def isolated(self, text: str) -> str:
        """``text``, somebody's own words, so that its direction does not change the order of the sentence around it.

        If it has letters of the other direction than this language, it is enclosed in FIRST STRONG ISOLATE and POP
        DIRECTIONAL ISOLATE (UAX #9). It must not have such characters itself (see ``content_lines.clean``).
        """
        if (self.direction == "ltr" and text.isascii()) or not text:
            return text
        others = _OTHER_WAY[self.direction]
        return _isolate(text) if any(unicodedata.bidirectional(char) in others for char in text) else text

    def address(self, text: str) -> str:
        """``text``, an address or a URL, in a sentence of this language: isolated in one from right to left, whatever
        it is.
        """
        return _isolate(text) if self.direction == "rtl" else text

    # --- dates and times ------------------------------------------------------------------------------------------

    def day(self, date: date) -> str:
        """``Friday 12 March 2027``."""
        return dates_of(self.tag).day(date)

    def short_day(self, date: date) -> str:
        """``Fri 12 Mar 2027``."""
        return dates_of(self.tag).short_day(date)

    def month(self, date: date) -> str:
        """``March 2027``."""
        return dates_of(self.tag).month(date)

    @property
    def weekdays(self) -> tuple[tuple[int, str], ...]:
        """The days of a week in the order of this language, each with its number (Monday is 0) and its name."""
        dates = dates_of(self.tag)
        return tuple((day % 7, dates.weekday(day % 7)) for day in range(dates.first_weekday, dates.first_weekday + 7))

    def clock(self, local_time: LocalTime) -> str:
        """``09:00``; for a whole day the empty string."""
        return dates_of(self.tag).clock(local_time) if isinstance(local_time, datetime) else ""

    def when(self, when: When) -> str:
        """``Friday 12 March 2027, 09:00 to 10:30 (Europe/Berlin, UTC+01:00)``."""
        start, end = when.start, when.end
        if not isinstance(start, datetime) or not isinstance(end, datetime):
            return self._whole_days(start, end, when.time_zone)
        zone = self._zone(start, end, when.time_zone or "UTC")
        if start.date() == end.date():
            return self.gettext(
                "%(day)s, %(start)s to %(end)s (%(zone)s)",
                day=self.day(start),
                start=self.clock(start),
                end=self.clock(end),
                zone=zone,
            )
        return self.gettext(
            "%(first_day)s, %(start)s to %(last_day)s, %(end)s (%(zone)s)",
            first_day=self.day(start),
            start=self.clock(start),
            last_day=self.day(end),
            end=self.clock(end),
            zone=zone,
        )

    def when_short(self, when: When) -> str:
        """The start, for a subject: ``Fri 12 Mar 2027, 09:00``; of whole days the first and the last:
        ``Fri 2 to Mon 5 Apr 2027``.
        """
        start, end = when.start, when.end
        if isinstance(start, datetime):
            return self.day_and_time(self.short_day(start), start)
        return self.short_day(start) if start == end else dates_of(self.tag).short_days(start, end)

    def day_and_time(self, day: str, local_time: LocalTime) -> str:
        """The written ``day`` with the time of day after it; for a whole day it alone."""
        clock = self.clock(local_time)
        return self.gettext("%(day)s, %(time)s", day=day, time=clock) if clock else day

    def _whole_days(self, first: date, last: date, zone: str | None) -> str:
        if first == last:
            days = self.gettext("%(day)s, all day", day=self.day(first))
        else:
            days = self.gettext(
                "%(first_day)s to %(last_day)s, all day", first_day=self.day(first), last_day=self.day(last)
            )
        return self.gettext("%(days)s (%(zone)s)", days=days, zone=self.address(zone)) if zone else days

    def _zone(self, start: datetime, end: datetime, name: str) -> str:
        """``Europe/Berlin, UTC+01:00``, with the offset at the end if that is another."""
        if name == "UTC":
            return self.address(name)
        first, last = (time.replace(tzinfo=ZoneInfo(name)).utcoffset() or timedelta() for time in (start, end))
        zone = self.address(f"{name}, {_utc(first)}")
        if first == last:
            return zone
        return self.gettext("%(zone)s, at its end %(offset)s", zone=zone, offset=self.address(_utc(last)))


@lru_cache(maxsize=64)
def _texts(tag: str) -> Texts:
    return Texts(tag)


def _filled(text: str, values: Mapping[str, object]) -> str:
    return text % values if values else text


def _isolate(text: str) -> str:
    return f"{_ISOLATE}{text}{_END_ISOLATE}"


def _utc(offset: timedelta) -> str:
    minutes = int(abs(offset).total_seconds()) // 60
    return f"UTC{'-' if offset < timedelta() else '+'}{minutes // 60:02}:{minutes % 60:02}"
