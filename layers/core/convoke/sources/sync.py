"""Looks at one row of a site's table, and does what follows from it.

The state of the row is read first, then the row itself, strongly consistent, then the event or registration that it
became. What follows is written in one transaction with the next state, on condition that nobody looked at the row
meanwhile. So it does not matter how often, by how many workers, or in which order a row is looked at.
"""

from __future__ import annotations

import json
import secrets
from collections.abc import Collection, Mapping
from dataclasses import replace
from datetime import datetime
from enum import StrEnum
from typing import Any

from pydantic import ValidationError

from ..decision.decide import over
from ..decision.plan import calendar_state_of
from ..delivery import fan_out
from ..model import ConvokeError, Event, EventStatus, InvalidField, Registration, RegistrationStatus, folded, frozen
from ..registrations import events, registry
from ..registrations.registry import Obstacle, TooMany
from ..schedule import series
from ..store import dynamo, keys
from ..store.external_ids import Taken
from ..store.outbox import About
from ..store.sources import Kind, Place, RowProblem, RowState, digest, place
from ..store.store import Store
from ..store.writes import Action as Write
from ..store.writes import Overtaken, rounds
from ..web import problems
from ..web.context import AN_ID
from ..webhooks.events import WebhookEventType
from . import contents, decide
from .decide import Action
from .mapping import EventRows, Rows, Source
from .row_keys import key_text, read_key
from .rows import (
    EventRow,
    RegistrationRow,
    Row,
    counts,
    event_of,
    event_row,
    external_id,
    fingerprint,
    registration_row,
)

MOST_GONE = 20
"""How many people's rows may disappear in ten minutes before a source is paused; or, if that is more,"""
MOST_GONE_SHARE = 10
"""one of so many of the rows that stood at the last comparison."""
HELD = "has disappeared together with many others, or lacks a mapped attribute that it had: held until it is confirmed"
LONGEST_EXTERNAL_ID = 200
TAKEN = "is registered for the event already"
MOST_IN_A_CIRCLE = 6
"""How many people exchange their addresses in one transaction."""
LIMITED = "has got as many invitations as one address may get: looked at again by the next daily audit"


class Unknown(ConvokeError):
    """It cannot be told what the site's table says: it is not the table that it was. Nothing was done."""


class NotYet(ConvokeError):
    """Registrations are still being copied to the event: the row has to be looked at again in a minute."""


class Outcome(StrEnum):
    """What a look led to, beside the actions of :class:`decide.Action`."""

    PROBLEM = "problem"
    HELD = "held"


@frozen
class Looked:
    """What one look led to. ``wakes`` are the digests of what other rows may wait for, and now find. ``fresh``: the
    problem was not known before, or was another one, or the row waits for something else by now.
    """

    outcome: Action | Outcome
    state: RowState
    wakes: tuple[str, ...] = ()
    fresh: bool = False


class Held(ConvokeError):
    """The row has disappeared, and the brake holds it."""


class Refused(ConvokeError):
    """Somebody else has the address: the row waits for ``what``."""

    def __init__(self, what: str) -> None:
        super().__init__(what)
        self.what = what


class Site:
    """One source of an account, with a client that may read the site's tables."""

    def __init__(
        self, store: Store, account: str, source: Source, tables: Any, *, dry: bool = False, confirmed: bool = False
    ) -> None:
        """``dry``: tell what would follow, and write nothing. ``confirmed``: rows that disappeared are not held."""
        self.store = store
        self.account = account
        self.source = source
        self.tables = tables
        self.dry = dry
        self.confirmed = confirmed
        self._known: set[str] = set()

    def rows(self, kind: Kind) -> Rows | None:
        return self.source.events if kind is Kind.EVENTS else self.source.registrations

    def look(self, kind: Kind, key: Mapping[str, Any], now: datetime) -> Looked:
        """Look at the row with the primary key ``key``, plain values by the names of its attributes, at ``now`` (UTC).

        Raises :class:`Unknown`, :class:`NotYet`, :class:`dynamo.Contention`, and botocore's errors: then nothing is
        known about the row, and it has to be looked at again.
        """
        first: Looked | None = None
        for _ in rounds():
            try:
                looked = self._events(key, now) if kind is Kind.EVENTS else self._registrations(key, now)
            except Overtaken:
                continue
            if looked is None:
                continue
            if first is not None:
                same = looked.outcome in (Action.NOTHING, first.outcome)
                return replace(first if same else looked, state=looked.state, wakes=first.wakes + looked.wakes)
            # A row that is withdrawn because it names another event is registered there by the next look; and an
            # event may have appeared while its row was marked as waiting. Of two rows that exchange their addresses and
            # are looked at in the same moment, whichever is marked last finds the other.
            if self.dry or kind is Kind.EVENTS or not _is_looked_at_again(looked):
                return looked
            first = looked
        raise AssertionError  # rounds() ends with Contention

    def has(self, kind: Kind, key: str) -> bool:
        """Whether the site's table has the row with this key, in JSON."""
        rows = self.rows(kind)
        assert rows is not None  # noqa: S101 (the caller asks for rows that are described)
        wire = dynamo.wire(read_key(json.loads(key)))
        return "Item" in self.tables.get_item(TableName=rows.table, Key=wire, ConsistentRead=True)

    def waiting(self, looked: Looked) -> list[str]:
        """The keys, in JSON, of the rows of registrations that wait for what this look has led to."""
        marks = looked.wakes if self.source.registrations is not None else ()
        return [key for mark in marks for key in self.store.sources.waiting(self.account, self.source.name, mark)]

    def expired(self, kind: Kind, key: Mapping[str, Any]) -> None:
        """Remember that the site's time to live has deleted the row, so that it does not count as gone."""
        rows = self.rows(kind)
        for _ in rounds():
            assert rows is not None  # noqa: S101 (the caller asks for rows that are described)
            look = self._begin(kind, rows, key)
            if look.row is not None:
                return  # it is back
            try:
                self._settled(look, Action.NOTHING, replace(look.seen, expired=True, waits_for=""))
            except Overtaken:
                continue
            return

    # --- events -----------------------------------------------------------------------------------------------------

    def _events(self, key: Mapping[str, Any], now: datetime) -> Looked | None:
        """One look at the row of an event. ``None``: another writer was first."""
        rows = self.source.events
        assert rows is not None  # noqa: S101 (the caller asks for rows that are described)
        look = self._begin(Kind.EVENTS, rows, key)
        event = self._event(look.seen.event_id)
        if (look.seen.expired and look.row is None) or (event is not None and series.ends_at(event) <= now):
            return self._settled(look, Action.NOTHING)
        try:
            row = None if look.row is None else event_row(rows, look.row)
            action = decide.of_event(look.seen, row, event, now)
            if event is not None and action in (Action.CANCEL, Action.CHANGE) and _disappears(look.seen, row):
                self._brake(look, event if row is None else None, now)
            looked = self._do_event(look, rows, row, event, action, now)
        except Held:
            return self._wrong(look, [("", HELD)], now, Outcome.HELD)
        except (InvalidField, ValidationError, Taken) as error:
            return self._wrong(look, _errors(error), now)
        stays_off = event is not None and event.status is EventStatus.CANCELLED and action is Action.NOTHING
        if looked is None or not looked.state.event_id or action is Action.CANCEL or stays_off:
            return looked
        return replace(looked, wakes=(_event_mark(external_id(rows, key)),))

    def _do_event(
        self, look: _Look, rows: EventRows, row: EventRow | None, event: Event | None, action: Action, now: datetime
    ) -> Looked | None:
        said = _said(look.seen, row)
        if action is Action.CREATE and row is not None:
            new = contents.new_event(row, self.account, self.source.name, secrets.token_bytes(16), now)
            if series.ends_at(new) <= now:
                return self._settled(look, Action.NOTHING)
            state = replace(said, event_id=new.event_id)
            if self.dry:
                return Looked(outcome=action, state=state)
            events.create_event(self.store, new, also=self._state_actions(look, state))
            return Looked(outcome=action, state=state)
        if event is None or action is Action.NOTHING:
            return self._settled(look, action, said)
        if action is Action.CANCEL:
            after = contents.cancelled_event(event, "" if row is None else row.reason)
        else:
            assert row is not None  # noqa: S101 (of a row that is gone, nothing else follows)
            after = contents.changed_event(event, row, rows, now)
        if after == event:
            return self._settled(look, action, said)
        if self.dry:
            return Looked(outcome=action, state=said)
        also = self._state_actions(look, said)
        if action is Action.REOPEN:
            also["transfer"] = self.store.events.not_transferring_check(event.event_id)
        priority = fan_out.change_urgency(event, after, now, self.store.settings.times)
        after = replace(after, version=event.version + 1, updated_at=now)
        done = events.change_event(self.store, event, after, priority=priority, now=now, also=also)
        return Looked(outcome=action, state=said) if done else None

    def _event(self, event_id: str) -> Event | None:
        return self.store.reads.own_event(event_id, self.account) if event_id else None

    # --- registrations ----------------------------------------------------------------------------------------------

    def _registrations(self, key: Mapping[str, Any], now: datetime) -> Looked | None:
        """One look at the row of a registration. ``None``: another writer was first."""
        rows = self.source.registrations
        assert rows is not None  # noqa: S101 (the caller asks for rows that are described)
        look = self._begin(Kind.REGISTRATIONS, rows, key)
        seen = look.seen
        person = self.store.reads.registration(seen.event_id, seen.registration_id) if seen.registration_id else None
        try:
            event = self._event(seen.event_id if look.row is None else self._event_id(event_of(rows, look.row)))
            if (seen.expired and look.row is None) or (event is not None and series.ends_at(event) <= now):
                return self._settled(look, Action.NOTHING)
            row = None if look.row is None else registration_row(rows, look.row)
            action = decide.of_registration(seen, row, person, event, now)
            if person is not None and action in (Action.CANCEL, Action.CHANGE) and _disappears(seen, row):
                self._brake(look, None, now)
            looked = self._do_registration(look, row, person, event, action, now)
        except Held:
            return self._wrong(look, [("", HELD)], now, Outcome.HELD)
        except Refused as error:
            if person is not None and event is not None and row is not None and not self.dry:
                swapped = self._swap(look, row, person, event, now)
                if swapped is not None:
                    return swapped
            return self._wrong(look, [("email", TAKEN)], now, waits_for=error.what)
        except (InvalidField, ValidationError, Taken) as error:
            return self._wrong(look, _errors(error), now)
        if looked is None or person is None or looked.outcome not in (Action.CANCEL, Action.CHANGE):
            return looked
        return replace(looked, wakes=(_address_mark(person.event_id, person.email),))

    def _do_registration(
        self,
        look: _Look,
        row: RegistrationRow | None,
        person: Registration | None,
        event: Event | None,
        action: Action,
        now: datetime,
    ) -> Looked | None:
        seen, said = look.seen, _said(look.seen, row)
        if action is Action.CANCEL and person is not None:
            # What it says now is not done yet, unless it says that they do not come: then it is looked at again.
            said = replace(said, fingerprint="" if row is None or row.status == "registered" else said.fingerprint)
            return self._withdraw(look, person, said, now)
        if action is Action.WAIT and row is not None:
            return self._settled(look, action, replace(seen, waits_for=_event_mark(row.event)))
        if event is None or row is None or action is Action.NOTHING:
            if person is not None and person.status is RegistrationStatus.ERASED:
                # Its key may be personal data: the row is recognized by its hash.
                return self._settled(look, action, replace(seen, key="", fields=()))
            comes = row is not None and row.status != "withdrawn"
            if person is not None and person.status is RegistrationStatus.CANCELLED and not (comes or person.removed):
                return self._removed(look, person, replace(said, waits_for=""), now)
            return self._settled(look, action, said)
        if action is Action.CREATE:
            return self._register(look, row, event, said, now)
        assert person is not None  # noqa: S101 (only who is registered can be changed)
        return self._change(look, row, person, event, said, now)

    def _register(
        self, look: _Look, row: RegistrationRow, event: Event, said: RowState, now: datetime
    ) -> Looked | None:
        sender = self.store.settings.sender.address
        new = contents.new_registration(row, event, self.source.name, secrets.token_bytes(16), now, sender)
        state = replace(said, event_id=event.event_id, registration_id=new.registration_id)
        if self.dry:
            self._require_free(event, new.email)
            return Looked(outcome=Action.CREATE, state=state)
        also = self._state_actions(look, state)
        charge = self.store.limits.recipient(self.account, new.email, now)
        done = registry.register(self.store, new, now=now, account=self.account, charge=charge, also=also)
        if done is Obstacle.NOT_YET:
            raise NotYet(event.event_id)
        if isinstance(done, TooMany):
            raise InvalidField("email", LIMITED)
        if isinstance(done, Obstacle):
            return None  # the event was cancelled meanwhile
        if done.registration_id != new.registration_id:
            raise Refused(_address_mark(event.event_id, new.email))
        return Looked(outcome=Action.CREATE, state=state)

    def _change(
        self, look: _Look, row: RegistrationRow, person: Registration, event: Event, said: RowState, now: datetime
    ) -> Looked | None:
        changes = self._changes(row, event, person, now)
        soon = series.next_start(event.schedule, now) - now <= self.store.settings.times.soon
        moved = folded(changes["email"]) != folded(person.email)
        if self.dry:
            if moved:
                self._require_free(event, changes["email"])
            return Looked(outcome=Action.CHANGE, state=said)
        done = registry.change_registration(
            *(self.store, person.event_id, person.registration_id),
            changes=changes,
            priority=0 if soon else 1,
            now=now,
            account=self.account,
            charge=self.store.limits.recipient(self.account, changes["email"], now) if moved else None,
            also=self._state_actions(look, said),
        )
        if done is Obstacle.TAKEN:
            raise Refused(_address_mark(event.event_id, changes["email"]))
        if done is Obstacle.FULL:
            raise InvalidField("guests", Obstacle.FULL.value)
        if isinstance(done, TooMany):
            raise InvalidField("email", LIMITED)
        return None if isinstance(done, Obstacle) else Looked(outcome=Action.CHANGE, state=said)

    @property
    def _mapped(self) -> Collection[str]:
        """The fields of a registration that have an attribute of the site."""
        return () if self.source.registrations is None else self.source.registrations.fields.keys()

    def _swap(
        self, look: _Look, row: RegistrationRow, person: Registration, event: Event, now: datetime
    ) -> Looked | None:
        """Where the row of somebody else waits for the address of ``person``, and so on, up to the one who has the
        address that ``row`` says, change all of them in one transaction. ``None``: there is no such circle.
        """
        if person.event_id != event.event_id:
            return None
        changes = self._changes(row, event, person, now)
        holder = self.store.reads.address_holder(event.event_id, changes["email"])
        circle = self._circle([_Moves(look=look, row=row, person=person, changes=changes)], holder, event, now)
        if not circle:
            return None
        said = _said(look.seen, row)
        also: dict[str, Write] = {}
        for number, one in enumerate(circle):
            its = _said(one.look.seen, one.row)
            # Seats are not taken here: other guests are left to the next look.
            if one.changes.pop("guests", one.person.guests) != one.person.guests:
                its = replace(its, fingerprint="")
            said = its if number == 0 else said
            also |= {
                name if number == 0 else f"{name} of row {number}": action
                for name, action in self._state_actions(one.look, its).items()
            }
        swapped = registry.swap_addresses(
            *(self.store, [one.person for one in circle], [one.changes for one in circle]),
            priority=0,
            now=now,
            account=self.account,
            also=also,
        )
        return Looked(outcome=Action.CHANGE, state=said) if swapped else None

    def _circle(self, found: list[_Moves], holder: str | None, event: Event, now: datetime) -> list[_Moves]:
        """``found`` with those who follow: each row waits for the address of the person before, and the last person is
        ``holder``. Empty where there is no such circle of at most :data:`MOST_IN_A_CIRCLE`.
        """
        last = found[-1].person
        if last.registration_id == holder:
            return found
        if holder is None or len(found) == MOST_IN_A_CIRCLE:
            return []
        mark = _address_mark(event.event_id, last.email)
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
        look = self._begin(Kind.REGISTRATIONS, rows, read_key(json.loads(key)))
        person = self.store.reads.registration(event.event_id, look.seen.registration_id)
        if look.row is None or person is None or person.status not in registry.ACTIVE:
            return None
        try:
            row = registration_row(rows, look.row)
            if row.status != "registered" or self._event_id(row.event) != event.event_id:
                return None
            return _Moves(look=look, row=row, person=person, changes=self._changes(row, event, person, now))
        except (InvalidField, ValidationError):
            return None  # it is a problem of that row

    def _changes(self, row: RegistrationRow, event: Event, person: Registration, now: datetime) -> dict[str, Any]:
        sender = self.store.settings.sender.address
        return contents.registration_changes(row, self._mapped, event, person, now, sender)

    def _require_free(self, event: Event, email: str) -> None:
        """Raise :class:`Refused` where the address is registered for the event, as the transaction would."""
        if self.store.reads.address_holder(event.event_id, email) is not None:
            raise Refused(_address_mark(event.event_id, email))

    def _withdraw(self, look: _Look, person: Registration, said: RowState, now: datetime) -> Looked | None:
        if self.dry:
            return Looked(outcome=Action.CANCEL, state=said)
        event, invitation = (
            self._event(person.event_id),
            self.store.reads.invitation(person.event_id, person.registration_id),
        )
        done = registry.withdraw(
            *(self.store, person.event_id, person.registration_id),
            now=now,
            account=self.account,
            sends=event is None or invitation is None or not over(event, now, calendar_state_of(invitation)),
            removed=True,
            also=self._state_actions(look, said),
        )
        return None if isinstance(done, Obstacle) else Looked(outcome=Action.CANCEL, state=said)

    def _removed(self, look: _Look, person: Registration, said: RowState, now: datetime) -> Looked | None:
        """Keep whoever withdrew by themselves from coming back, now that their row says as well that they do not."""
        if self.dry:
            return Looked(outcome=Action.NOTHING, state=said)
        changed = replace(person, removed=True, version=person.version + 1, updated_at=now)
        action = self.store.registrations.change_action(person, changed, "removed")
        refused = self.store.attempt({"registration": action, **self._state_actions(look, said)})
        return None if refused else Looked(outcome=Action.NOTHING, state=said)

    def _event_id(self, named: str) -> str:
        """The id of the event that a row names, empty while there is none: by the event's own row, or, where the site
        has no table of events, by its id or external id.
        """
        if self.source.events is not None:
            return self.store.sources.row(self._place(Kind.EVENTS, named)).event_id
        if AN_ID.fullmatch(named) and self.store.reads.own_event(named, self.account) is not None:
            return named
        if len(named) > LONGEST_EXTERNAL_ID:
            return ""
        return self.store.external_ids.event_holder(self.account, named) or ""

    # --- one look ---------------------------------------------------------------------------------------------------

    def _place(self, kind: Kind, name: str) -> Place:
        return place(self.account, self.source.name, kind, name)

    def _begin(self, kind: Kind, rows: Rows, key: Mapping[str, Any]) -> _Look:
        """Read the row's state, then the row."""
        where = self._place(kind, external_id(rows, key))
        seen = self.store.sources.row(where)
        only_key = {name: key[name] for name in rows.key.names}
        answer = self.tables.get_item(TableName=rows.table, Key=dynamo.wire(only_key), ConsistentRead=True)
        row = dynamo.unwire(answer["Item"]) if "Item" in answer else None
        if (row is None and seen.event_id) or rows.table not in self._known:
            self._require_same_table(rows.table)
        if row is not None and not counts(rows, row):
            row = None
        return _Look(where=where, seen=replace(seen, key=key_text(only_key)), row=row)

    def _require_same_table(self, table: str) -> None:
        """Raise :class:`Unknown` unless the table is the one that was read before; the first one is remembered.

        Called after the read: an id never comes back, so the row was read from the table that has it now.
        """
        found = self.tables.describe_table(TableName=table)["Table"]
        # An emulator has no ids of tables.
        table_id = str(found.get("TableId") or found["CreationDateTime"].isoformat())
        known = self.store.sources.state(self.account, self.source.name).table_id(table)
        if known is None:
            self.store.sources.remember_table(self.account, self.source.name, table, table_id)
        elif known != table_id:
            raise Unknown(f"{table} is not the table that it was: make sync confirms the new one")
        self._known.add(table)

    def _brake(self, look: _Look, event: Event | None, now: datetime) -> None:
        """Raise :class:`Held` where too many rows have disappeared lately. Those of an event count as all its
        people.
        """
        if self.dry or self.confirmed:
            return
        sources, ids = self.store.sources, (self.account, self.source.name)
        state = sources.state(*ids)
        if state.paused_at is not None:
            raise Held(look.where.digest)
        people = 1
        if event is not None:
            seats = self.store.reads.seats(event.event_id)
            people = max(1, seats.taken + seats.waiting)
        if sources.count_gone(*ids, people, now) > max(MOST_GONE, state.standing // MOST_GONE_SHARE):
            sources.pause(*ids, now)
            raise Held(look.where.digest)

    def _state_actions(self, look: _Look, state: RowState) -> dict[str, Write]:
        """The actions that store ``state`` as that of a row with nothing wrong."""
        now = replace(state, problem="", fence=look.seen.fence + 1)
        actions = self.store.sources.row_actions(look.where, look.seen, now)
        if look.seen.problem:
            actions["mended"] = self.store.sources.mended_action(look.where)
        return actions

    def _settled(self, look: _Look, action: Action, state: RowState | None = None) -> Looked:
        """Nothing follows from the row. The state is written all the same: its fence tells slower workers."""
        state = replace(look.seen, waits_for="") if state is None else state
        if action is not Action.WAIT:
            state = replace(state, waits_for="")
        if not self.dry:
            self.store.attempt(self._state_actions(look, state))
        return Looked(outcome=action, state=state)

    def _wrong(
        self,
        look: _Look,
        errors: list[tuple[str, str]],
        now: datetime,
        outcome: Outcome = Outcome.PROBLEM,
        waits_for: str = "",
    ) -> Looked:
        """Store what is wrong with the row, and tell the account of it once."""
        field, reason = errors[0]
        problem = RowProblem(
            kind=look.where.kind,
            digest=look.where.digest,
            key=look.seen.key,
            field=field,
            reason=reason,
            since=now,
        )
        summary = f"{field}: {reason}"
        known = look.seen.problem == summary
        state = replace(look.seen, problem=summary, waits_for=waits_for, fence=look.seen.fence + 1)
        actions = self.store.sources.row_actions(look.where, look.seen, state)
        actions["problem"] = self.store.sources.problem_action(look.where, problem, same=known)
        if not known:
            told = {"source": self.source.name, "rows": problem.kind.value, "problem_id": problem.digest}
            told |= {"field": field, "reason": reason}
            actions |= self.store.outbox.event_actions(
                self.account, WebhookEventType.SOURCE_PROBLEM, About(data=told), now
            )
        if not self.dry:
            self.store.attempt(actions)
        fresh = not known or look.seen.waits_for != waits_for
        return Looked(outcome=outcome, state=state, fresh=fresh)


@frozen
class _Look:
    """A row at one look: its state, and what it says, ``None`` where it is gone or does not count."""

    where: Place
    seen: RowState
    row: Row | None


@frozen
class _Moves:
    """A row that says another address of its person than they have."""

    look: _Look
    row: RegistrationRow
    person: Registration
    changes: dict[str, Any]


def _is_looked_at_again(looked: Looked) -> bool:
    """Whether more may follow from the row at once: it was withdrawn, or has been marked as waiting."""
    waits = looked.outcome is Outcome.PROBLEM and bool(looked.state.waits_for)
    return waits or looked.outcome in (Action.CANCEL, Action.WAIT)


def _event_mark(event: str) -> str:
    return digest("event", event)


def _address_mark(event_id: str, email: str) -> str:
    return digest("address", event_id, keys.address(event_id, email)["sk"])


def _said(seen: RowState, row: EventRow | RegistrationRow | None) -> RowState:
    """The next state once everything that ``row`` says is done; of a row that is gone, as if it had said nothing."""
    if row is None:
        return replace(seen, fingerprint="", fields=(), waits_for="")
    return replace(seen, fingerprint=fingerprint(row), fields=contents.filled(row.fields), waits_for="", expired=False)


def _disappears(seen: RowState, row: EventRow | RegistrationRow | None) -> bool:
    """Whether the row is gone, or lacks a mapped field that it had when it was last acted upon, and does not say by its
    status that it is cancelled or withdrawn.
    """
    if row is None:
        return True
    explicit = row.status in ("cancelled", "withdrawn")
    return not explicit and bool(set(seen.fields) - set(contents.filled(row.fields)))


def _errors(error: InvalidField | ValidationError | Taken) -> list[tuple[str, str]]:
    if isinstance(error, Taken):
        return [("external_id", str(error))]
    if isinstance(error, InvalidField):
        return [(error.field, str(error).removeprefix(f"{error.field}: "))]
    return list(problems.fields(error.errors(include_url=False, include_input=False)))
