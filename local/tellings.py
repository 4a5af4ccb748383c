"""How far an account's changes have been told, read from the stack's tables for the inbox."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta

from convoke.delivery.fan_out import progress
from convoke.model import Event, Sender
from convoke.settings import Settings
from convoke.store.lookups import Lookups, Order, Wanted

from .postoffice.connected import Telling

SINCE = timedelta(hours=1)
"""For how long an event is looked at after its latest change. Telling thousands of people takes minutes."""
MOST = 20
"""How many events are shown: those that were changed last."""


def settings(tables: Mapping[str, str]) -> Settings:
    """What whoever only uses the stack's tables has to know of it: their names, by ``registrations``, ``invitations``,
    ``accounts`` and ``webhooks``.
    """
    return Settings(
        registrations_table=tables["registrations"],
        invitations_table=tables["invitations"],
        accounts_table=tables["accounts"],
        webhooks_table=tables["webhooks"],
        # Nothing is queued or sent here.
        urgent_queue="",
        ordinary_queue="",
        hooks_queue="",
        imports_queue="",
        sender=Sender(address="", domain=""),
        configuration_set="",
    )


def read(found: Lookups, account: str, now: datetime) -> list[Telling]:
    """The account's changes that are being told at ``now`` (UTC), or wait for that, the latest first."""
    changed = sorted(_changed(found, account, now), key=lambda event: event.updated_at, reverse=True)
    tellings = []
    for event in changed[:MOST]:
        fan_out = found.fan_out(event.event_id)
        if fan_out is None:
            continue
        if fan_out.waits(now):
            tellings.append(Telling(title=event.title, at=fan_out.told_at))
        else:
            told, of = progress(fan_out)
            tellings.append(Telling(title=event.title, told=told, of=of))
    return tellings


def _changed(found: Lookups, account: str, now: datetime) -> Iterator[Event]:
    wanted, cursor = Wanted(updated_since=now - SINCE), None
    while True:
        page = found.list_events(account, limit=100, cursor=cursor, order=Order.UPDATED, wanted=wanted)
        yield from (counted.event for counted in page.items)
        cursor = page.next
        if cursor is None:
            return
