"""Every day: what should have been said to everybody, owed or not, against what was.

Nothing should be found, since every change is owed in the transaction that commits it. A few differences are put right;
many more likely come from a bad deployment than from a thousand misses, so then nothing is done, and somebody is told.
"""

from __future__ import annotations

from dataclasses import replace

from ..decision.calendar_state import CalendarState
from ..decision.decide import is_expected, over, priority
from ..decision.plan import Plan, Snapshot, calendar_state_of, decide
from ..effects import (
    Clock,
    Log,
    ReadEvent,
    ReadEvents,
    ReadInvitations,
    ReadRegistrations,
    Steps,
    StoreAuditPage,
    WakeUp,
)
from ..model import Method, Sender, frozen
from ..settings import Times
from ..store import keys

PAGE = 100
PAGE_OF_A_LIST = 500
"""Differences in one item of what is put down: 50 KB of the 400 that an item may have."""
A_FEW = 5
"""Differences that are put right in any case."""
PART = 0.01
"""The part of those looked at that may differ in a large deployment."""


@frozen
class Difference:
    """Somebody who should be told something, and what kind of thing it is; how pressing, as in ``owed``."""

    event_id: str
    registration_id: str
    reason: str
    urgency: int


@frozen
class Findings:
    looked_at: int = 0
    differences: tuple[Difference, ...] = ()

    @property
    def too_many(self) -> bool:
        return len(self.differences) > max(A_FEW, self.looked_at * PART)

    def and_also(self, other: Findings) -> Findings:
        return Findings(looked_at=self.looked_at + other.looked_at, differences=self.differences + other.differences)

    def by_reason(self) -> dict[str, int]:
        counts: dict[str, int] = {}
        for difference in self.differences:
            counts[difference.reason] = counts.get(difference.reason, 0) + 1
        return counts


def audit(sender: Sender, times: Times) -> Steps[Findings]:
    """Look at everybody at every event to come; put right what differs, unless that is too much to be believed."""
    found = Findings()
    after: str | None = ""
    while after is not None:
        events, after = yield ReadEvents(after=after)
        for event_id in events:
            found = found.and_also((yield from examine(event_id, sender, times, owed_too=False)))
    if found.too_many:
        yield Log(what="audit stopped", facts={"differences": str(len(found.differences))})
        yield from put_down(found)
    else:
        yield from put_right(found)
    return found


def put_down(found: Findings) -> Steps[None]:
    """Write the whole list down, for whoever has to find out why: ids and reasons, a page at a time."""
    at = yield Clock()
    for number, first in enumerate(range(0, len(found.differences), PAGE_OF_A_LIST)):
        page = found.differences[first : first + PAGE_OF_A_LIST]
        lines = tuple(f"{one.event_id} {one.registration_id} {one.reason}" for one in page)
        yield StoreAuditPage(at=at, page=number, lines=lines)


def examine(
    event_id: str, sender: Sender, times: Times, *, owed_too: bool, new_sender: bool = False
) -> Steps[Findings]:
    """Who at one event should be told something; see :func:`examine_batch`."""
    found = Findings()
    after: str | None = ""
    while after is not None:
        part, after = yield from examine_batch(event_id, after, sender, times, owed_too=owed_too, new_sender=new_sender)
        found = found.and_also(part)
    return found


def examine_batch(
    event_id: str, after: str, sender: Sender, times: Times, *, owed_too: bool, new_sender: bool = False
) -> Steps[tuple[Findings, str | None]]:
    """Who of the next few at one event, after the registration ``after``, should be told something; and after whom to
    go on, ``None`` at the end.

    ``owed_too``: also those of whom that is known already. A new address of the deployment's own is no difference
    unless ``new_sender``: it is rolled out when somebody asks for it.
    """
    invitations = yield ReadInvitations(event_id=event_id, after=after, limit=PAGE)
    if not invitations:
        return Findings(), None
    through = invitations[-1].registration_id
    registrations = yield ReadRegistrations(event_id=event_id, after=after, through=through)
    event = yield ReadEvent(event_id=event_id)
    now = yield Clock()
    if event is None or over(event, now):
        return Findings(), None
    people = {person.registration_id: person for person in registrations}
    differences: list[Difference] = []
    for invitation in invitations:
        person = people.get(invitation.registration_id)
        if person is None or (invitation.due_key is not None and not owed_too):
            continue
        seen = Snapshot(invitation=invitation, registration=person, event=event)
        calendar_state = calendar_state_of(invitation)
        plan = decide(seen, sender if new_sender else _as_told(sender, calendar_state), now)
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


def put_right(found: Findings) -> Steps[None]:
    """Owe to each what they should be told."""
    for difference in found.differences:
        now = yield Clock()
        yield WakeUp(
            event_id=difference.event_id,
            registration_id=difference.registration_id,
            due_key=keys.due_key(difference.urgency, now),
        )


def _as_told(sender: Sender, calendar_state: CalendarState | None) -> Sender:
    return (
        sender if calendar_state is None or calendar_state.gone else replace(sender, address=calendar_state.organizer)
    )


def _reason(plan: Plan, seen: Snapshot, calendar_state: CalendarState | None) -> str:
    if calendar_state is not None and not calendar_state.certain:
        return "nobody knows what was heard"
    if plan.message.method is Method.CANCEL:
        expected = is_expected(seen.event, seen.registration)
        return "told elsewhere, or by another organizer" if expected else "not cancelled"
    return "not invited" if plan.message.before is None else "not updated"
