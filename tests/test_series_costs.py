"""What a series costs: messages to each attendee for each kind of change, time to decide and render, bytes to store."""

from __future__ import annotations

import re
import time
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from random import Random
from typing import Any

import pytest

from convoke.decision import fingerprints
from convoke.decision.invitation import Acknowledged, Delivered, Intent, Invitation, StoredMessage
from convoke.mail import invitation_mail
from convoke.model import (
    DateChange,
    Event,
    EventStatus,
    FormerText,
    LocalTime,
    Method,
    RegistrationStatus,
)
from convoke.schedule import edits, series, series_changes
from convoke.store import codec, keys
from convoke.store.invitations import invitation_item
from convoke.store.records import message_item
from tests.factories import MORNING, NEW_ID, NOW, event, invitation, registration
from tests.test_series_messages import Attendee

TEN = series.starts(event(rule=series.rule("FREQ=WEEKLY;COUNT=10", MORNING)).schedule)


def later(event: Event, date: LocalTime, **delta: float) -> DateChange:
    when = series.when_at(event.schedule, date)
    moved = replace(when, start=when.start + timedelta(**delta), end=when.end + timedelta(**delta))
    return replace(edits.change_of(event, date), when=moved)


def choir(**changes: Any) -> Event:
    """Ten weekly dates; the second and the third have moved, the fourth is cancelled."""
    plain = event(rule=series.rule("FREQ=WEEKLY;COUNT=10", MORNING), **changes)
    for date in TEN[1:3]:
        plain = edits.change_date(plain, later(plain, date, hours=26))
    return edits.cancel_date(plain, TEN[3], "")


def rescheduled(event: Event, **changes: Any) -> Event:
    return edits.reschedule(event, replace(event, **changes))[0]


def moved(event: Event) -> Event:
    when = replace(event.when, start=event.when.start + timedelta(hours=1), end=event.when.end + timedelta(hours=1))
    schedule = series_changes.moved(event.schedule, when)
    return rescheduled(event, when=when, rule=schedule.rule)


def rule(text: str) -> Callable[[Event], Event]:
    return lambda event: rescheduled(event, rule=series.rule(text, event.when))


def cut(event: Event) -> Event:
    return edits.split(event, TEN[2], NEW_ID, NOW)[0]


# Messages to who comes to all dates, and to who comes to the third and the fifth only.
PAGE = (Path(__file__).parent.parent / "docs" / "calendars.md").read_text("utf-8")
COSTS: list[tuple[str, Callable[[Event], Event], int, int]] = [
    ("one date is cancelled", lambda event: edits.cancel_date(event, TEN[4], ""), 1, 1),
    ("a date of others is cancelled", lambda event: edits.cancel_date(event, TEN[8], ""), 1, 0),
    ("a cancelled date takes place after all", lambda event: edits.restore_date(event, TEN[3]), 1 + 2 + 1, 0),
    ("one date moves", lambda event: edits.change_date(event, later(event, TEN[4], hours=2)), 1, 1),
    ("a moved date moves again", lambda event: edits.change_date(event, later(event, TEN[2], hours=2)), 1, 1),
    ("a moved date is put back", lambda event: edits.change_date(event, DateChange(date=TEN[2])), 1, 1),
    ("the text of one date", lambda event: edits.change_date(event, DateChange(date=TEN[4], title="X")), 1, 1),
    ("one more date", lambda event: edits.add_date(event, TEN[4] + timedelta(days=1), None), 1, 0),
    ("one more date of the rule", lambda event: edits.add_date(event, TEN[9] + timedelta(days=7), None), 1 + 2, 0),
    ("a date moves beyond the next", lambda event: edits.change_date(event, later(event, TEN[4], days=8)), 2, 1),
    ("the series moves", moved, 1 + 2, 1),
    ("the text of the series", lambda event: replace(event, title="Quire"), 1 + 2, 2),
    ("the place of the series", lambda event: replace(event, location="Dom"), 1 + 2, 2),
    ("the series becomes longer", rule("FREQ=WEEKLY;COUNT=12"), 1 + 2, 0),
    ("the series becomes shorter", rule("FREQ=WEEKLY;COUNT=7"), 1 + 2, 0),
    ("shorter by a moved date", rule("FREQ=WEEKLY;COUNT=2"), 1 + 1 + 1, 2),
    ("every second week", rule("FREQ=WEEKLY;INTERVAL=2;COUNT=5"), 1 + 1 + 1, 0),
    ("this and all following: the old series", cut, 1 + 1 + 1, 2),
    ("all of it is cancelled", lambda event: replace(event, status=EventStatus.CANCELLED), 1, 2),
    ("nothing", lambda event: event, 0, 0),
]


def test_what_each_change_costs_an_attendee() -> None:
    print("messages to an attendee of all ten dates, two of them moved; to one of the third and the fifth date")
    for what, change, to_all, to_some in COSTS:
        costs = []
        for occurrences in (None, (TEN[2], TEN[4])):
            before = choir()
            bo = Attendee(registration(occurrences=occurrences))
            bo.apply_report(before, 100)
            costs.append(bo.apply_report(replace(change(before), version=2), 100))
        print(f"{what:42} {costs[0]:2} {costs[1]:3}")
        assert costs == [to_all, to_some], what


def test_the_documentation_says_what_each_change_costs() -> None:
    """Of these dates two have a time of their own."""
    table = PAGE.partition("| mails | for |\n|---|---|\n")[2].partition("\n\n")[0]
    said: dict[str, int] = {}
    for mails, changes in re.findall(r"\| ([0-9n +]+) \| (.+) \|", table):
        said |= dict.fromkeys(changes.split("; "), sum(2 if part == "n" else int(part) for part in mails.split(" + ")))
    costs = {what: to_all for what, _, to_all, _ in COSTS if to_all and "of others" not in what}
    assert said == costs | {"an invitation": 1 + 2}


@pytest.mark.parametrize(
    ("what", "occurrences", "cost"),
    [("an invitation to all", None, 1 + 2), ("an invitation to two dates", (TEN[2], TEN[4]), 2)],
)
def test_what_coming_and_going_costs(what: str, occurrences: tuple[LocalTime, ...] | None, cost: int) -> None:
    bo = Attendee(registration(occurrences=occurrences))
    assert bo.apply_report(choir(), 100) == cost
    bo.person = replace(bo.person, status=RegistrationStatus.CANCELLED)
    leaving = bo.apply_report(choir(), 100)
    print(f"{what}: {cost}; withdrawn: {leaving}")
    assert leaving == (1 if occurrences is None else len(occurrences))


# --- four hundred dates -------------------------------------------------------------------------------------------


def long_series(changed: int) -> Event:
    """400 daily dates; of the first of them every other is cancelled or moved."""
    plain = event(rule=series.rule("FREQ=DAILY;COUNT=400", MORNING))
    for number, date in enumerate(series.starts(plain.schedule)[:changed]):
        if number % 2:
            plain = edits.cancel_date(plain, date, "")
        else:
            plain = edits.change_date(plain, later(plain, date, minutes=90))
    return plain


def test_four_hundred_dates_are_decided_and_rendered_in_milliseconds() -> None:
    """Of processor time. On each look the event is read anew, so that nothing is known of it from before."""
    bo, what = Attendee(registration()), long_series(50)
    deciding, rendering = [], []
    while True:
        began = time.process_time()
        message = bo.next(replace(what))
        deciding.append(time.process_time() - began)
        if message is None:
            break
        bo.sequence += 1
        dtstamp = NOW + timedelta(seconds=bo.sequence)
        began = time.process_time()
        invitation_mail.rendered(message, sequence=bo.sequence, dtstamp=dtstamp)
        rendering.append(time.process_time() - began)
        bo.calendar_state = message.calendar_state(sequence=bo.sequence, dtstamp=dtstamp)
    assert len(rendering) == 1 + 25, "the series without the cancelled dates, then those that moved"
    for what_takes, times in (("deciding", deciding), ("rendering", rendering)):
        times.sort()
        median = times[len(times) // 2]
        print(f"{what_takes}: {median * 1000:.1f} ms, at most {times[-1] * 1000:.1f} ms")
        assert median < 0.05


# --- bytes --------------------------------------------------------------------------------------------------------

ITEM = 400 * 1024
"""What DynamoDB takes as one item, in bytes of names and values."""


def size(value: Any) -> int:
    """As DynamoDB counts it, or a little more."""
    match value:
        case dict():
            return 3 + sum(len(name.encode()) + size(inner) + 1 for name, inner in value.items())
        case list():
            return 3 + sum(size(inner) + 1 for inner in value)
        case str():
            return len(value.encode())
        case bytes():
            return len(value)
    return 21


def full_series() -> Event:
    """All that there can be of everything, in letters that do not pack: 400 dates, each moved and with its own text."""
    dice = Random(1)  # noqa: S311 (a seed, not a secret)

    def text(length: int) -> str:
        return "".join(chr(dice.randrange(0x20000, 0x2A6D0)) for _ in range(length // 4))

    when = replace(MORNING, time_zone="America/Argentina/ComodRivadavia")
    plain = event(
        when=when,
        rule=series.rule("FREQ=DAILY;COUNT=400", when),
        title=text(255 * 4),
        location=text(1000 * 4),
        description=text(8000 * 4),
        url="https://example.org/" + "x" * 1980,
    )
    dates = series.starts(plain.schedule)
    share = {field: most // len(dates) for field, most in edits.MAX_TEXT_BYTES.items()}
    changes = [
        replace(
            later(plain, date, minutes=5),
            title=text(share["title"]),
            location=text(share["location"]),
            description=text(share["description"]),
            reason=text(share["reason"]),
        )
        for date in dates
    ]
    earlier = [plain.schedule] * (edits.MAX_EARLIER_BYTES // 220)
    former = FormerText(description="w" * (fingerprints.MAX_FORMER_BYTES - 100))
    own: dict[str, Any] = {
        "external_id": "ü" * 200,
        "metadata": tuple((f"{number:040}", "ü" * 500) for number in range(20)),
    }
    return replace(plain, changes=tuple(changes), earlier=tuple(earlier), former_texts=(former,), **own)


def test_the_fullest_series_fits_into_its_items() -> None:
    what, bo = full_series(), registration()
    for change in what.changes[:2]:
        assert edits.change_date(what, replace(change, reason="")) is not None, "it is within the limits"
    told, mails = None, []
    for sequence, message in enumerate(messages(what)):
        if sequence < 3:
            mails.append(invitation_mail.rendered(message, sequence=sequence, dtstamp=NOW))
        told = message.calendar_state(sequence=sequence, dtstamp=NOW)
    assert told is not None
    assert len(told.dates) == 400

    delivered = [
        Delivered(generation=1, method=method, at=NOW, sequence=400, date=one.date)
        for one in told.dates
        for method in (Method.REQUEST, Method.CANCEL)
    ]
    full = invitation(
        allocated=400,
        highest_possibly_sent=400,
        possibly_sent=told,
        intent=Intent(calendar_state=told, attempt="a" * 32),
        acknowledged=Acknowledged(calendar_state=told, ses_id="s" * 60, at=NOW),
        delivered=tuple(delivered),
    )
    stored = StoredMessage(
        registration_id=bo.registration_id,
        event_id=what.event_id,
        calendar_state=told,
        rendered=mails[0],
        written_at=NOW,
    )
    sizes = {
        "event": size(codec.item(what, keys.event(what.event_id))),
        "invitation": size(invitation_item(full)),
        "message": size(message_item(stored)),
    }
    print(", ".join(f"{name} {bytes_ / 1024:.0f} KB" for name, bytes_ in sizes.items()))
    assert max(sizes.values()) < ITEM
    assert codec.read(Invitation, invitation_item(full)) == full


def messages(what: Event) -> Any:
    """All that somebody who comes to it is told."""
    bo = Attendee(registration())
    while (message := bo.next(what)) is not None:
        bo.sequence += 1
        bo.calendar_state = message.calendar_state(sequence=bo.sequence, dtstamp=NOW + timedelta(seconds=bo.sequence))
        yield message


def test_the_mails_of_a_long_series_are_small() -> None:
    what = long_series(400)
    sizes = [len(invitation_mail.rendered(message, sequence=1, dtstamp=NOW).mail) for message in messages(what)]
    print(f"{len(sizes)} mails of at most {max(sizes) / 1024:.0f} KB")
    assert max(sizes) < 256 * 1024
