"""What a notification is sent as, and to whom, by what is true when it is sent; and what its mail says of somebody's
waiting. All instants are UTC.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

from ..calendar.content_lines import one_line
from ..decision.decide import Snapshot
from ..decision.invitation import Invitation, WaitMail
from ..decision.waiting import WAITING, mailed_last, takes_place, wait_mail
from ..effects import ReadEvent, ReadHolder, ReadOrganized, ReadRegistration, Steps
from ..links.tokens import AFTER_THE_EVENT
from ..mail.notifications import (
    ASKED_FOR,
    LINKED,
    OF_WAITING,
    Notification,
    NotificationKind,
    NotificationState,
    SaidOfWaiting,
    becomes,
    of_waiting,
    sent_as,
)
from ..model import Event, Registration, frozen
from .reconcile import links_for, read_snapshot


@frozen
class Addressed:
    """A notification as it is sent, to the address of its recipient as it is now. ``kind`` is what it is sent as, and
    ``holder`` the registration that the recipient's address has, of a notification that asks for it. ``event`` is its
    event, of one that has any. One that says whether the holder waits is decided ``upon`` their invitation. ``links``
    is the counter of the recipient's personal links, of the kinds :data:`LINKED`; ``None`` if the registration has
    another address.
    """

    notification: Notification
    kind: NotificationKind
    holder: Registration | None = None
    event: Event | None = None
    upon: Invitation | None = None
    links: int | None = None

    @property
    def called_off(self) -> bool:
        """Whether it says that the event does not take place."""
        cancelled = self.event is not None and not takes_place(self.event.status)
        return self.kind is NotificationKind.CALLED_OFF or (self.kind is NotificationKind.LINK and cancelled)

    def said(self, now: datetime) -> SaidOfWaiting | None:
        """What the mail says of somebody's waiting; ``None``: nothing."""
        notification, holder = self.notification, self.holder
        match self.kind:
            case NotificationKind.CALLED_OFF | NotificationKind.WAITING | NotificationKind.PENDING:
                says = True
            case NotificationKind.LINK:
                says = holder is not None and holder.status in WAITING
            case NotificationKind.ACCEPTED:
                says = notification.waits
            case kind:
                says = kind is NotificationKind.NO_SEAT
        if not says:
            return None
        return SaidOfWaiting(
            registration_id=notification.registration_id if holder is None else holder.registration_id,
            mail=WaitMail.CALLED_OFF if self.called_off else WaitMail.PLACE,
            links=self.links if holder is None else holder.links,
            at=now,
        )


def addressed(seen: NotificationState, notification: Notification, now: datetime) -> Steps[Addressed | None]:
    """What the notification is sent as at ``now``; ``None``: nothing is sent any more."""
    sent = yield from _sent_as(seen, notification, now)
    if sent is None or sent.event is not None:
        return sent
    event: Event | None = yield ReadEvent(event_id=seen.event_id)
    sent = replace(sent, event=event)
    if event is None or sent.kind is not NotificationKind.LINK or not sent.called_off:
        return sent
    return replace(sent, notification=replace(sent.notification, quoted=one_line(event.reason)))


def _sent_as(seen: NotificationState, notification: Notification, now: datetime) -> Steps[Addressed | None]:
    """The same, where no event need have been read."""
    if notification.until is not None and now >= notification.until:
        return None
    if notification.kind not in ASKED_FOR:
        links = (yield from _links(notification)) if notification.kind in LINKED else None
        return Addressed(notification=notification, kind=notification.kind, links=links)
    if notification.kind is NotificationKind.SIGN_IN:
        return (yield from _to_organizer(notification, now))
    if notification.kind in OF_WAITING:
        snapshot, _ = yield from read_snapshot(seen.event_id, seen.registration_id)
        if snapshot is not None:
            return _to_who_waits(seen, notification, snapshot, now)
    holder = yield ReadHolder(event_id=notification.event_id, email=notification.recipient.email)
    kind = becomes(notification, holder)
    if kind is None:
        return None
    # As the address was registered, not as it was typed now: ``BO@`` may be another mailbox than ``bo@``.
    return Addressed(
        notification=notification if holder is None else _to(notification, holder.email), kind=kind, holder=holder
    )


def _links(notification: Notification) -> Steps[int | None]:
    """The counter of the personal links of the registration that the notification is about; ``None`` if that has
    another address by now.
    """
    ids = {"event_id": notification.event_id, "registration_id": notification.registration_id}
    whose: Registration | None = yield ReadRegistration(**ids)
    return None if whose is None else links_for(whose, notification.recipient.email)


def _to(notification: Notification, email: str) -> Notification:
    return replace(notification, recipient=replace(notification.recipient, email=email))


def _to_organizer(notification: Notification, now: datetime) -> Steps[Addressed | None]:
    """A link to sign in is for whoever organizes an event that is not long over."""
    event = yield ReadOrganized(email=notification.recipient.email, since=now - AFTER_THE_EVENT)
    if event is None:
        return None
    return Addressed(notification=_to(notification, event.organizer.email), kind=notification.kind, event=event)


def _to_who_waits(
    seen: NotificationState, notification: Notification, snapshot: Snapshot, now: datetime
) -> Addressed | None:
    """What is true of somebody's waiting; nothing is sent of what was said last. What changes before the claim refuses
    it, and what changes later is looked at by the wake-up that comes with the result.
    """
    true, holder = wait_mail(snapshot, now), snapshot.registration
    kind = sent_as(true, holder)
    if true is None or kind is None or (true is mailed_last(snapshot) and not seen.unknowns):
        return None
    worded = replace(of_waiting(snapshot.event, holder, true, now), written_at=notification.written_at)
    return Addressed(notification=worded, kind=kind, holder=holder, event=snapshot.event, upon=snapshot.invitation)
