"""Who was not reached by a message, stored beside the event's invitations, and the survey that finds it out."""

from __future__ import annotations

from datetime import datetime, timedelta

from .. import effects
from ..decision.attention import Attention, Survey, Unreached
from ..decision.decide import CHANGE
from . import codec, conditions, dynamo, keys
from .repository import Repository
from .writes import DUE, Action, delete, put, update

KEPT = timedelta(days=365)
MAX_LISTED = 100
"""How many people of one event the API lists."""


class Surveys(Repository):
    """Carries out the effects of ``delivery.survey``, each as it says, and has the actions that schedule a survey."""

    def soon_action(self, event_id: str, now: datetime) -> Action:
        """The action that schedules a survey of the event, for the transaction of a change: it begins after the time
        that a change has to reach everybody. One that is scheduled already is not postponed.
        """
        return self.at_action(event_id, keys.due_key(CHANGE, now + self.settings.times.attention), first=("due_key",))

    def schedule_soon(self, event_id: str, now: datetime) -> None:
        """What :meth:`soon_action` does, alone."""
        self._write(self.soon_action(event_id, now))

    def at_action(self, event_id: str, due_key: str, first: tuple[str, ...] = ()) -> Action:
        """The action that schedules a survey of the event at ``due_key``, for the transaction that records that a
        message did not reach somebody. Of its attributes, those named in ``first`` are kept where there are any.
        """
        changes = {"event_id": event_id, **codec.task_attributes(event_id, due_key)}
        return update(self._sent, keys.survey(event_id), changes, "", add={"wakeups": 1}, first=first)

    def schedule(self, effect: effects.ScheduleSurvey) -> None:
        self._write(self.at_action(effect.event_id, effect.due_key))

    def hold(self, effect: effects.HoldSurvey) -> None:
        due = codec.task_attributes(effect.event_id, keys.due_key(CHANGE, effect.until))
        changes = {"held_until": codec.value(effect.until), "begun_at": codec.value(effect.begun_at), **due}
        self._write(update(self._sent, keys.survey(effect.event_id), changes))

    def read(self, event_id: str) -> Survey | None:
        return self._get(Survey, self._sent, keys.survey(event_id))

    def unreached(self, effect: effects.ReadUnreached) -> tuple[Unreached, ...]:
        """The people who are stored as not reached, by registration id, greater than ``after`` and up to
        ``through``.
        """
        after, last = keys.unreached(effect.event_id, effect.after), keys.unreached(effect.event_id, effect.through)
        return tuple(self._all(Unreached, dynamo.between(self._sent, after, last, start=not effect.after)))

    def store_unreached(self, effect: effects.StoreUnreached) -> None:
        """Write or delete one person. Unconditional, since two surveys at the same time come to the same result."""
        known = effect.now or effect.was
        if known is None:
            return
        key = keys.unreached(effect.event_id, known.attention.registration_id)
        if effect.now is None:
            self._write(delete(self._sent, key))
        else:
            expires_at = codec.epoch(effect.now.attention.since + KEPT)
            self._write(put(self._sent, codec.item(effect.now, key, expires_at=expires_at)))

    def end(self, effect: effects.EndSurvey) -> bool:
        """Set the survey's next due key, or remove it. False: a wake-up was added since it was read."""
        seen, summed_up_at = effect.seen, effect.summed_up_at
        changes = {} if summed_up_at is None else {"summed_up_at": codec.value(summed_up_at)}
        return self._write(
            update(
                self._sent,
                keys.survey(seen.event_id),
                changes | codec.task_attributes(seen.event_id, effect.due_key),
                conditions.WAKEUPS_UNCHANGED,
                remove=("held_until", *(DUE if effect.due_key is None else ())),
                wakeups=seen.wakeups,
            )
        )

    # --- for the API --------------------------------------------------------------------------------------------

    def list_attention(self, event_id: str, *, now: datetime) -> tuple[tuple[Attention, ...], int]:
        """The first :data:`MAX_LISTED` people who were not reached, followed by those whose answers wait for the
        organizer; and how many there are in all.
        """
        every = self.everybody(event_id, now=now)
        return every[:MAX_LISTED], len(every)

    def everybody(self, event_id: str, *, now: datetime) -> tuple[Attention, ...]:
        """All people who were not reached, followed by those whose answers wait for the organizer."""
        # The sort keys of both kinds are adjoining ranges.
        first, last = keys.unconfirmed(event_id, "", ""), keys.unreached(event_id, "~")
        unreached, waiting = [], []
        for row in self._rows(dynamo.between(self._sent, first, last, start=True)):
            if row["sk"].startswith(keys.UNREACHED_PREFIX):
                unreached.append(codec.read(Unreached, row).attention)
            elif row["expires_at"] > now.timestamp():  # DynamoDB removes what has expired only hours later
                waiting.append(codec.read(Attention, row))
        return (*unreached, *waiting)

    def unconfirmed_action(self, event_id: str, one: Attention, expires_at: datetime) -> Action:
        """The action that lists an answer as waiting for the organizer's decision, until its mail expires (UTC)."""
        key = keys.unconfirmed(event_id, one.registration_id, one.quarantine_id or "")
        return put(self._sent, codec.item(one, key, expires_at=codec.epoch(expires_at)))

    def confirmed_action(self, event_id: str, registration_id: str, quarantine_id: str) -> Action:
        """The action that removes it from the list, for the transaction of the decision."""
        return delete(self._sent, keys.unconfirmed(event_id, registration_id, quarantine_id))
