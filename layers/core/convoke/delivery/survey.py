"""The survey: finds out who of an event was not reached, stores it, and sends the organizer one summary about them.

A survey becomes due some time after a change (``times.attention``), and at once when SES reports a bounce, a complaint
or a failure. It continues in another invocation when its time is over, and is due again for those of whom it is too
early to know. All instants are UTC.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta

from ..decision.attention import (
    REASON_OF_STATE,
    URGENT_KINDS,
    Attention,
    AttentionKind,
    AttentionReason,
    Survey,
    Unreached,
    kind_of_message,
    latest_messages,
)
from ..decision.calendar_state import Message
from ..decision.decide import CHANGE, Snapshot, calendar_state_of, decide, is_expected, next_message, over
from ..decision.invitation import Invitation, StoredMessage, WaitMail, with_outcomes
from ..decision.waiting import mailed_last, true_wait_mail
from ..effects import (
    AddNotification,
    All,
    Clock,
    EndSurvey,
    Enqueue,
    HoldSurvey,
    NotificationHint,
    ReadEvent,
    ReadFanOut,
    ReadInvitations,
    ReadMessages,
    ReadNotification,
    ReadRegistrations,
    ReadSurvey,
    ReadUnreached,
    Steps,
    StoreUnreached,
    SurveyHint,
)
from ..mail.new_notifications import summary, wait_notification
from ..mail.notifications import NotificationState
from ..model import DeliveryState, RegistrationStatus, Sender, folded
from ..store import keys
from .reconcile import Worker

BATCH_SIZE = 50
"""Registrations that are read at a time."""
AT_ONCE = 16
"""How many of those whom a summary names are recorded as such at the same time: they may be thousands."""
RESERVED_TIME = timedelta(seconds=10)
"""What must be left before the deadline to begin a batch: enough for it, and for the end of the survey."""
GIVEN_UP_AFTER = timedelta(minutes=15)
"""After what time a survey whose hint was lost begins anew; the hint may wait so long behind mail."""


def survey(hint: SurveyHint, worker: Worker, *, size: int = BATCH_SIZE) -> Steps[int]:
    """Examine all registrations after ``hint.after``; returns how many. A hint is queued for those that remain when the
    worker's time is over.

    One survey of an event is under way at a time: however often mails bounce meanwhile, the next begins after it, and
    after a long one as much later as that took. So surveys of a large event leave half of the time to mail.
    """
    seen: Survey | None = yield ReadSurvey(event_id=hint.event_id)
    if seen is None:
        return 0
    now = yield Clock()
    first, begun_at = not hint.after, now if seen.begun_at is None or not hint.after else seen.begun_at
    if first and _is_held(seen, now):
        yield HoldSurvey(event_id=seen.event_id, until=seen.held_until or now, begun_at=seen.begun_at or now)
        return 0
    if first:
        hint = replace(hint, wakeups=seen.wakeups)
    looked_at = 0
    while True:
        now = yield Clock()
        if now + RESERVED_TIME > worker.deadline:
            if hint.after:
                yield HoldSurvey(event_id=seen.event_id, until=now + GIVEN_UP_AFTER, begun_at=begun_at)
            yield Enqueue(hint=hint, urgent=False)
            return looked_at
        if first and looked_at == size:
            yield HoldSurvey(event_id=seen.event_id, until=worker.deadline, begun_at=begun_at)
        invitations = yield ReadInvitations(event_id=hint.event_id, after=hint.after, limit=size)
        if invitations:
            hint = yield from _survey_batch(hint, invitations, worker)
            looked_at += len(invitations)
        if len(invitations) < size:
            break
    ended = yield from _sum_up(replace(seen, wakeups=hint.wakeups), hint.again, worker)
    if not ended and not first:
        now = yield Clock()
        yield HoldSurvey(event_id=seen.event_id, until=now + (now - begun_at), begun_at=begun_at)
    return looked_at


def _is_held(seen: Survey, now: datetime) -> bool:
    return seen.held_until is not None and now < seen.held_until


def _survey_batch(hint: SurveyHint, invitations: tuple[Invitation, ...], worker: Worker) -> Steps[SurveyHint]:
    """Examine one batch and store who was not reached; returns the hint to continue with."""
    through = invitations[-1].registration_id
    registrations = yield ReadRegistrations(event_id=hint.event_id, after=hint.after, through=through)
    event = yield ReadEvent(event_id=hint.event_id)
    fan_out = yield ReadFanOut(event_id=hint.event_id)
    kept = yield ReadUnreached(event_id=hint.event_id, after=hint.after, through=through)
    people = {person.registration_id: person for person in registrations}
    known = {one.attention.registration_id: one for one in kept}

    def look(invitation: Invitation) -> Steps[datetime | None]:
        """Store what is found of one attendee; returns when they are to be examined again, if they are."""
        person = people.get(invitation.registration_id)
        found = again = None
        if person is not None and event is not None:
            now = yield Clock()
            found = yield from judge(
                Snapshot(invitation=invitation, registration=person, event=event),
                worker.sender,
                now,
                told_at=None if fan_out is None else fan_out.told_at,
            )
            if found is not None and found.waits and now < (ends := found.since + worker.times.attention):
                found, again = None, ends
            elif found is not None and found.state is AttentionReason.PENDING:
                # No report says when it is sent at last, so this attendee has to be examined again.
                again = now + worker.times.attention
        yield from _store(hint.event_id, known.get(invitation.registration_id), found)
        return again

    # One after the other, but each by itself: an error about one of them, who is examined again, stops no others.
    answers = yield All(steps=tuple(map(look, invitations)), at_once=1)
    later = (yield Clock()) + worker.times.attention
    moments = (later if isinstance(one, Exception) else one for one in (hint.again, *answers))
    return replace(hint, after=through, again=min((one for one in moments if one is not None), default=None))


def _store(event_id: str, was: Unreached | None, found: Attention | None) -> Steps[None]:
    """Store what was found of one attendee, if it differs from what was known."""
    now = None if found is None else was.renewed(found) if was is not None else Unreached(attention=found)
    if now != was:
        yield StoreUnreached(event_id=event_id, was=was, now=now)


def judge(seen: Snapshot, sender: Sender, now: datetime, *, told_at: datetime | None = None) -> Steps[Attention | None]:
    """What this attendee was not reached with, or ``None``: cancellations and moves first, then the oldest.

    ``told_at`` (UTC) is when people are informed of the latest change, if it waits for that or did.
    """
    invitation, calendar_state = seen.invitation, calendar_state_of(seen.invitation)
    if seen.registration.status is RegistrationStatus.ERASED or over(seen.event, now, calendar_state):
        return None
    if _knows_at_a_new_address(seen, now):
        return None
    expected = is_expected(seen.event, seen.registration)
    left = next_message(seen.event, seen.registration, calendar_state, sender, now)
    if left is not None:
        found = [_not_sent(seen, kind_of_message(left, expected=expected), left, sender, now, told_at)]
    else:
        not_mailed = yield from _not_mailed(seen, now, told_at)
        found = [] if not_mailed is None else [not_mailed]
        missed = not_mailed is not None and not_mailed.kind is AttentionKind.CANCELLATION
        arrived = invitation.state is DeliveryState.DELIVERED
        if calendar_state is not None and not missed and (not arrived or calendar_state.dates):
            stored = yield ReadMessages(registration_id=invitation.registration_id)
            known = with_outcomes(stored, invitation)
            sent = [_sent(kind, one, invitation, expected=expected) for kind, one in latest_messages(known)]
            found += [one for one in sent if one is not None]
    # An invitation or a small change that has not arrived yet does not count: its registration shows its state.
    found = [one for one in found if one.kind in URGENT_KINDS or not one.waits]
    return min(found, key=lambda one: (one.kind not in URGENT_KINDS, one.since), default=None)


def _sent(kind: AttentionKind, stored: StoredMessage, invitation: Invitation, *, expected: bool) -> Attention | None:
    """What became of a message that was sent; ``None`` if it arrived, or nothing is known against it."""
    last = invitation.accepted(stored.calendar_state.sequence)
    # The invitation has the state of the latest message, also after a resend; the stored message has the first one's.
    state, since = (invitation.state, last.at) if last is not None else (stored.state, stored.sent_at)
    reason = AttentionReason.UNDELIVERED if state is DeliveryState.ACCEPTED else REASON_OF_STATE.get(state)
    if state is DeliveryState.COMPLAINED:
        # It arrived, but no further message will: that matters if the attendee is expected to come.
        kind, reason = AttentionKind.INVITATION, reason if expected else None
    if reason is None or since is None:
        return None
    return Attention(
        registration_id=invitation.registration_id,
        kind=kind,
        state=reason,
        since=since,
        date=stored.calendar_state.date,
    )


def _not_sent(
    seen: Snapshot, kind: AttentionKind, left: Message, sender: Sender, now: datetime, told_at: datetime | None
) -> Attention:
    """That the message ``left`` was not sent: it waits to be sent, or it cannot be."""
    invitation, since = seen.invitation, _since(seen, told_at)
    stop = invitation.stop_of(left.attendee.email)
    # A newer deployment may be able to send what was given up, but nothing makes that due.
    given_up = invitation.state is DeliveryState.FAILED and invitation.due_key is None
    if not given_up and decide(seen, sender, now) is not None:
        state = AttentionReason.PENDING
        if invitation.due_key is not None:
            since = max(since, keys.due_since(invitation.due_key))
    else:
        state = REASON_OF_STATE.get(stop.state, AttentionReason.FAILED) if stop is not None else AttentionReason.FAILED
    return Attention(registration_id=invitation.registration_id, kind=kind, state=state, since=since, date=left.date)


def _not_mailed(seen: Snapshot, now: datetime, told_at: datetime | None) -> Steps[Attention | None]:
    """Why the wait mail that is true did not reach somebody; ``None`` if it did as far as is known, or none is true."""
    person, last = seen.registration, seen.invitation.wait_mail
    # By the last change: of what is true since a date is over, nothing is due until somebody is looked at.
    true = None if last is None else true_wait_mail(seen, min(now, seen.event.updated_at))
    if last is None or true is None or true_wait_mail(seen, now) is None:
        return None
    stop = seen.invitation.stop_of(person.email)
    if stop is not None and stop.hard:
        state = REASON_OF_STATE[stop.state]
    elif last.certain and true is mailed_last(seen):
        return None
    elif last.failure is not None and true is mailed_last(seen):
        if true is not WaitMail.CANCELLED:
            return None  # it came back for now: a later one may be delivered
        state = REASON_OF_STATE[last.failure]
    else:
        mail = wait_notification(seen.event, person, true, seen.event.updated_at)
        sent: NotificationState | None = yield ReadNotification(
            event_id=person.event_id, registration_id=person.registration_id, notification_id=mail.notification_id
        )
        # One that is not due any more, since it may have left, was given up at an earlier attempt.
        is_due = true is not mailed_last(seen) or (sent is not None and sent.notification is not None)
        state = AttentionReason.PENDING if is_due else AttentionReason.FAILED
        if sent is not None:
            state = REASON_OF_STATE.get(sent.state, state)
        if state is AttentionReason.PENDING and true is not WaitMail.CANCELLED:
            return None
    return Attention(
        registration_id=person.registration_id,
        kind=AttentionKind.CANCELLATION if true is WaitMail.CANCELLED else AttentionKind.INVITATION,
        state=state,
        since=_since(seen, told_at),
    )


def _knows_at_a_new_address(seen: Snapshot, now: datetime) -> bool:
    """Whether somebody was mailed that the event is cancelled, which is true, where a former address was invited, and
    this one was not.
    """
    state, last, cancelled = calendar_state_of(seen.invitation), seen.invitation.wait_mail, WaitMail.CANCELLED
    stop = seen.invitation.stop_of(seen.registration.email)
    if state is None or last is None or folded(state.recipient) == folded(seen.registration.email):
        return False
    stopped = stop is not None and stop.hard
    return last.certain and not stopped and mailed_last(seen) is true_wait_mail(seen, now) is cancelled


def _since(seen: Snapshot, told_at: datetime | None) -> datetime:
    """When what is missing became true, or people were to be informed of it."""
    return max(at for at in (seen.event.updated_at, seen.registration.updated_at, told_at) if at is not None)


def _reported(event_id: str, one: Unreached) -> Steps[None]:
    yield StoreUnreached(event_id=event_id, was=one, now=replace(one, notified=True))


def _sum_up(seen: Survey, again: datetime | None, worker: Worker) -> Steps[bool]:
    """End the survey; returns False where a reason for another one came meanwhile. If there are cancellations and moves
    that the organizer has not been informed of, store a summary notification, at the earliest ``times.attention`` after
    the first of them and after the last summary.
    """
    delay, now = worker.times.attention, (yield Clock())
    kept = yield ReadUnreached(event_id=seen.event_id, after="", through="~")
    event = yield ReadEvent(event_id=seen.event_id)
    unreported = [one for one in kept if not one.notified and one.attention.kind in URGENT_KINDS]
    summed_up_at = seen.summed_up_at
    if unreported and event is not None:
        ready = min(one.attention.since for one in unreported) + delay
        if summed_up_at is not None:
            ready = max(ready, summed_up_at + delay)
        if now >= ready:
            notification = summary(event, tuple(one.attention for one in unreported), now=now)
            if (yield AddNotification(notification=notification)):
                yield Enqueue(hint=NotificationHint.of(notification), urgent=False)
            # After it is stored, and whatever fails: whoever cannot be recorded now is named once more in the next
            # summary, ``delay`` later at the earliest; recorded before, they might not be named at all.
            yield All(steps=tuple(_reported(seen.event_id, one) for one in unreported), at_once=AT_ONCE)
            summed_up_at = now
        else:
            again = min(again or ready, ready)
    due_key = None if again is None else keys.due_key(CHANGE, again)
    return (yield EndSurvey(seen=seen, due_key=due_key, summed_up_at=summed_up_at))  # type: ignore[no-any-return]
