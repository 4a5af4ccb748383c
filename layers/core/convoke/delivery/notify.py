"""Send one note: read, claim, send once, record.

The small sister of ``reconcile``: a note has no order to keep and no newer truth to overtake it. It leaves once, and a
second time only where nobody knows whether it left.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, time, timedelta

from ..decision.calendar_state import RenderedMail
from ..decision.decide import INVITATION
from ..decision.invitation import Cause
from ..effects import (
    Accepted,
    ClaimNotification,
    Clock,
    CountDaily,
    Log,
    Random,
    ReadInvitation,
    ReadNotification,
    ReadRegistration,
    ReadSending,
    RecordNotification,
    Refusal,
    Refused,
    RenderNotification,
    SendNotification,
    Steps,
    StopSending,
    Unknown,
)
from ..mail.notifications import (
    MOST_A_DAY,
    Notification,
    NotificationKind,
    NotificationState,
    may_be_sent,
    priority,
)
from ..model import DeliveryState, Person, Sender
from ..store import keys
from .reconcile import Outcome, Worker, backoff


def dispatch(event_id: str, registration_id: str, notification_id: str, worker: Worker) -> Steps[Outcome]:
    """Send one note, if that is still owed; answers how it ended, as looks at attendees do."""
    sending = yield ReadSending()
    seen = yield ReadNotification(event_id=event_id, registration_id=registration_id, notification_id=notification_id)
    if seen is None:
        return Outcome.GONE
    now, times = (yield Clock()), worker.times
    if seen.note is None:
        yield RecordNotification(notification_state=replace(seen, due_key=None))
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
    if first and not (yield CountDaily(notification_state=seen, day=f"{now:%Y-%m-%d}", most=MOST_A_DAY[seen.kind])):
        yield RecordNotification(
            notification_state=replace(seen, due_key=keys.due_key(priority(seen.kind), _tomorrow(now)))
        )
        yield Log(what="note put off", facts=_facts(seen, "the day has had its notes"))
        return Outcome.HELD
    rendered = yield from _written(seen, seen.note)
    if isinstance(rendered, str):
        return (yield from _give_up(seen, DeliveryState.FAILED, Cause.UNRENDERABLE, rendered))
    if rendered.plainer:
        yield Log(what="mail made plainer", facts=_facts(seen, ", ".join(rendered.plainer)))
    return (yield from _send(seen, rendered.mail, worker))


def _send(seen: NotificationState, mail: bytes, worker: Worker) -> Steps[Outcome]:
    times, urgency = worker.times, priority(seen.kind)
    lease_until = worker.deadline + times.send + times.guard
    claimed = yield ClaimNotification(seen=seen, lease_until=lease_until, due_key=keys.due_key(urgency, lease_until))
    if claimed is None:
        return Outcome.BUSY
    now = yield Clock()
    free = replace(claimed, lease_until=None, unknowns=seen.unknowns)
    if now + times.send + times.guard > worker.deadline:
        yield RecordNotification(notification_state=replace(free, due_key=keys.due_key(urgency, now)))
        return Outcome.LATE
    answer = yield SendNotification(notification_state=claimed, mail=mail)
    now = yield Clock()
    match answer:
        case Accepted():
            yield RecordNotification(
                notification_state=replace(free, note=None, state=DeliveryState.ACCEPTED, due_key=None)
            )
            return Outcome.ACKNOWLEDGED
        case Refused(refusal=Refusal.POISON, why=why):
            return (yield from _give_up(free, DeliveryState.FAILED, why, "SES refused it for good"))
        case Refused(refusal=refusal, why=why):
            if refusal is Refusal.PAUSED:
                yield Log(what="sending paused", facts=_facts(seen, why))
                yield StopSending(until=now + times.pause, why=why)
            later = now + backoff(seen.attempts + 1, (yield Random()), times)
            yield RecordNotification(
                notification_state=replace(free, attempts=seen.attempts + 1, due_key=keys.due_key(urgency, later))
            )
            return Outcome.REFUSED
        case Unknown(why=why):
            yield Log(what="unknown outcome", facts=_facts(seen, why))
            again = max(lease_until, now + times.resend_after)
            yield RecordNotification(notification_state=replace(claimed, due_key=keys.due_key(urgency, again)))
            return Outcome.UNKNOWN
    raise TypeError(f"SendNotification was answered with {type(answer).__name__}")


def _barred(seen: NotificationState, note: Notification, sender: Sender) -> Steps[DeliveryState | None]:
    """Why nothing may be mailed there: it is our own address, or an attendee's that is not mailed for this event."""
    if not may_be_sent(note, sender):
        return DeliveryState.FAILED
    if note.kind in (NotificationKind.NO_SEAT, NotificationKind.DECLINE_COUNTER):
        invitation = yield ReadInvitation(event_id=seen.event_id, registration_id=seen.registration_id)
        stop = None if invitation is None else invitation.stop_of(note.recipient.email)
        return None if stop is None else stop.state
    return None


def _written(seen: NotificationState, note: Notification) -> Steps[RenderedMail | str]:
    """The mail. Whoever was forgotten since is not named in it."""
    people: dict[str, Person] = {}
    for one in note.missed:
        person = yield ReadRegistration(event_id=note.event_id, registration_id=one.registration_id)
        if person is not None and person.email:
            people[one.registration_id] = Person(name=person.name, email=person.email)
    rendered: RenderedMail | str = yield RenderNotification(notification_state=seen, people=people)
    return rendered


def _give_up(notification_state: NotificationState, state: DeliveryState, reason: str, why: str) -> Steps[Outcome]:
    yield Log(what="note given up", facts={**_facts(notification_state, why), "reason": reason})
    yield RecordNotification(
        notification_state=replace(notification_state, note=None, state=state, lease_until=None, due_key=None)
    )
    return Outcome.FAILED


def _tomorrow(now: datetime) -> datetime:
    return datetime.combine(now.date() + timedelta(days=1), time(), now.tzinfo)


def _facts(notification_state: NotificationState, why: str) -> dict[str, str]:
    return {
        "event": notification_state.event_id,
        "note": notification_state.notification_id,
        "kind": notification_state.kind,
        "why": why,
    }
