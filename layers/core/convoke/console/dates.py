"""The dates of an event, as a list and by months."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, date, datetime
from http import HTTPStatus
from itertools import groupby
from typing import Any
from zoneinfo import ZoneInfo

from ..languages import Texts
from ..model import LocalTime, When, basic, frozen
from ..pages import site
from ..schedule.recurrence import day_of
from ..store import codec
from ..store.accounts import Scope
from . import month as months
from .visit import Visit, pages_of
from .words import when_of

PATH = "/events/{event_id}/occurrences"
PAGE = 50
"""Dates on a page of the list."""
NEXT = 5
"""Dates on the event's own page."""


@frozen
class Date:
    """A date of an event, as the API has it. ``original`` is its original start, by which it is named; ``status`` is
    ``confirmed``, ``cancelled`` or ``skipped``; ``moved`` says whether it has another time than its series.
    """

    original: LocalTime
    when: When
    title: str
    location: str
    description: str
    status: str
    moved: bool
    over: bool
    reason: str

    @property
    def name(self) -> str:
        """Its name in paths, without anything that would have to be escaped: ``20270312T090000``, or ``20270312``."""
        return basic(self.original)

    @property
    def twice(self) -> bool:
        """Whether its start is a local time that occurs twice, since clocks are set back. The first is meant."""
        if not isinstance(self.when.start, datetime) or self.when.time_zone is None:
            return False
        first = self.when.start.replace(tzinfo=ZoneInfo(self.when.time_zone))
        first_offset, second_offset = first.utcoffset(), first.replace(fold=1).utcoffset()
        return first_offset is not None and second_offset is not None and first_offset > second_offset

    def day(self, texts: Texts) -> str:
        """``Friday 12 March 2027``."""
        return texts.day(day_of(self.when.start))

    def said(self, texts: Texts) -> str:
        """``Friday 12 March 2027, 09:00 to 10:30``, without the zone, which all dates of an event share."""
        start, end = self.when.start, self.when.end
        if not isinstance(start, datetime) or not isinstance(end, datetime):
            return texts.when(replace(self.when, time_zone=None))
        if start.date() == end.date():
            return texts.gettext(
                "%(day)s, %(start)s to %(end)s", day=texts.day(start), start=texts.clock(start), end=texts.clock(end)
            )
        return texts.gettext(
            "%(first_day)s, %(start)s to %(last_day)s, %(end)s",
            first_day=texts.day(start),
            start=texts.clock(start),
            last_day=texts.day(end),
            end=texts.clock(end),
        )

    def was(self, texts: Texts) -> str:
        """When it would have begun, where that was moved; else empty."""
        if not self.moved or self.when.start == self.original:
            return ""
        return texts.day_and_time(texts.day(day_of(self.original)), self.original)


@frozen
class Series:
    """An event, as the API has it, with its dates in the order in which they take place. ``manages`` says whether
    whoever is signed in may change it.
    """

    event: Mapping[str, Any]
    dates: tuple[Date, ...]
    manages: bool

    @property
    def recurs(self) -> bool:
        return self.event["recurrence"] is not None or len(self.dates) > 1

    @property
    def path(self) -> str:
        """The path of the page of all dates."""
        return f"/console/events/{self.event['event_id']}/dates"

    def path_of(self, one: Date) -> str:
        """The path of the page of one date."""
        return f"{self.path}/{one.name}"

    def crumbs(self, texts: Texts, one: Date | None = None) -> tuple[tuple[str, str], ...]:
        """Names and paths of the pages above this one: to that of all dates, or to that of ``one`` of them."""
        above = (
            (texts.gettext("Events"), "/console"),
            (self.event["title"], f"/console/events/{self.event['event_id']}"),
            (texts.gettext("Dates"), self.path),
        )
        return above if one is None else (*above, (one.day(texts), self.path_of(one)))

    @property
    def when(self) -> When:
        """Start and end of the first date, as the series has it."""
        return when_of(self.event)

    @property
    def coming(self) -> tuple[Date, ...]:
        return tuple(one for one in self.dates if not one.over)

    @property
    def past(self) -> tuple[Date, ...]:
        """Those that are over, the last of them first."""
        return tuple(one for one in reversed(self.dates) if one.over)

    def is_on(self, one: Date) -> bool:
        """Whether the date takes place and can still be changed."""
        return one.status == "confirmed" and not one.over and not self.fixed

    def is_off(self, one: Date) -> bool:
        """Whether the date is cancelled by itself, and can be restored."""
        return one.status == "cancelled" and not one.over and not self.fixed

    @property
    def fixed(self) -> bool:
        """Whether no date can be changed, whichever it is."""
        return bool(self.event["status"] == "cancelled" or self.event["source"] or not self.manages)

    def today(self, now: datetime) -> date:
        """The day that it is at ``now`` (UTC) in the event's zone; in UTC, if it has none."""
        zone = self.event["time_zone"]
        return now.astimezone(ZoneInfo(zone) if zone else UTC).date()


def series_of(visit: Visit, event_id: str) -> Series:
    """An event with all of its dates. Raises ``site.Refused`` (404) for one that there is not."""
    return _series(visit, visit.event(event_id), visit.api.every(PATH, {"event_id": event_id}))


def _series(visit: Visit, event: Mapping[str, Any], shown: Iterable[Mapping[str, Any]]) -> Series:
    dates = sorted(map(date_of, shown), key=lambda one: (one.when.starts_at, one.name))
    return Series(event=event, dates=tuple(dates), manages=Scope.MANAGE in visit.session.scopes)


def date_of(shown: Mapping[str, Any]) -> Date:
    """A date from the API's JSON."""
    return Date(
        original=codec.local_time(shown["occurrence"]),
        when=when_of(shown),
        **{name: shown[name] for name in ("title", "location", "description", "status", "moved", "over", "reason")},
    )


def date_named(visit: Visit, series: Series, name: str) -> Date:
    """The date of this name in a path. Raises ``site.Refused`` (404), whose page leads back to the list."""
    found = next((one for one in series.dates if one.name == name), None)
    if found is None:
        _ = visit.request.texts.gettext
        raise site.Refused(
            HTTPStatus.NOT_FOUND,
            _("There is no such date"),
            _("The event has no date of this name, or not any more: its dates have other names since it was moved."),
            ways=[(_("All dates of this event"), series.path)],
            texts=visit.request.texts,
        )
    return found


def part(visit: Visit, event: Mapping[str, Any]) -> Series:
    """The event for ``console/dates_part.html``, with its next dates only; with all of them where it has no rule."""
    if event["recurrence"] is None:
        return series_of(visit, event["event_id"])
    query = {"over": "false", "limit": NEXT}
    return _series(visit, event, visit.api.read(PATH, {"event_id": event["event_id"]}, query)["items"])


page_of_series = pages_of(lambda visit, event_id: (series_of(visit, event_id),), "/console/events/{event_id}/dates")
"""The function is given :class:`Series`."""


def _series_and_date(visit: Visit, event_id: str, date: str) -> tuple[Series, Date]:
    series = series_of(visit, event_id)
    return series, date_named(visit, series, date)


page_of_date = pages_of(_series_and_date, "/console/events/{event_id}/dates/{date}")
"""The function is given :class:`Series` and :class:`Date`."""


# --- pages --------------------------------------------------------------------------------------------------------


@page_of_series("GET", "")
def show(visit: Visit, series: Series) -> site.Answer:
    if not series.recurs:
        return _shown(visit, "dates_one.html", series)
    if visit.request.query.get("view") == "month":
        return _month(visit, series)
    return _list(visit, series)


def _shown(visit: Visit, template: str, series: Series, **values: Any) -> site.Answer:
    crumbs = series.crumbs(visit.request.texts)[:-1]
    return visit.show(template, series=series, event=series.event, crumbs=crumbs, **values)


def _list(visit: Visit, series: Series) -> site.Answer:
    past = visit.request.query.get("show") == "past"
    every = series.past if past else series.coming
    whole = visit.request.query.get("page") == "all"
    pages = max(1, -(-len(every) // PAGE))
    number = min(visit.page_number, pages)
    shown = every if whole else every[(number - 1) * PAGE : number * PAGE]
    return _shown(
        visit,
        "dates.html",
        series,
        past=past,
        by_month=_by_month(shown, visit.request.texts),
        number=number,
        pages=pages,
        whole=whole,
        query="show=past&" if past else "",
    )


def _by_month(dates: Sequence[Date], texts: Texts) -> list[tuple[str, list[Date]]]:
    """The dates under the names of their months."""
    return [
        (texts.month(month.first), list(found))
        for month, found in groupby(dates, key=lambda one: months.month_of(day_of(one.when.start)))
    ]


def _month(visit: Visit, series: Series) -> site.Answer:
    today = series.today(visit.request.now)
    texts = visit.request.texts
    nearest = (series.coming or series.past)[0]
    month = months.read(visit.request.query.get("month", "")) or months.month_of(day_of(nearest.when.start))
    on = _by_day(series.dates, month)
    return _shown(
        visit,
        "dates_month.html",
        series,
        month=month,
        name=texts.month(month.first),
        before=month.previous and texts.month(month.previous.first),
        after=month.next and texts.month(month.next.first),
        this_month=months.month_of(today),
        weekdays=texts.weekdays,
        weeks=month.weeks(texts.weekdays[0][0]),
        on=on,
        today=today,
        nearest=nearest,
        nearest_month=months.month_of(day_of(nearest.when.start)),
    )


def _by_day(dates: Iterable[Date], month: months.Month) -> dict[date, list[Date]]:
    found: dict[date, list[Date]] = {}
    for one in dates:
        for day in month.days_of(one.when):
            found.setdefault(day, []).append(one)
    return found
