"""Notifications in the simulated world: what SES is asked to send of them, and whether more than one worker does."""

from __future__ import annotations

from collections.abc import Callable
from random import Random
from typing import TYPE_CHECKING

from convoke import effects
from convoke.decision.calendar_state import RenderedMail
from convoke.effects import Accepted, Refusal, Refused, SendNotification, Unknown
from convoke.model import DeliveryState
from convoke.store import keys

from .post import READ_TIMEOUT, Answer
from .scene import SETTINGS

if TYPE_CHECKING:
    from .world import World


class Notifications:
    """``broken`` says of each notification that was sent by a worker which had no claim on it, or once too often."""

    def __init__(self, world: World) -> None:
        self._world = world
        # Drawn apart, so that the rest of a history is what it is without.
        self._random = Random(f"notifications {world.seed}").random  # noqa: S311 (no secret)
        self.sent = 0
        self.broken: list[str] = []

    def send(self, effect: SendNotification, answer: Callable[[Answer], None]) -> None:
        """Take one request; ``answer`` is called when the client knows, or believes that it never will."""
        state, world = effect.notification_state, self._world
        key = keys.notification(state.event_id, state.registration_id, state.notification_id)
        row = world.tables.row(SETTINGS.invitations_table, key)
        if not world.zombies and row is not None and row["fence"] != state.fence:
            self.broken.append(f"{state.kind} is sent under fence {state.fence}, and {row['fence']} is stored")
        if not world.zombies and row is not None and row["state"] == DeliveryState.ACCEPTED:
            self.broken.append(f"{state.kind} is sent again")
        self.sent += 1
        said, seconds = self._said(state.notification_id)
        world.at(seconds, lambda: answer(said))

    def _said(self, name: str) -> tuple[Answer, float]:
        often, chance = self._world.faults.often, self._random()
        for fault, said, seconds in (
            ("SES throttles", Refused(refusal=Refusal.BUSY, why="ThrottlingException"), 0.1),
            ("SES got it, its answer is lost", Unknown(why="ReadTimeoutError"), READ_TIMEOUT),
            ("SES breaks", Unknown(why="InternalServiceErrorException"), 0.2),
            ("SES rejects", Refused(refusal=Refusal.POISON, why="MessageRejected"), 0.1),
        ):
            chance -= often[fault]
            if chance < 0:
                return said, seconds
        return Accepted(ses_id=f"notification-{name}"), 0.1


def rendered(effect: effects.RenderNotification) -> RenderedMail:
    """A notification as it is sent: its content is nothing here."""
    return RenderedMail(calendar=b"", mail=effect.notification_state.notification_id.encode())
