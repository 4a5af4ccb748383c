"""Judges what webhooks were posted: by the requests that their servers saw, and the final tables."""

from __future__ import annotations

import hashlib
import hmac
import json
from collections import defaultdict
from collections.abc import Iterator
from datetime import datetime
from itertools import pairwise
from typing import Any

from convoke.model import RegistrationStatus
from convoke.store import keys

from .checker import Violation
from .receivers import Hook, Posted
from .scene import SETTINGS, START
from .worker import FUNCTION
from .world import World

ATTEMPTS = 9
"""As docs/api.md promises."""
A_DAY = 26 * 3600.0
SOONEST = 10.0 - 3.0
"""Seconds between two requests for one delivery at least, by clocks that may differ by three."""
IN_FLIGHT = 1

GONE = (RegistrationStatus.CANCELLED, RegistrationStatus.ERASED)


class Log:
    """What happened, by the outbox; what is stored of deliveries; and what was posted, by webhook and event."""

    def __init__(self, world: World) -> None:
        self.world = world
        rows = [row for part in world.tables.rows.get(SETTINGS.webhooks_table, {}).values() for row in part.values()]
        self.events = {row["webhook_event_id"]: row for row in rows if row["sk"].startswith(keys.WEBHOOK_EVENT_PREFIX)}
        self.deliveries = {
            (row["webhook_id"], row["webhook_event_id"]): row
            for row in rows
            if row["sk"].startswith(keys.DELIVERY_PREFIX)
        }
        self.posted: dict[tuple[str, str], list[Posted]] = defaultdict(list)
        for each in world.receivers.posted:
            self.posted[each.webhook_id, each.webhook_event_id].append(each)


def webhooks_at_the_end(world: World) -> Iterator[Violation]:
    log = Log(world)
    hooks = list(world.receivers.hooks.values())
    yield from _told_of(log, hooks)
    for hook in hooks:
        for event_id, event in log.events.items():
            if event["type"] in hook.webhook.events:
                yield from _delivered(log, hook, event_id, event)
    for (webhook_id, event_id), posted in log.posted.items():
        hook = world.receivers.hooks[webhook_id]
        yield from _genuine(hook, event_id, posted, late=world.zombies)
        if not world.zombies:
            yield from _after_its_end(hook, posted)
            yield from _in_turn(hook, event_id, posted)
    if not world.zombies:
        yield from _in_flight(world.receivers.posted)


def _told_of(log: Log, hooks: list[Hook]) -> Iterator[Violation]:
    """Each thing that happened is in the outbox, as often as it did, if a webhook was there for it all the time."""
    listening = {what for hook in hooks if hook.removed_at is None for what in hook.webhook.events}
    told: dict[tuple[str, str], int] = defaultdict(int)
    for event in log.events.values():
        told[event["type"], event["data"].get("registration_id", "")] += 1
    people = log.world.tables.rows[SETTINGS.registrations_table]
    for row in (row for partition in people.values() for row in partition.values()):
        if not row["sk"].startswith(keys.REGISTRATION_PREFIX):
            continue
        rid = row["registration_id"]
        # Whoever takes a registration up again may withdraw once more.
        gone = [RegistrationStatus(status) in GONE for _, ((status, _),) in log.world.truths[row["sk"]]]
        withdrawn = sum(now and not before for before, now in pairwise([False, *gone]))
        for what, count in (("registration.created", 1), ("registration.cancelled", withdrawn)):
            if what in listening and told[what, rid] != count:
                yield Violation(
                    "W1", f"{what} of {rid[6:10]} was written to the outbox {told[what, rid]} times, not {count}"
                )


def _delivered(log: Log, hook: Hook, event_id: str, event: dict[str, Any]) -> Iterator[Violation]:
    """It was taken in at least once, or is dead after what was promised; or the webhook was removed."""
    webhook_id = hook.webhook.webhook_id
    delivery = log.deliveries.get((webhook_id, event_id))
    taken = any(each.taken for each in log.posted.get((webhook_id, event_id), []))
    if hook.removed_at is not None or taken:
        return
    if delivery is None:
        yield Violation("W1", f"{webhook_id} was never told of {event['type']}")
    elif delivery["state"] != "dead":
        yield Violation("W1", f"{webhook_id} did not take {event['type']}, which is {delivery['state']}")
    else:
        waited = (log.world.instant() - datetime.fromisoformat(event["created_at"])).total_seconds()
        if (
            len(log.posted.get((webhook_id, event_id), [])) < ATTEMPTS
            and delivery["attempts"] < ATTEMPTS
            and waited < A_DAY
        ):
            yield Violation("W1", f"{webhook_id}: {event['type']} is dead after {delivery['attempts']} attempts")


def _genuine(hook: Hook, event_id: str, posted: list[Posted], *, late: bool) -> Iterator[Violation]:
    """Always the same bytes under the same id, signed as documented; and nothing to a webhook that was removed."""
    if len({each.body for each in posted}) > 1 or json.loads(posted[0].body)["id"] != event_id:
        yield Violation("W2", f"{event_id} is posted as {sorted({each.body for each in posted})}")
    for each in posted:
        stamp, _, proof = each.signature.partition(",v1=")
        key, signed = hook.webhook.secret.encode(), stamp.removeprefix("t=").encode() + b"." + each.body
        at = START.timestamp() + each.at - float(stamp.removeprefix("t="))
        if hmac.new(key, signed, hashlib.sha256).hexdigest() != proof or not (late or -5 < at < 60):
            yield Violation("W3", f"{each.signature} does not sign {each.body!r}")


def _after_its_end(hook: Hook, posted: list[Posted]) -> Iterator[Violation]:
    """Whoever read the webhook before it was removed may still post to it, and nobody else."""
    for each in posted:
        if hook.removed_at is not None and hook.certain and each.at > hook.removed_at + FUNCTION:
            yield Violation("W4", f"{each.webhook_id} is posted to {each.at - hook.removed_at:.0f} s after its end")


def _in_turn(hook: Hook, event_id: str, posted: list[Posted]) -> Iterator[Violation]:
    """One request at a time, not too soon after another, at most as many as promised, and none after a success."""
    posted = sorted(posted, key=lambda each: each.at)
    for one, other in pairwise(posted):
        if other.at < one.until + SOONEST:
            yield Violation("W5", f"{hook.webhook.webhook_id} gets {event_id} again after {other.at - one.at:.1f} s")
    if len(posted) > ATTEMPTS:
        yield Violation("W5", f"{hook.webhook.webhook_id} gets {event_id} {len(posted)} times")


def _in_flight(posted: list[Posted]) -> Iterator[Violation]:
    moments = sorted([(each.at, 1) for each in posted] + [(each.until, -1) for each in posted])
    current = 0
    for _, change in moments:
        current += change
        if current > IN_FLIGHT:
            yield Violation("W6", f"{current} requests of one account are in flight")
            return
