"""Plain letters beside the invitations: a mail passed on, a proposal declined, no seat left, who was not reached.

A note is said once and asks nothing of anybody's calendar but to forget a proposal. Its id is made of what it is about,
so that owing it twice is owing it once. All of them say that a machine wrote them (``Auto-Submitted``, RFC 3834), so
that no other machine answers.
"""

from __future__ import annotations

import hashlib
from base64 import b32hexencode
from datetime import datetime
from enum import StrEnum

from ..calendar.content_lines import clean, one_line
from ..decision.attention import Attention
from ..decision.decide import CHANGE, INVITATION
from ..model import (
    DeliveryState,
    Event,
    LocalTime,
    Participation,
    Person,
    Registration,
    Sender,
    When,
    folded,
    frozen,
)
from ..schedule import series

LONGEST_QUOTE = 4000
MOST_QUOTED_LINES = 100
MOST_MISSED = 100
"""How many people a summary names; beyond them it only counts."""


class NotificationKind(StrEnum):
    FORWARD = "forward"
    REMARK = "remark"
    SUMMARY = "summary"
    DECLINE_COUNTER = "decline-counter"
    NO_SEAT = "no-seat"


MOST_A_DAY = {
    NotificationKind.FORWARD: 50,
    NotificationKind.REMARK: 500,
    NotificationKind.SUMMARY: 24,
    NotificationKind.DECLINE_COUNTER: 500,
    NotificationKind.NO_SEAT: 500,
}
"""How many notes of a kind leave for one event in a day (UTC). What is beyond waits for the next."""


@frozen
class Counter:
    """A proposal (METHOD:COUNTER) as it came: under which UID and SEQUENCE, for which date of a series (its original
    start, as a wall time of the event's zone; ``None`` is the whole event), and which time it proposed.
    """

    uid: str
    sequence: int
    date: LocalTime | None = None
    proposed: When | None = None


@frozen
class Notification:
    """One plain letter to one person, and all that is needed to write it. ``written_at`` is UTC.

    ``organizer`` is the human organizer, ``when`` is the event's, of a series that of its first date to come. A FORWARD
    has an ``author``, who is who its mail *says* it is from, and what they wrote; a REMARK also how they ``answered``;
    a DECLINE_COUNTER the ``counter`` and how it stands, ``when``; a SUMMARY those who were ``missed``, by their ids,
    and how many ``more`` there are.
    """

    notification_id: str
    kind: NotificationKind
    event_id: str
    registration_id: str = ""
    recipient: Person
    organizer: Person
    title: str
    when: When
    author: Person | None = None
    subject: str = ""
    quoted: str = ""
    answered: Participation | None = None
    counter: Counter | None = None
    missed: tuple[Attention, ...] = ()
    more: int = 0
    written_at: datetime


@frozen
class NotificationState:
    """A note on its way. ``note`` is ``None`` once it was accepted, or given up: only what became of it is kept.

    ``fence`` is its version, ``attempts`` counts refusals in a row, ``unknowns`` attempts whose outcome nobody knows;
    ``lease_until`` is UTC. ``due_key`` is ``<priority>#<time>`` while somebody must see to it.
    """

    notification_id: str
    kind: NotificationKind
    event_id: str
    registration_id: str = ""
    note: Notification | None
    fence: int = 0
    attempts: int = 0
    unknowns: int = 0
    lease_until: datetime | None = None
    state: DeliveryState = DeliveryState.PENDING
    due_key: str | None = None


def notification_state(note: Notification, due_key: str | None = None) -> NotificationState:
    """A note that nobody has seen to yet."""
    return NotificationState(
        notification_id=note.notification_id,
        kind=note.kind,
        event_id=note.event_id,
        registration_id=note.registration_id,
        note=note,
        due_key=due_key,
    )


# --- what there is to say -----------------------------------------------------------------------------------------


def forward(
    event: Event, *, author: Person, subject: str, text: str, source: str, registration_id: str = "", now: datetime
) -> Notification:
    """Pass a mail that a human wrote on to the organizer. ``source`` names the mail: what has one name is passed on
    once.
    """
    return Notification(
        notification_id=name(NotificationKind.FORWARD, event.event_id, source),
        kind=NotificationKind.FORWARD,
        event_id=event.event_id,
        registration_id=registration_id,
        recipient=event.organizer,
        organizer=event.organizer,
        title=event.title,
        when=series.when_next(event, now),
        author=author,
        subject=one_line(subject)[:200],
        quoted=quote(text),
        written_at=now,
    )


def remark(
    event: Event, registration: Registration, *, answered: Participation, text: str, source: str, now: datetime
) -> Notification:
    """Pass on to the organizer what somebody wrote with their answer, or that they handed it on. ``source`` names the
    mail.
    """
    return Notification(
        notification_id=name(NotificationKind.REMARK, registration.registration_id, source),
        kind=NotificationKind.REMARK,
        event_id=event.event_id,
        registration_id=registration.registration_id,
        recipient=event.organizer,
        organizer=event.organizer,
        title=event.title,
        when=series.when_next(event, now),
        author=Person(name=registration.name, email=registration.email),
        quoted=quote(text),
        answered=answered,
        written_at=now,
    )


def no_seat(event: Event, registration: Registration, *, sequence: int, now: datetime) -> Notification:
    """Tell somebody who accepted again that there is no seat: once for each revision that they accept."""
    return Notification(
        notification_id=name(NotificationKind.NO_SEAT, registration.registration_id, str(sequence)),
        kind=NotificationKind.NO_SEAT,
        event_id=event.event_id,
        registration_id=registration.registration_id,
        recipient=Person(name=registration.name, email=registration.email),
        organizer=event.organizer,
        title=event.title,
        when=series.when_next(event, now),
        written_at=now,
    )


def decline_counter(
    event: Event, registration: Registration, *, counter: Counter, proposal_id: str, now: datetime
) -> Notification:
    """Tell somebody that their proposal is declined."""
    return Notification(
        notification_id=name(NotificationKind.DECLINE_COUNTER, registration.registration_id, proposal_id),
        kind=NotificationKind.DECLINE_COUNTER,
        event_id=event.event_id,
        registration_id=registration.registration_id,
        recipient=Person(name=registration.name, email=registration.email),
        organizer=event.organizer,
        title=event.title,
        # Beside the one date that it is about, `when` only says in which zone that is named.
        when=series.when_next(event, now) if counter.date is None else event.when,
        counter=counter,
        written_at=now,
    )


def summary(event: Event, missed: tuple[Attention, ...], *, now: datetime) -> Notification:
    """Tell the organizer who was not reached, all in one; the same people for the same reasons are told of once."""
    each = sorted(f"{one.registration_id} {one.kind} {one.state} {one.since.isoformat()}" for one in missed)
    return Notification(
        notification_id=name(NotificationKind.SUMMARY, event.event_id, *each),
        kind=NotificationKind.SUMMARY,
        event_id=event.event_id,
        recipient=event.organizer,
        organizer=event.organizer,
        title=event.title,
        when=series.when_next(event, now),
        missed=missed[:MOST_MISSED],
        more=max(0, len(missed) - MOST_MISSED),
        written_at=now,
    )


def name(kind: NotificationKind, *about: str) -> str:
    """26 characters that stand for what a note is about."""
    digest = hashlib.sha256("\n".join((kind, *about)).encode()).digest()
    return b32hexencode(digest[:16]).decode().rstrip("=").lower()


def quote(text: str) -> str:
    """What somebody wrote, cut to what a letter may carry."""
    kept = clean(text[: 2 * LONGEST_QUOTE]).strip()[:LONGEST_QUOTE].split("\n")[:MOST_QUOTED_LINES]
    whole = len(clean(text).strip()) <= LONGEST_QUOTE and clean(text).strip().count("\n") < MOST_QUOTED_LINES
    return "\n".join(line.rstrip() for line in kept) + ("" if whole else "\n[…]")


def priority(kind: NotificationKind) -> int:
    """How pressing: that somebody was not reached is worth as much as a change, the rest as an invitation."""
    return CHANGE if kind is NotificationKind.SUMMARY else INVITATION


def may_be_sent(note: Notification, sender: Sender) -> bool:
    """Never to our own address: what we send would come back to us, and round again."""
    return folded(note.recipient.email) != folded(sender.address)
