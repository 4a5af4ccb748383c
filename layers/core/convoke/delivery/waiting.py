"""Makes the wait mail due that somebody is to be sent.

Each registration has one notification for all wait mails, which says what is true when it is sent
(``notify.dispatch``): its lease and fence keep them in order, as those of an invitation do for messages.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

from ..decision.attention import REASON_OF_STATE
from ..decision.decide import CHANGE, Snapshot
from ..decision.invitation import WaitMail
from ..effects import AddNotification, NotificationHint, ReadNotification, RecordNotification, ScheduleSurvey, Steps
from ..mail.new_notifications import wait_notification
from ..mail.notifications import NotificationState, priority
from ..model import DeliveryState
from ..settings import Times
from ..store import keys
from . import attempts


def make_due(seen: Snapshot, mail: WaitMail, times: Times, now: datetime) -> Steps[NotificationHint | None]:
    """Make the notification due that says ``mail``; returns the hint to send it at once. ``None``: another worker is
    sending an earlier wait mail, or wrote first.
    """
    wanted = wait_notification(seen.event, seen.registration, mail, now)
    hint = NotificationHint.of(wanted)
    state: NotificationState | None = yield ReadNotification(
        event_id=hint.event_id, registration_id=hint.registration_id, notification_id=hint.notification_id
    )
    if state is None:
        # Not for somebody who was erased since: nothing of them may be stored any more.
        return hint if (yield AddNotification(notification=wanted, upon=seen.invitation)) else None
    if attempts.leased(state.lease_until, now):
        return None
    pending = state.notification
    if pending is not None and pending == replace(wanted, written_at=pending.written_at):
        return hint  # it is due already
    due = replace(
        state,
        kind=wanted.kind,
        notification=wanted,
        attempts=0,
        # Attempts with an unknown outcome still count, unless the notification has ended since.
        unknowns=0 if pending is None else state.unknowns,
        lease_until=None,
        state=DeliveryState.PENDING,
        due_key=keys.due_key(priority(wanted.kind), now + times.hint),
    )
    if not (yield RecordNotification(notification_state=due)):
        return None
    last = seen.invitation.wait_mail
    if state.state in REASON_OF_STATE or (last is not None and last.failure is not None):
        # The organizer may be shown that it was not delivered: a survey finds out what becomes of it now.
        yield ScheduleSurvey(event_id=hint.event_id, due_key=keys.due_key(CHANGE, now))
    return hint
