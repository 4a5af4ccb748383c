"""What to send to one attendee now, and under which SEQUENCE and DTSTAMP. Pure.

If it is unknown whether a message was sent, both must be allowed for: while its content is still true, the same bytes
are sent again.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta

from ..model import Event, Method, Registration, Sender, frozen
from ..settings import Times
from .calendar_state import CalendarState, Message
from .decide import is_expected, is_same_message, next_message, over, pending_message
from .invitation import Intent, Invitation


@frozen
class Snapshot:
    """The present items of one attendee. Each was read no earlier than the one above it; the order of mails rests on
    that.
    """

    invitation: Invitation
    registration: Registration
    event: Event


@frozen
class Plan:
    """What to send: ``message`` under a new SEQUENCE, or, if not ``None``, the stored bytes of ``repeats`` again."""

    message: Message
    repeats: Intent | None = None


def calendar_state_of(invitation: Invitation) -> CalendarState | None:
    """The attendee's calendar state after the last accepted message, or after a later one that may have been sent; what
    is doubtful of it is marked as unknown. ``None`` if nothing can have been sent.
    """
    last, possible = invitation.acknowledged, invitation.possibly_sent
    if invitation.doubt and possible is not None:
        intent = invitation.intent
        sent = intent if intent is not None and intent.calendar_state.sequence == possible.sequence else last
        repaired = invitation.repair <= (sent.repair if sent is not None else 0)
        return possible.doubted if repaired else possible.doubted.distrusted
    if last is None:
        return None
    # If a repair is requested, the calendar may show something else than the message that was accepted last.
    repaired = invitation.repair <= last.repair
    return (
        replace(last.calendar_state, certain=True)
        if repaired
        else replace(last.calendar_state.distrusted, certain=False)
    )


def decide(seen: Snapshot, sender: Sender, now: datetime) -> Plan | None:
    """What to send to this attendee now, or ``None`` if nothing is missing, or it cannot be sent. ``now`` is UTC."""
    invitation = seen.invitation
    message = next_message(seen.event, seen.registration, calendar_state_of(invitation), sender, now)
    while message is not None and message.method is Method.CANCEL and _cannot_be_sent(seen, message):
        # This cancellation cannot be delivered. It counts as sent, so that it does not hold up what can be.
        cancelled = message.calendar_state(sequence=invitation.allocated, dtstamp=now)
        message = next_message(seen.event, seen.registration, cancelled, sender, now)
    if message is None:
        return _resend(seen, sender, now)
    if _cannot_be_sent(seen, message):
        return None
    # With a former text it is another message: what was never stored would be rendered with the present one, under the
    # SEQUENCE and the fingerprint of the former.
    return Plan(message=message, repeats=_pending(invitation, replace(message, former=())))


def occurrence_may_follow(invitation: Invitation, now: datetime, times: Times) -> bool:
    """Whether a message about one occurrence may be sent at ``now`` (UTC): the latest message about the whole series
    was delivered, or ``times.settle`` have passed since the last message. Some calendars lose an occurrence that
    arrives before its series.
    """
    last = invitation.acknowledged
    if last is None or last.calendar_state.gone or now >= last.at + times.settle:
        return True
    base = last.calendar_state.base
    # If the last message was about an occurrence, it waited for the series itself. Separate entries do not wait.
    if base is None or (last.calendar_state.part is not None and not last.calendar_state.separate):
        return True
    return any(
        one.generation == last.calendar_state.generation and one.part == (None, "") and one.sequence >= base
        for one in invitation.delivered
    )


def _pending(invitation: Invitation, message: Message) -> Intent | None:
    """The newest intent, if SES is not known to have accepted it and it has just this content: then it is repeated
    under its own SEQUENCE.
    """
    pending = invitation.unacknowledged
    if pending is None or not is_same_message(message, pending.calendar_state) or pending.repair < invitation.repair:
        return None
    return pending


def _cannot_be_sent(seen: Snapshot, message: Message) -> bool:
    """Whether ``message`` cannot be sent: its address may not be mailed, or this very message was given up and no
    resend was requested since.

    The cancellation for an attendee who is not expected any more is sent even after a complaint: they might travel.
    """
    invitation = seen.invitation
    stop = invitation.stop_of(message.attendee.email)
    is_final = message.method is Method.CANCEL and not is_expected(seen.event, seen.registration)
    if stop is not None and (stop.hard or not is_final):
        return True
    pending = _pending(invitation, message)
    return pending is not None and pending.failed and pending.resend >= invitation.resend


def _resend(seen: Snapshot, sender: Sender, now: datetime) -> Plan | None:
    """The bytes of the last message once more, if a resend was requested and all of its content is still true."""
    invitation, last = seen.invitation, seen.invitation.acknowledged
    if last is None or invitation.resend <= last.resend or over(seen.event, now):
        return None
    if pending_message(seen.event, seen.registration, last.calendar_state, sender, now) is not None:
        return None
    # If it were unknown whether the last message was sent, this one would follow; it must be about the same thing.
    message = pending_message(seen.event, seen.registration, last.calendar_state.doubted, sender, now)
    about = last.calendar_state.date, last.calendar_state.separate
    if message is None or (message.date, message.separate) != about or _cannot_be_sent(seen, message):
        return None
    intent = invitation.intent
    if (
        intent is None
        or intent.calendar_state.sequence != last.calendar_state.sequence
        or intent.resend < invitation.resend
    ):
        intent = Intent(calendar_state=last.calendar_state, attempt="")
    return None if intent.failed else Plan(message=message, repeats=intent)


def expired(seen: Snapshot, sender: Sender, now: datetime) -> bool:
    """Whether a message is missing that is too late to send, because the event is over at ``now`` (UTC)."""
    left = pending_message(seen.event, seen.registration, calendar_state_of(seen.invitation), sender)
    return over(seen.event, now) and left is not None


def intent_for(plan: Plan, invitation: Invitation, attempt: str, now: datetime) -> Intent:
    """The intent for ``plan``: a repetition keeps its SEQUENCE and DTSTAMP, anything else gets the next ones.

    ``attempt`` is a new id, ``now`` is UTC. The outcome of the attempt counts as unknown until SES has answered.
    """
    if plan.repeats is not None:
        unknowns = 0 if plan.repeats.failed else plan.repeats.unknowns
        return Intent(
            calendar_state=plan.repeats.calendar_state,
            attempt=attempt,
            unknowns=unknowns + 1,
            repair=invitation.repair,
            resend=invitation.resend,
        )
    last = invitation.intent.calendar_state.dtstamp if invitation.intent else None
    # DTSTAMP has whole seconds (RFC 5545, section 3.8.7.2) and never goes back.
    moment = now.replace(microsecond=0)
    dtstamp = moment if last is None else max(moment, last + timedelta(seconds=1))
    calendar_state = plan.message.calendar_state(sequence=invitation.allocated + 1, dtstamp=dtstamp)
    return Intent(
        calendar_state=calendar_state, attempt=attempt, unknowns=1, repair=invitation.repair, resend=invitation.resend
    )
