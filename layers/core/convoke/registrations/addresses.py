"""Another address for a registration, by its own holder: the new address is mailed a link, and confirms.

Until then nothing changes. Who asks is not told whether the new address is registered already: whoever reads mail to it
is sent its own link then. Confirming makes all personal links of before void, and the former address is informed.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from ..decision import fan_out
from ..decision.brakes import Purpose
from ..effects import NotificationHint
from ..links.tokens import EVENT_ID, REGISTRATION_ID
from ..mail.new_notifications import asked_for, to_holder
from ..mail.notifications import NotificationKind
from ..model import Event, EventStatus, Registration, folded, frozen
from ..schedule import series
from ..store import keys
from ..store.address_changes import AddressChange
from ..store.store import Store
from ..store.writes import REQUEST, Repeated
from . import registry
from .asking import Asked, counted, mailed
from .registry import ACTIVE, Obstacle, TooMany

VALID_FOR = timedelta(hours=48)
"""For how long a new address can be confirmed."""


@frozen
class Changed:
    """The registration with its new address; ``hint`` has the former address informed at once."""

    registration: Registration
    hint: NotificationHint | None = None


def send_fresh_link(
    store: Store, event: Event, person: Registration, *, source_ip: str, now: datetime, entropy: bytes
) -> Asked | TooMany:
    """Have a link mailed to the registration's address that opens what a forwarded mail must not open. ``entropy`` are
    16 random bytes.
    """
    if wait := counted(store, Purpose.FRESH, event, source_ip=source_ip, now=now):
        return wait
    mail = to_holder(NotificationKind.FRESH_LINK, event, person, about=keys.random_id(entropy), now=now)
    return mailed(store, mail, now)


def ask(
    store: Store,
    event: Event,
    person: Registration,
    email: str,
    *,
    source_ip: str,
    unconfirmed_mails: int,
    now: datetime,
    entropy: bytes,
) -> Asked | TooMany:
    """Keep ``email`` as the new address, in the place of one that was asked for before, and have it mailed a link.

    ``source_ip`` is who asks, ``unconfirmed_mails`` what the account allows in a day; ``entropy`` are 16 random bytes.
    :class:`TooMany` says until when a network, the event or the account has to wait.
    """
    if wait := counted(
        store, Purpose.CONFIRM, event, unconfirmed_mails=unconfirmed_mails, source_ip=source_ip, now=now
    ):
        return wait
    mail = asked_for(
        NotificationKind.NEW_ADDRESS,
        event,
        email,
        about=keys.random_id(entropy),
        registration_id=person.registration_id,
        language=person.language,
        until=now + VALID_FOR,
        now=now,
    )
    change = AddressChange(
        event_id=event.event_id,
        registration_id=person.registration_id,
        change_id=mail.notification_id,
        email=email,
        links=person.links,
        asked_at=now,
        valid_until=now + VALID_FOR,
    )
    return mailed(store, mail, now, change=store.address_changes.put_action(change))


def payload(event_id: str, registration_id: str, change_id: str) -> bytes:
    """What the token of a link that confirms a new address carries."""
    return f"{event_id}{registration_id}{change_id}".encode()


def named(payload: bytes) -> tuple[str, str, str]:
    """The ids of event, registration and change in the payload of a token for ADDRESS."""
    text, both = payload.decode(), EVENT_ID + REGISTRATION_ID
    return text[:EVENT_ID], text[EVENT_ID:both], text[both:]


def look(store: Store, payload: bytes, now: datetime) -> tuple[Event, Registration, AddressChange] | Obstacle:
    """What confirming would change at ``now`` (UTC). ``Obstacle.ABSENT``: there is nothing to confirm any more;
    ``INACTIVE``: the registration is not active, or got another address meanwhile; ``CLOSED``: the event is cancelled
    or over. Writes nothing.
    """
    event_id, registration_id, change_id = named(payload)
    change, event = store.address_changes.read(event_id, registration_id), store.reads.event(event_id)
    person = store.reads.registration(event_id, registration_id)
    if change is None or event is None or person is None or change.change_id != change_id or now >= change.valid_until:
        return Obstacle.ABSENT
    if event.status is EventStatus.CANCELLED or series.ends_at(event) <= now:
        return Obstacle.CLOSED
    if person.status not in ACTIVE or person.links != change.links:
        return Obstacle.INACTIVE
    return event, person, change


def confirm(store: Store, payload: bytes, *, now: datetime) -> Changed | Obstacle | TooMany:
    """Give the registration its new address. Returns what :func:`look` does where that is not possible, and
    ``Obstacle.TAKEN`` where the address is registered already. Raises :class:`dynamo.Contention`.
    """
    seen = look(store, payload, now)
    if isinstance(seen, Obstacle):
        return seen
    event, person, change = seen
    told = to_holder(NotificationKind.ADDRESS_CHANGED, event, person, about=change.change_id, now=now)
    try:
        done = registry.change_registration(
            store,
            event.event_id,
            person.registration_id,
            changes={"email": change.email},
            priority=fan_out.urgency(event, now, store.settings.times),
            now=now,
            account=event.account,
            charge=store.limits.recipient(event.account, change.email, now),
            links=change.links,
            also={
                REQUEST: store.address_changes.end_action(change),
                "notification": store.notifications.schedule_action(told, now),
            },
        )
    except Repeated:
        return Obstacle.ABSENT  # somebody pressed twice, or another address was asked for meanwhile
    if isinstance(done, (Obstacle, TooMany)):
        return done
    moved = folded(done.email) != folded(person.email)
    return Changed(registration=done, hint=NotificationHint.of(told) if moved else None)
