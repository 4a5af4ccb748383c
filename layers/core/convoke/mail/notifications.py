"""Notifications, the plain mails beside the invitations: a forwarded mail, a declined proposal, no seat left, a summary
of who was not reached; and what somebody asked for on a page: to confirm their address, their personal link, their
place on the waitlist.

A notification is sent once, and changes no calendar entry. Its id is a hash of what it is about, so that creating it
twice has no effect. All have the header field ``Auto-Submitted`` (RFC 3834), so that programs do not answer them.
"""

from __future__ import annotations

import hashlib
from base64 import b32hexencode
from dataclasses import replace
from datetime import datetime, timedelta
from enum import StrEnum

from ..calendar.content_lines import clean
from ..decision.attention import Attention
from ..decision.decide import CHANGE, INVITATION, URGENT
from ..decision.invitation import WaitMail, WaitMailed
from ..model import (
    DeliveryState,
    LocalTime,
    Participation,
    Person,
    Registration,
    RegistrationStatus,
    Sender,
    When,
    folded,
    frozen,
)

MAX_QUOTED_CHARACTERS = 4000
MAX_QUOTED_LINES = 100
MAX_PEOPLE_LISTED = 100
"""How many people a summary lists; the others are only counted."""


class NotificationKind(StrEnum):
    """What a notification is: of those :data:`TO_ORGANIZER` the recipient is the organizer; of :data:`ASKED_FOR`,
    whoever reads mail to an address that somebody typed into a form; else an attendee.
    """

    FORWARD = "forward"
    REMARK = "remark"
    SUMMARY = "summary"
    REQUESTS = "requests"
    """How many registrations wait for the organizer's decision."""
    PENDING = "pending"
    """That the organizer decides about a registration: what WAITING is sent as to whoever is pending."""
    ACCEPTED = "accepted"
    """That the organizer has accepted a registration: with a word of theirs, or where there is no seat."""
    TURNED_DOWN = "turned-down"
    """That the organizer has not accepted a registration."""
    DECLINE_COUNTER = "decline-counter"
    NO_SEAT = "no-seat"
    CONFIRM = "confirm"
    """To confirm the address of an unconfirmed registration; its ``registration_id`` is the id of that."""
    LINK = "link"
    """The personal link of the registration that the address has."""
    WAITING = "waiting"
    """The place on the waitlist of a registration; or that it is pending."""
    CANCELLED = "cancelled"
    """To somebody who waits: that the event is cancelled, or all the dates of it that they wait for."""
    FRESH_LINK = "fresh-link"
    """A link to the personal page that also opens, for an hour, what a forwarded mail must not open."""
    NEW_ADDRESS = "new-address"
    """To confirm a new address of a registration; its id is that of the change."""
    ADDRESS_CHANGED = "address-changed"
    """To the former address of a registration that has got another one."""
    SIGN_IN = "sign-in"
    """A link to sign in to the console with. It is about no event, and goes to whoever organizes some."""


ASKED_FOR = frozenset(
    {
        *(NotificationKind.CONFIRM, NotificationKind.LINK, NotificationKind.WAITING, NotificationKind.CANCELLED),
        *(NotificationKind.FRESH_LINK, NotificationKind.NEW_ADDRESS, NotificationKind.ADDRESS_CHANGED),
        NotificationKind.SIGN_IN,
    }
)
"""The kinds that anybody can cause, and CANCELLED. Nothing that a visitor typed is in them but the address that they go
to, and what they say is decided when they are sent: so no page has to know who is registered.
"""
NO_EVENT = "none"
"""Stands in the place of the event's id where a notification is about none."""
NOBODY = "nobody"
"""Stands in the place of the registration that a notification is stored with, in its mail's tags, if it has none."""
LINK_WANTED_FOR = timedelta(hours=24)
"""For how long a mail with a personal link is sent after it was asked for; until then its recipient is stored."""
TO_ORGANIZER = frozenset(
    {
        *(NotificationKind.FORWARD, NotificationKind.REMARK, NotificationKind.SUMMARY),
        *(NotificationKind.REQUESTS, NotificationKind.SIGN_IN),
    }
)
"""Those whose recipient is the organizer."""
LINKED = frozenset(
    {
        *(NotificationKind.DECLINE_COUNTER, NotificationKind.NO_SEAT),
        *(NotificationKind.ACCEPTED, NotificationKind.TURNED_DOWN),
    }
)
"""Those whose recipient has a registration: their mails have the personal link."""
DAILY_LIMITS = {
    NotificationKind.FORWARD: 50,
    NotificationKind.REMARK: 500,
    NotificationKind.SUMMARY: 24,
    NotificationKind.REQUESTS: 24,
    # One for each decision of an organizer's.
    NotificationKind.ACCEPTED: 20_000,
    NotificationKind.TURNED_DOWN: 20_000,
    NotificationKind.DECLINE_COUNTER: 500,
    NotificationKind.NO_SEAT: 500,
    # There are brakes before these (``decision.brakes``): they are not held up again.
    **dict.fromkeys((*ASKED_FOR, NotificationKind.PENDING), 100_000),
}
"""How many notifications of a kind are sent for one event in a day (UTC). The rest are sent the next day."""


@frozen
class Counter:
    """A proposal (METHOD:COUNTER, RFC 5546, section 3.2.7) as it was received: its UID and SEQUENCE, and the time that
    it proposed. ``date`` is the original start of the occurrence that it is about, a local time of the event's zone or
    a whole day; ``None`` is the whole event.
    """

    uid: str
    sequence: int
    date: LocalTime | None = None
    proposed: When | None = None


@frozen
class Notification:
    """One notification to one person, with all that its mail is built from. ``written_at`` is UTC.

    ``organizer`` is the human organizer. ``when`` is the event's time; of a series, that of its next date. A FORWARD
    has the ``author`` that its mail *claims* to be from, its ``subject``, and what they wrote (``quoted``). A REMARK
    has an ``author`` and ``quoted``, too, and what they ``answered``. A DECLINE_COUNTER has the ``counter``; its
    ``when`` is the present time. A SUMMARY has the people who were ``missed``, by their registration ids, and how many
    ``more`` there are. An ACCEPTED and a TURNED_DOWN have a word of the organizer's (``quoted``), if there is one;
    ``waits``: who was accepted is on the waitlist. A CANCELLED has the reason (``quoted``), if one was given, and the
    ``dates`` that are cancelled, in order; none if it is the whole event. REQUESTS have ``more`` people who wait, once
    they are sent. Those :data:`ASKED_FOR` have a recipient without a name; they are not sent, nor kept, after ``until``
    (UTC). ``language``, a language tag or empty for English, is the one to write in: an attendee's, the event's for its
    organizer, or the one that somebody asked in.
    """

    notification_id: str
    kind: NotificationKind
    event_id: str
    registration_id: str = ""
    recipient: Person
    organizer: Person
    title: str
    when: When
    author: Person | None = None
    subject: str = ""
    quoted: str = ""
    answered: Participation | None = None
    counter: Counter | None = None
    missed: tuple[Attention, ...] = ()
    more: int = 0
    waits: bool = False
    dates: tuple[When, ...] = ()
    language: str = ""
    until: datetime | None = None
    written_at: datetime


@frozen
class SentWaitMail:
    """A wait mail to one registration, decided ``at`` this instant (UTC), when ``after`` was the highest SEQUENCE of
    its messages, and ``before`` the last wait mail. ``links`` is the counter of its personal links; ``None`` if the
    mail goes to a former address. ``certain``: SES accepted it. ``mail_id`` says which mail it is (:func:`mail_id`).
    """

    registration_id: str
    mail: WaitMail
    links: int | None = None
    at: datetime
    after: int
    before: WaitMailed | None = None
    certain: bool = True
    mail_id: str = ""


@frozen
class NotificationState:
    """A notification and its delivery.

    ``notification`` is ``None`` once it was accepted or given up: only its ``state`` is kept then. ``fence`` is the
    version; ``attempts`` counts failed attempts in a row, ``unknowns`` those whose outcome is unknown;
    ``possibly_said`` is the wait mail that the last of these was, if any. ``unanswered`` is the fence of the claim of
    the last attempt that was recorded though SES had not answered: that it did not, or that the mail was delivered; 0
    for none. ``sent_as`` is what it was last to be sent as, and ``holder_id`` the registration whose address that was,
    if it was looked up; ``given_up`` is of a mail that was given up (:func:`failed_mail`), until SES accepts one.
    ``lease_until`` (UTC) is when its claim ends. ``due_key`` is ``<priority>#<time>`` while it has to be processed,
    else ``None``.
    """

    notification_id: str
    kind: NotificationKind
    event_id: str
    registration_id: str = ""
    notification: Notification | None
    fence: int = 0
    attempts: int = 0
    unknowns: int = 0
    possibly_said: SentWaitMail | None = None
    unanswered: int = 0
    sent_as: NotificationKind | None = None
    holder_id: str = ""
    given_up: str = ""
    lease_until: datetime | None = None
    state: DeliveryState = DeliveryState.PENDING
    due_key: str | None = None


def notification_state(notification: Notification, due_key: str | None = None) -> NotificationState:
    """The state of a new notification."""
    return NotificationState(
        notification_id=notification.notification_id,
        kind=notification.kind,
        event_id=notification.event_id,
        registration_id=notification.registration_id,
        notification=notification,
        due_key=due_key,
    )


def ended(seen: NotificationState, state: DeliveryState) -> NotificationState:
    """What became of a notification: then it is not due, and its content is no longer stored."""
    given_up = "" if state is DeliveryState.ACCEPTED else seen.given_up
    done = replace(seen, notification=None, possibly_said=None, state=state, lease_until=None, due_key=None)
    return replace(done, given_up=given_up)


def registration_of(seen: NotificationState) -> str:
    """The registration whose address a notification goes to; empty if it goes to none."""
    return seen.holder_id or (seen.registration_id if seen.kind in WAIT_MAILS | LINKED else "")


def last_sent_as(seen: NotificationState) -> NotificationKind:
    """What a notification was last to be sent as; its own kind where it has become another mail since, or is new."""
    if seen.sent_as is None or NotificationKind.CANCELLED in (seen.kind, seen.sent_as):
        return seen.kind
    return seen.sent_as


def failed_mail(seen: NotificationState) -> str:
    """A hash of the kind and the address of a mail, so that of one that is given up again and again is posted once."""
    address = "" if seen.notification is None else folded(seen.notification.recipient.email)
    return name(last_sent_as(seen), address)


# --- one function for each kind -----------------------------------------------------------------------------------


WAIT_MAILS = frozenset({NotificationKind.WAITING, NotificationKind.CANCELLED})
"""The kinds of the one notification that each registration has for its wait mails: so none is sent while another is
under way. Mails of other kinds can be wait mails, too (``delivery.addressing``).
"""


def sent_as(mail: WaitMail, holder: Registration) -> NotificationKind:
    """The kind as which ``mail`` is sent to ``holder``."""
    if mail is WaitMail.CANCELLED:
        return NotificationKind.CANCELLED
    return NotificationKind.PENDING if holder.status is RegistrationStatus.PENDING else NotificationKind.WAITING


def becomes(notification: Notification, holder: Registration | None) -> NotificationKind | None:
    """What a notification of the kinds :data:`ASKED_FOR` is sent as, where ``holder`` is the registration that its
    recipient's address has now; ``None``: it is not sent. Of :data:`WAIT_MAILS` only one whose registration was
    never made comes here, since the address was registered before: it is sent as a LINK.
    """
    if notification.kind in (NotificationKind.CONFIRM, NotificationKind.NEW_ADDRESS):
        return notification.kind if holder is None else NotificationKind.LINK
    if notification.kind is NotificationKind.ADDRESS_CHANGED:
        return notification.kind
    if holder is None:
        return None
    if notification.kind is NotificationKind.FRESH_LINK:
        # Who has the address by now is another one: their page is not opened by what this person asked for.
        return notification.kind if holder.registration_id == notification.registration_id else None
    return NotificationKind.LINK


def name(kind: NotificationKind, *about: str) -> str:
    """The id of a notification: 26 characters, a hash of its kind and of what it is about."""
    digest = hashlib.sha256("\n".join((kind, *about)).encode()).digest()
    return b32hexencode(digest[:16]).decode().rstrip("=").lower()


def mail_id(notification_id: str, fence: int) -> str:
    """Which mail it is of those that a notification was sent as: its id, and the ``fence`` of the claim to send it."""
    return f"{notification_id}.{fence}"


def quote(text: str) -> str:
    """``text`` cut to ``MAX_QUOTED_CHARACTERS`` and ``MAX_QUOTED_LINES``, with ``[…]`` at the end if it was cut."""
    kept = clean(text[: 2 * MAX_QUOTED_CHARACTERS]).strip()[:MAX_QUOTED_CHARACTERS].split("\n")[:MAX_QUOTED_LINES]
    whole = len(clean(text).strip()) <= MAX_QUOTED_CHARACTERS and clean(text).strip().count("\n") < MAX_QUOTED_LINES
    return "\n".join(line.rstrip() for line in kept) + ("" if whole else "\n[…]")


def priority(kind: NotificationKind) -> int:
    """The priority (see ``decide.priority``): of CANCELLED that of a cancellation; of a summary, and of a link by which
    an organizer may have to change something, that of a change; else that of an invitation.
    """
    if kind is NotificationKind.CANCELLED:
        return URGENT
    return CHANGE if kind in (NotificationKind.SUMMARY, NotificationKind.SIGN_IN) else INVITATION


def may_be_sent(notification: Notification, sender: Sender) -> bool:
    """Whether the recipient is not the sender's own address: such a mail would be received and forwarded again."""
    return folded(notification.recipient.email) != folded(sender.address)
