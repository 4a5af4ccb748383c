"""Trials of a split that registrations for the series as it was meet. Each yields what it finds wrong."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import replace
from datetime import timedelta
from functools import partial
from itertools import product
from typing import Any
from unittest.mock import patch

from convoke.model import Registration, RegistrationStatus
from convoke.registrations import events, registry, returning, split_transfer
from convoke.schedule import edits
from convoke.store.events import SplitTransfer
from convoke.store.store import Store
from tests import factories

from . import quick
from .checker import Violation
from .scene import EVENT_ID, SETTINGS, START
from .tables import Quiet, Tables

NEW_ID = factories.NEW_ID
SINCE = factories.MORNING.start + timedelta(weeks=2)
REGISTERED = RegistrationStatus.REGISTERED
SECOND, MINUTE = timedelta(seconds=1), timedelta(minutes=1)
LATE = factories.registration(
    event_id=EVENT_ID, registration_id=f"{0:010d}{EVENT_ID}", email="late@example.net", created_at=START - SECOND
)
"""Who began to register before the split. The id is less than all others: whoever looks at all passes it first."""


class _Interrupted(Quiet):
    """Just before the call with the number ``at``, somebody else does something, once."""

    def __init__(self) -> None:
        self.at = 0
        self.by: Callable[[], None] = lambda: None

    def before(self) -> None:
        self.at -= 1
        if self.at == 0:
            self.by()


def _series(capacity: int = 10) -> tuple[Store, _Interrupted]:
    """A series for which three people are registered."""
    line = _Interrupted()
    store = Store(Tables((), lambda *_: None, line), SETTINGS)
    rule = "FREQ=WEEKLY;COUNT=6"
    events.create_event(store, factories.event(event_id=EVENT_ID, rule=rule, capacity=capacity))
    for number in range(1, 4):
        _register(store, replace(LATE, registration_id=f"{number:010d}{EVENT_ID}", email=f"p{number}@example.net"))
    return store, line


def _register(store: Store, person: Registration) -> None:
    registry.register(store, person, now=START)


def _split(store: Store) -> None:
    before = store.reads.event(EVENT_ID)
    assert before is not None
    old, new = edits.split(before, SINCE, NEW_ID, START)
    transfer = SplitTransfer(event_id=NEW_ID, source=EVENT_ID, since=SINCE, named=0, at=START)
    begun = store.events.start_transfer_action(transfer, 1, START)
    events.split_event(store, before, replace(old, version=2), new, begun, priority=1, now=START)


def _copy(store: Store, *, after: timedelta, most: int = 2) -> None:
    while split_transfer.transfer_batch(store, NEW_ID, now=START + after, most=most):
        pass


def _missed(store: Store, what: str) -> Iterator[Violation]:
    """What is wrong once the last look is over."""
    _copy(store, after=2 * MINUTE)
    copied = [person.email for person in store.reads.registrations(NEW_ID, "", "~")]
    if len(copied) != 4 or LATE.email not in copied:
        yield Violation("split", f"{what}: {copied} come to the rest of the series")
    if store.reads.seats(NEW_ID).taken != len(copied):
        yield Violation("split", f"{what}: {store.reads.seats(NEW_ID).taken} seats are taken by {copied}")
    if store.events.transfer(NEW_ID) is not None:
        yield Violation("split", f"{what}: the transfer does not end")


def a_registration_meets_a_split() -> Iterator[Violation]:
    """Whoever registered for the series as it was comes to both parts, whenever that is stored, and however long the
    split takes.
    """
    with quick.quick():
        for late in (LATE, replace(LATE, created_at=START + 5 * SECOND)):
            for at in range(1, 60):
                quick.forget()
                store, line = _series()
                _at(line, at, partial(_register, store, late))
                _split(store)
                _copy(store, after=timedelta())
                if done := line.at > 0:  # it is stored a while after everybody was copied, and looked for too soon
                    line.at = 0
                    _copy(store, after=10 * SECOND)
                    _register(store, late)
                yield from _missed(store, f"registered at call {at}, from {late.created_at} on")
                if done:
                    break


def somebody_comes_back_after_a_split() -> Iterator[Violation]:
    """Whoever comes back after a split comes to both parts if they left after it, else to the old one alone."""
    with quick.quick():
        for left_at in (START - MINUTE, START + SECOND):
            quick.forget()
            store, _ = _series()
            _register(store, LATE)
            ids = EVENT_ID, LATE.registration_id
            if left_at < START:
                registry.withdraw(store, *ids, now=left_at)
            _split(store)
            registry.withdraw(store, *ids, now=START + SECOND)
            _copy(store, after=2 * SECOND)
            returning.come_back(store, *ids, now=START + 20 * SECOND)
            _copy(store, after=2 * MINUTE)
            comes = any(person.email == LATE.email for person in store.reads.registrations(NEW_ID, "", "~"))
            if comes is (left_at < START):
                yield Violation("split", f"who left at {left_at} comes to the rest of the series: {comes}")


def somebody_cannot_be_copied() -> Iterator[Violation]:
    """Whoever cannot be copied at first keeps no others from being copied, and gets the seat that they had, even where
    the first look is late: the event is not opened before they were tried again.
    """
    with quick.quick():
        for number, begun in product(range(1, 4), (timedelta(), split_transfer.KEPT_CLOSED)):
            quick.forget()
            store, _ = _series(capacity=3)
            _split(store)
            unlucky = f"{number:010d}{EVENT_ID}"
            copy = partial(_copied_unless, [unlucky] * (1 if begun else 10), split_transfer._copy)
            with patch.object(split_transfer, "_copy", copy):
                _pass_over(store, begun)
            if len(copied := store.reads.registrations(NEW_ID, "", "~")) < 2:
                yield Violation("split", f"behind {number} only {copied} were copied")
            _register(
                store, replace(LATE, event_id=NEW_ID, registration_id=f"9{0:09d}{NEW_ID}", created_at=START + MINUTE)
            )
            for minutes in (1, 2, 3):
                _pass_over(store, begun + minutes * MINUTE)
            late = split_transfer.transferred_id(unlucky, NEW_ID)
            if (person := store.reads.registration(NEW_ID, late)) is None or person.status is not REGISTERED:
                yield Violation("split", f"{number}, who could not be copied at first, is {person}")
            if store.events.transfer(NEW_ID) is not None:
                yield Violation("split", "the transfer does not end")


def _copied_unless(unlucky: list[str], copy: Callable[..., None], *arguments: Any) -> None:
    """Copy somebody, or fail, as often as they are in ``unlucky``."""
    if (person := arguments[3].registration_id) in unlucky:
        unlucky.remove(person)
        raise KeyError(person)
    copy(*arguments)


def _pass_over(store: Store, after: timedelta) -> None:
    with suppress(KeyError):
        _copy(store, after=after)


def a_slow_look_meets_the_next_one() -> Iterator[Violation]:
    """A worker that goes on when others have copied everybody holds up nobody who is looked for once more."""
    with quick.quick():
        for at in range(1, 60):
            quick.forget()
            store, line = _series()
            _split(store)
            _at(line, at, partial(_copied_but_one, store))
            split_transfer.transfer_batch(store, NEW_ID, now=START, most=2)
            if line.at > 0:
                break
            yield from _missed(store, f"another one copied everybody at call {at}")


def _copied_but_one(store: Store) -> None:
    _copy(store, after=timedelta())
    _register(store, LATE)


def _at(line: _Interrupted, at: int, by: Callable[[], None]) -> None:
    line.at, line.by = at, by
