"""Another time that an attendee proposes (METHOD:COUNTER, RFC 5546, section 3.2.7), kept until somebody decides."""

from __future__ import annotations

from datetime import UTC, datetime
from enum import StrEnum
from zoneinfo import ZoneInfo

from ..model import Event, LocalTime, When, frozen
from .itip_reply import Span

YEARS = range(1970, 2200)


class ProposalStatus(StrEnum):
    OPEN = "open"
    ACCEPTED = "accepted"
    DECLINED = "declined"


@frozen
class Proposal:
    """That ``when`` would suit one attendee better: for the whole event, or for the one ``date`` of a series, named by
    its original start. ``uid`` and ``sequence`` say which message of ours it answers; instants are UTC.
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
    """``span`` as a time of the event, in its zone. Raises :class:`ValueError` where there is no such time."""
    start, end = span.start, span.end
    if not isinstance(start, datetime) or not isinstance(end, datetime):
        when = When(start=start, end=end, time_zone=event.when.time_zone)
    else:
        zone = event.when.time_zone or getattr(start.tzinfo, "key", None) or ("UTC" if start.tzinfo else None)
        if zone is None:
            raise ValueError("a wall time of nowhere")
        # Of the two times that a clock shows alike in autumn the first is meant: nobody can write the second.
        when = When(start=_wall(start, zone).replace(fold=0), end=_wall(end, zone), time_zone=zone)
    if when.start.year not in YEARS or when.end.year not in YEARS or when.ends_at <= when.starts_at:
        raise ValueError("not a time at which anything takes place")
    return when


def _wall(moment: datetime, zone: str) -> datetime:
    """The wall time of an instant, or of a wall time itself, which must exist."""
    if moment.tzinfo is not None:
        return moment.astimezone(ZoneInfo(zone)).replace(tzinfo=None)
    if moment.replace(tzinfo=ZoneInfo(zone)).astimezone(UTC).astimezone(ZoneInfo(zone)).replace(tzinfo=None) != moment:
        raise ValueError("the clock skips it")
    return moment
