"""When each change is to be told, kept beside production by the rules that people are promised.

An ordinary change waits until its event's ``notify_after`` is over, counted from the first of those that wait; what is
cancelled, or soon, never waits. What is not kept to is noted, for the checker.
"""

from __future__ import annotations

from copy import copy
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from convoke.decision.fan_out import FanOut
from convoke.decision.invitation import Invitation
from convoke.model import Event, EventStatus
from convoke.schedule import series, series_changes
from convoke.store import codec, keys

from .scene import EVENT_ID, SETTINGS, TIMES

if TYPE_CHECKING:
    from .worker import Run
    from .world import World

CLOCKS = timedelta(seconds=3)
"""By how much the clocks of two functions differ at most."""


class Holds:
    """The changes of one history. ``due`` is when those that wait are told, and not before; ``latest`` when they are
    told at the latest, ``since`` when the first was made.
    """

    def __init__(self, world: World) -> None:
        self._world = world
        self._event: Event | None = None
        self.due: datetime | None = None
        self.latest: datetime | None = None
        # When a fan-out was last seen for which a change does not wait.
        self._urgent_at: datetime | None = None
        self.since = 0.0
        self.overlaps = False
        # What the event is to be by an undoing that is under way.
        self.undone: Event | None = None
        self.broken: list[str] = []

    def copy(self, world: World) -> Holds:
        """The same, of a ``world`` that is a copy."""
        other = copy(self)
        other._world, other.broken = world, list(self.broken)
        return other

    def changed(self, after: Event) -> None:
        """The event was written; its fan-out still is that of the change before."""
        before, self._event = self._event, after
        if before is None:
            return
        # By the clock of whoever changed it: from there it may have been some seconds on its way.
        now, earlier = after.updated_at, self._fan_out()
        if before.version == after.version or after == self.undone or urgent(before, after, now):
            self.due = self.latest = None
            return
        until = now + timedelta(seconds=after.notify_after or 0)
        quiet = len(after.former_texts) > len(before.former_texts)
        # A planner whose clock is ahead may have begun before it was due: what it tells does not wait any more.
        begun = earlier is None or not earlier.planning or earlier.planned_to
        if self.latest is not None and now < self.latest and not begun:
            if not quiet:
                self.due, self.latest = self.due and min(self.due, until), min(self.latest, until)
        elif quiet or (earlier is not None and (earlier.planning or earlier.priority == 0)):
            self.due = self.latest = None
        elif self._had_not_ended(now):
            # Whoever changed the event may have read a fan-out before it ended, or was planned, and then does not wait.
            self.due, self.latest = None, until
        else:
            self.due = self.latest = until
            self.since, self.overlaps = self._world.now, earlier is not None

    def look(self) -> None:
        """What is changed is not told later than it has to be."""
        fan_out, now = self.remember(), self._world.instant()
        if fan_out is not None and fan_out.told_at is not None and fan_out.told_at > max(now, self.latest or now):
            self.broken.append(f"{fan_out} is to be told by {self.latest}")

    def remember(self) -> FanOut | None:
        """The fan-out that there is, which may be about to end."""
        fan_out = self._fan_out()
        if fan_out is not None and (fan_out.priority == 0 or fan_out.planning):
            self._urgent_at = self._world.instant()
        return fan_out

    def claimed(self, run: Run, seen: Invitation) -> None:
        """Somebody is about to be told: not of what waits, unless they are due something of their own, or an earlier
        change was still being told when the first that waits was made.
        """
        if seen.due_key is None and not self.overlaps and run.root.began >= self.since and self._waits():
            self.broken.append(f"{run.name} tells {seen.registration_id[6:10]} of what waits until {self.due}")

    def woken_up(self, run: Run, registration_id: str) -> None:
        """The audit has somebody told something: not what waits."""
        if run.root.name == "audit" and run.root.began >= self.since and self._waits():
            self.broken.append(f"the audit has {registration_id[6:10]} told of what waits until {self.due}")

    def _had_not_ended(self, began: datetime) -> bool:
        """Whether a fan-out that has ended, or was planned, was still urgent or to be planned when a change ``began``,
        by its own clock.
        """
        return self._urgent_at is not None and began - self._urgent_at < CLOCKS

    def _waits(self) -> bool:
        return self.due is not None and self._world.instant() < self.due - CLOCKS

    def _fan_out(self) -> FanOut | None:
        row = self._world.tables.row(SETTINGS.invitations_table, keys.fan_out(EVENT_ID))
        return None if row is None else codec.read(FanOut, row)


def urgent(before: Event, after: Event, now: datetime) -> bool:
    """Whether a change is told at once: whatever was to come and does not any more, and whatever is soon."""
    if after.status in (EventStatus.CANCELLED, EventStatus.DRAFT):
        return True
    names = series_changes.renamed(before.schedule, after.schedule)
    gone = {one.date for one in series.occurrences(after) if one.cancelled}
    for one in series.occurrences(before):
        if not one.cancelled and one.when.ends_at > now and (one.date not in names or names[one.date] in gone):
            return True
    starts = [
        [
            at
            for one in series.occurrences(event)
            for at in (one.when.starts_at, series.when_at(event.schedule, one.date).starts_at)
        ]
        for event in (before, after)
    ]
    soon = any(timedelta() <= at - now <= TIMES.soon for each in starts for at in each)
    # What had no date but those that have begun is told of at once, whatever is added to it.
    return soon or any(all(at < now for at in each) for each in starts)
