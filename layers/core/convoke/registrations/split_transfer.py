"""Copies registrations to the event that a series was split into: fifty at a time, resumable, idempotent.

The new registration's id is made of the old one's and the new event's, so that copying it again changes nothing. Until
all are copied, nobody else can register for the new event, and it cannot be split: its seats are for those who had
them.

Who registers for the series while it is split may be stored after all were looked at. So all are looked at once more
when nobody can be on the way any longer. Whoever is found then gets a seat of the new event if there is one, else a
place on the waitlist; but not who had declined or withdrawn before the split, and has come back to the series since.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta

from ..model import Event, EventStatus, Registration, RegistrationStatus
from ..schedule import series_changes
from ..store import keys
from ..store.dynamo import Item
from ..store.events import SplitTransfer
from ..store.external_ids import EXTERNAL_ID
from ..store.store import Store
from ..store.writes import rounds
from . import seats
from .registry import ACTIVE, registration_actions

BATCH_SIZE = 50
"""How many registrations one call processes; the rest stays due, and the sweep calls again."""
ON_THE_WAY = timedelta(minutes=1)
"""How long it takes at most from a look at the event to the registration that is based on it: a function that registers
people ends by then.
"""
KEPT_CLOSED = timedelta(minutes=10)
"""For how long after the split the new event stays closed where somebody could not be copied, so that they get the seat
that they had.
"""
RETRIED_AFTER = timedelta(minutes=1)
"""How long after a look those who could not be copied are tried again."""
MOST_FAILED = 20
"""Where more people cannot be copied, it is not because of them: the transfer stays where it is, and is tried again."""
COPIED = {"lock", "registration"}
"""The actions of which one is refused where a registration was copied before, or its address is registered already."""


def transfer_batch(store: Store, event_id: str, *, now: datetime, most: int = BATCH_SIZE) -> int:
    """Process the next ``most`` registrations. Returns ``most`` where more may follow, and 0 when the transfer has
    ended, or waits.

    An error about one person keeps no others from being copied: they are noted, and tried again when all were looked
    at. When that is stored, the last error is raised; with more than :data:`MOST_FAILED` of them, at once.
    """
    transfer = store.events.transfer(event_id)
    if transfer is None or not _may_look(store, transfer, now):
        return 0
    page = store.reads.some_registrations(transfer.source, transfer.cursor, most)
    source = store.reads.event(transfer.source)
    if source is None:
        return 0
    people, all_seen = [*_without_copy(store, transfer, page)], len(page) < most
    failed, error = set[str]() if all_seen else set(transfer.failed), None
    if all_seen:
        people += filter(None, (store.reads.registration(transfer.source, one) for one in transfer.failed))
    for person in people:
        try:
            _copy(store, transfer, source, person, now)
        except Exception as one:
            failed.add(person.registration_id)
            if len(failed) > MOST_FAILED:
                raise
            error = one
    _go_on(store, transfer, page[-1].registration_id if page else transfer.cursor, tuple(sorted(failed)), all_seen, now)
    if error is not None and all_seen:
        raise error
    return 0 if all_seen else most


def _go_on(
    store: Store, transfer: SplitTransfer, cursor: str, failed: tuple[str, ...], all_seen: bool, now: datetime
) -> None:
    """Store how far the transfer is. When all were looked at: open the event after the first look, end the transfer
    after the second; or try again those who failed, first. The event is not opened before each of them was tried again,
    however long the look took.
    """
    first, not_retried = transfer.again_at is None, not {*failed} <= {*transfer.failed}
    if not all_seen:
        store.attempt({"transfer": store.events.move_transfer_action(transfer, cursor, failed, now)})
    elif failed and (not first or not_retried or now < transfer.at + KEPT_CLOSED):
        store.attempt({"transfer": store.events.move_transfer_action(transfer, cursor, failed, now + RETRIED_AFTER)})
    elif first:
        _open(store, transfer, failed, now)
    else:
        store.attempt({"transfer": store.events.end_transfer_action(transfer)})


def _may_look(store: Store, transfer: SplitTransfer, now: datetime) -> bool:
    """Whether it is time: the second look begins when all who were on the way are stored, those at ``source`` too,
    where that was made by a split itself.
    """
    if transfer.again_at is None:
        return True
    return transfer.again_at <= now and store.events.transfer(transfer.source) is None


def _without_copy(store: Store, transfer: SplitTransfer, people: Sequence[Registration]) -> Sequence[Registration]:
    """Those who are to be copied: at the second look, which finds most of them copied, the others."""
    if transfer.again_at is None or not people:
        return people
    ids = {transferred_id(person.registration_id, transfer.event_id): person for person in people}
    # An id begins with the time of the registration, so that the copies are in about the same order.
    copies = store.reads.registrations(transfer.event_id, min(ids)[:10], max(ids))
    known = {copy.registration_id for copy in copies}
    return [person for copy, person in ids.items() if copy not in known and not _had_left(transfer, person)]


def _had_left(transfer: SplitTransfer, person: Registration) -> bool:
    """Whether somebody without a copy had withdrawn or declined before the split. They may have come back since: to the
    series as it is now. Who left after the split comes back to what they were registered for, both parts.
    """
    return person.left_at is not None and person.left_at <= transfer.at


def transferred_id(registration_id: str, event_id: str) -> str:
    """The id of the copy at the new event: it has the creation time of the old one, and so its place in the order."""
    digest = hashlib.sha256(f"{registration_id} {event_id}".encode()).digest()
    return registration_id[:10] + keys.random_id(digest[:16])


def transferred(transfer: SplitTransfer, source: Event, person: Registration, now: datetime) -> Registration | None:
    """The registration of ``person`` at the new event, or ``None`` where none of their dates belongs to it, or they
    withdrew or declined, or registered for the series as it is since the split.
    """
    if person.status not in ACTIVE or not _for_the_whole(transfer, person):
        return None
    occurrences = person.occurrences
    if occurrences is not None:
        before = _as_it_was(source, transfer.named)
        names = series_changes.named(before, occurrences, person.named)
        occurrences = tuple(name for name in names.values() if name >= transfer.since)
        if not occurrences:
            return None
    return Registration(
        event_id=transfer.event_id,
        registration_id=transferred_id(person.registration_id, transfer.event_id),
        version=1,
        status=person.status,
        name=person.name,
        email=person.email,
        language=person.language,
        occurrences=occurrences,
        external_id=person.external_id,
        metadata=person.metadata,
        guests=person.guests,
        responses=person.responses,
        accepted_at=person.accepted_at,
        created_at=person.created_at,
        updated_at=now,
    )


def _for_the_whole(transfer: SplitTransfer, person: Registration) -> bool:
    """Whether a registration is for the series as it was before the split: it was begun before, or by the schedule of
    before, if the split was written meanwhile.
    """
    return person.created_at <= transfer.at or person.named <= transfer.named


def _as_it_was(event: Event, named: int) -> Event:
    """The event as it was with ``named`` earlier schedules, as far as its dates and their names are concerned."""
    schedule = (*event.earlier, event.schedule)[named]
    return replace(
        event, when=schedule.when, rule=schedule.rule, added=schedule.added, earlier=event.earlier[:named], changes=()
    )


def _copy(store: Store, transfer: SplitTransfer, source: Event, person: Registration | None, now: datetime) -> None:
    for _ in rounds():
        new = transferred(transfer, source, person, now) if person is not None else None
        if person is None or new is None:
            return
        refused = _store_copy(store, transfer, source.account, person, new, now)
        if EXTERNAL_ID in refused and "lock" not in refused:
            # It was passed on in the series meanwhile, and copied with whom it belonged to before.
            refused = _store_copy(store, transfer, source.account, person, replace(new, external_id=""), now)
        if "source" not in refused and (not refused or COPIED & refused.keys()):
            return
        person = store.reads.registration(person.event_id, person.registration_id)


def _store_copy(
    store: Store, transfer: SplitTransfer, account: str, person: Registration, new: Registration, now: datetime
) -> dict[str, Item | None]:
    if transfer.again_at is not None:
        place = seats.place(store, new, now=now)
        if place is None:  # it was cancelled
            return {}
        new, seat = replace(new, status=place.status), place.actions
    elif new.status is RegistrationStatus.PENDING:
        seat = {"seats": store.seats.count_action(new.event_id, pending=1)}
    else:
        waits = new.status is RegistrationStatus.WAITLISTED
        seat = store.seats.transfer_actions(new.event_id, new.registration_id, new.seats, waits=waits)
    # A wait mail of the series was about these dates, too.
    known = store.reads.invitation(person.event_id, person.registration_id)
    wait_mail = None if known is None else known.wait_mail
    if wait_mail is not None:
        links = new.links if wait_mail.links == person.links else None
        wait_mail = replace(wait_mail.without_id, links=links)
    own = registration_actions(store, new, now, account=account, transferred=True, wait_mail=wait_mail)
    actions = {**own, **seat}
    copied = store.registrations.copied_actions(person, new)
    return store.attempt({"source": store.registrations.unchanged_check(person), **actions, **copied})


def _open(store: Store, transfer: SplitTransfer, failed: tuple[str, ...], now: datetime) -> None:
    """Open the new event for registrations, and have all looked at once more; the waitlist becomes due.

    An event that was cancelled meanwhile is not opened.
    """
    for _ in rounds():
        target = store.reads.event(transfer.event_id)
        if target is None:
            return
        opens = target.status is not EventStatus.CANCELLED
        actions = {
            "transfer": store.events.look_again_action(transfer, failed, now + ON_THE_WAY),
            "event": store.events.unchanged_check(target),
            "seats": store.seats.open_action(transfer.event_id, now, opens=opens),
        }
        if "event" not in store.attempt(actions):
            return
