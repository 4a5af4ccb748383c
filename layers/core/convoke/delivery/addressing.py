"""Decides, by what is true when a notification is sent, of which kind it is, to whom it goes, and whether it is a wait
mail. All instants are UTC.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

from ..decision.decide import Snapshot, over
from ..decision.invitation import Invitation, WaitMail, WaitMailed
from ..decision.waiting import WAITING, is_cancelled, mailed_last, missing_wait_mail, true_wait_mail
from ..effects import ReadEvent, ReadHolder, ReadOrganized, Steps
from ..links.tokens import AFTER_THE_EVENT
from ..mail.new_notifications import about_cancellation, their_next, wait_notification
from ..mail.notifications import (
    ASKED_FOR,
    LINKED,
    WAIT_MAILS,
    Notification,
    NotificationKind,
    NotificationState,
    SentWaitMail,
    becomes,
    sent_as,
)
from ..model import Event, Registration, RegistrationStatus, frozen
from .reconcile import read_snapshot


@frozen
class Addressed:
    """A notification as it is sent, to the address that its recipient has now. ``kind`` is what it is sent as;
    ``holder``, of most kinds :data:`ASKED_FOR`, the registration that has this address. ``event`` is its event, if it
    is about one. ``wait_mail`` is the wait mail that it is, if it is one: a link or an acceptance can be one, too;
    ``upon`` the invitation by which that was decided. ``links``, of the kinds :data:`LINKED`, is the counter of the
    recipient's personal links. ``cancelled``: it says that what its recipient registered for does not take place: a
    CANCELLED, or a LINK, also of an event that is a draft again.
    """

    notification: Notification
    kind: NotificationKind
    holder: Registration | None = None
    event: Event | None = None
    wait_mail: WaitMail | None = None
    upon: Invitation | None = None
    links: int | None = None
    cancelled: bool = False

    def said(self, now: datetime, mail_id: str) -> SentWaitMail | None:
        """What is recorded of it as a wait mail; ``None`` if it is none. ``mail_id`` says which mail it is."""
        if self.wait_mail is None or self.upon is None:
            return None
        holder = self.holder
        return SentWaitMail(
            registration_id=self.notification.registration_id if holder is None else holder.registration_id,
            mail=self.wait_mail,
            links=self.links if holder is None else holder.links,
            at=now,
            after=self.upon.allocated,
            before=self.upon.wait_mail,
            mail_id=mail_id,
        )


def addressed(
    seen: NotificationState, notification: Notification, now: datetime
) -> Steps[Addressed | SentWaitMail | None]:
    """What the notification is sent as at ``now``; else nothing is sent any more, and a :class:`SentWaitMail` is what
    counts as sent instead.
    """
    sent = yield from _sent_as(seen, notification, now)
    if not isinstance(sent, Addressed) or sent.event is not None:
        return sent
    if sent.kind is NotificationKind.LINK and sent.holder is not None:
        return (yield from _link(sent, sent.holder, now))
    event: Event | None = yield ReadEvent(event_id=seen.event_id)
    return replace(sent, event=event)


def _link(sent: Addressed, holder: Registration, now: datetime) -> Steps[Addressed | None]:
    """The link of ``holder``, which says whether they wait, and that it is cancelled; ``None`` if they have another
    address by now, or were erased.
    """
    snapshot, _ = yield from read_snapshot(holder.event_id, holder.registration_id)
    if snapshot is None or snapshot.registration.email != holder.email:
        return None
    person, event = snapshot.registration, snapshot.event
    mail, cancelled = replace(sent.notification, when=their_next(event, person, now)), is_cancelled(event, person, now)
    sent = replace(sent, notification=mail, holder=person, event=event, cancelled=cancelled)
    if person.status in WAITING:
        says = WaitMail.CANCELLED if cancelled else WaitMail.PLACE
        sent = replace(sent, wait_mail=says, upon=snapshot.invitation)
    if not cancelled:
        return sent
    return replace(sent, notification=about_cancellation(mail, event, person, now))


def _sent_as(
    seen: NotificationState, notification: Notification, now: datetime
) -> Steps[Addressed | SentWaitMail | None]:
    """What the notification is sent as; its event only where that is needed to know it."""
    if notification.until is not None and now >= notification.until:
        return None
    if notification.kind in LINKED:
        return (yield from _to_attendee(notification, now))
    if notification.kind not in ASKED_FOR:
        return Addressed(notification=notification, kind=notification.kind)
    if notification.kind is NotificationKind.SIGN_IN:
        return (yield from _to_organizer(notification, now))
    if notification.kind in WAIT_MAILS:
        snapshot, _ = yield from read_snapshot(seen.event_id, seen.registration_id)
        if snapshot is not None:
            return _wait_mail(seen, notification, snapshot, now)
    holder = yield ReadHolder(event_id=notification.event_id, email=notification.recipient.email)
    kind = becomes(notification, holder)
    if kind is None:
        return None
    # As the address was registered, not as it was typed now: ``BO@`` may be another mailbox than ``bo@``.
    return Addressed(
        notification=notification if holder is None else _to(notification, holder.email), kind=kind, holder=holder
    )


def _to_attendee(notification: Notification, now: datetime) -> Steps[Addressed | SentWaitMail | None]:
    """What an attendee is sent of a decision about them. ``None`` if it is not true any more: what is true is in their
    invitation, or in a wait mail, which has to follow (:class:`SentWaitMail`) where this would have been one.
    """
    snapshot, _ = yield from read_snapshot(notification.event_id, notification.registration_id)
    if snapshot is None or not snapshot.registration.email:
        return None
    person, event = snapshot.registration, snapshot.event
    comes, waits = person.status is RegistrationStatus.REGISTERED, person.status is RegistrationStatus.WAITLISTED
    match notification.kind:
        case NotificationKind.ACCEPTED:
            true, says = waits or (comes and bool(notification.quoted)), True
        case NotificationKind.NO_SEAT:
            true, says = waits, True
        case NotificationKind.TURNED_DOWN:
            true, says = person.status is RegistrationStatus.CANCELLED, False
        case _:
            true, says = True, False
    if not true or (says and over(event, now)):
        return None
    if says and is_cancelled(event, person, now):
        due = waits and mailed_last(snapshot) is not WaitMail.CANCELLED
        nothing = SentWaitMail(
            registration_id=person.registration_id, mail=WaitMail.NOTHING, at=now, after=snapshot.invitation.allocated
        )
        return nothing if due else None
    return Addressed(
        notification=_to(replace(notification, waits=waits), person.email),
        kind=notification.kind,
        event=event,
        wait_mail=WaitMail.PLACE if says and waits else None,
        upon=snapshot.invitation if says else None,
        links=person.links,
    )


def _to(notification: Notification, email: str) -> Notification:
    return replace(notification, recipient=replace(notification.recipient, email=email))


def _to_organizer(notification: Notification, now: datetime) -> Steps[Addressed | None]:
    """A link to sign in is for whoever organizes an event that is not long over."""
    event = yield ReadOrganized(email=notification.recipient.email, since=now - AFTER_THE_EVENT)
    if event is None:
        return None
    return Addressed(notification=_to(notification, event.organizer.email), kind=notification.kind, event=event)


def _wait_mail(
    seen: NotificationState, notification: Notification, snapshot: Snapshot, now: datetime
) -> Addressed | None:
    """The wait mail that is true; ``None`` if it is the one that the address was sent last. A change before the claim
    makes that fail; a later one is looked at by the wake-up that is written with the result.
    """
    true, holder = true_wait_mail(snapshot, now), snapshot.registration
    known = not seen.unknowns or _was_only_repeated(snapshot.invitation.wait_mail, seen.possibly_said)
    if true is None or (true is mailed_last(snapshot) and known):
        return None
    is_missing = missing_wait_mail(snapshot, now) is not None
    if snapshot.invitation.wait_mail is None and not is_missing and holder.status not in WAITING:
        return None  # they know more by a message that has left since
    worded = replace(wait_notification(snapshot.event, holder, true, now), written_at=notification.written_at)
    return Addressed(
        notification=worded,
        kind=sent_as(true, holder),
        holder=holder,
        event=snapshot.event,
        wait_mail=true,
        upon=snapshot.invitation,
        cancelled=true is WaitMail.CANCELLED,
    )


def _was_only_repeated(last: WaitMailed | None, possibly: SentWaitMail | None) -> bool:
    """Whether SES accepted the last wait mail, and the last attempt with an unknown outcome said the same. It was
    decided before ``last`` was recorded: else another attempt, between the two, may have said something else.
    """
    if last is None or possibly is None or not last.certain:
        return False
    same = (last.mail, last.links) == (possibly.mail, possibly.links)
    return same and (possibly.before is None or possibly.before.mail_id != last.mail_id)
