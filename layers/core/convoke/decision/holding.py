"""When a change of an event is announced: an ordinary one waits for the next, so that edits which belong together are
one mail. Pure: nothing is stored.

The hold counts from the first change that nobody was informed of, so that edits cannot postpone each other for ever.
What is urgent never waits, and what waits is announced with it.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from ..model import Event
from .invitation import FanOut

LONGEST = timedelta(minutes=15)
"""The longest hold: a queue message can be delayed for so long."""


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
    return FanOut(
        event_id=event_id,
        version=version,
        priority=priority,
        told_at=told_at,
        told=told,
        overlaps=overlaps,
        survey=survey,
    )


def hold_of(event: Event, account_default: int) -> timedelta:
    """How long an ordinary change of ``event`` waits; ``account_default`` is that of its account, in seconds."""
    seconds = account_default if event.notify_after is None else event.notify_after
    return min(LONGEST, timedelta(seconds=max(0, seconds)))
