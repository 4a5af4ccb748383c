"""Proposals: another time that an attendee asks for (COUNTER, RFC 5546, section 3.2.7), kept until it is decided."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from zoneinfo import ZoneInfo

from ..model import YEARS, Event, LocalTime, When, frozen
from ..schedule.recurrence import exists_in
from .itip_reply import Span


class ProposalStatus(StrEnum):
    """What the organizer decided: nothing yet (open), to move the event to that time, or to leave it as it is."""

    OPEN = "open"
    ACCEPTED = "accepted"
    DECLINED = "declined"


@frozen
class Proposal:
    """One attendee proposes ``when`` for the whole event, or for the one ``date`` of a series, by its original start.

    ``uid`` and ``sequence`` name the message of ours that it answers. ``dtstamp`` and ``received_at`` are UTC.
    """

    event_id: str
    registration_id: str
    proposal_id: str
    uid: str
    sequence: int
    dtstamp: datetime
    date: LocalTime | None = None
    when: When
    comment: str = ""
    status: ProposalStatus = ProposalStatus.OPEN
    received_at: datetime


def proposed(event: Event, span: Span) -> When:
    """``span`` in the event's zone. Raises :class:`ValueError` for a time that does not exist or has no zone, and for a
    start in the second of two hours that the clock shows alike, which no event can have: the first is another time.
    """
    start, end = span.start, span.end
    if not isinstance(start, datetime) or not isinstance(end, datetime):
        when = When(start=start, end=end, time_zone=event.when.time_zone)
    else:
        zone = event.when.time_zone or getattr(start.tzinfo, "key", None) or ("UTC" if start.tzinfo else None)
        if zone is None:
            raise ValueError("a local time without a zone")
        when = When(start=_local(start, zone), end=_local(end, zone), time_zone=zone)
        if isinstance(when.start, datetime) and when.start.fold:
            raise ValueError("the second of two times that are shown alike")
    if when.start.year not in YEARS or when.end.year not in YEARS or when.ends_at <= when.starts_at:
        raise ValueError("not a possible time of an event")
    return when


def _local(moment: datetime, zone: str) -> datetime:
    """The local time in ``zone`` of an aware ``moment``; a naive one is local already.

    Raises :class:`ValueError` for a local time that does not exist.
    """
    if moment.tzinfo is not None:
        return moment.astimezone(ZoneInfo(zone)).replace(tzinfo=None)
    if not exists_in(moment, zone):
        raise ValueError("does not exist in its zone")
    return moment
