"""A trial of two changes of one event that meet. It yields what it finds wrong."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from convoke.model import EventStatus
from convoke.registrations import events
from convoke.store.store import Store
from tests import factories

from . import quick
from .checker import Violation
from .scene import EVENT_ID, SETTINGS, START
from .tables import Tables, refused


class Met(Tables):
    """While the first item is read, somebody else cancels the event; a read of several items meets them."""

    def __init__(self) -> None:
        super().__init__((), lambda *_: None)
        self.alone = True

    def transact_get_items(self, **_: Any) -> Any:
        raise refused("TransactionCanceledException", "TransactGetItems", CancellationReasons=[])

    def get_item(self, **asked: Any) -> Any:
        found = super().get_item(**asked)
        if not self.alone:
            self.alone = True
            store = Store(self, SETTINGS)
            before = store.reads.event(EVENT_ID)
            assert before is not None
            after = replace(before, version=before.version + 1, status=EventStatus.CANCELLED)
            assert events.change_event(store, before, after, priority=0, now=START)
        return found


def a_change_meets_an_urgent_one() -> Iterator[Violation]:
    """People are informed as soon as the more urgent one wants it, whichever was written last."""
    with quick.quick():
        quick.forget()
        tables = Met()
        store = Store(tables, SETTINGS)
        events.create_event(store, factories.event(event_id=EVENT_ID, title="A", notify_after=0))
        tables.alone = False
        before, fan_out = store.reads.event_before_fan_out(EVENT_ID)
        assert before is not None
        after = replace(before, version=before.version + 1, title="B")
        events.change_event(store, before, after, priority=1, now=START, earlier=events.Earlier(fan_out=fan_out))
        written = store.reads.fan_out(EVENT_ID)
        if written is None or written.priority:
            yield Violation("pressing", f"a cancellation and a change that met it are announced by {written}")
