"""Look whether everybody at an event was reached; write down who was not, and owe the organizer one mail about them.

A survey is owed when a change is, for a while later, and when SES reports that something came back. It goes on where it
stopped, and comes again for whom it is too early to judge.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta

from ..decision.attention import (
    CAME_TO_NOTHING,
    PRESSING,
    Attention,
    AttentionKind,
    AttentionReason,
    Survey,
    Unreached,
    concern_of,
    unheard,
)
from ..decision.calendar_state import Message
from ..decision.decide import CHANGE, is_expected, next_message, over
from ..decision.invitation import Invitation, StoredMessage
from ..decision.plan import Snapshot, calendar_state_of, decide
from ..effects import (
    AddNotification,
    Clock,
    EndSurvey,
    Enqueue,
    KeepUnreached,
    NotificationHint,
    ReadEvent,
    ReadInvitations,
    ReadMessages,
    ReadRegistrations,
    ReadSurvey,
    ReadUnreached,
    Steps,
    SurveyHint,
)
from ..mail.notifications import summary
from ..model import DeliveryState, RegistrationStatus, Sender
from ..store import keys
from .reconcile import Worker

SLICE = 50
ROOM = timedelta(seconds=10)
"""What a slice may take, and the end of a survey."""


def survey(hint: SurveyHint, worker: Worker, *, size: int = SLICE) -> Steps[int]:
    """Look at everybody after ``hint.after``; answers at how many. What time does not suffice for is queued."""
    seen: Survey | None = yield ReadSurvey(event_id=hint.event_id)
    if seen is None:
        return 0
    if not hint.after:
        hint = replace(hint, wakeups=seen.wakeups)
    looked_at = 0
    while True:
        if (yield Clock()) + ROOM > worker.deadline:
            yield Enqueue(hint=hint, urgent=False)
            return looked_at
        invitations = yield ReadInvitations(event_id=hint.event_id, after=hint.after, limit=size)
        if invitations:
            hint = yield from _slice(hint, invitations, worker)
            looked_at += len(invitations)
        if len(invitations) < size:
            break
    yield from _sum_up(replace(seen, wakeups=hint.wakeups), hint.again, worker)
    return looked_at


def _slice(hint: SurveyHint, invitations: tuple[Invitation, ...], worker: Worker) -> Steps[SurveyHint]:
    through = invitations[-1].registration_id
    registrations = yield ReadRegistrations(event_id=hint.event_id, after=hint.after, through=through)
    event = yield ReadEvent(event_id=hint.event_id)
    kept = yield ReadUnreached(event_id=hint.event_id, after=hint.after, through=through)
    people = {person.registration_id: person for person in registrations}
    standing = {one.attention.registration_id: one for one in kept}
    again = hint.again
    for invitation in invitations:
        person = people.get(invitation.registration_id)
        found = None
        if person is not None and event is not None:
            now = yield Clock()
            found = yield from judge(
                Snapshot(invitation=invitation, registration=person, event=event), worker.sender, now
            )
            if found is not None and found.waits and now < (ripe := found.since + worker.times.attention):
                again, found = min(again or ripe, ripe), None
            elif found is not None and found.state is AttentionReason.PENDING:
                # When it has left, nobody reports that: it is to be seen how it goes on.
                later = now + worker.times.attention
                again = min(again or later, later)
        yield from _write_down(hint.event_id, standing.get(invitation.registration_id), found)
    return replace(hint, after=through, again=again)


def _write_down(event_id: str, was: Unreached | None, found: Attention | None) -> Steps[None]:
    now = None if found is None else was.renewed(found) if was is not None else Unreached(attention=found)
    if now != was:
        yield KeepUnreached(event_id=event_id, was=was, now=now)


def judge(seen: Snapshot, sender: Sender, now: datetime) -> Steps[Attention | None]:
    """With what this attendee was not reached, if with anything: the worst of it, and of that the oldest."""
    invitation, calendar_state = seen.invitation, calendar_state_of(seen.invitation)
    if seen.registration.status is RegistrationStatus.ERASED or over(seen.event, now, calendar_state):
        return None
    expected = is_expected(seen.event, seen.registration)
    left = next_message(seen.event, seen.registration, calendar_state, sender, now)
    if left is not None:
        found = [_unsaid(seen, concern_of(left, expected=expected), left, sender, now)]
    elif calendar_state is not None and (invitation.state is not DeliveryState.DELIVERED or calendar_state.dates):
        stored = yield ReadMessages(registration_id=invitation.registration_id)
        said = [_said(kind, one, invitation, expected=expected) for kind, one in unheard(stored)]
        found = [one for one in said if one is not None]
    else:
        return None
    # An invitation that has not arrived yet is not missed: its registration shows how it stands.
    found = [one for one in found if one.kind in PRESSING or not one.waits]
    return min(found, key=lambda one: (one.kind not in PRESSING, one.since), default=None)


def _said(kind: AttentionKind, stored: StoredMessage, invitation: Invitation, *, expected: bool) -> Attention | None:
    """What became of something that was said, where it is not known to have arrived."""
    last = invitation.acknowledged
    latest = last is not None and last.calendar_state.sequence == stored.calendar_state.sequence
    # A message that was sent again: what became of that, the invitation knows.
    state, since = (invitation.state, last.at) if last is not None and latest else (stored.state, stored.sent_at)
    trouble = AttentionReason.UNDELIVERED if state is DeliveryState.ACCEPTED else CAME_TO_NOTHING.get(state)
    if state is DeliveryState.COMPLAINED:
        # It arrived. But whoever is to come will hear of nothing more.
        kind, trouble = AttentionKind.INVITATION, trouble if expected else None
    if trouble is None or since is None:
        return None
    return Attention(
        registration_id=invitation.registration_id,
        kind=kind,
        state=trouble,
        since=since,
        date=stored.calendar_state.date,
    )


def _unsaid(seen: Snapshot, kind: AttentionKind, left: Message, sender: Sender, now: datetime) -> Attention:
    """``left`` is still to be said: it waits to be sent, or there is no way to say it."""
    invitation = seen.invitation
    changed_at = max(seen.event.updated_at, seen.registration.updated_at)
    stop = invitation.stop_of(left.attendee.email)
    # What was given up may look sayable again to code that was deployed since; but nobody sets out to say it.
    given_up = invitation.state is DeliveryState.FAILED and invitation.due_key is None
    if not given_up and decide(seen, sender, now) is not None:
        state, since = AttentionReason.PENDING, changed_at
        if invitation.due_key is not None:
            since = max(since, keys.due_since(invitation.due_key))
    else:
        state = CAME_TO_NOTHING.get(stop.state, AttentionReason.FAILED) if stop is not None else AttentionReason.FAILED
        since = changed_at
    return Attention(registration_id=invitation.registration_id, kind=kind, state=state, since=since, date=left.date)


def _sum_up(seen: Survey, again: datetime | None, worker: Worker) -> Steps[None]:
    """Owe the organizer a mail about whom they do not know of, but not too soon after the last one."""
    patience, now = worker.times.attention, (yield Clock())
    kept = yield ReadUnreached(event_id=seen.event_id, after="", through="~")
    event = yield ReadEvent(event_id=seen.event_id)
    news = [one for one in kept if not one.notified and one.attention.kind in PRESSING]
    summed_up_at = seen.summed_up_at
    if news and event is not None:
        ready = min(one.attention.since for one in news) + patience
        if summed_up_at is not None:
            ready = max(ready, summed_up_at + patience)
        if now >= ready:
            note = summary(event, tuple(one.attention for one in news), now=now)
            if (yield AddNotification(note=note)):
                hint = NotificationHint(
                    event_id=note.event_id, registration_id=note.registration_id, notification_id=note.notification_id
                )
                yield Enqueue(hint=hint, urgent=False)
            for one in news:
                yield KeepUnreached(event_id=seen.event_id, was=one, now=replace(one, notified=True))
            summed_up_at = now
        else:
            again = min(again or ready, ready)
    due_key = None if again is None else keys.due_key(CHANGE, again)
    yield EndSurvey(seen=seen, due_key=due_key, summed_up_at=summed_up_at)
