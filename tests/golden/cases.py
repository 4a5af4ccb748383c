"""Messages whose calendar and mail are kept, byte for byte, beside this file.

``CONVOKE_GOLDEN=write`` writes them anew: only after looking at every difference, since each is one that attendees see.
"""

from __future__ import annotations

import os
from dataclasses import replace
from datetime import date, datetime, timedelta
from pathlib import Path

from convoke.decision.calendar_state import CalendarState, Message
from convoke.decision.decide import next_message
from convoke.model import (
    Conference,
    DateChange,
    Duration,
    Event,
    EventStatus,
    Method,
    Participation,
    Person,
    Registration,
    When,
)
from tests.factories import AFTERNOON, MORNING, NOW, SENDER, event, message, registration

HERE = Path(__file__).parent


def told_one_by_one(what: Event, who: Registration, changes: tuple[DateChange, ...] = ()) -> tuple[Message, Message]:
    """The first two messages; the second after ``changes``, where there are any."""
    first = next_message(what, who, None, SENDER, NOW)
    assert first is not None
    told = first.calendar_state(sequence=0, dtstamp=NOW)
    second = next_message(replace(what, changes=changes) if changes else what, who, told, SENDER, NOW)
    assert second is not None
    return first, second


def told_after(before: Event, after: Event) -> list[Message]:
    """All that somebody is told of ``after`` who was told all of ``before``."""
    told: CalendarState | None = None
    said: list[Message] = []
    for what in (before, after):
        said.clear()
        while (found := next_message(what, registration(), told, SENDER, NOW)) is not None:
            told = found.calendar_state(sequence=0 if told is None else told.sequence + 1, dtstamp=NOW)
            said.append(found)
    return said


INVITATION = message(
    description="Coffee first.\nThen the agenda.", location="Dom, Köln", url="https://example.org/treffen"
)
MOVED = replace(INVITATION, when=AFTERNOON, before=INVITATION.calendar_state(sequence=0, dtstamp=NOW).known)
CANCELLED = replace(
    message(location="Dom, Köln"),
    method=Method.CANCEL,
    status=EventStatus.CANCELLED,
    participation=Participation.ACCEPTED,
    before=MOVED.calendar_state(sequence=1, dtstamp=NOW).known,
    when=AFTERNOON,
    cancelled_for_all=True,
    reason="The speaker is ill.",
)
SEVERAL_DAYS = message(
    title="Hui",
    when=When(start=date(2027, 4, 2), end=date(2027, 4, 5), time_zone="Pacific/Auckland"),
    location="Ōtautahi",
)
TENTATIVE = message(
    title='Überraschung für "Zoë"; 驚き, ok?',
    status=EventStatus.TENTATIVE,
    attendee=Person(name='Zoë "Z" O’Hara, Jr.', email="zoe@bücher.example"),
    conference=Conference(uri="https://meet.example.org/a?b=1&c=2", label="Join by video"),
    reminders=(Duration(), Duration(seconds=900), Duration(days=1, seconds=7200)),
    description="<script>alert(1)</script> & C:\\New, really",
)
IN_UTC = message(
    title="Launch",
    when=When(start=datetime(2027, 6, 1, 23, 30), end=datetime(2027, 6, 2, 0, 30), time_zone="Etc/UTC"),
)

CHOIR = event(
    title="Choir",
    when=MORNING,
    rule="FREQ=WEEKLY;COUNT=4",
    added=(datetime(2027, 3, 24, 18, 0),),
    location="Dom, Köln",
    changes=(
        DateChange(
            date=datetime(2027, 3, 19, 9, 0),
            when=When(
                start=datetime(2027, 3, 20, 11, 0), end=datetime(2027, 3, 20, 12, 30), time_zone=MORNING.time_zone
            ),
            title="Dress rehearsal",
        ),
        DateChange(date=datetime(2027, 3, 26, 9, 0), cancelled=True, reason="The hall is taken."),
    ),
)
SERIES, OTHER_DATE = told_one_by_one(CHOIR, registration())
(_, DATE_LESS) = told_one_by_one(replace(CHOIR, changes=()), registration(), CHOIR.changes[1:])
WEEKLY = replace(CHOIR, added=(), changes=())
PAST_THE_NEXT = DateChange(
    date=datetime(2027, 3, 19, 9, 0),
    when=When(start=datetime(2027, 3, 29, 9, 0), end=datetime(2027, 3, 29, 10, 30), time_zone=MORNING.time_zone),
)
OFF = DateChange(date=CHOIR.added[0], cancelled=True, reason="The hall is taken.")
TAKEN_OUT, BEYOND = told_after(WEEKLY, replace(WEEKLY, changes=(PAST_THE_NEXT,)))
(BESIDE,) = told_after(WEEKLY, replace(WEEKLY, added=CHOIR.added))
(BESIDE_LESS,) = told_after(replace(WEEKLY, added=CHOIR.added), replace(WEEKLY, added=CHOIR.added, changes=(OFF,)))
ALONE, _ = told_one_by_one(CHOIR, registration(occurrences=(MORNING.start, datetime(2027, 4, 2, 9, 0))))


def in_language(tag: str, title: str, place: str, about: str, reason: str) -> dict[str, tuple[Message, int]]:
    """The invitation, its move and its cancellation in another language; that of the event's own texts, too."""
    cases = {"invitation": (INVITATION, 0), "moved": (MOVED, 1), "cancelled": (CANCELLED, 2)}
    return {
        f"{name}-{tag}": (
            replace(
                said,
                language=tag,
                event_language=tag,
                title=title,
                location=place,
                description=about if said.description else "",
                reason=reason if said.reason else "",
                before=None if said.before is None else replace(said.before, title=title, location=place),
            ),
            sequence,
        )
        for name, (said, sequence) in cases.items()
    }


CASES: dict[str, tuple[Message, int]] = {
    "invitation": (INVITATION, 0),
    "moved": (MOVED, 1),
    "cancelled": (CANCELLED, 2),
    "several-days": (SEVERAL_DAYS, 0),
    "tentative": (TENTATIVE, 0),
    "utc": (IN_UTC, 0),
    "series": (SERIES, 0),
    "series-date-moved": (OTHER_DATE, 1),
    "series-date-cancelled": (DATE_LESS, 1),
    "date-taken-out": (TAKEN_OUT, 1),
    "date-beyond": (BEYOND, 2),
    "date-beside": (BESIDE, 1),
    "date-beside-cancelled": (BESIDE_LESS, 2),
    "some-dates": (ALONE, 0),
    **in_language(
        "de", "Kölner Treffen", "Dom, Köln", "Zuerst Kaffee.\nDann die Tagesordnung.", "Die Rednerin ist krank."
    ),
    **in_language("ja", "ケルンの集い", "ケルン大聖堂", "まずコーヒー。\n次に議題。", "講演者が病気のため。"),
    # The place has a name in another direction than the rest.
    **in_language("ar", "لقاء كولونيا", "Dom, Köln", "القهوة أولًا.\nثم جدول الأعمال.", "المتحدثة مريضة."),
}


def dtstamp(sequence: int) -> datetime:
    return NOW + timedelta(minutes=sequence)


def kept(name: str, made: bytes) -> bytes:
    """What ``name`` held until now; ``made`` where it is to be written anew."""
    if os.environ.get("CONVOKE_GOLDEN") == "write":
        (HERE / name).write_bytes(made)
    return (HERE / name).read_bytes()
