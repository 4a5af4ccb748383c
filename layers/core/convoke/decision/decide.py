"""What to send to one attendee now, if anything, and under which SEQUENCE and DTSTAMP. Pure.

No function here depends on *what changed*. The present event and registration are compared with the attendee's calendar
state; the result is the one message to send next, or ``None``. A worker that was interrupted, started twice or delayed
repeats the comparison, and comes to the same result. If it is unknown whether a message was sent, both must be allowed
for: while its content is still true, the same bytes are sent again.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta

from ..model import (
    Event,
    LocalTime,
    Method,
    Participation,
    Registration,
    RegistrationStatus,
    Reply,
    Schedule,
    Sender,
    folded,
    frozen,
)
from ..schedule import series
from ..settings import Times
from .answers import reply_to
from .calendar_state import CalendarState, Message
from .invitation import Intent, Invitation
from .planner import MessagePlanner


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
        sent = intent if intent is not None and intent.sequence == possible.sequence else last
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
    if intent is None or intent.sequence != last.sequence or intent.resend < invitation.resend:
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


# --- which message ------------------------------------------------------------------------------------------------


def next_message(
    event: Event, registration: Registration, calendar_state: CalendarState | None, sender: Sender, now: datetime
) -> Message | None:
    """The message that brings this attendee's calendar nearer to the present event, or ``None`` if none is missing.

    ``calendar_state`` is ``None`` if no message can have reached them. ``now`` is UTC. No message is ever sent about an
    event that is over, nor about an occurrence that is over; where their calendar may have that at the time of the
    rule, it must be over by the rule, too.
    """
    return (
        None if over(event, now, calendar_state) else pending_message(event, registration, calendar_state, sender, now)
    )


def pending_message(
    event: Event,
    registration: Registration,
    calendar_state: CalendarState | None,
    sender: Sender,
    now: datetime | None = None,
) -> Message | None:
    """:func:`next_message`, even if the whole event is over. Without ``now`` no occurrence counts as over either."""
    if registration.status in (RegistrationStatus.DECLINED, RegistrationStatus.ERASED):
        return None  # who released their seat by declining gets no more mail; of the erased no address is left
    planner = MessagePlanner(event=event, registration=registration, sender=sender, now=now)
    expected = is_expected(event, registration)
    if calendar_state is None:
        return planner.invite(None) if expected else None
    if calendar_state.whole and calendar_state.gone:
        if not calendar_state.all_certain:
            # An entry may still be in the calendar. Its UID will never be used again, so it must be gone for certain.
            return planner.cancel(calendar_state)
        return planner.invite(calendar_state) if expected else None
    if (
        not expected
        or folded(calendar_state.recipient) != folded(registration.email)
        or folded(calendar_state.organizer) != folded(sender.address)
        or calendar_state.whole is not planner.whole
    ):
        left = planner.cancel(calendar_state)
        return planner.invite(calendar_state) if left is None and expected else left
    return planner.update(calendar_state)


def is_expected(event: Event, registration: Registration) -> bool:
    """Whether this person should have this event in their calendar."""
    return event.status.expects_people and registration.status is RegistrationStatus.REGISTERED


def over(event: Event, now: datetime, calendar_state: CalendarState | None = None) -> bool:
    """Whether the last date of ``event`` is over at ``now`` (UTC). Cancelled dates count, since their cancellation may
    still have to be sent.

    A series that was shortened is not over for an attendee whose ``calendar_state`` has later dates.
    """
    if series.ends_at(event) > now:
        return False
    if calendar_state is None or calendar_state.gone:
        return True
    single = [one.when for one in calendar_state.dates if not one.cancelled and one.when is not None]
    later = [series.schedule_ends_at(calendar_state.schedule)] if calendar_state.recurs else []
    return all(at <= now for at in (*later, *(when.ends_at for when in single)))


def is_same_message(message: Message, calendar_state: CalendarState) -> bool:
    """Whether sending the message of ``calendar_state`` once more would have the content of ``message``, or a former
    text that counts as the same.
    """
    if (
        message.method is not calendar_state.method
        or message.uid != calendar_state.uid
        or (message.date, message.separate) != (calendar_state.date, calendar_state.separate)
        or message.attendee.email != calendar_state.recipient
        or message.organizer.email != calendar_state.organizer
    ):
        return False
    if message.method is Method.CANCEL:
        # Cancellations of the same thing have no content in which they could differ.
        return message.date is None or message.ends is (calendar_state.part is None)
    if message.date is not None:
        date = calendar_state.occurrence_state(message.date, message.separate)
        return date is not None and date.fingerprint in (message.fingerprint, *message.former)
    dates = message.calendar_state(sequence=calendar_state.sequence, dtstamp=calendar_state.dtstamp).dates
    return calendar_state.fingerprint in (message.fingerprint, *message.former) and dates == calendar_state.dates


def participation(registration: Registration, invitation: Invitation, date: LocalTime | None = None) -> Participation:
    """This attendee's latest answer about the present time and place, of the whole event or of one occurrence. It is
    always derived from the replies, never stored.
    """
    reply = answered(registration, invitation, date)
    return reply.status if reply else Participation.NEEDS_ACTION


def answered(registration: Registration, invitation: Invitation, date: LocalTime | None = None) -> Reply | None:
    """The reply that :func:`participation` is taken from, or ``None`` if the present time and place is unanswered."""
    last = invitation.acknowledged or invitation.intent
    if last is None:
        return reply_to(registration, 0, date)
    known = last.calendar_state.latest_of(date) if date is not None else None
    alone = known is not None and bool(known.separate)
    return reply_to(registration, known.asked if known else last.calendar_state.asked, date, alone=alone)


def cancels(message: Message, event: Event) -> bool:
    """Whether ``message`` is a cancellation, or the first message about the whole series since a date of ``event`` was
    cancelled.
    """
    if message.method is Method.CANCEL:
        return True
    if message.opens or message.state_before is None:
        return False
    gone = {one.date for one in message.state_before.dates if one.cancelled and not one.separate}
    new = set(message.without) - gone
    return bool(new) and any(one.cancelled and one.date in new for one in series.occurrences(event))


URGENT, CHANGE, INVITATION = 0, 1, 2


def priority(message: Message, now: datetime, soon: timedelta) -> int:
    """The priority of ``message`` at ``now`` (UTC): 0, the most urgent, for cancellations and for changes of what
    begins within ``soon``; 1 for other updates; 2 for invitations.
    """
    if message.method is Method.CANCEL:
        return URGENT
    if message.before is None:
        return INVITATION
    before = message.before.schedule or Schedule(when=message.before.when)
    begins = min(series.next_start(message.schedule, now), series.next_start(before, now))
    return URGENT if begins - now <= soon else CHANGE
