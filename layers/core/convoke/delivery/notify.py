"""Sends one notification: read, claim, send once, record.

Simpler than ``reconcile``: notifications have no order. Each is sent once, and again only if it is unknown whether an
attempt succeeded. The wait mails of a registration share one notification: it says what is true when it is sent, and is
due again when that changes (``waiting``). All instants are UTC.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

from ..decision.brakes import Purpose
from ..decision.calendar_state import RenderedMail
from ..decision.decide import CHANGE, INVITATION, URGENT
from ..decision.invitation import Cause, Invitation, Sending, WaitMail, WaitMailed
from ..decision.waiting import is_barred
from ..effects import (
    Accepted,
    ClaimNotification,
    Clock,
    CountMailbox,
    CountNotification,
    Log,
    NewWebhookEvent,
    Random,
    ReadEvent,
    ReadInvitation,
    ReadNotification,
    ReadPending,
    ReadPlace,
    ReadRegistration,
    ReadSending,
    RecordNotification,
    Refused,
    RenderNotification,
    ScheduleSurvey,
    SendNotification,
    Steps,
    Unknown,
)
from ..mail.notifications import (
    DAILY_LIMITS,
    LINKED,
    WAIT_MAILS,
    Notification,
    NotificationKind,
    NotificationState,
    SentWaitMail,
    ended,
    failed_mail,
    last_sent_as,
    mail_id,
    may_be_sent,
    priority,
    registration_of,
)
from ..model import DeliveryState, Person, RegistrationStatus, Sender, frozen
from ..store import keys
from ..webhooks.events import WebhookEventType
from . import attempts
from .addressing import Addressed, addressed
from .attempts import Attempts, Cannot, Claimed, Policy, Stage
from .pace import heed, wait_for_turn
from .reconcile import Outcome, Worker

MAILBOX_COUNTS = {
    NotificationKind.CONFIRM: Purpose.CONFIRM,
    NotificationKind.NEW_ADDRESS: Purpose.CONFIRM,
    NotificationKind.LINK: Purpose.LINK,
    NotificationKind.FRESH_LINK: Purpose.FRESH,
    NotificationKind.SIGN_IN: Purpose.SIGN_IN,
}
"""What counts against the limits of its recipient's mailbox. WAITING does not: whoever confirmed has read mail there,
and whoever was registered without that was counted then (``registrations.unconfirmed``); nor
does ADDRESS_CHANGED, of which there is one for each address that was confirmed.
"""


@frozen
class Ready:
    """A notification that is about to be sent: as it was read (``seen``), and its ``mail``. ``counted`` is the effect
    that counts it, ``None`` for nothing to count; ``said`` the wait mail that it is, if it is one, and ``upon`` the
    invitation by which that was decided.
    """

    seen: NotificationState
    mail: bytes
    account: str
    counted: CountNotification | None
    upon: Invitation | None
    said: SentWaitMail | None


def dispatch(event_id: str, registration_id: str, notification_id: str, worker: Worker) -> Steps[Outcome]:
    """Send one notification if it is still due; returns the outcome."""
    sending = yield ReadSending()
    seen = yield ReadNotification(event_id=event_id, registration_id=registration_id, notification_id=notification_id)
    if seen is None:
        return Outcome.MISSING
    now = yield Clock()
    if seen.notification is None:
        if seen.due_key is not None:
            yield RecordNotification(notification_state=replace(seen, due_key=None))
        return Outcome.CLEARED
    policy = attempts.mail_policy(worker.times)
    tried = Attempts(failed=seen.attempts, unknown=seen.unknowns, lease_until=seen.lease_until)
    begun = attempts.claim(tried, policy, now, worker.deadline)
    if begun is Cannot.BUSY:
        return Outcome.BUSY
    if sending.stopped(now):
        return Outcome.STOPPED
    if sending.reserved(now) and priority(seen.kind) == INVITATION:
        return Outcome.QUOTA_RESERVED
    if begun is Cannot.EXHAUSTED:
        return (yield from _give_up(seen, DeliveryState.FAILED, Cause.UNANSWERED, "SES never gave an answer"))
    sent = yield from addressed(seen, seen.notification, now)
    if not isinstance(sent, Addressed):
        return (yield from _drop(seen, sent))
    if sent.kind is NotificationKind.REQUESTS:
        pending = yield ReadPending(event_id=event_id)
        if not pending:
            return (yield from _drop(seen))  # all were decided meanwhile
        sent = replace(sent, notification=replace(sent.notification, more=pending))
    notification = sent.notification
    holder_id = "" if sent.holder is None else sent.holder.registration_id
    seen = replace(seen, kind=notification.kind, notification=notification, sent_as=sent.kind, holder_id=holder_id)
    barred = yield from _barred(seen, sent, worker.sender)
    if barred is not None:
        return (yield from _give_up(seen, barred, Cause.BARRED, "the address may not be mailed"))
    if isinstance(begun, Cannot):
        return Outcome.OUT_OF_TIME
    account = "" if sent.event is None else sent.event.account
    counted = _counted(seen, notification, account, now) if sent.kind is not NotificationKind.CANCELLED else None
    until = sending.held_until(account, now) if counted is not None else None
    if until is not None:
        return (yield from _defer(seen, until))
    if not (yield from wait_for_turn(sending, worker.turns, urgent=priority(seen.kind) == URGENT)):
        return Outcome.OUT_OF_TIME
    if not (yield from _mailbox_allows(seen, notification, now)):
        yield Log(what="mailbox limit reached", fields=_log_fields(seen, "it is not sent"))
        return (yield from _drop(seen))
    rendered = yield from _render(seen, sent)
    if isinstance(rendered, str):
        return (yield from _give_up(seen, DeliveryState.FAILED, Cause.UNRENDERABLE, rendered))
    if rendered.plainer:
        yield Log(what="mail made plainer", fields=_log_fields(seen, ", ".join(rendered.plainer)))
    ready = Ready(
        seen=seen,
        mail=rendered.mail,
        account=account,
        counted=counted,
        upon=sent.upon,
        said=sent.said(now, mail_id(seen.notification_id, seen.fence + 1)),
    )
    return (yield from _send(ready, begun, policy, worker, sending))


def _is_new(seen: NotificationState) -> bool:
    """Whether no attempt was made to send it. One that was tried before is not counted again."""
    return not (seen.attempts or seen.unknowns)


def _counted(
    seen: NotificationState, notification: Notification, account: str, now: datetime
) -> CountNotification | None:
    """The effect that counts a notification; ``None`` if it was tried, and so counted, before."""
    if not _is_new(seen):
        return None
    return CountNotification(
        event_id=seen.event_id,
        account=account,
        recipient=notification.recipient.email,
        kind=seen.kind,
        most=DAILY_LIMITS[seen.kind],
        now=now,
    )


def _defer(seen: NotificationState, until: datetime) -> Steps[Outcome]:
    """Look again at ``until``, when the limits allow it."""
    yield RecordNotification(notification_state=replace(seen, due_key=keys.due_key(priority(seen.kind), until)))
    yield Log(what="notification postponed", fields=_log_fields(seen, f"until {until.isoformat()}"))
    return Outcome.DEFERRED


def _mailbox_allows(seen: NotificationState, notification: Notification, now: datetime) -> Steps[bool]:
    """Count the mail for its recipient's mailbox. One that was counted before is not counted again, whether or not it
    was tried: a worker may have died, or had no time left, since.
    """
    purpose = MAILBOX_COUNTS.get(seen.kind)
    if purpose is None or not _is_new(seen):
        return True
    allowed: bool = yield CountMailbox(
        purpose=purpose, email=notification.recipient.email, mail_id=notification.notification_id, now=now
    )
    return allowed


def _drop(seen: NotificationState, instead: SentWaitMail | None = None) -> Steps[Outcome]:
    """Forget a notification that nobody is sent: nothing is left to say, or nobody to say it to. ``instead`` is what
    counts as said by it. If an attempt may have said what is not true any more, it is not known what they believe:
    whatever is true next is mailed.
    """
    possibly = seen.possibly_said
    yield _ended(seen, DeliveryState.NONE, instead or (possibly and replace(possibly, mail=WaitMail.NOTHING)))
    return Outcome.CLEARED


def _ended(seen: NotificationState, state: DeliveryState, said: SentWaitMail | None) -> RecordNotification:
    """Record what became of a notification. ``said`` is the wait mail that was sent, or may have been."""
    return RecordNotification(notification_state=ended(seen, state), said=said)


def _send(ready: Ready, begun: Claimed, policy: Policy, worker: Worker, sending: Sending) -> Steps[Outcome]:
    """Count the notification, claim it, send its mail once, and record the result. Where a limit does not allow it, it
    is postponed.
    """
    seen, counted = ready.seen, ready.counted
    times, urgency = worker.times, priority(seen.kind)
    until = None if counted is None else (yield counted)
    if until is not None:
        return (yield from _defer(seen, until))
    claimed = yield ClaimNotification(
        seen=replace(seen, possibly_said=_possibly(seen, ready.said)),
        lease_until=begun.until,
        due_key=keys.due_key(urgency, begun.until),
        upon=ready.upon,
    )
    now = yield Clock()
    late = attempts.too_late(policy, now, worker.deadline)
    if counted is not None and (claimed is None or late):
        yield replace(counted, more=-1)
    if claimed is None:
        return Outcome.BUSY
    released = replace(claimed, lease_until=None, unknowns=seen.unknowns, possibly_said=seen.possibly_said)
    if late:
        yield RecordNotification(notification_state=replace(released, due_key=keys.due_key(urgency, now)))
        return Outcome.OUT_OF_TIME
    answer = yield SendNotification(notification_state=claimed, mail=ready.mail, account=ready.account)
    now, chance = (yield Clock()), (yield Random())
    after = attempts.outcome(begun, answer, policy, now, chance)
    due_key = keys.due_key(urgency, after.not_before) if after.not_before is not None else None
    if isinstance(answer, Refused):
        yield from heed(answer, sending, times, now, _log_fields(seen, ""))
    match answer:
        case Accepted():
            yield _ended(released, DeliveryState.ACCEPTED, ready.said)
            if ready.said is not None and ready.said.before is not None and not ready.said.before.certain:
                # The organizer may be shown that they were not reached with it.
                yield ScheduleSurvey(event_id=seen.event_id, due_key=keys.due_key(CHANGE, now))
            return Outcome.ACKNOWLEDGED
        case Refused(why=why) if after.stage is Stage.GIVEN_UP:
            return (yield from _give_up(released, DeliveryState.FAILED, why, "SES will never accept it"))
        case Refused():
            yield RecordNotification(notification_state=replace(released, attempts=after.failed, due_key=due_key))
            return Outcome.REFUSED
        case Unknown(why=why):
            yield Log(what="unknown outcome", fields=_log_fields(seen, why))
            # The claim replaced what the attempt before may have said.
            unanswered = replace(claimed, unanswered=claimed.fence, due_key=due_key)
            yield RecordNotification(notification_state=unanswered, said=seen.possibly_said)
            return Outcome.UNKNOWN
    raise TypeError(f"SendNotification was answered with {type(answer).__name__}")


def _possibly(seen: NotificationState, said: SentWaitMail | None) -> SentWaitMail | None:
    """What counts as said if it is not known whether ``said`` left. A mail that was asked for, or is about a decision,
    does not stand for their wait mail then: what is true is mailed. ``None``: it would say what they know.
    """
    if said is None or (said.before and said.before.without_id) == WaitMailed(mail=said.mail, links=said.links):
        return None
    own = seen.kind in WAIT_MAILS and seen.registration_id == said.registration_id
    return replace(said, mail=said.mail if own else WaitMail.NOTHING, certain=False)


def _barred(seen: NotificationState, sent: Addressed, sender: Sender) -> Steps[DeliveryState | None]:
    """The state to give the notification up with, or ``None`` if its recipient may be mailed: FAILED if that is an
    address of this deployment, the state of the stop if it is an attendee's stopped address.
    """
    if not may_be_sent(sent.notification, sender):
        return DeliveryState.FAILED
    whose = sent.holder.registration_id if sent.holder else seen.registration_id
    to_attendee = sent.kind in LINKED or sent.kind is NotificationKind.ADDRESS_CHANGED
    if to_attendee or sent.holder is not None:
        invitation = sent.upon or (yield ReadInvitation(event_id=seen.event_id, registration_id=whose))
        stop = None if invitation is None else invitation.stop_of(sent.notification.recipient.email)
        mail = WaitMail.CANCELLED if sent.kind is NotificationKind.CANCELLED else None
        return stop.state if stop is not None and is_barred(stop, mail) else None
    return None


def _render(seen: NotificationState, sent: Addressed) -> Steps[RenderedMail | str]:
    """The rendered mail, or why it must not be sent. People who were erased meanwhile are not named in it."""
    notification, holder, place = sent.notification, sent.holder, 0
    people: dict[str, Person] = {}
    for one in notification.missed:
        person = yield ReadRegistration(event_id=notification.event_id, registration_id=one.registration_id)
        if person is not None and person.email:
            people[one.registration_id] = Person(name=person.name, email=person.email)
    if holder is not None and holder.status is RegistrationStatus.WAITLISTED:
        place = yield ReadPlace(event_id=holder.event_id, registration_id=holder.registration_id)
    rendered: RenderedMail | str = yield RenderNotification(
        notification_state=seen,
        people=people,
        kind=sent.kind,
        holder=holder,
        place=place,
        cancelled=sent.cancelled,
        links=sent.links,
    )
    return rendered


def _give_up(seen: NotificationState, state: DeliveryState, reason: str, why: str) -> Steps[Outcome]:
    """Give the notification up. ``reason`` is a code of SES's or a ``Cause``; ``why`` is for the log."""
    yield Log(what="notification given up", fields={**_log_fields(seen, why), "reason": reason})
    event = yield from _failure_event(seen, state, reason)
    known = replace(seen, given_up=failed_mail(seen))
    yield replace(_ended(known, state, seen.possibly_said), webhook_event=event)
    return Outcome.FAILED


def _failure_event(seen: NotificationState, state: DeliveryState, reason: str) -> Steps[NewWebhookEvent | None]:
    """The ``notification.failed`` webhook event: ids and codes only. ``None`` for a mail that is not to an attendee, or
    to an address that is stopped, of which was posted that it is; and for one that was given up before.
    """
    whose = registration_of(seen)
    if state is not DeliveryState.FAILED or not whose or seen.given_up == failed_mail(seen):
        return None
    event = yield ReadEvent(event_id=seen.event_id)
    if event is None:
        return None
    data = {
        "event_id": seen.event_id,
        "registration_id": whose,
        "kind": last_sent_as(seen).value,
        "state": state.value,
        "reason": str(reason),
    }
    what = WebhookEventType.NOTIFICATION_FAILED
    return NewWebhookEvent(account=event.account, type=what, data=data, at=(yield Clock()))


def _log_fields(notification_state: NotificationState, why: str) -> dict[str, str]:
    """The log fields of a notification: ids, kind, and ``why``."""
    return {
        "event": notification_state.event_id,
        "notification": notification_state.notification_id,
        "kind": notification_state.kind,
        "why": why,
    }
