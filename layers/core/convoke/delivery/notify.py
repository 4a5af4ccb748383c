"""Sends one notification: read, claim, send once, record.

Simpler than ``reconcile``: notifications have no order, and none is replaced by a newer one. Each is sent once, and a
second time only if it is unknown whether the first attempt succeeded. What somebody is mailed of their waiting is one
notification, which says what is true when it is sent, and is made due again when that changes (``waiting``). All
instants are UTC.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

from ..decision.brakes import Purpose
from ..decision.calendar_state import RenderedMail
from ..decision.decide import INVITATION, URGENT
from ..decision.invitation import Cause, Invitation, Sending, WaitMail
from ..decision.waiting import WAITING, is_barred, takes_place, wait_mail
from ..effects import (
    Accepted,
    ClaimNotification,
    Clock,
    CountMailbox,
    CountNotification,
    Log,
    Random,
    ReadEvent,
    ReadHolder,
    ReadInvitation,
    ReadNotification,
    ReadOrganized,
    ReadPending,
    ReadPlace,
    ReadRegistration,
    ReadSending,
    RecordNotification,
    Refused,
    RenderNotification,
    SaidOfWaiting,
    SendNotification,
    Steps,
    Unknown,
)
from ..links.tokens import AFTER_THE_EVENT
from ..mail.notifications import (
    ASKED_FOR,
    DAILY_LIMITS,
    LINKED,
    OF_WAITING,
    Notification,
    NotificationKind,
    NotificationState,
    becomes,
    may_be_sent,
    of_waiting,
    priority,
    sent_as,
)
from ..model import DeliveryState, Event, Person, Registration, RegistrationStatus, Sender, frozen
from ..store import keys
from . import attempts
from .attempts import Attempts, Cannot, Claimed, Policy, Stage
from .pace import heed, wait_for_turn
from .reconcile import Outcome, Worker, links_for, read_snapshot

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
class Addressed:
    """What a notification is sent as, and the registration that its recipient's address has, if it has one. Of one that
    is about no event, ``account`` is the one that it is counted for, and ``organizer`` the address
    that an event has. One that says whether the holder waits is decided ``upon`` their invitation, and is worded anew.
    """

    kind: NotificationKind
    holder: Registration | None = None
    upon: Invitation | None = None
    worded: Notification | None = None
    account: str = ""
    organizer: str = ""

    @property
    def waits(self) -> bool:
        """Whether whoever has the address waits for a seat, or for a decision."""
        return self.holder is not None and self.holder.status in WAITING


def dispatch(event_id: str, registration_id: str, notification_id: str, worker: Worker) -> Steps[Outcome]:
    """Send one notification if it is still due; returns the outcome."""
    sending = yield ReadSending()
    seen = yield ReadNotification(event_id=event_id, registration_id=registration_id, notification_id=notification_id)
    if seen is None:
        return Outcome.MISSING
    now, times = (yield Clock()), worker.times
    if seen.notification is None:
        yield RecordNotification(notification_state=replace(seen, due_key=None))
        return Outcome.CLEARED
    policy = attempts.mail_policy(times)
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
    addressed = yield from _addressed(seen, seen.notification, now)
    if addressed is None:
        return (yield from _drop(seen))
    notification = _to_holder(addressed.worded or seen.notification, addressed)
    if notification.kind is NotificationKind.REQUESTS:
        notification = replace(notification, more=(yield ReadPending(event_id=event_id)))
        if not notification.more:
            return (yield from _drop(seen))  # all were decided meanwhile
    seen = replace(seen, kind=notification.kind, notification=notification)
    barred = yield from _barred(seen, notification, addressed, worker.sender)
    if barred is not None:
        return (yield from _give_up(seen, barred, Cause.BARRED, "the address may not be mailed"))
    if isinstance(begun, Cannot):
        return Outcome.OUT_OF_TIME
    event: Event | None = yield ReadEvent(event_id=event_id)
    account = event.account if event is not None else addressed.account
    counted = _counted(seen, notification, account, now) if addressed.kind is not NotificationKind.CALLED_OFF else None
    until = sending.held_until(account, now) if counted is not None else None
    if until is not None:
        return (yield from _defer(seen, until))
    if not (yield from wait_for_turn(sending, worker.turns, urgent=priority(seen.kind) == URGENT)):
        return Outcome.OUT_OF_TIME
    if not (yield from _mailbox_allows(seen, notification, now)):
        yield Log(what="mailbox limit reached", fields=_log_fields(seen, "it is not sent"))
        return (yield from _drop(seen))
    called_off = addressed.kind is NotificationKind.CALLED_OFF or (
        addressed.kind is NotificationKind.LINK and event is not None and not takes_place(event.status)
    )
    rendered = yield from _render(seen, notification, addressed, called_off=called_off)
    if isinstance(rendered, str):
        return (yield from _give_up(seen, DeliveryState.FAILED, Cause.UNRENDERABLE, rendered))
    said = _said(notification, addressed, called_off=called_off, now=now)
    if rendered.plainer:
        yield Log(what="mail made plainer", fields=_log_fields(seen, ", ".join(rendered.plainer)))
    return (
        yield from _send(seen, counted, rendered.mail, account, begun, policy, worker, sending, addressed.upon, said)
    )


def _is_new(seen: NotificationState) -> bool:
    """Whether nobody has tried to send it: one that was tried before is not counted again."""
    return not (seen.attempts or seen.unknowns)


def _counted(
    seen: NotificationState, notification: Notification, account: str, now: datetime
) -> CountNotification | None:
    """What is counted of a notification, where the limits allow it; ``None``: nothing, it was tried before."""
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


def _addressed(seen: NotificationState, notification: Notification, now: datetime) -> Steps[Addressed | None]:
    """What the notification is sent as at ``now`` (UTC); ``None``: nothing is sent any more."""
    if notification.until is not None and now >= notification.until:
        return None
    if notification.kind not in ASKED_FOR:
        return Addressed(kind=notification.kind)
    if notification.kind is NotificationKind.SIGN_IN:
        return (yield from _organizer(notification, now))
    holder = yield ReadHolder(event_id=notification.event_id, email=notification.recipient.email)
    if notification.kind in OF_WAITING and holder is not None and holder.registration_id == seen.registration_id:
        return (yield from _waiting(seen, notification, now))
    kind = becomes(notification, holder)
    return None if kind is None else Addressed(kind=kind, holder=holder)


def _waiting(seen: NotificationState, notification: Notification, now: datetime) -> Steps[Addressed | None]:
    """What is true of the waiting of whoever the notification is to; nothing is sent of what was said last. What
    changes before the claim refuses it, and what changes later is looked at by the wake-up that comes with the result.
    """
    snapshot, _ = yield from read_snapshot(seen.event_id, seen.registration_id)
    if snapshot is None:
        return None
    invitation, holder = snapshot.invitation, snapshot.registration
    true = wait_mail(snapshot, now)
    kind = sent_as(true, holder)
    if true is None or kind is None or (true is invitation.wait_mail and not seen.unknowns):
        return None
    worded = replace(of_waiting(snapshot.event, holder, true, now), written_at=notification.written_at)
    return Addressed(kind=kind, holder=holder, upon=invitation, worded=worded)


def _said(notification: Notification, addressed: Addressed, *, called_off: bool, now: datetime) -> SaidOfWaiting | None:
    """What the mail says of somebody's waiting; ``None``: nothing."""
    match addressed.kind:
        case NotificationKind.CALLED_OFF | NotificationKind.WAITING | NotificationKind.PENDING:
            says = True
        case NotificationKind.LINK:
            says = addressed.waits
        case NotificationKind.ACCEPTED:
            says = notification.waits
        case kind:
            says = kind is NotificationKind.NO_SEAT
    whose = notification.registration_id if addressed.holder is None else addressed.holder.registration_id
    mail = WaitMail.CALLED_OFF if called_off else WaitMail.PLACE
    return SaidOfWaiting(event_id=notification.event_id, registration_id=whose, mail=mail, at=now) if says else None


def _organizer(notification: Notification, now: datetime) -> Steps[Addressed | None]:
    """A link to sign in is for whoever organizes an event that is not long over."""
    event = yield ReadOrganized(email=notification.recipient.email, since=now - AFTER_THE_EVENT)
    if event is None:
        return None
    return Addressed(kind=notification.kind, account=event.account, organizer=event.organizer.email)


def _to_holder(notification: Notification, addressed: Addressed) -> Notification:
    """To the address as it was registered, not as it was typed now: ``BO@`` may be another mailbox than ``bo@``."""
    email = addressed.organizer if addressed.holder is None else addressed.holder.email
    if not email:
        return notification
    return replace(notification, recipient=replace(notification.recipient, email=email))


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


def _drop(seen: NotificationState) -> Steps[Outcome]:
    """Forget a notification that nobody is sent: nothing is left to say, or nobody to say it to."""
    yield _ended(seen, DeliveryState.NONE)
    return Outcome.CLEARED


def _ended(seen: NotificationState, state: DeliveryState, said: SaidOfWaiting | None = None) -> RecordNotification:
    """Record what became of a notification: then it is not due, and its content is no longer stored."""
    ended = replace(seen, notification=None, state=state, lease_until=None, due_key=None)
    return RecordNotification(notification_state=ended, said=said)


def _send(
    seen: NotificationState,
    counted: CountNotification | None,
    mail: bytes,
    account: str,
    begun: Claimed,
    policy: Policy,
    worker: Worker,
    sending: Sending,
    upon: Invitation | None,
    said: SaidOfWaiting | None,
) -> Steps[Outcome]:
    """Claim the notification, once it is ``counted`` where the limits allow it, send its mail once, and record the
    result.
    """
    times, urgency = worker.times, priority(seen.kind)
    until = None if counted is None else (yield counted)
    if until is not None:
        return (yield from _defer(seen, until))
    claimed = yield ClaimNotification(
        seen=seen, lease_until=begun.until, due_key=keys.due_key(urgency, begun.until), upon=upon
    )
    now = yield Clock()
    late = attempts.too_late(policy, now, worker.deadline)
    if counted is not None and (claimed is None or late):
        yield replace(counted, more=-1)
    if claimed is None:
        return Outcome.BUSY
    released = replace(claimed, lease_until=None, unknowns=seen.unknowns)
    if late:
        yield RecordNotification(notification_state=replace(released, due_key=keys.due_key(urgency, now)))
        return Outcome.OUT_OF_TIME
    answer = yield SendNotification(notification_state=claimed, mail=mail, account=account)
    now, chance = (yield Clock()), (yield Random())
    after = attempts.outcome(begun, answer, policy, now, chance)
    due_key = keys.due_key(urgency, after.not_before) if after.not_before is not None else None
    if isinstance(answer, Refused):
        yield from heed(answer, sending, times, now, _log_fields(seen, ""))
    match answer:
        case Accepted():
            yield _ended(released, DeliveryState.ACCEPTED, said)
            return Outcome.ACKNOWLEDGED
        case Refused(why=why) if after.stage is Stage.GIVEN_UP:
            return (yield from _give_up(released, DeliveryState.FAILED, why, "SES will never accept it"))
        case Refused():
            yield RecordNotification(notification_state=replace(released, attempts=after.failed, due_key=due_key))
            return Outcome.REFUSED
        case Unknown(why=why):
            yield Log(what="unknown outcome", fields=_log_fields(seen, why))
            yield RecordNotification(notification_state=replace(claimed, due_key=due_key))
            return Outcome.UNKNOWN
    raise TypeError(f"SendNotification was answered with {type(answer).__name__}")


def _barred(
    seen: NotificationState, notification: Notification, addressed: Addressed, sender: Sender
) -> Steps[DeliveryState | None]:
    """The state to give the notification up with, or ``None`` if its recipient may be mailed: FAILED if that is an
    address of this deployment, the state of the stop if it is an attendee's stopped address.
    """
    if not may_be_sent(notification, sender):
        return DeliveryState.FAILED
    whose = addressed.holder.registration_id if addressed.holder else seen.registration_id
    to_attendee = addressed.kind in LINKED or addressed.kind is NotificationKind.ADDRESS_CHANGED
    if to_attendee or addressed.holder is not None:
        invitation = addressed.upon or (yield ReadInvitation(event_id=seen.event_id, registration_id=whose))
        stop = None if invitation is None else invitation.stop_of(notification.recipient.email)
        mail = WaitMail.CALLED_OFF if addressed.kind is NotificationKind.CALLED_OFF else None
        return stop.state if stop is not None and is_barred(stop, mail) else None
    return None


def _render(
    seen: NotificationState, notification: Notification, addressed: Addressed, *, called_off: bool
) -> Steps[RenderedMail | str]:
    """The rendered mail, or why it must not be sent. People who were erased meanwhile are not named in it."""
    people: dict[str, Person] = {}
    for one in notification.missed:
        person = yield ReadRegistration(event_id=notification.event_id, registration_id=one.registration_id)
        if person is not None and person.email:
            people[one.registration_id] = Person(name=person.name, email=person.email)
    holder, place = addressed.holder, 0
    if holder is not None and holder.status is RegistrationStatus.WAITLISTED:
        place = yield ReadPlace(event_id=holder.event_id, registration_id=holder.registration_id)
    links: int | None = None
    if notification.kind in LINKED:
        whose = yield ReadRegistration(event_id=notification.event_id, registration_id=notification.registration_id)
        links = None if whose is None else links_for(whose, notification.recipient.email)
    rendered: RenderedMail | str = yield RenderNotification(
        notification_state=seen,
        people=people,
        kind=addressed.kind,
        holder=holder,
        place=place,
        called_off=called_off,
        links=links,
    )
    return rendered


def _give_up(notification_state: NotificationState, state: DeliveryState, reason: str, why: str) -> Steps[Outcome]:
    """Give the notification up. ``reason`` is a code of SES's or a ``Cause``; ``why`` is for the log."""
    yield Log(what="notification given up", fields={**_log_fields(notification_state, why), "reason": reason})
    said = yield from _possibly_said(notification_state)
    yield _ended(notification_state, state, said)
    return Outcome.FAILED


def _possibly_said(seen: NotificationState) -> Steps[SaidOfWaiting | None]:
    """What a notification said of somebody's waiting, if an attempt may have succeeded; ``None``: nothing."""
    if not seen.unknowns or seen.kind not in OF_WAITING:
        return None
    mail = WaitMail.CALLED_OFF if seen.kind is NotificationKind.CALLED_OFF else WaitMail.PLACE
    return SaidOfWaiting(event_id=seen.event_id, registration_id=seen.registration_id, mail=mail, at=(yield Clock()))


def _log_fields(notification_state: NotificationState, why: str) -> dict[str, str]:
    """The log fields of a notification: ids, kind, and ``why``."""
    return {
        "event": notification_state.event_id,
        "notification": notification_state.notification_id,
        "kind": notification_state.kind,
        "why": why,
    }
