"""The file of what one attendee was sent, held against a recipient that follows RFC 5546 and took the same mails."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta

import pytest
from icalendar import Calendar

from convoke.calendar import delivered
from convoke.model import DateChange, Registration
from convoke.schedule import edits, series
from tests import rfc5546
from tests.factories import EVENT_ID, existing, expect
from tests.fixtures import fixture_of
from tests.world import World, a_quick_world

world = fixture_of(a_quick_world)


def calendars(world: World, who: Registration) -> list[bytes]:
    stored = world.reads.messages_with_mails(who.registration_id)
    return [one.rendered.calendar for one in stored if one.rendered is not None]


def tell(world: World, who: Registration) -> None:
    while world.due():
        world.sweep()
        world.look(who)
        world.arrive()
        world.pass_time(minutes=5)
    for _ in range(9):
        world.look(who)
        world.arrive()
        world.pass_time(minutes=5)


def messages(data: bytes) -> Iterator[rfc5546.Message]:
    """Each entry of a calendar as a message of its own."""
    head, *entries = data.decode().split("BEGIN:VEVENT\r\n")
    for entry in entries:
        alone = f"{head}BEGIN:VEVENT\r\n{entry.partition('END:VEVENT')[0]}END:VEVENT\r\nEND:VCALENDAR\r\n"
        yield rfc5546.read(alone.encode())


def shown(written: list[bytes]) -> dict[str, object]:
    recipient = rfc5546.Recipient()
    for each in written:
        for message in messages(each):
            recipient.take(message)
    return {uid: one for uid, one in recipient.shows().items() if one}


def test_one_event_is_the_very_file_that_was_mailed(world: World) -> None:
    bo = world.register()
    assert delivered.file(calendars(world, bo)) is None
    world.look(bo)
    (mailed,) = calendars(world, bo)
    assert delivered.file([mailed]) == mailed
    world.change(title="Another")
    world.look(bo)
    assert delivered.file(calendars(world, bo)) == calendars(world, bo)[-1]


def test_nothing_is_left_of_what_was_cancelled_and_a_new_invitation_is_all(world: World) -> None:
    bo = world.invite()
    world.withdraw(bo)
    world.look(bo)
    assert delivered.file(calendars(world, bo)) is None


def test_a_series_is_what_its_messages_left(world: World) -> None:
    world.change(rule="FREQ=WEEKLY;COUNT=6")
    bo = world.register()
    tell(world, bo)
    dates = [one.date for one in series.occurrences(world.event())]
    world.become(edits.cancel_date(world.event(), dates[1], "Rain"))
    tell(world, bo)
    start = expect(datetime, dates[2])
    later = series.when_at(world.event().schedule, start + timedelta(hours=2))
    world.become(edits.change_date(world.event(), DateChange(date=dates[2], when=later)))
    tell(world, bo)
    written = calendars(world, bo)
    assert len(written) >= 3
    file = existing(delivered.file(written))
    parsed = Calendar.from_ical(file)
    assert parsed["METHOD"] == "REQUEST"
    assert shown([file]) == shown(written) != {}
    assert EVENT_ID.encode() in file.replace(b"\r\n ", b"")


def test_a_date_with_an_entry_of_its_own_makes_a_file_without_a_method(world: World) -> None:
    world.change(rule="FREQ=WEEKLY;COUNT=3")
    bo = world.register()
    tell(world, bo)
    first = expect(datetime, world.event().when.start)
    world.become(edits.add_date(world.event(), first + timedelta(days=3, hours=2), None))
    tell(world, bo)
    parsed = Calendar.from_ical(existing(delivered.file(calendars(world, bo))))
    assert "METHOD" not in parsed
    assert len({str(one["UID"]) for one in parsed.walk("VEVENT")}) == 2


def test_what_is_no_stored_message_is_refused() -> None:
    for data in (b"", b"BEGIN:VCALENDAR\r\nMETHOD:REQUEST\r\nBEGIN:VEVENT\r\nUID:x\r\n", b"\xff"):
        with pytest.raises(ValueError, match=r".+"):
            delivered.file([data])
