"""What anybody may ask for on the pages: it is counted first, and what comes of it is a mail."""

from __future__ import annotations

from datetime import datetime

from ..decision import brakes
from ..decision.brakes import Purpose
from ..effects import NotificationHint
from ..links.signing_in import VALID_FOR
from ..mail.new_notifications import sign_in
from ..mail.notifications import Notification
from ..model import Event, frozen
from ..store import keys
from ..store.store import Store
from ..store.writes import Action
from .registry import TooMany


@frozen
class Asked:
    """Something was asked for, and the mail that comes of it, if any does, is due; ``hint`` has it sent at once."""

    hint: NotificationHint | None


def counted(
    store: Store, purpose: Purpose, event: Event, *, unconfirmed_mails: int = 0, source_ip: str, now: datetime
) -> TooMany | None:
    """Count one request from ``source_ip``; ``unconfirmed_mails`` is what the account allows in a day, where one is to
    be mailed. :class:`TooMany` says until when a network, the event or the account has to wait.
    """
    until = store.brakes.count(
        purpose,
        source_ip=source_ip,
        event_id=event.event_id,
        account=event.account,
        most_in_account=brakes.account(purpose, unconfirmed_mails),
        now=now,
    )
    return None if until is None else TooMany(until=until)


def mailed(store: Store, mail: Notification, now: datetime, **also: Action) -> Asked:
    """Have ``mail`` sent, with the actions ``also`` in the same transaction."""
    store.attempt({**also, "notification": store.notifications.schedule_action(mail, now)})
    return Asked(hint=NotificationHint.of(mail))


def send_sign_in_link(
    store: Store, email: str, *, source_ip: str, language: str, now: datetime, entropy: bytes
) -> Asked | TooMany:
    """Have a link mailed to an address, if an event has it as that of its organizer. ``entropy`` are 16 random bytes.
    :class:`TooMany` says until when a network has to wait.

    Who asks is not told whether the address organizes anything, and it is not even looked up here: what is written is
    the same either way. Whether a mail is sent is decided when it would be (``delivery.notify``).
    """
    until = store.brakes.count(Purpose.SIGN_IN, source_ip=source_ip, now=now)
    if until is not None:
        return TooMany(until=until)
    about = keys.random_id(entropy)
    return mailed(store, sign_in(email, about=about, language=language, until=now + VALID_FOR, now=now), now)
