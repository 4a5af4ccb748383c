"""What follows from the row of a registration."""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
from typing import Any

from pydantic import ValidationError

from ..decision import fan_out
from ..decision.decide import calendar_state_of, over
from ..model import ConvokeError, Event, InvalidField, Registration, RegistrationStatus, folded
from ..registrations import registry, seats
from ..registrations.registry import STANDING, Obstacle, TooMany
from ..schedule import series
from ..store.external_ids import Taken
from ..store.sources import RowKind, RowState
from . import contents, decide
from .decide import Action
from .exchanges import Exchanges, address_mark
from .row_sync import HELD, Held, Outcome, RowRead, Synced, disappears, errors_of, event_mark, said_by
from .rows import RegistrationRow, event_of, registration_row

TAKEN = "is registered for the event already"
LIMITED = "has got as many invitations as one address may get: looked at again by the next daily audit"
AWAITED = (f"email: {LIMITED}", f"guests: {Obstacle.FULL}")
"""The problems that end by themselves, without another row."""


class NotYet(ConvokeError):
    """Registrations are still being copied to the event: the row has to be looked at again in a minute."""


class Refused(ConvokeError):
    """Somebody else has the address: the row waits for ``what``."""

    def __init__(self, what: str) -> None:
        super().__init__(what)
        self.what = what


class RegistrationSync(Exchanges):
    """Syncs rows of registrations."""

    def _registrations(self, key: Mapping[str, Any], now: datetime) -> Synced | None:
        """One look at the row of a registration. ``None``: another writer was first."""
        rows = self.source.registrations
        assert rows is not None  # noqa: S101 (the caller asks for rows that are described)
        read = self._begin(RowKind.REGISTRATIONS, rows, key)
        seen = read.seen
        person = self.store.reads.registration(seen.event_id, seen.registration_id) if seen.registration_id else None
        if person is not None and person.status is RegistrationStatus.ERASED:
            return self._forgotten(read)
        standing = person is not None and person.status in STANDING
        try:
            event = self._event(seen.event_id if read.row is None else self._event_id(event_of(rows, read.row)))
            over = event is not None and series.ends_at(event) <= now
            if (seen.expired and read.row is None) or (over and not self._leaves(person, event, now)):
                return self._settled(read, Action.NOTHING, over=over)
            row = None if read.row is None else registration_row(rows, read.row)
            action = decide.of_registration(seen, row, person, event, now)
            if person is not None and action in (Action.CANCEL, Action.CHANGE) and disappears(seen, row):
                self._brake(read, None, now)
            synced = self._do_registration(read, row, person, event, action, now)
        except Held:
            synced = self._wrong(read, [("", HELD)], now, Outcome.HELD)
        except Refused as error:
            swapped = None
            if person is not None and event is not None and row is not None:
                swapped = self._swap(read, row, person, event, now)
            if swapped is not None:
                return replace(swapped, stands=True, awaited=bool(seen.waits_for))
            synced = self._wrong(read, [("email", TAKEN)], now, waits_for=error.what)
        except (InvalidField, ValidationError, Taken) as error:
            synced = self._wrong(read, errors_of(error), now)
        if synced is None:
            return None
        stands = synced.outcome is Action.CREATE or (standing and synced.outcome is not Action.CANCEL)
        awaited = (
            bool(seen.waits_for) or seen.problem in AWAITED or (synced.outcome is Action.WAIT and seen.problem != "")
        )
        synced = replace(synced, stands=stands, awaited=awaited)
        if person is None or synced.outcome not in (Action.CANCEL, Action.CHANGE):
            return synced
        return replace(synced, unblocks=(address_mark(person.event_id, person.email),))

    def _leaves(self, person: Registration | None, event: Event | None, now: datetime) -> bool:
        """Whether the row names another ``event`` than the one, not over yet, at which the person has a place."""
        if person is None or event is None or person.status not in STANDING or person.event_id == event.event_id:
            return False
        left = self._event(person.event_id)
        return left is not None and series.ends_at(left) > now

    def _forgotten(self, read: RowRead) -> Synced:
        """Whoever is erased, or is to be, does not come back. Their key may be personal data: the row is recognized by
        its hash.
        """
        return self._settled(read, Action.NOTHING, replace(read.seen, key="", fields=()))

    def _do_registration(
        self,
        read: RowRead,
        row: RegistrationRow | None,
        person: Registration | None,
        event: Event | None,
        action: Action,
        now: datetime,
    ) -> Synced | None:
        seen, said = read.seen, said_by(read.seen, row)
        if action is Action.CANCEL and person is not None:
            # What it says now is not done yet, unless it says that they do not come: then it is looked at again.
            said = replace(said, fingerprint="" if row is None or row.status == "registered" else said.fingerprint)
            return self._withdraw(read, person, said, now)
        if action is Action.WAIT and row is not None:
            return self._settled(read, action, replace(seen, waits_for=event_mark(row.event)))
        if event is None or row is None or action is Action.NOTHING:
            comes = row is not None and row.status != "withdrawn"
            if person is not None and person.status is RegistrationStatus.CANCELLED and not (comes or person.removed):
                return self._removed(read, person, replace(said, waits_for=""), now)
            return self._settled(read, action, said)
        if action is Action.CREATE:
            if person is not None and self.store.registrations.to_be_erased(person):
                return self._forgotten(read)
            return self._register(read, row, event, said, now)
        assert person is not None  # noqa: S101 (only who is registered can be changed)
        return self._change(read, row, person, event, said, now)

    def _register(
        self, read: RowRead, row: RegistrationRow, event: Event, said: RowState, now: datetime
    ) -> Synced | None:
        sender = self.store.settings.sender.address
        new = contents.new_registration(row, event, self.source.name, secrets.token_bytes(16), now, sender)
        state = replace(said, event_id=event.event_id, registration_id=new.registration_id)
        if self.dry:
            self._require_free(event, new.email)
            holder = self.store.external_ids.registration_holder(event.event_id, new.external_id)
            if holder is not None:
                raise Taken("registration_id", holder)
            return Synced(outcome=Action.CREATE, state=state)
        also = self._state_actions(read, state)
        charge = self.store.limits.recipient(self.account, new.email, now)
        done = registry.register(self.store, new, now=now, account=self.account, charge=charge, also=also)
        if done is Obstacle.NOT_YET:
            raise NotYet(event.event_id)
        if isinstance(done, TooMany):
            raise InvalidField("email", LIMITED)
        if isinstance(done, Obstacle):
            return None  # the event was cancelled meanwhile
        if done.registration_id != new.registration_id:
            raise Refused(address_mark(event.event_id, new.email))
        return Synced(outcome=Action.CREATE, state=state)

    def _change(
        self, read: RowRead, row: RegistrationRow, person: Registration, event: Event, said: RowState, now: datetime
    ) -> Synced | None:
        changes = self._changes(row, event, person, now)
        moved = folded(changes["email"]) != folded(person.email)
        if self.dry:
            if moved:
                self._require_free(event, changes["email"])
            more = changes.get("guests", person.guests) - person.guests
            if person.status is RegistrationStatus.REGISTERED and not seats.are_free(self.store, event.event_id, more):
                raise InvalidField("guests", Obstacle.FULL.value)
            return Synced(outcome=Action.CHANGE, state=said)
        done = registry.change_registration(
            self.store,
            person.event_id,
            person.registration_id,
            changes=changes,
            priority=fan_out.urgency(event, now, self.store.settings.times),
            now=now,
            account=self.account,
            charge=self.store.limits.recipient(self.account, changes["email"], now) if moved else None,
            also=self._state_actions(read, said),
        )
        if done is Obstacle.TAKEN:
            raise Refused(address_mark(event.event_id, changes["email"]))
        if done is Obstacle.FULL:
            raise InvalidField("guests", Obstacle.FULL.value)
        if isinstance(done, TooMany):
            raise InvalidField("email", LIMITED)
        return None if isinstance(done, Obstacle) else Synced(outcome=Action.CHANGE, state=said)

    def _require_free(self, event: Event, email: str) -> None:
        """Raise :class:`Refused` where the address is registered for the event, as the transaction would."""
        if self.store.reads.address_holder(event.event_id, email) is not None:
            raise Refused(address_mark(event.event_id, email))

    def _withdraw(self, read: RowRead, person: Registration, said: RowState, now: datetime) -> Synced | None:
        if self.dry:
            return Synced(outcome=Action.CANCEL, state=said)
        event, invitation = (
            self._event(person.event_id),
            self.store.reads.invitation(person.event_id, person.registration_id),
        )
        done = registry.withdraw(
            self.store,
            person.event_id,
            person.registration_id,
            now=now,
            account=self.account,
            sends=event is None or invitation is None or not over(event, now, calendar_state_of(invitation)),
            removed=True,
            also=self._state_actions(read, said),
        )
        return None if isinstance(done, Obstacle) else Synced(outcome=Action.CANCEL, state=said)

    def _removed(self, read: RowRead, person: Registration, said: RowState, now: datetime) -> Synced | None:
        """Keep whoever withdrew by themselves from coming back, now that their row says as well that they do not."""
        if self.dry:
            return Synced(outcome=Action.NOTHING, state=said, fresh=True)
        changed = replace(person, removed=True, version=person.version + 1, updated_at=now)
        action = self.store.registrations.change_action(person, changed)
        refused = self.store.attempt({"registration": action, **self._state_actions(read, said)})
        return None if refused else Synced(outcome=Action.NOTHING, state=said)
