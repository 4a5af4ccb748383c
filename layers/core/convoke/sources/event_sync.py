"""What follows from the row of an event."""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
from typing import Any

from pydantic import ValidationError

from ..decision import fan_out
from ..model import Event, EventStatus, InvalidField
from ..registrations import events
from ..schedule import series
from ..store.external_ids import Taken
from ..store.sources import RowKind
from . import contents, decide
from .decide import Action
from .mapping import EventRows
from .row_sync import HELD, Held, Outcome, RowRead, RowSync, Synced, disappears, errors_of, event_mark, said_by
from .rows import EventRow, event_row, external_id


class EventSync(RowSync):
    """Syncs rows of events."""

    def _events(self, key: Mapping[str, Any], now: datetime) -> Synced | None:
        """One look at the row of an event. ``None``: another writer was first."""
        rows = self.source.events
        assert rows is not None  # noqa: S101 (the caller asks for rows that are described)
        read = self._begin(RowKind.EVENTS, rows, key)
        event = self._event(read.seen.event_id)
        over = event is not None and series.ends_at(event) <= now
        if (read.seen.expired and read.row is None) or over:
            return self._settled(read, Action.NOTHING, over=over)
        try:
            row = None if read.row is None else event_row(rows, read.row)
            action = decide.of_event(read.seen, row, event, now)
            if event is not None and action in (Action.CANCEL, Action.CHANGE) and disappears(read.seen, row):
                self._brake(read, event if row is None else None, now)
            synced = self._do_event(read, rows, row, event, action, now)
        except Held:
            synced = self._wrong(read, [("", HELD)], now, Outcome.HELD)
        except (InvalidField, ValidationError, Taken) as error:
            synced = self._wrong(read, errors_of(error), now)
        if synced is None:
            return None
        stood = event is not None and event.status is not EventStatus.CANCELLED
        stands = synced.outcome in (Action.CREATE, Action.REOPEN) or (stood and synced.outcome is not Action.CANCEL)
        return replace(synced, stands=stands, unblocks=(event_mark(external_id(rows, key)),) if stands else ())

    def _do_event(
        self, read: RowRead, rows: EventRows, row: EventRow | None, event: Event | None, action: Action, now: datetime
    ) -> Synced | None:
        said = said_by(read.seen, row)
        if action is Action.CREATE and row is not None:
            new = contents.new_event(row, self.account, self.source.name, secrets.token_bytes(16), now)
            if series.ends_at(new) <= now:
                return self._settled(read, Action.NOTHING)
            state = replace(said, event_id=new.event_id)
            if self.dry:
                holder = self.store.external_ids.event_holder(self.account, new.external_id)
                if holder is not None:
                    raise Taken("event_id", holder)
                return Synced(outcome=action, state=state)
            events.create_event(self.store, new, also=self._state_actions(read, state))
            return Synced(outcome=action, state=state)
        if event is None or action is Action.NOTHING:
            return self._settled(read, action, said)
        if action is Action.CANCEL:
            after = contents.cancelled_event(event, "" if row is None else row.reason)
        else:
            assert row is not None  # noqa: S101 (of a row that is gone, nothing else follows)
            after = contents.changed_event(event, row, rows, now)
        if after == event:
            return self._settled(read, action, said)
        if self.dry:
            return Synced(outcome=action, state=said)
        also = self._state_actions(read, said)
        if action is Action.REOPEN:
            also["transfer"] = self.store.events.not_transferring_check(event.event_id)
        priority = fan_out.change_urgency(event, after, now, self.store.settings.times)
        after = replace(after, version=event.version + 1, updated_at=now)
        done = events.change_event(self.store, event, after, priority=priority, now=now, also=also)
        return Synced(outcome=action, state=said) if done else None
