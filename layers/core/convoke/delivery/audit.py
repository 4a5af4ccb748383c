"""The audit: every day, compares the calendar state of everybody with an event to come with what is true.

No difference should be found, since the transaction that commits a change also makes its messages due. Events with
changes that are being announced, or that wait to be announced, are left out, but not for longer than a day. A few
differences are corrected by a wake-up each. Many more likely come from a faulty deployment than from as many missed
messages, so then none is corrected: the list is stored, and an alarm is raised.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta

from ..decision.calendar_state import CalendarState
from ..decision.decide import Plan, Snapshot, calendar_state_of, decide, is_expected, over, priority
from ..effects import (
    All,
    Clock,
    Log,
    ReadEvent,
    ReadEvents,
    ReadFanOut,
    ReadInvitations,
    ReadRegistrations,
    ReadTelling,
    Steps,
    StoreAuditPage,
    WakeUp,
)
from ..model import Event, Method, Sender, frozen
from ..settings import Times
from ..store import keys

BATCH_SIZE = 100
"""Invitations read at a time."""
STORED_PAGE_SIZE = 500
"""Differences in one stored item: about 50 KB, of the 400 KB that a DynamoDB item may have."""
ALWAYS_CORRECTED = 5
"""Up to so many differences are corrected in any case."""
CORRECTED_SHARE = 0.01
"""Beyond that, the share of all invitations that may differ and still be corrected."""
TELLING = timedelta(days=1)
"""For how long after a change of an event its fan-out is trusted to announce it."""


@frozen
class Difference:
    """One attendee to whom a message is missing: ``reason`` describes it, ``urgency`` is its priority (0 to 2)."""

    event_id: str
    registration_id: str
    reason: str
    urgency: int


@frozen
class Findings:
    """How many invitations were examined, and the differences found."""

    looked_at: int = 0
    differences: tuple[Difference, ...] = ()

    @property
    def too_many(self) -> bool:
        """Whether the differences are too many to be corrected."""
        return len(self.differences) > max(ALWAYS_CORRECTED, self.looked_at * CORRECTED_SHARE)

    def merged(self, other: Findings) -> Findings:
        return Findings(looked_at=self.looked_at + other.looked_at, differences=self.differences + other.differences)

    def by_reason(self) -> dict[str, int]:
        """How many differences there are for each reason."""
        counts: dict[str, int] = {}
        for difference in self.differences:
            counts[difference.reason] = counts.get(difference.reason, 0) + 1
        return counts


def audit(sender: Sender, times: Times) -> Steps[Findings]:
    """Examine all events to come; correct the differences, or, if they are too many, store them and log it. After that,
    raises the last error for which an event could not be examined.
    """
    found, error = Findings(), None
    after: str | None = ""
    while after is not None:
        events, after = yield ReadEvents(after=after)
        # One after the other, but each by itself: an error about one of them leaves none behind it unexamined.
        answers = yield All(steps=tuple(_examine_all(event_id, sender, times) for event_id in events), at_once=1)
        for answer in answers:
            if isinstance(answer, Findings):
                found = found.merged(answer)
            else:
                error = answer
    if found.too_many:
        yield Log(what="audit stopped", fields={"differences": str(len(found.differences))})
        yield from store_differences(found)
    else:
        yield from put_right(found)
    if error is not None:
        raise error
    return found


def _examine_all(event_id: str, sender: Sender, times: Times) -> Steps[Findings]:
    """Find the differences among all invitations of one event."""
    found = Findings()
    after: str | None = ""
    while after is not None:
        part, after = yield from examine(event_id, after, sender, times, by_operator=False)
        found = found.merged(part)
    return found


def store_differences(found: Findings) -> Steps[None]:
    """Store the whole list of differences, ids and reasons only, for whoever has to find the cause."""
    at = yield Clock()
    for number, first in enumerate(range(0, len(found.differences), STORED_PAGE_SIZE)):
        page = found.differences[first : first + STORED_PAGE_SIZE]
        lines = tuple(f"{one.event_id} {one.registration_id} {one.reason}" for one in page)
        yield StoreAuditPage(at=at, page=number, lines=lines)


def examine(
    event_id: str, after: str, sender: Sender, times: Times, *, by_operator: bool
) -> Steps[tuple[Findings, str | None]]:
    """Find the differences among the next invitations of one event, after the registration id ``after``.

    Returns them, and the registration id to continue after, ``None`` at the end. Unless it is done ``by_operator``,
    invitations that are due are left out, and so is an event with a change of the last day that people are being
    informed of; and that the sender's address changed is no difference, since an operator decides when those are sent.
    In either case nothing is announced earlier that waits for further changes.
    """
    invitations = yield ReadInvitations(event_id=event_id, after=after, limit=BATCH_SIZE)
    if not invitations:
        return Findings(), None
    through = invitations[-1].registration_id
    registrations = yield ReadRegistrations(event_id=event_id, after=after, through=through)
    event = yield ReadEvent(event_id=event_id)
    now = yield Clock()
    if event is None or over(event, now):
        return Findings(), None
    # Read last: a change that the event has and that is neither waiting nor being announced has been announced.
    if (yield from _left_to_fan_out(event, now, by_operator=by_operator)):
        return Findings(), None
    people = {person.registration_id: person for person in registrations}
    differences: list[Difference] = []
    for invitation in invitations:
        person = people.get(invitation.registration_id)
        if person is None or (invitation.due_key is not None and not by_operator):
            continue
        seen = Snapshot(invitation=invitation, registration=person, event=event)
        calendar_state = calendar_state_of(invitation)
        plan = decide(seen, sender if by_operator else _known_sender(sender, calendar_state), now)
        if plan is not None:
            differences.append(
                Difference(
                    event_id=event_id,
                    registration_id=invitation.registration_id,
                    reason=_reason(plan, seen, calendar_state),
                    urgency=priority(plan.message, now, times.soon),
                )
            )
    return Findings(looked_at=len(invitations), differences=tuple(differences)), through


def _left_to_fan_out(event: Event, now: datetime, *, by_operator: bool) -> Steps[bool]:
    """Whether the fan-out of the event's latest change is to announce it, and nobody else."""
    if by_operator:
        fan_out = yield ReadFanOut(event_id=event.event_id)
        return fan_out is not None and fan_out.waits(now)
    return now < event.updated_at + TELLING and (yield ReadTelling(event_id=event.event_id))


def put_right(found: Findings) -> Steps[None]:
    """Wake up each invitation that differs, so that what is missing is sent."""
    for difference in found.differences:
        now = yield Clock()
        yield WakeUp(
            event_id=difference.event_id,
            registration_id=difference.registration_id,
            due_key=keys.due_key(difference.urgency, now),
        )


def _known_sender(sender: Sender, calendar_state: CalendarState | None) -> Sender:
    """``sender`` with the address that the attendee's calendar entry names, if they have one."""
    return (
        sender if calendar_state is None or calendar_state.gone else replace(sender, address=calendar_state.organizer)
    )


def _reason(plan: Plan, seen: Snapshot, calendar_state: CalendarState | None) -> str:
    """The kind of difference, in a few words."""
    if calendar_state is not None and not calendar_state.certain:
        return "unknown whether the latest message was sent"
    if plan.message.method is Method.CANCEL:
        expected = is_expected(seen.event, seen.registration)
        return "invited at another address, or by another organizer" if expected else "not cancelled"
    return "not invited" if plan.message.before is None else "not updated"
