"""Trials of surveys of a large event: mails of it bounce all the while, or thousands are not reached. Each yields what
is wrong.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from convoke import effects
from convoke.decision.attention import Attention, AttentionKind, AttentionReason, Survey, Unreached
from convoke.decision.invitation import Invitation
from convoke.delivery import survey
from convoke.delivery.reconcile import Worker
from convoke.effects import SurveyHint
from convoke.store import keys
from tests import factories

from .checker import Violation
from .due_model import DueModel
from .scene import EVENT_ID, SENDER, START, TIMES

MINUTE, FUNCTION = timedelta(minutes=1), timedelta(seconds=30)
PEOPLE, SECONDS, BOUNCES = 1_000, 10.0, 20
"""So many people, how long it takes to read some of them, and in how many minutes a mail to one bounces."""
SHARE = 0.6
"""What part of one worker's time all surveys of one event may take."""


class Surveys:
    """One event's survey, the hints at it, and a worker."""

    def __init__(self) -> None:
        self.stands = Survey(event_id=EVENT_ID)
        self.hints: list[SurveyHint] = []
        self.began: list[datetime] = []
        self.model = DueModel(takes={effects.ReadInvitations: SECONDS})
        self.worked = timedelta()
        everybody = [Invitation(event_id=EVENT_ID, registration_id=f"{number:010d}") for number in range(1, PEOPLE + 1)]
        self.model.answers = {
            effects.ReadSurvey: lambda _: self.stands,
            effects.ReadInvitations: lambda effect: tuple(
                one for one in everybody if one.registration_id > effect.after
            )[: effect.limit],
            effects.ReadRegistrations: lambda _: (),
            effects.ReadUnreached: lambda _: (),
            effects.Enqueue: lambda effect: self.hints.append(effect.hint),
            effects.HoldSurvey: self._hold,
            effects.EndSurvey: self._end,
        }

    def _hold(self, effect: effects.HoldSurvey) -> None:
        self.stands = replace(
            self.stands, held_until=effect.until, begun_at=effect.begun_at, due_key=keys.due_key(1, effect.until)
        )

    def _end(self, effect: effects.EndSurvey) -> bool:
        same = effect.seen.wakeups == self.stands.wakeups
        if same:
            self.stands = replace(self.stands, due_key=effect.due_key, held_until=None)
        return same

    def bounce(self) -> None:
        self.stands = replace(self.stands, wakeups=self.stands.wakeups + 1, due_key=keys.due_key(1, self.model.now))

    def minute(self) -> None:
        """What is due is queued, and the worker does what it can in a minute."""
        began = self.model.now
        if self.stands.due_key is not None and self.stands.due_key <= keys.due_key(1, began):
            self.stands = replace(self.stands, due_key=keys.due_key(1, began + TIMES.hint))
            self.hints.append(SurveyHint(event_id=EVENT_ID))
        spent = timedelta()
        while self.hints and spent < MINUTE:
            hint = self.hints.pop(0)
            worker = Worker(sender=SENDER, deadline=self.model.now + FUNCTION, times=TIMES)
            before = self.model.now
            looked_at: Any = self.model.run(survey.survey(hint, worker))
            spent += self.model.now - before
            if looked_at and not hint.after:
                self.began.append(before)
        self.worked += spent
        self.model.now = began + MINUTE


def a_large_event_is_surveyed() -> Iterator[Violation]:
    """However many mails bounce, one survey is under way at a time, and leaves time for mail; the last bounce is
    followed by one.
    """
    surveys, most = Surveys(), 0
    for _ in range(BOUNCES):
        surveys.bounce()
        surveys.minute()
        most = max(most, len(surveys.hints))
    last, share = surveys.model.now - MINUTE, surveys.worked / (surveys.model.now - START)
    if most > 1:
        yield Violation("effort", f"{most} surveys of one event were under way")
    if share > SHARE:
        yield Violation("effort", f"surveys took {share:.2f} of a worker's time")
    for _ in range(60):
        surveys.minute()
    if surveys.hints or surveys.stands.due_key is not None:
        yield Violation("G1", "the survey of an event never ended")
    if not surveys.began or surveys.began[-1] < last:
        yield Violation("G1", "no survey followed the last bounce")


def thousands_were_not_reached() -> Iterator[Violation]:
    """A survey that finds thousands ends in its function's time, so that their organizer is sent one summary."""
    model = DueModel(takes={effects.StoreUnreached: 0.01})
    since = START - timedelta(hours=1)
    missed = tuple(
        Unreached(
            attention=Attention(
                registration_id=f"{number:010d}",
                kind=AttentionKind.CANCELLATION,
                state=AttentionReason.BOUNCED,
                since=since,
            )
        )
        for number in range(5_000)
    )
    sent: list[str] = []
    model.answers = {
        effects.ReadSurvey: lambda _: Survey(event_id=EVENT_ID),
        effects.ReadInvitations: lambda _: (),
        effects.ReadUnreached: lambda _: missed,
        effects.ReadEvent: lambda _: factories.event(event_id=EVENT_ID),
        effects.AddNotification: lambda effect: sent.append(effect.notification.notification_id),
        effects.EndSurvey: lambda _: True,
    }
    worker = Worker(sender=SENDER, deadline=model.now + FUNCTION, times=TIMES)
    model.run(survey.survey(SurveyHint(event_id=EVENT_ID), worker))
    if len(sent) != 1 or model.done[effects.StoreUnreached] != len(missed):
        yield Violation("effort", f"{len(sent)} summaries, {model.done[effects.StoreUnreached]} are recorded")
    if model.now > worker.deadline:
        yield Violation("effort", f"a survey of {len(missed)} who were not reached took {model.now - START}")
