"""A trial of a webhook event that is distributed, while something fails or the webhook is removed. It yields what is
wrong.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

from convoke.delivery import webhooks
from convoke.store import keys
from tests import factories

from . import orders, quick
from .checker import Violation
from .history import People, heal
from .interrupted import Interrupted, fails, interrupted
from .receivers import TYPES, Hook
from .scene import ACCOUNT, SETTINGS
from .webhook_checker import webhooks_at_the_end


def a_distribution_is_interrupted() -> Iterator[Violation]:
    """An event is posted whatever fails at any call, and nothing once the webhook was removed."""
    with quick.quick():
        quick.forget()
        base = orders.begin(orders.Scenario((), people=0))
        for by in (fails, _removes):
            count = _distributed(base, by, at=0).calls
            for at in range(1, count + 1):
                world = _distributed(base, by, at=at)
                heal(world)
                yield from webhooks_at_the_end(world)


def _distributed(base: orders.Directed, by: Callable[[Interrupted], None], *, at: int) -> Interrupted:
    """A copy of ``base`` in which somebody registered, and the webhook event of that is distributed to one webhook."""
    world, webhook = interrupted(base, by, at=-1), factories.webhook(*TYPES)
    world.store.webhooks.create(webhook)
    world.receivers.hooks[webhook.webhook_id] = Hook(webhook)
    People(world).register()
    rows = (row for part in world.tables.rows[SETTINGS.webhooks_table].values() for row in part.values())
    (happened,) = (row["webhook_event_id"] for row in rows if row["sk"].startswith(keys.WEBHOOK_EVENT_PREFIX))
    world.interrupted_at, world.calls = at, 0
    world.start("distribute", lambda run: webhooks.distribute(ACCOUNT, happened, run.worker))
    world.run_until(world.now + 20)
    world.interrupted_at = -1
    return world


def _removes(world: Interrupted) -> None:
    world.receivers.remove()
