"""A changed event on its way to its registrations, and when that begins: an ordinary change waits for the next one, so
that edits which belong together are one mail. Pure: nothing is stored.

The hold counts from the first change that nobody was informed of, so that edits cannot postpone each other for ever.
What is urgent never waits, and what waits is announced with it.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta

from ..model import Event, frozen
from ..schedule import series, series_changes
from ..settings import Times
from .decide import CHANGE, URGENT

LONGEST = timedelta(minutes=15)
"""The longest hold: a queue message can be delayed for so long."""


@frozen
class FanOut:
    """A changed event, by its ``version``, on its way to all its registrations.

    Its registrations up to the id ``planned_to`` (empty before the first) are in batches: ``people`` in all, of whom
    those in the ``left`` batches have not been informed yet. ``planning`` until all are in batches. ``priority`` is as
    ``decide.priority`` has it.

    ``told_at`` (UTC) is when people begin to be informed, ``None`` at once: until then it waits for further changes.
    ``told`` is the event's version before the first of the changes that wait; ``overlaps``: people were still being
    informed of it when that was made. ``survey``: a survey is to be scheduled when people begin to be informed.
    """

    event_id: str
    version: int
    planned_to: str = ""
    priority: int = CHANGE
    planning: bool = False
    people: int = 0
    left: int = 0
    told_at: datetime | None = None
    told: int = 0
    overlaps: bool = False
    survey: bool = False

    def waits(self, now: datetime) -> bool:
        """Whether it waits for further changes at ``now`` (UTC), and no planner, whose clock may differ, has begun."""
        return self.told_at is not None and now < self.told_at and not self.planned_to


@frozen
class Batch:
    """The registrations of ``event_id`` after the id ``first``, up to and including ``through``, that are to be
    informed about ``version`` of the event. Those up to ``after`` have been informed.

    ``lease_until`` (UTC) is until when a worker has it; ``None`` where none does. ``priority`` is as that of a fan-out.
    """

    event_id: str
    version: int
    first: str
    through: str
    after: str
    priority: int = CHANGE
    lease_until: datetime | None = None


def fan_out_of(
    event_id: str,
    *,
    version: int,
    priority: int,
    hold: timedelta,
    now: datetime,
    earlier: FanOut | None,
    quiet: bool = False,
    survey: bool = False,
) -> FanOut:
    """The fan-out of a change that makes ``version`` of an event at ``now`` (UTC), in the place of the ``earlier`` one.

    ``priority`` is that of this change alone, and ``hold`` how long it may wait. ``quiet``: nobody is to be informed of
    it. ``survey``: it may leave somebody to come in vain.

    An earlier change that waits keeps its time, unless this one is announced sooner. One that is still being divided
    into batches must not wait for this one, which takes its place, nor what is left of an urgent one.
    """
    if earlier is not None:
        priority = min(priority, earlier.priority)
    plain = FanOut(event_id=event_id, version=version, priority=priority)
    if earlier is not None and earlier.told_at is not None and earlier.waits(now):
        told_at, told, overlaps = earlier.told_at, earlier.told, earlier.overlaps
        if not quiet:
            told_at = min(told_at, now + hold)
        survey = survey or earlier.survey
    elif quiet or (earlier is not None and earlier.planning):
        return plain
    else:
        told_at, told, overlaps = now + hold, version - 1, earlier is not None
    if priority == 0 or told_at <= now:
        return plain
    return replace(plain, told_at=told_at, told=told, overlaps=overlaps, survey=survey)


def hold_of(event: Event, account_default: int) -> timedelta:
    """How long an ordinary change of ``event`` waits; ``account_default`` is that of its account, in seconds."""
    seconds = account_default if event.notify_after is None else event.notify_after
    return min(LONGEST, timedelta(seconds=max(0, seconds)))


def urgency(event: Event, now: datetime, times: Times) -> int:
    """The priority of a change to a whole event: URGENT if it is cancelled, unpublished or soon (``times.soon``), else
    CHANGE.
    """
    return URGENT if not event.status.expects_people or _begins_soon(event, now, times) else CHANGE


def change_urgency(before: Event, after: Event, now: datetime, times: Times) -> int:
    """The priority of a change of ``before`` to ``after``: URGENT if the event, or a date to come, is cancelled or
    dropped, or if it is soon, as it was or as it will be; else CHANGE, which may wait for further changes.
    """
    if _is_gone(before, after, now):
        return URGENT
    # As it was, but whatever it was: to publish it, or to let it take place again, is not urgent by itself.
    return min(urgency(each, now, times) for each in (replace(before, status=after.status), after))


def _is_gone(before: Event, after: Event, now: datetime) -> bool:
    """Whether a date that was to come does not take place any more."""
    names = series_changes.renamed(before.schedule, after.schedule)
    stays = {one.date for one in series.occurrences(after) if not one.cancelled}
    return any(names.get(one.date) not in stays for one in series.coming(before, now))


def _begins_soon(event: Event, now: datetime, times: Times) -> bool:
    """Whether a date begins soon, at the time that the series has for it, or at its own."""
    moved = (one.when.starts_at for one in series.occurrences(event) if one.moved)
    next_starts = (series.next_start(event.schedule, now), *(at for at in moved if at >= now))
    return any(at - now <= times.soon for at in next_starts)
