"""What to send to one attendee now: their case as it is seen, and the numbers it goes under. Pure.

A message whose fate is unknown counts as heard and as not heard; it is repeated to the byte while it is true.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta

from .decide import is_expected, next_message, over, says_the_same, unsaid
from .ledger import Intent, Invitation
from .model import Event, Method, Registration, Sender, noun
from .settings import Times
from .told import Message, Told


@noun
class Seen:
    """What is true of one attendee, each part read no earlier than the one above it."""

    invitation: Invitation
    registration: Registration
    event: Event


@noun
class Plan:
    """What to send: ``message`` under a new number, or ``repeats``, something written down before, to the byte."""

    message: Message
    repeats: Intent | None = None


def told_of(invitation: Invitation) -> Told | None:
    """What this attendee was told: the last that was accepted; or what may have left since, doubtful."""
    last, heard = invitation.acknowledged, invitation.heard
    if invitation.doubt and heard is not None:
        intent = invitation.intent
        said = intent if intent is not None and intent.told.sequence == heard.sequence else last
        repaired = invitation.repair <= (said.repair if said is not None else 0)
        return heard.doubted if repaired else heard.doubted.distrusted
    if last is None:
        return None
    # A repair is a doubt of another kind: what was accepted may not be what the calendar shows.
    repaired = invitation.repair <= last.repair
    return replace(last.told, certain=True) if repaired else replace(last.told.distrusted, certain=False)


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
    """Whether the whole series, if no date of it was told since, has arrived, or has had the time to: a date that
    overtakes its series is lost in some calendars.
    """
    last = invitation.acknowledged
    if last is None or last.told.gone or now >= last.at + times.settle:
        return True
    base = last.told.base
    # A date of the series has waited itself; what is an entry of its own has not.
    if base is None or (last.told.part is not None and not last.told.separate):
        return True
    return any(
        one.generation == last.told.generation and one.part == (None, "") and one.sequence >= base
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
    about = last.told.date, last.told.separate
    if message is None or (message.date, message.separate) != about or _hopeless(seen, message):
        return None
    begun = invitation.intent
    if begun is None or begun.told.sequence != last.told.sequence or begun.resend < invitation.resend:
        begun = Intent(told=last.told, attempt="")
    return None if begun.failed else Plan(message=message, repeats=begun)


def expired(seen: Seen, sender: Sender, now: datetime) -> bool:
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
