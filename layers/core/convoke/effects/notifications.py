"""Effects that read, claim, render and send notifications: the plain mails beside the invitations.

Writes are conditional on the notification's ``fence``, and raise it by one. All instants are UTC.
"""

from __future__ import annotations

from datetime import datetime

from ..decision.brakes import Purpose
from ..decision.invitation import Invitation
from ..mail.notifications import Notification, NotificationKind, NotificationState, SentWaitMail
from ..model import Person, Registration, frozen
from .base import Effect, OfEvent, OfRegistration
from .invitations import NewWebhookEvent


@frozen
class ReadNotification(OfRegistration):
    """Read one notification. Answer: ``NotificationState``, or ``None`` if there is none."""

    notification_id: str


@frozen
class CountNotification(OfEvent):
    """Count a notification of ``account`` (``""``: of none) to the address ``recipient`` at ``now``, where fewer than
    ``most`` of its ``kind`` were counted for the event on that day (UTC), and the account's limit of mails to one
    address allows it. ``more`` is -1 to take the count back.

    Answer: ``None`` if it may be sent, else when it may be (UTC); then nothing is counted.
    """

    account: str
    recipient: str
    kind: NotificationKind
    most: int
    now: datetime
    more: int = 1


@frozen
class ReadHolder(OfEvent):
    """Read the registration of an event that has this address now. Answer: ``Registration``, or ``None``."""

    email: str


@frozen
class ReadOrganized(Effect):
    """Read an event, of any account, whose organizer has this address and which ends after ``since`` (UTC).

    Answer: ``Event``, or ``None`` if there is none.
    """

    email: str
    since: datetime


@frozen
class ReadPlace(OfRegistration):
    """Read how many are on the waitlist of an event up to this registration, itself included. Answer: ``int``."""


@frozen
class ReadPending(OfEvent):
    """Read how many registrations of an event wait for the organizer's decision, 0 if it is closed. Answer: ``int``."""


@frozen
class CountMailbox(Effect):
    """Count one mail to the mailbox of an address that anybody may have typed, at ``now`` (UTC).

    Condition: the mails of this purpose in the last hour and in the last day are fewer than its limits. Answer:
    ``bool``, whether the mail with this ``mail_id`` is counted, now or before.
    """

    purpose: Purpose
    email: str
    mail_id: str
    now: datetime


@frozen
class ClaimNotification(Effect):
    """Take the exclusive right to send the notification until ``lease_until``; look again at ``due_key``.

    Condition: the fence is that of ``seen``, and nobody wrote to the invitation ``upon`` since it was read, if one is
    given: what a wait mail says was decided by it. Answer: the claimed ``NotificationState``, or ``None``.

    Until its result is recorded, the attempt counts as one with an unknown outcome.
    """

    seen: NotificationState
    lease_until: datetime
    due_key: str
    upon: Invitation | None = None


@frozen
class RecordNotification(Effect):
    """Write ``notification_state``; one that was sent or given up is kept without the notification's content.

    ``said`` is the wait mail that was sent, or may have been. It is written to the invitation in the same transaction,
    with a wake-up, so that what has changed while it was sent is looked at; ``webhook_event`` to the outbox.

    Condition: its fence is the one that was read. Answer: ``bool``, whether it was written.
    """

    notification_state: NotificationState
    said: SentWaitMail | None = None
    webhook_event: NewWebhookEvent | None = None


@frozen
class RenderNotification(Effect):
    """Build the notification's mail and check it by parsing it back. ``people`` are those that it names, by
    registration id. One of the kinds ``ASKED_FOR`` is written as ``kind``; it has the personal link of ``holder``,
    whose ``place`` on the waitlist is 0 where they are not on it; ``cancelled``: it says that what they registered for
    does not take place. For others ``links`` is the counter of the personal links of the recipient's registration;
    ``None`` if it has none.

    Answer: ``RenderedMail``, or a ``str`` that says why the mail must not be sent.
    """

    notification_state: NotificationState
    people: dict[str, Person]
    kind: NotificationKind
    holder: Registration | None
    place: int
    cancelled: bool
    links: int | None


@frozen
class SendNotification(Effect):
    """Make one attempt to send ``mail``, a MIME message, through SES; ``account`` is the one that it is counted for.

    Answer: ``Accepted``, ``Refused`` or ``Unknown``.
    """

    notification_state: NotificationState
    mail: bytes
    account: str


@frozen
class AddNotification(Effect):
    """Store a notification as due now. Condition: nobody wrote to the invitation ``upon`` that was read, if any.

    Answer: ``bool``, whether it is new (its id was not stored before).
    """

    notification: Notification
    upon: Invitation | None = None
