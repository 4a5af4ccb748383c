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

from . import series
from .decide import INVITATION, next_message, priority
from .effects import (
    Accepted,
    Acknowledge,
    Chance,
    Claim,
    Clear,
    Clock,
    Ending,
    GiveBack,
    Happening,
    Keep,
    Name,
    Poke,
    ReadEvent,
    ReadInvitation,
    ReadPosted,
    ReadRegistration,
    ReadSending,
    Refusal,
    Refused,
    Render,
    Send,
    Sent,
    Steps,
    StopSending,
    Tell,
    Unknown,
    Wait,
)
from .hooks import FactType
from .ledger import Acknowledged, Cause, Intent, Invitation, Posted, Sending
from .model import DeliveryState, Method, Sender, noun
from .plan import Plan, Seen, decide, expired, intent_for, settled
from .settings import Times
from .store.keys import owed
from .told import Letter

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


@noun
class Worker:
    """Who is at it: as whom it speaks, when its function is stopped (UTC), how long things take."""

    sender: Sender
    deadline: datetime
    times: Times = Times()


def reconcile(
    event_id: str, registration_id: str, worker: Worker, *, seen: Seen | None = None, sending: Sending | None = None
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
            if (yield Clear(seen=seen.invitation, expired=late)):
                if late:
                    yield Tell(what="expired", facts=_facts(seen.invitation, "the event is over"))
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


def look(event_id: str, registration_id: str) -> Steps[Seen | None]:
    """Read in the order on which the order of mails rests."""
    invitation = yield ReadInvitation(event_id=event_id, registration_id=registration_id)
    registration = yield ReadRegistration(event_id=event_id, registration_id=registration_id)
    event = yield ReadEvent(event_id=event_id)
    if invitation is None or registration is None or event is None:
        return None
    return Seen(invitation=invitation, registration=registration, event=event)


# --- saying -------------------------------------------------------------------------------------------------------


def say(plan: Plan, seen: Seen, worker: Worker, now: datetime) -> Steps[Outcome | None]:
    """Claim, write down, send once, record. ``None`` means: look again."""
    times, message, before = worker.times, plan.message, seen.invitation
    pressing = priority(message, now, times.soon)
    if now + times.send + times.guard > worker.deadline:
        return Outcome.LATE
    attempt = yield Name()
    intent = intent_for(plan, before, attempt, now)
    lease_until = worker.deadline + times.send + times.guard
    claimed = yield Claim(seen=before, intent=intent, lease_until=lease_until, owed_at=owed(pressing, lease_until))
    if claimed is None:
        return None
    if intent.unknowns > times.max_unknowns:
        return (yield from _give_up(claimed, seen, worker, now, Cause.UNANSWERED, "nobody ever answered"))

    letter = yield from _letter(plan, intent, seen)
    if isinstance(letter, str):
        return (yield from _give_up(claimed, seen, worker, now, Cause.UNRENDERABLE, letter))
    if letter is None:
        return (yield from _give_up(claimed, seen, worker, now, Cause.ERASED, "its record was erased"))
    if letter.plainer:
        yield Tell(what="mail made plainer", facts=_facts(claimed, ", ".join(letter.plainer)))
    now = yield Clock()
    if now + times.send + times.guard > worker.deadline:
        yield GiveBack(claimed=claimed, before=before, owed_at=owed(pressing, now), attempts=before.attempts)
        return Outcome.LATE

    answer = yield Send(letter=letter, intent=intent, event_id=before.event_id, registration_id=before.registration_id)
    now = yield Clock()
    match answer:
        case Accepted(ses_id=ses_id):
            # Told that, there may be more to tell: after a cancellation here, an invitation elsewhere; single dates.
            more = next_message(seen.event, seen.registration, intent.told, worker.sender, now)
            waits = more is not None and more.recurrence_id is not None and message.date is None
            owed_at = owed(pressing, now + times.settle if waits else now) if more is not None else None
            return (yield from _record(claimed, intent, ses_id, now, pressing, owed_at))
        case Refused(refusal=Refusal.POISON, why=why):
            return (yield from _give_up(claimed, seen, worker, now, why, "SES refused it for good"))
        case Refused(refusal=refusal, why=why):
            if refusal is Refusal.PAUSED:
                yield Tell(what="sending paused", facts=_facts(claimed, why))
                yield StopSending(until=now + times.pause, why=why)
            chance = yield Chance()
            look_again = now + backoff(before.attempts + 1, chance, times)
            yield GiveBack(
                claimed=claimed, before=before, owed_at=owed(pressing, look_again), attempts=before.attempts + 1
            )
            return Outcome.REFUSED
        case Unknown(why=why):
            yield Tell(what="unknown outcome", facts=_facts(claimed, why))
            yield Wait(claimed=claimed, owed_at=owed(pressing, max(lease_until, now + times.resend_after)))
            return Outcome.UNKNOWN
    raise TypeError(f"Send was answered with {type(answer).__name__}")


def backoff(attempts: int, chance: float, times: Times) -> timedelta:
    """How long to wait after so many refusals in a row: doubling up to a cap, half of it by chance."""
    whole = min(timedelta(seconds=2 ** min(attempts, 20)), times.backoff_cap)
    return whole * (0.5 + chance / 2)


def _letter(plan: Plan, intent: Intent, seen: Seen) -> Steps[Letter | str | None]:
    """The letter as it was first written down, or a new one, written down before it can leave; a sentence where it
    cannot be written; ``None`` where its record was erased.
    """
    if plan.repeats is not None:
        posted = yield ReadPosted(registration_id=seen.registration.registration_id, sequence=intent.told.sequence)
        if posted is not None and posted.letter is not None:
            return posted.letter  # type: ignore[no-any-return]
    letter: Letter | str = yield Render(message=plan.message, intent=intent)
    now = yield Clock()
    standing: Posted = yield Keep(
        posted=Posted(
            registration_id=seen.registration.registration_id,
            event_id=seen.event.event_id,
            told=intent.told,
            letter=None if isinstance(letter, str) else letter,
            written_at=now,
            expires_at=max(now, series.ends_at(seen.event)) + KEPT_AFTER_THE_EVENT,
        )
    )
    if standing.letter is not None:
        return standing.letter
    return letter if isinstance(letter, str) else None


def _record(
    claimed: Invitation, intent: Intent, ses_id: str, now: datetime, pressing: int, owed_at: str | None
) -> Steps[Outcome | None]:
    ending = yield Acknowledge(
        claimed=claimed,
        acknowledged=Acknowledged(told=intent.told, ses_id=ses_id, at=now, repair=intent.repair, resend=intent.resend),
        owed_at=owed_at,
    )
    yield Sent(
        registration_id=claimed.registration_id,
        sequence=intent.told.sequence,
        state=DeliveryState.ACCEPTED,
        ses_id=ses_id,
        at=now,
    )
    if ending is Ending.OVERTAKEN:
        # Somebody claimed after us: our mail may be the older one and yet arrive last.
        yield Poke(
            event_id=claimed.event_id,
            registration_id=claimed.registration_id,
            owed_at=owed(pressing, now),
            repair=True,
        )
    if ending is Ending.DONE:
        return Outcome.ACKNOWLEDGED
    return Outcome.MORE if ending is Ending.OWED else None


def _give_up(claimed: Invitation, seen: Seen, worker: Worker, now: datetime, reason: str, why: str) -> Steps[Outcome]:
    """This message will never be taken, for ``reason``, a code. What cannot be cancelled at one address may still be
    told at another.
    """
    yield Tell(what="given up", facts={**_facts(claimed, why), "reason": reason})
    before, intent, owed_at = seen.invitation, claimed.intent, None
    if intent is not None and intent.told.method is Method.CANCEL:
        given_up = replace(
            claimed, exposed=before.exposed, heard=before.heard, intent=replace(intent, failed=True), lease_until=None
        )
        more = decide(replace(seen, invitation=given_up), worker.sender, now)
        owed_at = owed(priority(more.message, now, worker.times.soon), now) if more is not None else None
    yield GiveBack(
        claimed=claimed,
        before=before,
        owed_at=owed_at,
        attempts=before.attempts,
        failed=True,
        reason=reason,
        fact=_given_up(claimed, seen.event.account, reason, now),
    )
    return Outcome.FAILED


def _given_up(claimed: Invitation, account: str, reason: str, now: datetime) -> Happening | None:
    """What the account's webhooks are told of it: ids and codes."""
    if claimed.intent is None:
        return None
    told = claimed.intent.told
    data = {
        "event_id": claimed.event_id,
        "registration_id": claimed.registration_id,
        "method": told.method.value,
        "sequence": told.sequence,
        "state": DeliveryState.FAILED.value,
        "reason": str(reason),
    }
    return Happening(account=account, type=FactType.INVITATION_FAILED, data=data, at=now)


def _facts(claimed: Invitation, why: str) -> dict[str, str]:
    sequence = str(claimed.intent.told.sequence) if claimed.intent else ""
    return {"event": claimed.event_id, "registration": claimed.registration_id, "sequence": sequence, "why": why}
