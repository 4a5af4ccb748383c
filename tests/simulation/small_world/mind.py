"""The workers of the small world: what each was asked to do, what it was answered so far, and what hangs on that."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from functools import cached_property
from typing import Any, cast

from convoke import effects
from convoke.decision.invitation import Batch, Invitation, Sending
from convoke.delivery import fan_out, reconcile
from convoke.delivery.reconcile import Worker

from ..post import write
from ..scene import EVENT_ID, SENDER, START, TIMES
from .alike import Eye
from .memory import remembered

WORKER = Worker(sender=SENDER, deadline=START + timedelta(seconds=30), times=TIMES)

YES_OR_NO = (True, False)
ANSWERS: dict[type[effects.Effect], tuple[Any, ...]] = {
    effects.ClearDue: YES_OR_NO,
    effects.ReleaseClaim: YES_OR_NO,
    effects.HoldClaim: YES_OR_NO,
    effects.Acknowledge: tuple(effects.AcknowledgeResult),
    effects.WakeUp: (None,),
    effects.RecordMessageState: (None,),
    effects.MoveFanOut: YES_OR_NO,
    effects.EndFanOut: YES_OR_NO,
    effects.Send: (
        effects.Accepted(ses_id="ses"),
        effects.Refused(refusal=effects.Refusal.BUSY, why="busy"),
        effects.Unknown(why="timeout"),
    ),
}
"""What an effect can be answered with, where that is little."""

OF_NO_MORE_USE = frozenset({"people", "event", "invitations", "invitation"})
"""What a slice read, once it is at its one attendee: it looks nobody up any more, and how urgency it found the event
only says when to look again.
"""
_NUMBERS: dict[Any, int] = {}


class Mind:
    """A worker: what it was asked to do, and the answers so far. ``effect`` is what it wants next, ``None`` when it is
    done. The same answers lead to the same mind, and each is thought through once.
    """

    def __init__(self, number: int, task: Any, before: Mind | None = None, answer: Any = None) -> None:
        self.number, self.task, self._before, self._answer = number, task, before, answer
        self._after: dict[Any, Mind] = {}
        self._forms: dict[Any, tuple[int, set[int]]] = {}
        self.seen: Invitation | None = None
        self.effect, self._memory = self._think()

    def after(self, answer: Any) -> Mind:
        known = self._after.get(answer)
        if known is None:
            known = self._after[answer] = Mind(self.number, self.task, self, answer)
        return known

    @cached_property
    def memory(self) -> Any:
        """All that its future hangs on: what it wants and what it would do upon each answer, else what it remembers."""
        answers = ANSWERS.get(type(self.effect))
        if answers is None:
            return type(self.effect).__name__, self._memory
        return self.effect, [self.after(answer).memory for answer in answers]

    def form(self, against: Any, standing: Invitation) -> tuple[int, set[int]]:
        """A number, equal for minds that are alike, and the SEQUENCEs that it may read again; ``against`` is all of the
        standing invitation that they are compared with.
        """
        known = self._forms.get(against)
        if known is None:
            eye = Eye(standing, set())
            form = eye.see(self.memory)
            known = self._forms[against] = _NUMBERS.setdefault(form, len(_NUMBERS)), eye.sequences
        return known

    def _think(self) -> tuple[Any, list[Any]]:
        answers, mind = [], self
        while mind._before is not None:
            answers.append(mind._answer)
            mind = mind._before
        steps: effects.Steps[Any]
        if isinstance(self.task, Batch):
            steps = fan_out.process_batch(self.task, WORKER, size=1)
        else:
            steps = reconcile.reconcile(EVENT_ID, self.task, WORKER)
        given = cast(Any, None)
        try:
            while True:
                effect = steps.send(given)
                match effect:
                    case effects.Clock():
                        given = START
                    case effects.Random():
                        given = 0.5
                    case effects.NewAttemptId():
                        # Nobody else has it: of two workers at one attendee each has its number.
                        given = f"{self.number}-{self.seen.fence if self.seen else ''}"
                    case effects.Log() | effects.Enqueue():
                        given = None
                    case effects.ReadSending():
                        given = Sending()
                    case effects.Render(message=message, intent=intent):
                        given = write(message, intent, 1)
                    case _ if answers:
                        given = answers.pop()
                        seen = given[0] if isinstance(given, tuple) and given else given
                        self.seen = seen if isinstance(seen, Invitation) else self.seen
                    case _:
                        frames = list(remembered(steps))
                        if len(frames) > 1 and isinstance(self.task, Batch):
                            frames[0] = (
                                frames[0][0],
                                {n: v for n, v in frames[0][1].items() if n not in OF_NO_MORE_USE},
                            )
                        return effect, frames
        except StopIteration:
            return None, []


@dataclass(frozen=True)
class Busy:
    """A worker; ``open`` is the SEQUENCE that it has set out to send and knows nothing of yet."""

    mind: Mind
    open: int | None = None
