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
from .decide import INVITATION, is_expected, next_message, over, priority, says_the_same, unsaid
from .effects import (
    Accepted,
    Acknowledge,
    Chance,
    Claim,
    Clear,
    Clock,
    Ending,
    GiveBack,
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
from .ledger import Acknowledged, Intent, Invitation, Posted, Sending
from .model import DeliveryState, Event, Letter, Message, Method, Registration, Sender, Told, noun
from .settings import Times
from .store.keys import owed

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
class Seen:
    """What is true of one attendee, each part read no earlier than the one above it."""

    invitation: Invitation
    registration: Registration
    event: Event


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
            expired = _expired(seen, worker.sender, now)
            if (yield Clear(seen=seen.invitation, expired=expired)):
                if expired:
                    yield Tell(what="expired", facts=_facts(seen.invitation, "the event is over"))
                return Outcome.CLEARED
        elif sending.stopped(now):
            return Outcome.STOPPED
        elif sending.reserved(now) and priority(plan.message, now, worker.times.soon) == INVITATION:
            return Outcome.HELD
        elif plan.message.date is not None and not settled(seen.invitation, now, worker.times):
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


# --- deciding: pure -----------------------------------------------------------------------------------------------


@noun
class Plan:
    """What to send: ``message`` under a new number, or ``repeats``, something written down before, to the byte."""

    message: Message
    repeats: Intent | None = None


def told_of(invitation: Invitation) -> Told | None:
    """What this attendee was told: the last that was accepted; or what may have left since, doubtful."""
    if invitation.doubt and invitation.heard is not None:
        return invitation.heard.doubted
    if invitation.acknowledged is None:
        return None
    # A repair is a doubt of another kind: what was accepted may not be what the calendar shows.
    return replace(invitation.acknowledged.told, certain=invitation.repair <= invitation.acknowledged.repair)


def decide(seen: Seen, sender: Sender, now: datetime) -> Plan | None:
    """What to send to this attendee now, or ``None`` where there is nothing to say or no way to say it."""
    invitation = seen.invitation
    message = next_message(seen.event, seen.registration, told_of(invitation), sender, now)
    while message is not None and message.method is Method.CANCEL and _hopeless(seen, message):
        # Nobody can take it back there: it counts as taken back, and the rest of the truth may be told.
        taken_back = message.told(sequence=invitation.allocated, dtstamp=now)
        message = next_message(seen.event, seen.registration, taken_back, sender, now)
    if message is None:
        return _again(seen, sender, now)
    if _hopeless(seen, message):
        return None
    return Plan(message=message, repeats=_pending(invitation, message))


def settled(invitation: Invitation, now: datetime, times: Times) -> bool:
    """Whether the whole series, if that was told last, has arrived, or has had the time to: a date that overtakes its
    series is lost in some calendars.
    """
    last = invitation.acknowledged
    if last is None or last.told.date is not None or last.told.gone or now >= last.at + times.settle:
        return True
    return any(
        one.generation == last.told.generation and one.date is None and one.sequence >= last.told.sequence
        for one in invitation.delivered
    )


def _pending(invitation: Invitation, message: Message) -> Intent | None:
    """The newest intent, where it is unanswered and still says just this: then it is said under its own number."""
    pending = invitation.unacknowledged
    if pending is None or not says_the_same(message, pending.told) or pending.repair < invitation.repair:
        return None
    return pending


def _hopeless(seen: Seen, message: Message) -> bool:
    """Whether there is no way to say it: its address may not be mailed, or this very message was given up and nobody
    asked again.

    What somebody does not come to any more is taken back also from who complained: they might travel.
    """
    invitation = seen.invitation
    stop = invitation.stop_of(message.attendee.email)
    last_word = message.method is Method.CANCEL and not is_expected(seen.event, seen.registration)
    if stop is not None and (stop.hard or not last_word):
        return True
    pending = _pending(invitation, message)
    return pending is not None and pending.failed and pending.resend >= invitation.resend


def _again(seen: Seen, sender: Sender, now: datetime) -> Plan | None:
    """The last message once more, to the byte, where somebody asked for that and all of it is still true."""
    invitation, last = seen.invitation, seen.invitation.acknowledged
    if last is None or invitation.resend <= last.resend or over(seen.event, now):
        return None
    if unsaid(seen.event, seen.registration, last.told, sender, now) is not None:
        return None
    # As if nobody knew whether it was heard: what would be said then is what was said.
    message = unsaid(seen.event, seen.registration, last.told.doubted, sender, now)
    if message is None or message.date != last.told.date or _hopeless(seen, message):
        return None
    begun = invitation.intent
    if begun is None or begun.told.sequence != last.told.sequence or begun.resend < invitation.resend:
        begun = Intent(told=last.told, attempt="")
    return None if begun.failed else Plan(message=message, repeats=begun)


def _expired(seen: Seen, sender: Sender, now: datetime) -> bool:
    """Whether something was left to say, and it is too late."""
    left = unsaid(seen.event, seen.registration, told_of(seen.invitation), sender)
    return over(seen.event, now) and left is not None


def intent_for(plan: Plan, invitation: Invitation, attempt: str, now: datetime) -> Intent:
    """Number the plan: a repetition keeps its number and time, everything else takes the next ones.

    The attempt counts as one that nobody answered until it is.
    """
    if plan.repeats is not None:
        unknowns = 0 if plan.repeats.failed else plan.repeats.unknowns
        return Intent(
            told=plan.repeats.told,
            attempt=attempt,
            unknowns=unknowns + 1,
            repair=invitation.repair,
            resend=invitation.resend,
        )
    last = invitation.intent.told.dtstamp if invitation.intent else None
    # DTSTAMP has whole seconds (RFC 5545, section 3.8.7.2) and never goes back.
    moment = now.replace(microsecond=0)
    dtstamp = moment if last is None else max(moment, last + timedelta(seconds=1))
    told = plan.message.told(sequence=invitation.allocated + 1, dtstamp=dtstamp)
    return Intent(told=told, attempt=attempt, unknowns=1, repair=invitation.repair, resend=invitation.resend)


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
        return (yield from _give_up(claimed, before, "nobody ever answered"))

    letter = yield from _letter(plan, intent, seen)
    if isinstance(letter, str):
        return (yield from _give_up(claimed, before, letter))
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
            waits = more is not None and more.date is not None and message.date is None
            owed_at = owed(pressing, now + times.settle if waits else now) if more is not None else None
            return (yield from _record(claimed, intent, ses_id, now, pressing, owed_at))
        case Refused(refusal=Refusal.POISON, why=why):
            return (yield from _give_up(claimed, before, why))
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


def _letter(plan: Plan, intent: Intent, seen: Seen) -> Steps[Letter | str]:
    """The letter as it was first written down, or a new one, written down before it can leave."""
    if plan.repeats is not None:
        posted = yield ReadPosted(registration_id=seen.registration.registration_id, sequence=intent.told.sequence)
        if posted is not None and posted.letter is not None:
            return posted.letter  # type: ignore[no-any-return]
    letter = yield Render(message=plan.message, intent=intent)
    if isinstance(letter, str):
        return letter
    now = yield Clock()
    posted = yield Keep(
        posted=Posted(
            registration_id=seen.registration.registration_id,
            event_id=seen.event.event_id,
            told=intent.told,
            letter=letter,
            written_at=now,
            expires_at=max(now, series.ends_at(seen.event)) + KEPT_AFTER_THE_EVENT,
        )
    )
    return posted.letter or "its record was erased"


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


def _give_up(claimed: Invitation, before: Invitation, why: str) -> Steps[Outcome]:
    yield Tell(what="given up", facts=_facts(claimed, why))
    yield GiveBack(claimed=claimed, before=before, owed_at=None, attempts=before.attempts, failed=True)
    return Outcome.FAILED


def _facts(claimed: Invitation, why: str) -> dict[str, str]:
    sequence = str(claimed.intent.told.sequence) if claimed.intent else ""
    return {"event": claimed.event_id, "registration": claimed.registration_id, "sequence": sequence, "why": why}
