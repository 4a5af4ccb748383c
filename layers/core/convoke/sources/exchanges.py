"""Exchanges of addresses: people of whom each is to have the address that another has now.

None of their rows can be followed alone, since an address belongs to one registration of an event.
"""

from __future__ import annotations

import json
from collections.abc import Collection
from dataclasses import replace
from datetime import datetime
from typing import Any

from pydantic import ValidationError

from ..decision.decide import URGENT
from ..model import Event, InvalidField, Registration, folded, frozen
from ..registrations import registry
from ..store import keys
from ..store.sources import RowKind, digest
from ..store.writes import Action as Write
from ..web.context import AN_ID
from . import contents
from .decide import Action
from .row_keys import read_key
from .row_sync import RowRead, RowSync, Synced, said_by
from .rows import RegistrationRow, registration_row

MOST_IN_A_CIRCLE = 6
"""How many people exchange their addresses in one transaction."""
LONGEST_EXTERNAL_ID = 200


@frozen
class _Moves:
    """A row that says another address of its person than they have."""

    read: RowRead
    row: RegistrationRow
    person: Registration
    changes: dict[str, Any]


class Exchanges(RowSync):
    """Finds a circle of rows that wait for each other's addresses, and changes all of them in one transaction."""

    def _swap(
        self, read: RowRead, row: RegistrationRow, person: Registration, event: Event, now: datetime
    ) -> Synced | None:
        """Where the row of somebody else waits for the address of ``person``, and so on, up to the one who has the
        address that ``row`` says, change all of them in one transaction, or say so where only that is asked. ``None``:
        there is no such circle.
        """
        if person.event_id != event.event_id or person.status not in registry.ACTIVE:
            return None
        changes = self._changes(row, event, person, now)
        holder = self.store.reads.address_holder(event.event_id, changes["email"])
        circle = self._circle([_Moves(read=read, row=row, person=person, changes=changes)], holder, event, now)
        if not circle:
            return None
        if self.dry:
            return Synced(outcome=Action.CHANGE, state=said_by(read.seen, row))
        said = said_by(read.seen, row)
        also: dict[str, Write] = {}
        again: list[str] = []
        for number, one in enumerate(circle):
            its = said_by(one.read.seen, one.row)
            # Seats are not taken here: other guests are left to the next sync.
            if one.changes.pop("guests", one.person.guests) != one.person.guests:
                its = replace(its, fingerprint="")
                again.append(its.key)
            said = its if number == 0 else said
            also |= {
                name if number == 0 else f"{name} of row {number}": action
                for name, action in self._state_actions(one.read, its).items()
            }
        swapped = registry.swap_addresses(
            self.store,
            [one.person for one in circle],
            [one.changes for one in circle],
            priority=URGENT,
            now=now,
            account=self.account,
            also=also,
        )
        return Synced(outcome=Action.CHANGE, state=said, again=tuple(again)) if swapped else None

    def _circle(self, found: list[_Moves], holder: str | None, event: Event, now: datetime) -> list[_Moves]:
        """``found`` with those who follow: each row waits for the address of the person before, and the last person is
        ``holder``. Empty where there is no such circle of at most :data:`MOST_IN_A_CIRCLE`.
        """
        last = found[-1].person
        if last.registration_id == holder:
            return found
        if holder is None or len(found) == MOST_IN_A_CIRCLE:
            return []
        mark = address_mark(event.event_id, last.email)
        for key in self.store.sources.waiting(self.account, self.source.name, mark):
            following = self._moves(key, event, now)
            if following is None or folded(following.changes["email"]) != folded(last.email):
                continue
            if following.person.registration_id in [one.person.registration_id for one in found]:
                continue
            if circle := self._circle([*found, following], holder, event, now):
                return circle
        return []

    def _moves(self, key: str, event: Event, now: datetime) -> _Moves | None:
        """What the row with this key, which waits for an address, says of somebody at the event."""
        rows = self.source.registrations
        assert rows is not None  # noqa: S101 (only such rows wait for addresses)
        read = self._begin(RowKind.REGISTRATIONS, rows, read_key(json.loads(key)))
        person = self.store.reads.registration(event.event_id, read.seen.registration_id)
        if read.row is None or person is None or person.status not in registry.ACTIVE:
            return None
        try:
            row = registration_row(rows, read.row)
            if row.status != "registered" or self._event_id(row.event) != event.event_id:
                return None
            return _Moves(read=read, row=row, person=person, changes=self._changes(row, event, person, now))
        except (InvalidField, ValidationError):
            return None  # it is a problem of that row

    def _changes(self, row: RegistrationRow, event: Event, person: Registration, now: datetime) -> dict[str, Any]:
        sender = self.store.settings.sender.address
        return contents.registration_changes(row, self._mapped, event, person, now, sender)

    @property
    def _mapped(self) -> Collection[str]:
        """The fields of a registration that have an attribute of the site."""
        return () if self.source.registrations is None else self.source.registrations.fields.keys()

    def _event_id(self, named: str) -> str:
        """The id of the event that a row names, empty while there is none: by the event's own row, or, where the site
        has no table of events, by its id or external id.
        """
        if self.source.events is not None:
            return self.store.sources.row(self._place(RowKind.EVENTS, named)).event_id
        if AN_ID.fullmatch(named) and self.store.reads.own_event(named, self.account) is not None:
            return named
        if len(named) > LONGEST_EXTERNAL_ID:
            return ""
        return self.store.external_ids.event_holder(self.account, named) or ""


def address_mark(event_id: str, email: str) -> str:
    return digest("address", event_id, keys.address(event_id, email)["sk"])
