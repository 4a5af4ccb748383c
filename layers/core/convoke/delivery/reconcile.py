"""Bring one attendee's calendar to the truth: read, decide, claim, send, record.

The same steps answer a stream record, a slice of a fan-out, the sweeper and a button. Three rules carry the order of
what an attendee hears. The invitation is read before the registration, and that before the event, so nobody decides on
something older than the claim before theirs. Every write is conditional on the fence that was read and raises it. And
while a message's fate is unknown it counts as heard and as not heard: what is true is said again, under a higher
SEQUENCE or to the byte.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from enum import StrEnum

from ..decision.calendar_state import RenderedMail
from ..decision.decide import INVITATION, next_message, priority
from ..decision.invitation import (
    Acknowledged,
    Cause,
    Intent,
    Invitation,
    Sending,
    StoredMessage,
)
from ..decision.plan import (
    Plan,
    Snapshot,
    decide,
    expired,
    intent_for,
    settled,
)
from ..effects import (
    Accepted,
    Acknowledge,
    AcknowledgeResult,
    Claim,
    ClearDue,
    Clock,
    HoldClaim,
    Log,
    NewAttemptId,
    Random,
    ReadEvent,
    ReadInvitation,
    ReadRegistration,
    ReadSending,
    ReadStoredMessage,
    Refusal,
    Refused,
    ReleaseClaim,
    Render,
    Send,
    Sent,
    Steps,
    StopSending,
    StoreMessage,
    Unknown,
    WakeUp,
    WebhookEvent,
)
from ..model import DeliveryState, Method, Sender, frozen
from ..schedule import series
from ..settings import Times
from ..store import keys
from ..webhooks.facts import WebhookEventType

KEPT_AFTER_THE_EVENT = timedelta(days=365)


class Outcome(StrEnum):
    """How a look at one attendee ended. All but CLEARED and ACKNOWLEDGED leave it owed, or another worker at it.

    MORE is no end: one message was accepted, and another is to follow. SETTLING is a date that waits for its series.
    """

    CLEARED = "cleared"
    ACKNOWLEDGED = "acknowledged"
    BUSY = "busy"
    STOPPED = "stopped"
    HELD = "held"
    REFUSED = "refused"
    UNKNOWN = "unknown"
    LATE = "late"
    SETTLING = "settling"
    MORE = "more"
    FAILED = "failed"
    GONE = "gone"


@frozen
class Worker:
    """Who is at it: as whom it speaks, when its function is stopped (UTC), how long things take."""

    sender: Sender
    deadline: datetime
    times: Times = Times()


def reconcile(
    event_id: str, registration_id: str, worker: Worker, *, seen: Snapshot | None = None, sending: Sending | None = None
) -> Steps[Outcome]:
    """Look, and say what is owed to this attendee, until nothing is. ``seen`` and ``sending`` spare the first look's
    reads.
    """
    if sending is None:
        sending = yield ReadSending()
    lost = 0
    while lost < worker.times.rounds:
        if seen is None:
            seen = yield from look(event_id, registration_id)
        if seen is None:
            return Outcome.GONE
        now = yield Clock()
        if seen.invitation.lease_until is not None and seen.invitation.lease_until > now:
            return Outcome.BUSY
        plan = decide(seen, worker.sender, now)
        if plan is None:
            late = expired(seen, worker.sender, now)
            if (yield ClearDue(seen=seen.invitation, expired=late)):
                if late:
                    yield Log(what="expired", facts=_facts(seen.invitation, "the event is over"))
                return Outcome.CLEARED
        elif sending.stopped(now):
            return Outcome.STOPPED
        elif sending.reserved(now) and priority(plan.message, now, worker.times.soon) == INVITATION:
            return Outcome.HELD
        elif plan.message.recurrence_id is not None and not settled(seen.invitation, now, worker.times):
            return Outcome.SETTLING
        else:
            done = yield from say(plan, seen, worker, now)
            if done is Outcome.MORE:
                lost -= 1
            elif done is not None:
                return done
        lost += 1
        seen = None
    return Outcome.BUSY


def look(event_id: str, registration_id: str) -> Steps[Snapshot | None]:
    """Read in the order on which the order of mails rests."""
    invitation = yield ReadInvitation(event_id=event_id, registration_id=registration_id)
    registration = yield ReadRegistration(event_id=event_id, registration_id=registration_id)
    event = yield ReadEvent(event_id=event_id)
    if invitation is None or registration is None or event is None:
        return None
    return Snapshot(invitation=invitation, registration=registration, event=event)


# --- saying -------------------------------------------------------------------------------------------------------


def say(plan: Plan, seen: Snapshot, worker: Worker, now: datetime) -> Steps[Outcome | None]:
    """Claim, write down, send once, record. ``None`` means: look again."""
    times, message, before = worker.times, plan.message, seen.invitation
    urgency = priority(message, now, times.soon)
    if now + times.send + times.guard > worker.deadline:
        return Outcome.LATE
    attempt = yield NewAttemptId()
    intent = intent_for(plan, before, attempt, now)
    lease_until = worker.deadline + times.send + times.guard
    claimed = yield Claim(
        seen=before, intent=intent, lease_until=lease_until, due_key=keys.due_key(urgency, lease_until)
    )
    if claimed is None:
        return None
    if intent.unknowns > times.max_unknowns:
        return (yield from _give_up(claimed, seen, worker, now, Cause.UNANSWERED, "nobody ever answered"))

    rendered = yield from _letter(plan, intent, seen)
    if isinstance(rendered, str):
        return (yield from _give_up(claimed, seen, worker, now, Cause.UNRENDERABLE, rendered))
    if rendered is None:
        return (yield from _give_up(claimed, seen, worker, now, Cause.ERASED, "its record was erased"))
    if rendered.plainer:
        yield Log(what="mail made plainer", facts=_facts(claimed, ", ".join(rendered.plainer)))
    now = yield Clock()
    if now + times.send + times.guard > worker.deadline:
        yield ReleaseClaim(claimed=claimed, before=before, due_key=keys.due_key(urgency, now), attempts=before.attempts)
        return Outcome.LATE

    answer = yield Send(
        rendered=rendered, intent=intent, event_id=before.event_id, registration_id=before.registration_id
    )
    now = yield Clock()
    match answer:
        case Accepted(ses_id=ses_id):
            # Told that, there may be more to tell: after a cancellation here, an invitation elsewhere; single dates.
            more = next_message(seen.event, seen.registration, intent.calendar_state, worker.sender, now)
            waits = more is not None and more.recurrence_id is not None and message.date is None
            due_key = keys.due_key(urgency, now + times.settle if waits else now) if more is not None else None
            return (yield from _record(claimed, intent, ses_id, now, urgency, due_key))
        case Refused(refusal=Refusal.POISON, why=why):
            return (yield from _give_up(claimed, seen, worker, now, why, "SES refused it for good"))
        case Refused(refusal=refusal, why=why):
            if refusal is Refusal.PAUSED:
                yield Log(what="sending paused", facts=_facts(claimed, why))
                yield StopSending(until=now + times.pause, why=why)
            chance = yield Random()
            look_again = now + backoff(before.attempts + 1, chance, times)
            yield ReleaseClaim(
                claimed=claimed, before=before, due_key=keys.due_key(urgency, look_again), attempts=before.attempts + 1
            )
            return Outcome.REFUSED
        case Unknown(why=why):
            yield Log(what="unknown outcome", facts=_facts(claimed, why))
            yield HoldClaim(claimed=claimed, due_key=keys.due_key(urgency, max(lease_until, now + times.resend_after)))
            return Outcome.UNKNOWN
    raise TypeError(f"Send was answered with {type(answer).__name__}")


def backoff(attempts: int, chance: float, times: Times) -> timedelta:
    """How long to wait after so many refusals in a row: doubling up to a cap, half of it by chance."""
    whole = min(timedelta(seconds=2 ** min(attempts, 20)), times.backoff_cap)
    return whole * (0.5 + chance / 2)


def _letter(plan: Plan, intent: Intent, seen: Snapshot) -> Steps[RenderedMail | str | None]:
    """The letter as it was first written down, or a new one, written down before it can leave; a sentence where it
    cannot be written; ``None`` where its record was erased.
    """
    if plan.repeats is not None:
        stored = yield ReadStoredMessage(
            registration_id=seen.registration.registration_id, sequence=intent.calendar_state.sequence
        )
        if stored is not None and stored.rendered is not None:
            return stored.rendered  # type: ignore[no-any-return]
    rendered: RenderedMail | str = yield Render(message=plan.message, intent=intent)
    now = yield Clock()
    standing: StoredMessage = yield StoreMessage(
        stored=StoredMessage(
            registration_id=seen.registration.registration_id,
            event_id=seen.event.event_id,
            calendar_state=intent.calendar_state,
            rendered=None if isinstance(rendered, str) else rendered,
            written_at=now,
            expires_at=max(now, series.ends_at(seen.event)) + KEPT_AFTER_THE_EVENT,
        )
    )
    if standing.rendered is not None:
        return standing.rendered
    return rendered if isinstance(rendered, str) else None


def _record(
    claimed: Invitation, intent: Intent, ses_id: str, now: datetime, urgency: int, due_key: str | None
) -> Steps[Outcome | None]:
    ending = yield Acknowledge(
        claimed=claimed,
        acknowledged=Acknowledged(
            calendar_state=intent.calendar_state, ses_id=ses_id, at=now, repair=intent.repair, resend=intent.resend
        ),
        due_key=due_key,
    )
    yield Sent(
        registration_id=claimed.registration_id,
        sequence=intent.calendar_state.sequence,
        state=DeliveryState.ACCEPTED,
        ses_id=ses_id,
        at=now,
    )
    if ending is AcknowledgeResult.OVERTAKEN:
        # Somebody claimed after us: our mail may be the older one and yet arrive last.
        yield WakeUp(
            event_id=claimed.event_id,
            registration_id=claimed.registration_id,
            due_key=keys.due_key(urgency, now),
            repair=True,
        )
    if ending is AcknowledgeResult.DONE:
        return Outcome.ACKNOWLEDGED
    return Outcome.MORE if ending is AcknowledgeResult.OWED else None


def _give_up(
    claimed: Invitation, seen: Snapshot, worker: Worker, now: datetime, reason: str, why: str
) -> Steps[Outcome]:
    """This message will never be taken, for ``reason``, a code. What cannot be cancelled at one address may still be
    told at another.
    """
    yield Log(what="given up", facts={**_facts(claimed, why), "reason": reason})
    before, intent, due_key = seen.invitation, claimed.intent, None
    if intent is not None and intent.calendar_state.method is Method.CANCEL:
        given_up = replace(
            claimed,
            highest_possibly_sent=before.highest_possibly_sent,
            possibly_sent=before.possibly_sent,
            intent=replace(intent, failed=True),
            lease_until=None,
        )
        more = decide(replace(seen, invitation=given_up), worker.sender, now)
        due_key = keys.due_key(priority(more.message, now, worker.times.soon), now) if more is not None else None
    yield ReleaseClaim(
        claimed=claimed,
        before=before,
        due_key=due_key,
        attempts=before.attempts,
        failed=True,
        reason=reason,
        fact=_given_up(claimed, seen.event.account, reason, now),
    )
    return Outcome.FAILED


def _given_up(claimed: Invitation, account: str, reason: str, now: datetime) -> WebhookEvent | None:
    """What the account's webhooks are told of it: ids and codes."""
    if claimed.intent is None:
        return None
    calendar_state = claimed.intent.calendar_state
    data = {
        "event_id": claimed.event_id,
        "registration_id": claimed.registration_id,
        "method": calendar_state.method.value,
        "sequence": calendar_state.sequence,
        "state": DeliveryState.FAILED.value,
        "reason": str(reason),
    }
    return WebhookEvent(account=account, type=WebhookEventType.INVITATION_FAILED, data=data, at=now)


def _facts(claimed: Invitation, why: str) -> dict[str, str]:
    sequence = str(claimed.intent.calendar_state.sequence) if claimed.intent else ""
    return {"event": claimed.event_id, "registration": claimed.registration_id, "sequence": sequence, "why": why}
