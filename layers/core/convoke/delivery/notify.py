"""Send one note: read, claim, send once, record.

The small sister of ``reconcile``: a note has no order to keep and no newer truth to overtake it. It leaves once, and a
second time only where nobody knows whether it left.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, time, timedelta

from ..decision.calendar_state import Letter
from ..decision.decide import INVITATION
from ..decision.invitation import Cause
from ..effects import (
    Accepted,
    Chance,
    ClaimErrand,
    Clock,
    Ration,
    ReadErrand,
    ReadInvitation,
    ReadRegistration,
    ReadSending,
    Refusal,
    Refused,
    SendNote,
    Settle,
    Steps,
    StopSending,
    Tell,
    Unknown,
    WriteNote,
)
from ..mail.notifications import (
    MOST_A_DAY,
    Errand,
    Note,
    NoteKind,
    may_be_sent,
    priority,
)
from ..model import DeliveryState, Person, Sender
from ..store.keys import owed
from .reconcile import Outcome, Worker, backoff


def dispatch(event_id: str, registration_id: str, note_id: str, worker: Worker) -> Steps[Outcome]:
    """Send one note, if that is still owed; answers how it ended, as looks at attendees do."""
    sending = yield ReadSending()
    seen = yield ReadErrand(event_id=event_id, registration_id=registration_id, note_id=note_id)
    if seen is None:
        return Outcome.GONE
    now, times = (yield Clock()), worker.times
    if seen.note is None:
        yield Settle(errand=replace(seen, owed_at=None))
        return Outcome.CLEARED
    if seen.lease_until is not None and seen.lease_until > now:
        return Outcome.BUSY
    if sending.stopped(now):
        return Outcome.STOPPED
    if sending.reserved(now) and priority(seen.kind) == INVITATION:
        return Outcome.HELD
    if seen.unknowns >= times.max_unknowns:
        return (yield from _give_up(seen, DeliveryState.FAILED, Cause.UNANSWERED, "nobody ever answered"))
    barred = yield from _barred(seen, seen.note, worker.sender)
    if barred is not None:
        return (yield from _give_up(seen, barred, Cause.BARRED, "the address may not be mailed"))
    if now + times.send + times.guard > worker.deadline:
        return Outcome.LATE
    first = not seen.attempts and not seen.unknowns
    if first and not (yield Ration(errand=seen, day=f"{now:%Y-%m-%d}", most=MOST_A_DAY[seen.kind])):
        yield Settle(errand=replace(seen, owed_at=owed(priority(seen.kind), _tomorrow(now))))
        yield Tell(what="note put off", facts=_facts(seen, "the day has had its notes"))
        return Outcome.HELD
    letter = yield from _written(seen, seen.note)
    if isinstance(letter, str):
        return (yield from _give_up(seen, DeliveryState.FAILED, Cause.UNRENDERABLE, letter))
    if letter.plainer:
        yield Tell(what="mail made plainer", facts=_facts(seen, ", ".join(letter.plainer)))
    return (yield from _send(seen, letter.mail, worker))


def _send(seen: Errand, mail: bytes, worker: Worker) -> Steps[Outcome]:
    times, pressing = worker.times, priority(seen.kind)
    lease_until = worker.deadline + times.send + times.guard
    claimed = yield ClaimErrand(seen=seen, lease_until=lease_until, owed_at=owed(pressing, lease_until))
    if claimed is None:
        return Outcome.BUSY
    now = yield Clock()
    free = replace(claimed, lease_until=None, unknowns=seen.unknowns)
    if now + times.send + times.guard > worker.deadline:
        yield Settle(errand=replace(free, owed_at=owed(pressing, now)))
        return Outcome.LATE
    answer = yield SendNote(errand=claimed, mail=mail)
    now = yield Clock()
    match answer:
        case Accepted():
            yield Settle(errand=replace(free, note=None, state=DeliveryState.ACCEPTED, owed_at=None))
            return Outcome.ACKNOWLEDGED
        case Refused(refusal=Refusal.POISON, why=why):
            return (yield from _give_up(free, DeliveryState.FAILED, why, "SES refused it for good"))
        case Refused(refusal=refusal, why=why):
            if refusal is Refusal.PAUSED:
                yield Tell(what="sending paused", facts=_facts(seen, why))
                yield StopSending(until=now + times.pause, why=why)
            later = now + backoff(seen.attempts + 1, (yield Chance()), times)
            yield Settle(errand=replace(free, attempts=seen.attempts + 1, owed_at=owed(pressing, later)))
            return Outcome.REFUSED
        case Unknown(why=why):
            yield Tell(what="unknown outcome", facts=_facts(seen, why))
            again = max(lease_until, now + times.resend_after)
            yield Settle(errand=replace(claimed, owed_at=owed(pressing, again)))
            return Outcome.UNKNOWN
    raise TypeError(f"SendNote was answered with {type(answer).__name__}")


def _barred(seen: Errand, note: Note, sender: Sender) -> Steps[DeliveryState | None]:
    """Why nothing may be mailed there: it is our own address, or an attendee's that is not mailed for this event."""
    if not may_be_sent(note, sender):
        return DeliveryState.FAILED
    if note.kind in (NoteKind.NO_SEAT, NoteKind.DECLINE_COUNTER):
        invitation = yield ReadInvitation(event_id=seen.event_id, registration_id=seen.registration_id)
        stop = None if invitation is None else invitation.stop_of(note.recipient.email)
        return None if stop is None else stop.state
    return None


def _written(seen: Errand, note: Note) -> Steps[Letter | str]:
    """The mail. Whoever was forgotten since is not named in it."""
    people: dict[str, Person] = {}
    for one in note.missed:
        person = yield ReadRegistration(event_id=note.event_id, registration_id=one.registration_id)
        if person is not None and person.email:
            people[one.registration_id] = Person(name=person.name, email=person.email)
    letter: Letter | str = yield WriteNote(errand=seen, people=people)
    return letter


def _give_up(errand: Errand, state: DeliveryState, reason: str, why: str) -> Steps[Outcome]:
    yield Tell(what="note given up", facts={**_facts(errand, why), "reason": reason})
    yield Settle(errand=replace(errand, note=None, state=state, lease_until=None, owed_at=None))
    return Outcome.FAILED


def _tomorrow(now: datetime) -> datetime:
    return datetime.combine(now.date() + timedelta(days=1), time(), now.tzinfo)


def _facts(errand: Errand, why: str) -> dict[str, str]:
    return {"event": errand.event_id, "note": errand.note_id, "kind": errand.kind, "why": why}
