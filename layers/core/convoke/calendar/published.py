"""Writes a public event as a calendar that anybody may download or subscribe to: METHOD:PUBLISH (RFC 5546, section
3.2.1), without an ATTENDEE.

Its UIDs are not those of invitations, of which each attendee has their own (``<event id>.<registration id>.<n>``).
RFC 5545 would have one UID name the event everywhere. But a subscription that had the UID of an invitation would be
taken for that entry by some programs, which would then show an answer twice, or remove the invitation together with the
subscription. So who was invited and subscribes besides sees the event in both calendars.

A subscriber's program reads the whole again every so often. What is not in it any more is removed; SEQUENCE and
DTSTAMP are those of the event's latest change.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

from icalendar import Calendar, vInt, vUri
from icalendar import Event as Entry

from ..decision.calendar_state import entry_uid, separate_name
from ..model import Event, EventStatus, LocalTime, Occurrence, Person, Schedule, When
from ..schedule import calendar_entries, series
from . import content_lines, itip
from .content_lines import clean, one_line, uri
from .corrections import Text, Unchanged, with_parameters
from .vtimezone import vtimezone

READ_AGAIN = "PT1H"
"""How often a program should read the calendar again: a duration (RFC 7986, section 5.7)."""
MEDIA_TYPE = "text/calendar; charset=utf-8; method=PUBLISH"


def uid(event_id: str, domain: str) -> str:
    """The UID of a published event. An invitation's has three parts before the @."""
    return f"{event_id}.published@{domain}"


def calendar(event: Event, *, organizer: Person, domain: str, page: str, cancelled: str) -> bytes:
    """The whole VCALENDAR, parsed again and compared with what was intended, as :func:`itip.calendar` is.

    ``organizer`` is the human organizer's name with the sender's address, ``page`` the address of the event's page, and
    ``cancelled`` the title of what does not take place: not every program shows STATUS. Raises :class:`RenderError`.
    """
    writer = _Writer(event, organizer, domain, page, cancelled)
    entries = list(writer.entries())
    whole = itip.filled(Calendar(), writer.head())
    for zone, instants in writer.zones.items():
        whole.add_component(vtimezone(zone, min(instants), max(instants)))
    for entry in entries:
        whole.add_component(entry)
    written = content_lines.write(whole)
    itip.compare(content_lines.meant(whole), written)
    return written


class _Writer:
    """The entries of one event, and the instants (UTC) at which they need each zone, which are known afterwards."""

    def __init__(self, event: Event, organizer: Person, domain: str, page: str, cancelled: str) -> None:
        self.zones: dict[str, list[datetime]] = {}
        self._event = event
        self._organizer = organizer
        self._uid = uid(event.event_id, domain)
        self._page = page
        self._cancelled = cancelled

    def head(self) -> Iterator[itip.Property]:
        yield "PRODID", Text(itip.PRODID)
        yield "VERSION", Text("2.0")
        yield "CALSCALE", Text("GREGORIAN")
        yield "METHOD", Text("PUBLISH")
        title = one_line(self._event.title)
        # NAME is of RFC 7986; most programs know the older X-WR-CALNAME. As well with how often it is to be read.
        yield "NAME", Text(title)
        yield "X-WR-CALNAME", Text(title)
        yield "REFRESH-INTERVAL", with_parameters(Unchanged(READ_AGAIN), VALUE="DURATION")
        yield "X-PUBLISHED-TTL", Unchanged(READ_AGAIN)

    def entries(self) -> Iterator[Entry]:
        event = self._event
        if event.status is EventStatus.CANCELLED or not series.takes_place(event):
            yield self._called_off()
            return
        separated = calendar_entries.separate(event)
        main = calendar_entries.main(event)
        dates = series.occurrences(event)
        if calendar_entries.stands(event):
            extra = set(calendar_entries.extra_dates(event.schedule))
            without = {one.date for one in dates if one.cancelled or one.date in separated} - extra
            recurs = main.rule is not None
            yield self._entry(self._uid, _plain(main), rule=main.schedule if recurs else None, without=without)
            if recurs:
                changed = {change.date for change in event.changes}
                for one in dates:
                    if one.date in changed and not one.cancelled and one.date not in separated:
                        yield self._entry(self._uid, one, recurrence_id=one.date)
        for one in dates:
            if one.date in separated and not one.cancelled:
                yield self._entry(entry_uid(self._uid, separate_name(one.date, 0)), one)

    def _called_off(self) -> Entry:
        main = calendar_entries.main(self._event)
        whole = _plain(main)
        return self._entry(self._uid, whole, rule=main.schedule if main.rule is not None else None, stands=False)

    def _entry(
        self,
        uid: str,
        one: Occurrence,
        *,
        rule: Schedule | None = None,
        without: set[LocalTime] | None = None,
        recurrence_id: LocalTime | None = None,
        stands: bool = True,
    ) -> Entry:
        return itip.filled(Entry(), self._properties(uid, one, rule, without or set(), recurrence_id, stands))

    def _properties(
        self,
        uid: str,
        one: Occurrence,
        rule: Schedule | None,
        without: set[LocalTime],
        recurrence_id: LocalTime | None,
        stands: bool,
    ) -> Iterator[itip.Property]:
        event, zone = self._event, self._event.when.time_zone
        self._needs(one.when)
        yield "UID", Text(uid)
        if recurrence_id is not None:
            self._needs(When(start=recurrence_id, end=recurrence_id, time_zone=zone))
            yield "RECURRENCE-ID", itip.local_time(recurrence_id, zone)
        yield "SEQUENCE", vInt(event.version - 1)
        yield "DTSTAMP", itip.instant(event.updated_at)
        yield "CREATED", itip.instant(event.created_at)
        yield "LAST-MODIFIED", itip.instant(event.updated_at)
        yield from itip.start_and_end(one.when)
        if rule is not None:
            written = calendar_entries.wire(rule)
            self._needs(series.when_at(rule, series.starts(rule)[-1]))
            if written.rule is not None:
                yield "RRULE", Unchanged(written.rule)
            for date in sorted({*without, *written.excluded}):
                yield "EXDATE", itip.local_time(date, zone)
        yield "SUMMARY", self._words(one_line(one.title if stands else self._cancelled))
        if text := clean(one.description).strip():
            yield "DESCRIPTION", self._words(text)
        if place := one_line(one.location):
            yield "LOCATION", self._words(place)
        yield "URL", vUri(uri(self._page))
        yield "ORGANIZER", itip.person(self._organizer)
        tentative = event.status is EventStatus.TENTATIVE
        yield "STATUS", Text("CANCELLED" if not stands else "TENTATIVE" if tentative else "CONFIRMED")
        yield "TRANSP", Text("OPAQUE" if stands else "TRANSPARENT")
        yield "CLASS", Text("PUBLIC")

    def _words(self, words: str) -> Text:
        """A text of the event, with its language if it has one (RFC 5545, section 3.2.10)."""
        text = Text(words)
        return with_parameters(text, LANGUAGE=self._event.language) if self._event.language else text

    def _needs(self, when: When) -> None:
        if not when.all_day and when.time_zone is not None and when.time_zone not in itip.UTC_NAMES:
            self.zones.setdefault(when.time_zone, []).extend((when.starts_at, when.ends_at))


def _plain(main: Event) -> Occurrence:
    """What a main entry says of itself."""
    return Occurrence(
        date=main.when.start,
        when=main.when,
        title=main.title,
        location=main.location,
        description=main.description,
    )
