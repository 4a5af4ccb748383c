"""One invocation of a function in the simulated world: a piece of protocol on its way, effect by effect."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from botocore.exceptions import BotoCoreError, ClientError

from convoke import effects
from convoke.delivery.reconcile import Worker
from convoke.effects import AcknowledgeResult, Steps
from convoke.model import ConvokeError, RegistrationStatus

from .post import Attempt, write
from .scene import SENDER, TIMES
from .trace import brief

if TYPE_CHECKING:
    from .world import World

FUNCTION = TIMES.function.total_seconds()


class Crash(BaseException):
    """A function died: nothing after this happens."""


FAILURES = (ClientError, BotoCoreError, ConvokeError, KeyError)
NOTED = frozenset(
    {
        effects.Claim,
        effects.ReleaseClaim,
        effects.Acknowledge,
        effects.WakeUp,
        effects.MoveFanOut,
        effects.EndFanOut,
        effects.Enqueue,
    }
)
WRITES = frozenset(
    {
        effects.Claim,
        effects.ClearDue,
        effects.Acknowledge,
        effects.ReleaseClaim,
        effects.Send,
        effects.MoveFanOut,
        effects.EndFanOut,
    }
)
LOCAL = frozenset({effects.Clock, effects.Random, effects.NewAttemptId, effects.Log, effects.Render})


class Run:
    """One invocation of a function: a piece of protocol on its way, effect by effect."""

    __slots__ = ("alive", "attempt", "began", "done", "kill", "name", "schema", "skew", "steps", "worker", "world")

    def __init__(self, world: World, name: str, done: Callable[[bool], None] | None) -> None:
        self.world, self.name, self.done = world, name, done
        random = world.random
        self.skew = 3 * (random() - 0.5) if world.faults.hit("clock skew") else 0.0
        self.began = world.now
        self.kill = world.now + FUNCTION
        self.schema = 2 if world.now >= world.deployed_at + 15 * random() else 1
        self.worker = Worker(sender=SENDER, deadline=world.instant(self.skew + FUNCTION), times=TIMES)
        self.attempt: Attempt | None = None
        self.alive = True
        self.steps: Steps[Any]

    def go(self, steps: Steps[Any]) -> None:
        self.steps = steps
        self.advance(None)

    def advance(self, answer: Any) -> None:
        """Give the last effect's answer, and set out for the next."""
        world = self.world
        while True:
            world.as_deployed(self.schema)
            try:
                effect = self.steps.send(answer)
            except StopIteration as stop:
                if world.trace is not None:
                    world.note(f"{self.name}: {stop.value}")
                return self.end(True)
            except FAILURES as error:
                return self.fail(error)
            kind = type(effect)
            if kind not in LOCAL:
                break
            answer = self.local(effect)
        world.at(world.latency(self), lambda: self.do(effect))
        return None

    def local(self, effect: Any) -> Any:
        world = self.world
        match effect:
            case effects.Clock():
                return world.instant(self.skew)
            case effects.NewAttemptId():
                world.names += 1
                return f"attempt-{world.names}"
            case effects.Random():
                return world.random()
            case effects.Render(message=message, intent=intent):
                return write(message, intent, self.schema)
            case effects.Log(what=what, fields=fields):
                return world.note(f"{self.name} tells: {what} {fields}")

    def do(self, effect: Any) -> None:
        world = self.world
        if not self.alive:
            return None
        if world.now > self.kill:
            world.note(f"{self.name}: its time is over")
            return self.end(False)
        if world.mischief and type(effect) in WRITES and world.random() < 0.15:
            # Just now, of all moments, somebody does something, and this worker comes late.
            world.mischief.pop(0)()
            return world.at(8 * world.random() ** 2, lambda: self.do(effect))
        crash = world.faults.one_of("crash before an effect", "crash after an effect")
        try:
            if crash == "crash before an effect":
                raise Crash(crash)
            if type(effect) is effects.Send:
                world.note(f"{self.name}: Send {effect.intent.calendar_state.sequence}")
                world.post.send(effect, self.answered)
                if crash:
                    raise Crash(crash)
                return None
            if type(effect) is effects.PostWebhook:
                world.receivers.post(effect, self.answered)
                if crash:
                    raise Crash(crash)
                return None
            answer = self.perform(effect)
            if world.trace is not None:
                world.note(f"{self.name}: {brief(effect)} -> {brief(answer)}")
            if crash:
                raise Crash(crash)
        except Crash as error:
            world.note(f"{self.name}: {error} {type(effect).__name__}")
            return self.end(False)
        except FAILURES as error:
            return self.fail(error)
        return self.advance(answer)

    def perform(self, effect: Any) -> Any:
        """The effect, with a note of what its worker knows of each message it set out to send."""
        kind = type(effect)
        if kind not in NOTED:
            return self.world.perform(effect)
        match effect:
            case effects.Claim(intent=intent, seen=seen):
                told = intent.calendar_state
                about = (told.occurrence_state(told.date, told.separate) if told.date else None) or told
                assert about.when is not None
                mine = Attempt(
                    intent.attempt,
                    seen.registration_id,
                    told.entry_uid,
                    told.sequence,
                    told.method.value,
                    (about.title, about.when.start.isoformat(), about.location),
                    (RegistrationStatus.REGISTERED, told.recipient),
                    self.began,
                    self.world.now,
                )
                self.world.post.attempts.append(mine)
                try:
                    claimed = self.world.perform(effect)
                finally:
                    mine.until = self.world.now
                mine.claimed = claimed is not None
                if claimed is None:
                    self.world.post.attempts.remove(mine)
                self.attempt = mine
                return claimed
            case effects.ReleaseClaim():
                try:
                    return self.world.perform(effect)
                finally:
                    # Also where the answer was lost on its way: the checker judges by what stands.
                    if self.attempt is not None and self.world.given_back(effect):
                        self.attempt.fate = "failed" if effect.failed else "refused"
            case effects.Acknowledge():
                answer = self.world.perform(effect)
                if self.attempt is not None:
                    self.attempt.fate = "overtaken" if answer is AcknowledgeResult.OVERTAKEN else "accepted"
                return answer
            case effects.WakeUp():
                self.world.perform(effect)
                if self.attempt is not None and self.attempt.fate == "overtaken":
                    self.attempt.fate = "mended"
                return None
            case effects.MoveFanOut(batch=part) | effects.EndFanOut(batch=part):
                moved = self.world.perform(effect)
                if moved and getattr(effect, "cursor", None) != part.cursor:
                    self.world.passed.append((part.version, part.cursor))
                return moved
            case effects.Enqueue():
                return self.world.enqueue(effect, sweeping=self.name == "sweep")
        raise TypeError(effect)

    def answered(self, answer: Any) -> None:
        if not self.alive:
            return None
        if self.world.now > self.kill:
            return self.end(False)
        if self.world.trace is not None:
            self.world.note(f"{self.name}: is answered {brief(answer)}")
        return self.advance(answer)

    def fail(self, error: BaseException) -> None:
        self.world.note(f"{self.name}: raised {type(error).__name__} {error}")
        self.end(False)

    def end(self, well: bool) -> None:
        self.alive = False
        self.world.runs.pop(self, None)
        if self.done is not None:
            self.done(well)
