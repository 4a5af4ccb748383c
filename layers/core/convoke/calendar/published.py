"""Writes a public event as a calendar that anybody may download or subscribe to: METHOD:PUBLISH (RFC 5546, section
3.2.1), without an ATTENDEE.

Its UIDs are not those of invitations, of which each attendee has their own (``<event id>.<registration id>.<n>``).
RFC 5545 would have one UID name the event everywhere. But a subscription that had the UID of an invitation would be
taken for that entry by some programs, which would then show an answer twice, or remove the invitation together with the
subscription. So somebody who was invited and also subscribes sees the event in both calendars.

A subscriber's program reads the whole again every so often. What is not in it any more is removed; SEQUENCE and
DTSTAMP are those of the event's latest change.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass, field

from icalendar import Event as Entry
from icalendar import vInt, vUri

from ..decision.calendar_state import entry_uid, separate_name
from ..model import Event, EventStatus, LocalTime, Occurrence, Person, Schedule, When
from ..schedule import calendar_entries, series
from . import itip
from .content_lines import clean, one_line, uri
from .corrections import Text, Unchanged, with_parameters

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
    title = one_line(event.title)
    # NAME and REFRESH-INTERVAL are of RFC 7986; most programs know the older X-WR-CALNAME and X-PUBLISHED-TTL.
    head: list[itip.Property] = [
        ("NAME", Text(title)),
        ("X-WR-CALNAME", Text(title)),
        ("REFRESH-INTERVAL", with_parameters(Unchanged(READ_AGAIN), VALUE="DURATION")),
        ("X-PUBLISHED-TTL", Unchanged(READ_AGAIN)),
    ]
    writer = _Writer(event, organizer, uid(event.event_id, domain), page, cancelled)
    entries = [itip.filled(Entry(), properties) for properties in writer.entries()]
    return itip.written("PUBLISH", (*itip.time_zones(writer.times), *entries), head)


@dataclass
class _Writer:
    """The entries of one event, and the ``times`` for which they need its zone, which are known afterwards."""

    event: Event
    organizer: Person
    uid: str
    page: str
    cancelled: str
    times: list[When] = field(default_factory=list)

    def entries(self) -> Iterator[Iterator[itip.Property]]:
        """The properties of each entry."""
        event = self.event
        main = calendar_entries.main_entry(event)
        rule = main.schedule if main.rule is not None else None
        if event.status is EventStatus.CANCELLED or not series.takes_place(event):
            yield self._entry(self.uid, _plain(main), rule=rule, stands=False)
            return
        separated = calendar_entries.separate(event)
        dates = series.occurrences(event)
        if calendar_entries.has_main_entry(event):
            extra = set(calendar_entries.extra_dates(event.schedule))
            without = {one.date for one in dates if one.cancelled or one.date in separated} - extra
            yield self._entry(self.uid, _plain(main), rule=rule, without=without)
            if rule is not None:
                changed = {change.date for change in event.changes}
                for one in dates:
                    if one.date in changed and not one.cancelled and one.date not in separated:
                        yield self._entry(self.uid, one, recurrence_id=one.date)
        for one in dates:
            if one.date in separated and not one.cancelled:
                yield self._entry(entry_uid(self.uid, separate_name(one.date, 0)), one)

    def _entry(
        self,
        uid: str,
        one: Occurrence,
        *,
        rule: Schedule | None = None,
        without: Collection[LocalTime] = (),
        recurrence_id: LocalTime | None = None,
        stands: bool = True,
    ) -> Iterator[itip.Property]:
        event, zone, language = self.event, self.event.when.time_zone, self.event.language
        self.times.append(one.when)
        yield "UID", Text(uid)
        if recurrence_id is not None:
            self.times.append(When(start=recurrence_id, end=recurrence_id, time_zone=zone))
            yield "RECURRENCE-ID", itip.local_time(recurrence_id, zone)
        yield "SEQUENCE", vInt(event.version - 1)
        yield "DTSTAMP", itip.instant(event.updated_at)
        yield "CREATED", itip.instant(event.created_at)
        yield "LAST-MODIFIED", itip.instant(event.updated_at)
        yield from itip.start_and_end(one.when)
        if rule is not None:
            self.times.append(series.when_at(rule, series.starts(rule)[-1]))
            yield from itip.rule_and_exdates(rule, without)
        yield "SUMMARY", itip.words(one_line(one.title if stands else self.cancelled), language)
        if text := clean(one.description).strip():
            yield "DESCRIPTION", itip.words(text, language)
        if place := one_line(one.location):
            yield "LOCATION", itip.words(place, language)
        yield "URL", vUri(uri(self.page))
        yield "ORGANIZER", itip.person(self.organizer)
        tentative = event.status is EventStatus.TENTATIVE
        yield "STATUS", Text("CANCELLED" if not stands else "TENTATIVE" if tentative else "CONFIRMED")
        yield "TRANSP", Text("OPAQUE" if stands else "TRANSPARENT")
        yield "CLASS", Text("PUBLIC")


def _plain(main: Event) -> Occurrence:
    """What a main entry says of itself."""
    return Occurrence(
        date=main.when.start,
        when=main.when,
        title=main.title,
        location=main.location,
        description=main.description,
    )
