"""The servers behind webhooks: what they were posted, and what they answer, or do not."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from convoke import effects
from convoke.webhooks.events import SIGNATURE_HEADER, Webhook, WebhookEventType, request
from convoke.webhooks.http import TOTAL_TIMEOUT, Answer

from .scene import ACCOUNT

if TYPE_CHECKING:
    from .world import World

TYPES = tuple(sorted(what for what in WebhookEventType if what is not WebhookEventType.TEST))


@dataclass(slots=True)
class Hook:
    """A webhook: when it was removed, ``certain`` where that is; and whether its server refuses, or leaves unanswered,
    everything.
    """

    webhook: Webhook
    refuses: str = ""
    removed_at: float | None = None
    certain: bool = False


@dataclass(frozen=True, slots=True)
class Posted:
    """One request: between which moments it was in flight, what it had, and whether the server took it in."""

    at: float
    until: float
    webhook_id: str
    webhook_event_id: str
    body: bytes
    signature: str
    taken: bool
    answered: bool


class Receivers:
    def __init__(self, world: World) -> None:
        self._world = world
        self.hooks: dict[str, Hook] = {}
        self.posted: list[Posted] = []

    def create(self) -> None:
        """One more webhook, for all types or for some."""
        world = self._world
        types = TYPES if world.random() < 0.5 else tuple(sorted(world.dice.sample(TYPES, 3)))
        number = len(self.hooks) + 1
        webhook = Webhook(
            webhook_id=f"hook{number}",
            account=ACCOUNT,
            url=f"https://hook{number}.example.org/",
            events=types,
            secret=f"whs_{number}",
            created_at=world.instant(),
        )
        refuses = world.dice.choice(("", "", "", "", "", "", "webhook refuses", "webhook never answers"))
        world.store.webhooks.create(webhook)
        self.hooks[webhook.webhook_id] = Hook(webhook, refuses)

    def remove(self) -> None:
        hooks = [hook for hook in self.hooks.values() if hook.removed_at is None]
        if hooks:
            hook = self._world.dice.choice(hooks)
            self._world.note(f"API removes the webhook {hook.webhook.webhook_id}")
            try:
                hook.certain = self._world.store.webhooks.remove(ACCOUNT, hook.webhook.webhook_id)
            finally:
                hook.removed_at = self._world.now

    def post(self, effect: effects.PostWebhook, answer: Callable[[Answer], None]) -> None:
        """Take one request; ``answer`` is called when the client knows, or believes that it never will."""
        world, random = self._world, self._world.random
        body, headers = request(effect.webhook, effect.webhook_event, effect.content, effect.at)
        fault = self.hooks[effect.webhook.webhook_id].refuses or world.faults.one_of(
            "webhook refuses",
            "webhook cannot be reached",
            "webhook never answers",
            "webhook got it, its answer is lost",
            "webhook is slow",
        )
        if fault:
            world.note(f"  {fault}")
        taken, said, seconds = True, Answer(status=200), 0.02 + 0.3 * random()
        match fault:
            case "webhook refuses":
                taken, said = False, Answer(status=503, why="it answered 503")
            case "webhook cannot be reached":
                taken, said, seconds = False, Answer(why="it did not answer: ConnectionRefusedError"), 3 * random()
            case "webhook never answers":
                taken, said, seconds = False, Answer(why="it did not answer: TimeoutError"), TOTAL_TIMEOUT
            case "webhook got it, its answer is lost":
                said, seconds = Answer(why="it did not answer: TimeoutError"), TOTAL_TIMEOUT * random()
            case "webhook is slow":
                seconds = TOTAL_TIMEOUT * random()
        posted = Posted(
            at=world.now,
            until=world.now + seconds,
            webhook_id=effect.webhook.webhook_id,
            webhook_event_id=effect.webhook_event.webhook_event_id,
            body=body,
            signature=headers[SIGNATURE_HEADER],
            taken=taken,
            answered=bool(said.status),
        )
        self.posted.append(posted)
        world.at(seconds, lambda: answer(said))
