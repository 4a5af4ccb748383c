"""One invocation of a function in the simulated world: a piece of protocol on its way, effect by effect."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from botocore.exceptions import BotoCoreError, ClientError

from convoke import effects
from convoke.decision import fingerprints
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
        effects.PlanBatches,
        effects.ClaimBatch,
        effects.MoveBatch,
        effects.EndBatch,
        effects.Enqueue,
        effects.EnqueueAll,
        effects.DrawTurns,
    }
)
ENDS_A_FAN_OUT = frozenset({effects.PlanBatches, effects.EndBatch, effects.MoveBatch})
WRITES = frozenset(
    {
        effects.Claim,
        effects.ClearDue,
        effects.Acknowledge,
        effects.ReleaseClaim,
        effects.Send,
        effects.PlanBatches,
        effects.ClaimBatch,
        effects.MoveBatch,
        effects.EndBatch,
    }
)
LOCAL = frozenset({effects.Random, effects.NewAttemptId, effects.Log, effects.Render})


class Run:
    """One invocation of a function, or one of its threads: a piece of protocol on its way, effect by effect.

    ``of`` is the invocation that a thread belongs to: both have the same clock, deadline and end.
    """

    __slots__ = (
        "alive",
        "answers",
        "attempt",
        "began",
        "done",
        "kill",
        "name",
        "of",
        "schema",
        "skew",
        "steps",
        "turns",
        "waiting",
        "worker",
        "world",
    )

    def __init__(self, world: World, name: str, done: Callable[[bool], None] | None, of: Run | None = None) -> None:
        self.world, self.name, self.done, self.of = world, name, done, of
        self.attempt: Attempt | None = None
        self.alive = True
        self.skew: float
        self.schema: int
        self.worker: Worker
        self.steps: Steps[Any]
        # Of all that are to be carried out together: what has not begun, and what the others answered.
        self.waiting: list[tuple[int, Steps[Any]]] = []
        self.answers: dict[int, Any] = {}
        # How many turns to send it has drawn and not used.
        self.turns = 0
        self.began = world.now
        if of is not None:
            self.skew, self.schema, self.worker = of.skew, of.schema, of.worker
            return
        random = world.random
        self.skew = 3 * (random() - 0.5) if world.faults.hit("clock skew") else 0.0
        self.kill = world.now + FUNCTION
        self.schema = 2 if world.now >= world.deployed_at + 15 * random() else 1
        self.worker = Worker(sender=SENDER, deadline=world.instant(self.skew + FUNCTION), times=TIMES)

    @property
    def root(self) -> Run:
        return self if self.of is None else self.of.root

    @property
    def lives(self) -> bool:
        return self.alive and self.root.alive

    def go(self, steps: Steps[Any]) -> None:
        self.steps = steps
        self.advance(None)

    def advance(self, answer: Any) -> None:
        """Give the last effect's answer, and set out for the next."""
        world = self.world
        while True:
            if self.schema != fingerprints.SCHEMA:
                world.as_deployed(self.schema)
            try:
                effect = self.steps.send(answer)
            except StopIteration as stop:
                if world.trace is not None:
                    world.note(f"{self.name}: {stop.value}")
                return self.finish(stop.value)
            except FAILURES as error:
                return self.fail(error)
            kind = type(effect)
            if kind is effects.Clock:
                answer = world.instant(self.skew)
            elif kind in LOCAL:
                answer = self.local(effect)
            elif isinstance(effect, effects.All):
                return self.together(effect)
            else:
                break
        if isinstance(effect, effects.Wait):
            # The clock of a worker may be wrong, and so may be the moment to which it waits.
            seconds = max(0.0, (effect.until - world.instant(self.root.skew)).total_seconds())
            return world.at(seconds, lambda: self.waited())
        world.set_out(self, lambda: self.do(effect))
        return None

    def together(self, effect: effects.All) -> None:
        """Begin as many as may be under way at once; whenever one ends, the next begins."""
        self.waiting, self.answers = list(enumerate(effect.steps)), {}
        if not self.waiting:
            return self.advance(())
        for _ in range(min(effect.at_once, len(self.waiting))):
            self._next_thread(len(effect.steps))
        return None

    def _next_thread(self, count: int) -> None:
        number, steps = self.waiting.pop(0)
        thread = Run(self.world, f"{self.name} [{number}]", None, self)

        def ended(answer: Any) -> None:
            self.answers[number] = answer
            if self.waiting:
                self._next_thread(count)
            elif len(self.answers) == count:
                self.advance(tuple(self.answers[each] for each in range(count)))

        thread.done = ended
        # A thread begins a moment later: what it does first is not done before the others have begun.
        self.world.at(0.0, lambda: thread.go(steps) if thread.lives else None)

    def finish(self, result: Any) -> None:
        if self.of is None:
            return self.end(True)
        self.alive = False
        assert self.done is not None
        return self.done(result)

    def local(self, effect: Any) -> Any:
        world = self.world
        match effect:
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
        root = self.root
        if not (self.alive and root.alive):
            return None
        if world.now > root.kill:
            world.note(f"{self.name}: its time is over")
            return root.end(False)
        kind = type(effect)
        if world.mischief and kind in WRITES and world.random() < 0.15:
            # Just now, of all moments, somebody does something, and this worker comes late.
            world.mischief.pop(0)()
            return world.at(8 * world.random() ** 2, lambda: self.do(effect))
        if kind in ENDS_A_FAN_OUT:
            world.holds.remember()
        crash = world.faults.one_of("crash before an effect", "crash after an effect")
        try:
            if crash == "crash before an effect":
                raise Crash(crash)
            if kind is effects.Send:
                world.note(f"{self.name}: Send {effect.intent.calendar_state.sequence}")
                world.post.send(effect, self.answered)
                if crash:
                    raise Crash(crash)
                return None
            if kind is effects.SendNotification:
                world.notifications.send(effect, self.answered)
                if crash:
                    raise Crash(crash)
                return None
            if kind is effects.PostWebhook:
                world.receivers.post(effect, self.answered)
                if crash:
                    raise Crash(crash)
                return None
            world.skew = root.skew
            answer = self.noted(effect) if kind in NOTED else world.does[kind](effect)
            if world.trace is not None:
                world.note(f"{self.name}: {brief(effect)} -> {brief(answer)}")
            if crash:
                raise Crash(crash)
        except Crash as error:
            world.note(f"{self.name}: {error} {type(effect).__name__}")
            return root.end(False)
        except FAILURES as error:
            return self.fail(error)
        return self.advance(answer)

    def noted(self, effect: Any) -> Any:
        """The effect, with a note of what its worker knows of each message it set out to send."""
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
                self.root.turns -= 1
                if self.root.turns < 0 and self.world.rate is not None:
                    self.world.unpaced.append(f"{self.name} claims without a turn to send")
                try:
                    claimed = self.world.perform(effect)
                finally:
                    mine.until = self.world.now
                mine.claimed = claimed is not None
                if claimed is not None:
                    self.world.holds.claimed(self, seen)
                if claimed is None:
                    self.world.post.attempts.remove(mine)
                    self.root.turns += 1  # which another mail, or the next round, uses
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
                self.world.holds.woken_up(self, effect.registration_id)
                if self.attempt is not None and self.attempt.fate == "overtaken":
                    self.attempt.fate = "mended"
                return None
            case effects.PlanBatches(batches=planned):
                if answer := self.world.perform(effect):
                    self.world.taken += [(batch, self.world.now) for batch, _ in planned if batch.lease_until]
                return answer
            case effects.ClaimBatch():
                claimed = self.world.perform(effect)
                if claimed is not None:
                    self.world.taken.append((claimed, self.world.now))
                return claimed
            case effects.MoveBatch(batch=part) | effects.EndBatch(batch=part):
                telling, began = self.world.told_by_fan_out() == part.version, self.world.now
                try:
                    return self.world.perform(effect)
                finally:
                    # Also where the answer was lost on its way, and others went on before this worker knew.
                    if not self.world.has_lease(part):
                        self.world.given_up.append((part, began))
                    if telling and self.world.told_by_fan_out() is None:
                        self.world.told = part.version
            case effects.DrawTurns():
                answer = self.world.perform(effect)
                self.root.turns += 0 if answer is None else effect.count
                return answer
            case effects.Enqueue(hint=hint, urgent=urgent, delay_seconds=delay):
                return self.world.enqueue(hint, urgent, delay, sweeping=self.root.name == "sweep")
            case effects.EnqueueAll(hints=hints, urgent=urgent):
                for each in hints:
                    self.world.enqueue(each, urgent, sweeping=self.root.name == "sweep")
                return None
        raise TypeError(effect)

    def waited(self) -> None:
        if self.lives:
            self.advance(None)

    def answered(self, answer: Any) -> None:
        if not self.lives:
            return None
        if self.world.now > self.root.kill:
            return self.root.end(False)
        if self.world.trace is not None:
            self.world.note(f"{self.name}: is answered {brief(answer)}")
        return self.advance(answer)

    def fail(self, error: BaseException) -> None:
        """An exception ends an invocation; that of a thread is its answer."""
        self.world.note(f"{self.name}: raised {type(error).__name__} {error}")
        if self.of is None:
            self.end(False)
        else:
            self.finish(error)

    def end(self, well: bool) -> None:
        self.alive = False
        self.world.runs.pop(self, None)
        if self.done is not None:
            self.done(well)
