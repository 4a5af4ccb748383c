"""What the sweep, the planner and a worker ask for, answered from memory: for what is about amounts and time alone."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from convoke import effects
from convoke.decision.invitation import Quota, Sending
from convoke.effects import Due, DueKind, Steps
from convoke.store import keys

from .scene import START

MAILS = {DueKind.REGISTRATION: 1, DueKind.NOTIFICATION: 1, DueKind.BATCH: 50}
URGENT_FIRST = (True, False)
HINTS = {
    effects.RegistrationHint: (DueKind.REGISTRATION, "registration_id"),
    effects.NotificationHint: (DueKind.NOTIFICATION, "registration_id"),
    effects.BatchHint: (DueKind.BATCH, "first"),
    effects.ImportHint: (DueKind.IMPORT, "import_id"),
    effects.PlanHint: (DueKind.FAN_OUT, "event_id"),
    effects.SurveyHint: (DueKind.SURVEY, "event_id"),
}
"""Which item a hint is for."""


def name(due: Due) -> str:
    return f"{due.kind} {due.registration_id or due.event_id}"


@dataclass
class DueModel:
    """Due items, the two queues, and a clock that every effect moves on by ``seconds``, or by as many as it ``takes``.

    Of each item that was handed out it knows when; it is done once the mails before it in the queues have left.
    """

    rate: float = 14.0
    now: datetime = START
    seconds: float = 0.005
    takes: dict[type, float] = field(default_factory=dict)
    answers: dict[type, Callable[[Any], Any]] = field(default_factory=dict)
    sending: Sending = field(default_factory=Sending)
    due: dict[str, Due] = field(default_factory=dict)
    waiting: dict[bool, list[tuple[str, int]]] = field(default_factory=lambda: {True: [], False: []})
    held: int = 0
    """Hints of changes that wait for further ones; they are in the ordinary queue, too."""
    handed: list[tuple[datetime, str]] = field(default_factory=list)
    done: Counter[type] = field(default_factory=Counter)

    def add(self, kind: DueKind, number: int, priority: int, since: timedelta = timedelta()) -> None:
        due = Due(
            kind=kind,
            event_id=f"event{number:05d}",
            registration_id="" if kind in (DueKind.FAN_OUT, DueKind.SEATS, DueKind.SURVEY) else f"{kind}{number:05d}",
            version=2,
            due_key=keys.due_key(priority, START - since),
        )
        self.due[name(due)] = due

    def run(self, steps: Steps[Any]) -> Any:
        answer: Any = None
        while True:
            try:
                effect = steps.send(answer)
            except StopIteration as stop:
                return stop.value
            if isinstance(effect, effects.All):
                answer = self._together(effect)
                continue
            if not isinstance(effect, effects.Clock):
                self.now += timedelta(seconds=self.takes.get(type(effect), self.seconds))
            answer = self._answer(effect)

    def _together(self, effect: effects.All) -> tuple[Any, ...]:
        """Those at the same time take as long as one of them."""
        found: list[Any] = []
        for first in range(0, len(effect.steps), effect.at_once):
            began, longest = self.now, self.now
            for steps in effect.steps[first : first + effect.at_once]:
                self.now = began
                try:
                    found.append(self.run(steps))
                except KeyError as error:
                    found.append(error)
                longest = max(longest, self.now)
            self.now = longest
        return tuple(found)

    def _answer(self, effect: Any) -> Any:
        self.done[type(effect)] += 1
        if type(effect) in self.answers:
            return self.answers[type(effect)](effect)
        match effect:
            case effects.Clock():
                return self.now
            case effects.ReadFanOutAndSending():
                return self.answers[effects.ReadFanOut](effect), self.sending
            case effects.ReadSending():
                return self.sending
            case effects.ReadQuota():
                return Quota(most=-1, sent=0, rate=self.rate)
            case effects.ReadBacklog(urgent=urgent):
                return len(self.waiting[urgent]) + (0 if urgent else self.held)
            case effects.CountHeld():
                return self.held
            case effects.ReadDue(shard=shard, priority=priority, now=now, limit=limit):
                return tuple(self._found(shard, keys.due_key(priority, now)))[: max(0, limit)]
            case effects.Postpone(due=due, due_key=due_key):
                later = keys.keep_due_since(due_key, due.due_key)
                self.due[name(due)] = Due(
                    **{
                        each: getattr(due, each)
                        for each in ("kind", "event_id", "registration_id", "notification_id", "version")
                    },
                    due_key=later,
                )
                return True
            case effects.EnqueueAll(hints=hints, urgent=urgent):
                for hint in hints:
                    self._enqueue(hint, urgent)
            case effects.Enqueue(hint=hint, urgent=urgent):
                self._enqueue(hint, urgent)
        return None

    def _found(self, shard: str, until: str) -> Iterator[Due]:
        ready = sorted((one.due_key, key) for key, one in self.due.items() if until[0] <= one.due_key <= until)
        for _, key in ready:
            due = self.due[key]
            if shard == (keys.shard if due.kind in MAILS else keys.task_shard)(due.event_id):
                yield due

    def _enqueue(self, hint: Any, urgent: bool) -> None:
        kind, of = HINTS[type(hint)]
        key = f"{kind} {getattr(hint, of)}"
        self.handed.append((self.now, key))
        self.waiting[urgent].append((key, MAILS.get(self.due[key].kind, 0)))

    def minute(self) -> None:
        """Work for a minute on what is in the queues, the urgent first, at the rate."""
        left = self.rate * 60
        for urgent in URGENT_FIRST:
            queue = self.waiting[urgent]
            while queue and left >= queue[0][1]:
                key, mails = queue.pop(0)
                left -= mails
                self.due.pop(key, None)
