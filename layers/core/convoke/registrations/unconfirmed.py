"""Registering by anybody, from an event's page: asking for it, confirming the address, and the lost personal link.

Who asks is not told whether the address is registered already, and this module does not even look: what is written, and
how long it takes, is the same either way. What the mail then says is decided when it is sent (``delivery.notify``), and
only whoever reads mail to that address sees it. An event that wants no confirmation registers at once; there, too, the
answer is the same.

Nothing here sends mail: each function returns the hint for the urgent queue that has its mail sent at once. Where the
hint is lost, the sweep finds the notification.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from enum import StrEnum

from ..decision.brakes import Purpose
from ..decision.invitation import WaitMail
from ..effects import NotificationHint
from ..mail.new_notifications import asked_for, wait_notification
from ..mail.notifications import LINK_WANTED_FOR, Notification, NotificationKind
from ..model import Event, EventStatus, LocalTime, Registration, RegistrationStatus, frozen
from ..schedule import edits, series, series_changes
from ..store import keys
from ..store.limits import Charge
from ..store.store import Store
from ..store.unconfirmed import UnconfirmedRegistration
from ..store.writes import REQUEST, Action, Repeated, rounds
from . import approval, registry, replies
from . import seats as places
from .asking import Asked, counted, mailed
from .registry import Obstacle, TooMany

VALID_FOR = timedelta(hours=48)
"""For how long an unconfirmed registration can be confirmed."""


class Closed(StrEnum):
    """Why nobody can register. The values are for logs."""

    EXPIRED = "the time to confirm is over"
    HIDDEN = "the event is not public"
    CANCELLED = "the event is cancelled"
    OVER = "the event is over"
    DATES_GONE = "none of the chosen dates takes place any more"
    NOT_YET = "registrations are still being copied from the series that this was part of"
    MOVED = "the registration that it was confirmed with has another address"


@frozen
class Prospect:
    """What confirming would do now: a seat, or (``place``, from 1) a place on the waitlist; or, of an event with
    ``approval``, ask the organizer.

    ``dates`` are those of the chosen dates that still take place, by their present names, ``None`` for all;
    ``dates_gone`` is how many do not. ``registration`` is the one that it was confirmed with already.
    """

    event: Event
    wanted: UnconfirmedRegistration
    dates: tuple[LocalTime, ...] | None = None
    dates_gone: int = 0
    place: int | None = None
    registration: Registration | None = None


@frozen
class Confirmed:
    """The registration that the address has now; ``hint`` is there where a mail about it is due at once."""

    registration: Registration
    hint: NotificationHint | None = None


# --- asking -------------------------------------------------------------------------------------------------------


def closed(event: Event | None, now: datetime) -> Closed | None:
    """Why nobody can register for an event from its page at ``now`` (UTC); ``None``: anybody can."""
    if event is None or not event.public or event.status is EventStatus.DRAFT:
        return Closed.HIDDEN
    if event.status is EventStatus.CANCELLED:
        return Closed.CANCELLED
    return None if series.coming(event, now) else Closed.OVER


def ask(
    store: Store,
    event: Event,
    wanted: UnconfirmedRegistration,
    *,
    source_ip: str,
    unconfirmed_mails: int,
    now: datetime,
    entropy: bytes,
) -> Asked | Closed | TooMany:
    """Ask to register for ``event``. Where it wants addresses confirmed, ``wanted`` is kept and its confirmation
    mailed; otherwise its person is registered, and ``entropy`` (16 random bytes) is for the registration's id.

    ``source_ip`` is who asks, ``unconfirmed_mails`` what the account allows in a day. The result does not depend on
    whether the address is registered. :class:`TooMany` says until when a network, the event or the account has to
    wait. Raises :class:`dynamo.Contention`.
    """
    why = closed(event, now)
    if why is not None:
        return why
    if wait := counted(
        store, Purpose.CONFIRM, event, unconfirmed_mails=unconfirmed_mails, source_ip=source_ip, now=now
    ):
        return wait
    if not event.confirm_address:
        return _register_at_once(store, event, wanted, now, entropy)
    mail = asked_for(
        NotificationKind.CONFIRM,
        event,
        wanted.email,
        about=wanted.unconfirmed_id,
        registration_id=wanted.unconfirmed_id,
        language=wanted.language,
        until=wanted.valid_until,
        now=now,
    )
    return mailed(store, mail, now, unconfirmed=store.unconfirmed.new_action(wanted))


def unconfirmed(
    event: Event,
    *,
    name: str,
    email: str,
    language: str,
    occurrences: tuple[LocalTime, ...] | None,
    guests: int,
    responses: tuple[tuple[str, str], ...],
    now: datetime,
    entropy: bytes,
) -> UnconfirmedRegistration:
    """What a visitor asked for, whose fields have been checked; ``entropy`` are 16 random bytes."""
    return UnconfirmedRegistration(
        unconfirmed_id=keys.random_id(entropy),
        event_id=event.event_id,
        name=name,
        email=email,
        language=language,
        occurrences=occurrences,
        named=len(event.earlier) if occurrences else 0,
        guests=guests,
        responses=responses,
        asked_at=now,
        valid_until=now + VALID_FOR,
    )


def _register_at_once(
    store: Store, event: Event, wanted: UnconfirmedRegistration, now: datetime, entropy: bytes
) -> Asked | Closed:
    """Register without a confirmation. Its mails go to an address that nobody has confirmed, so the limits of its
    mailbox count here, too; beyond them, nothing is done, and the answer is the same. What is mailed at once is one
    mail, whichever it is, and is counted with that: the invitation, the place on the waitlist, or the link. An
    invitation after the waitlist is one for each registration that was counted.
    """
    if not store.brakes.may_mail(Purpose.CONFIRM, wanted.email, wanted.unconfirmed_id, now):
        return Asked(hint=None)
    person = _registration(event, wanted, wanted.occurrences, now, entropy)
    mail = wait_notification(event, person, WaitMail.PLACE, now)
    made = _register(store, event, person, mail, now)
    if isinstance(made, Closed):
        return made
    if isinstance(made, TooMany):
        return Asked(hint=None)
    if made.registration_id != person.registration_id:
        # Registered before: they are mailed their link, under the same notification.
        return mailed(store, replace(mail, until=now + LINK_WANTED_FOR), now)
    return Asked(hint=NotificationHint.of(mail))


def _register(
    store: Store, event: Event, person: Registration, mail: Notification, now: datetime, **also: Action
) -> Registration | Closed | TooMany:
    """Register ``person``, with ``mail`` about it, and the actions ``also``; as :func:`registry.register` returns."""
    made = registry.register(
        store,
        person,
        now=now,
        account=event.account,
        charge=_charge(store, event, person, now),
        mail=mail,
        also={**also, **approval.organizer_actions(store, event, person, now)},
    )
    return _closed_meanwhile(store, event.event_id, made, now) if isinstance(made, Obstacle) else made


def _charge(store: Store, event: Event, person: Registration, now: datetime) -> Charge:
    return store.limits.recipient(event.account, person.email, now)


def send_link(
    store: Store, event: Event, email: str, *, source_ip: str, language: str, now: datetime, entropy: bytes
) -> Asked | TooMany:
    """Have the personal link mailed to an address, if it is registered; who is not is sent nothing. The result does not
    depend on it. ``entropy`` are 16 random bytes.
    """
    if wait := counted(store, Purpose.LINK, event, source_ip=source_ip, now=now):
        return wait
    mail = asked_for(
        NotificationKind.LINK,
        event,
        email,
        about=keys.random_id(entropy),
        language=language,
        until=now + LINK_WANTED_FOR,
        now=now,
    )
    return mailed(store, mail, now)


# --- confirming ---------------------------------------------------------------------------------------------------


def look(store: Store, unconfirmed_id: str, now: datetime) -> Prospect | Closed:
    """What confirming would do at ``now`` (UTC), or why it is not possible. Writes nothing."""
    wanted = store.unconfirmed.read(unconfirmed_id, now)
    if wanted is None:
        return Closed.EXPIRED
    event = store.reads.event(wanted.event_id)
    if wanted.registration_id is not None:
        person = store.reads.registration(wanted.event_id, wanted.registration_id)
        if event is None or person is None or person.status is RegistrationStatus.ERASED:
            return Closed.EXPIRED
        if person.links != wanted.links:
            # Whoever reads mail to the former address must not be given the links of the new one.
            return Closed.MOVED
        return Prospect(event=event, wanted=wanted, registration=person)
    why = closed(event, now)
    if why is not None or event is None:
        return why or Closed.HIDDEN
    dates, dates_gone = present_dates(event, wanted, now)
    if dates == ():
        return Closed.DATES_GONE
    seats = store.seats.read(event.event_id)
    if seats is None or not seats.open:
        return Closed.NOT_YET if store.events.transferring(event.event_id) else Closed.CANCELLED
    count = 1 + wanted.guests
    full = seats.queued or (seats.capacity is not None and seats.capacity - seats.taken < count)
    full = full and places.kept(store, event.event_id, wanted.email, count, seats, now) is None
    return Prospect(
        event=event,
        wanted=wanted,
        dates=dates,
        dates_gone=dates_gone,
        place=seats.waiting + 1 if full and not event.approval else None,
    )


def confirm(store: Store, unconfirmed_id: str, *, now: datetime, entropy: bytes) -> Confirmed | Closed | TooMany:
    """Register the person of an unconfirmed registration, whose address is confirmed with that. Doing it again returns
    the same registration, as it is then. ``entropy`` (16 random bytes) is for its id.

    Where the address was registered meanwhile, that registration is returned; one that had declined is renewed.
    :class:`TooMany` says until when to wait. Raises :class:`dynamo.Contention`.
    """
    for _ in rounds():
        seen = look(store, unconfirmed_id, now)
        if isinstance(seen, Closed):
            return seen
        if seen.registration is not None:
            return Confirmed(registration=seen.registration)
        try:
            return _confirm(store, seen, now, entropy)
        except Repeated:
            continue  # somebody pressed twice: what the other request did is the answer to this one
    raise AssertionError  # rounds() ends with Contention


def _confirm(store: Store, seen: Prospect, now: datetime, entropy: bytes) -> Confirmed | Closed | TooMany:
    """Raises :class:`Repeated` where it was confirmed meanwhile."""
    event, wanted = seen.event, seen.wanted
    person = _registration(event, wanted, seen.dates, now, entropy)
    mail = wait_notification(event, person, WaitMail.PLACE, now)
    made = _register(store, event, person, mail, now, **{REQUEST: store.unconfirmed.confirmed_action(wanted, person)})
    if isinstance(made, (Closed, TooMany)):
        return made
    if made.registration_id == person.registration_id:
        comes = made.status is RegistrationStatus.REGISTERED
        return Confirmed(registration=made, hint=None if comes else NotificationHint.of(mail))
    confirmed = {REQUEST: store.unconfirmed.confirmed_action(wanted, made)}
    if made.status is not RegistrationStatus.DECLINED:
        store.attempt(confirmed)
        return Confirmed(registration=made)
    charge = _charge(store, event, person, now)
    again = replies.register_again(
        store, event.event_id, made.registration_id, now=now, charge=charge, also=confirmed, by_page=True
    )
    if isinstance(again, Obstacle):
        return _closed_meanwhile(store, event.event_id, again, now)
    return again if isinstance(again, TooMany) else Confirmed(registration=again)


def present_dates(
    event: Event, wanted: UnconfirmedRegistration, now: datetime
) -> tuple[tuple[LocalTime, ...] | None, int]:
    """The chosen dates that take place and are not over at ``now`` (UTC), by their present names, sorted, and how many
    others were chosen; ``None`` for the dates where all were chosen.
    """
    if wanted.occurrences is None or not event.recurs:
        return None, 0
    present = series_changes.named(event, wanted.occurrences, wanted.named).values()
    coming = [one for one in (edits.date(event, name) for name in present) if one.is_to_come(now)]
    return tuple(sorted((one.date for one in coming), key=str)), len(wanted.occurrences) - len(coming)


def _registration(
    event: Event, wanted: UnconfirmedRegistration, dates: tuple[LocalTime, ...] | None, now: datetime, entropy: bytes
) -> Registration:
    """The registration that somebody asked for. Its id has the present time: its place on the waitlist begins now."""
    questions = {question.question_id for question in event.questions}
    return Registration(
        event_id=event.event_id,
        registration_id=keys.registration_id(now, entropy),
        version=1,
        status=RegistrationStatus.PENDING if event.approval else RegistrationStatus.REGISTERED,
        name=wanted.name,
        email=wanted.email,
        language=wanted.language,
        occurrences=dates,
        named=len(event.earlier),
        guests=wanted.guests,
        responses=tuple(one for one in wanted.responses if one[0] in questions),
        created_at=now,
        updated_at=now,
    )


def _closed_meanwhile(store: Store, event_id: str, obstacle: Obstacle, now: datetime) -> Closed:
    if obstacle is Obstacle.NOT_YET:
        return Closed.NOT_YET
    return closed(store.reads.event(event_id), now) or Closed.CANCELLED
