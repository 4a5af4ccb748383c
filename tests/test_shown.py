"""What an attendee's calendar shows by what was sent: a calendar that follows RFC 5546 to the letter shows the same."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from convoke.decision.invitation import Delivered, Intent, Invitation
from convoke.decision.shown import Entry, Showing, shown
from convoke.model import DeliveryState, EventStatus, Method, RegistrationStatus, When
from tests.conversation import play, read, title_of
from tests.conversation_steps import Stage
from tests.factories import NOW, accepted, event, existing, invitation, registration, told
from tests.fixtures import fixture_of
from tests.rfc5545 import Moment
from tests.world import World, an_empty_quick_world

STORIES = sorted((Path(__file__).parent / "conversations").glob("*.txt"))


world = fixture_of(an_empty_quick_world)


def moments(when: When) -> tuple[Moment, Moment]:
    """Start and exclusive end as a calendar has them: instants in UTC, or days."""
    if isinstance(when.start, datetime):
        return when.starts_at, when.ends_at
    assert not isinstance(when.end, datetime)
    return when.start, when.end + timedelta(days=1)


class Watched(Stage):
    """A story in which, whenever nobody has anything to do, each calendar is held against what is said to be shown."""

    compared = 0

    def compare(self) -> None:
        world = self.world
        for person in (self._current(who) for who in self._people):
            at = existing(world.reads.event(person.event_id))
            invited = world.invitation(person)
            entries = shown(invited, at, person, world.now)
            self._hold_against(entries, invited)

    def _hold_against(self, entries: tuple[Entry, ...], invited: Invitation) -> None:
        last = invited.acknowledged
        if last is None:
            assert entries == ()
            return
        box = self._mailboxes[last.calendar_state.recipient]
        uids = {one.uid for one in entries}
        there = {
            (uid, one.start, one.end, one.title, one.location)
            for uid, dates in box.calendar().shows().items()
            if uid in uids
            for one in dates.values()
        }
        said = {
            (one.uid, *moments(one.when), one.title, one.location)
            for one in entries
            if one.state is Showing.SHOWN and one.when is not None
        }
        doubted = [one for one in entries if one.state is Showing.UNKNOWN]
        assert said <= there
        assert len(there - said) <= len(doubted)
        if not doubted:
            assert said == there
        type(self).compared += len(said)

    def news(self) -> Any:
        found = super().news()
        self.compare()
        return found


@pytest.mark.parametrize("path", STORIES, ids=title_of)
def test_what_is_said_to_be_shown_is_what_a_calendar_shows(world: World, path: Path) -> None:
    play(read(path), Watched(world, doorbells=True))


# --- table --------------------------------------------------------------------------------------------------------


def told_by(state: DeliveryState = DeliveryState.ACCEPTED, **changes: Any) -> Invitation:
    said = told(**changes)
    return accepted(invitation(), said, possibly_sent=said, state=state)


def test_before_anything_was_sent_nothing_is_shown() -> None:
    assert shown(invitation(), event(), registration(), NOW) == ()


def test_an_event_that_was_told_is_shown_as_it_was_told() -> None:
    (one,) = shown(told_by(), event(), registration(), NOW)
    said = told()
    assert (one.uid, one.date, one.title, one.when, one.location) == (
        said.uid,
        None,
        said.title,
        said.when,
        said.location,
    )
    assert (one.state, one.sequence, one.sent_at) == (Showing.SHOWN, said.sequence, NOW)
    assert (one.delivered, one.true, one.over) == (False, True, False)


def test_what_a_mail_server_took_is_delivered() -> None:
    (one,) = shown(told_by(DeliveryState.DELIVERED), event(), registration(), NOW)
    assert one.delivered
    report = Delivered(generation=1, method=Method.REQUEST, at=NOW)
    earlier = replace(told_by(), delivered=(report,))
    assert shown(earlier, event(), registration(), NOW)[0].delivered
    (one,) = shown(replace(earlier, delivered=(replace(report, generation=2),)), event(), registration(), NOW)
    assert not one.delivered


@pytest.mark.parametrize(
    ("changes", "status", "true"),
    [
        ({}, RegistrationStatus.REGISTERED, True),
        ({"title": "Other"}, RegistrationStatus.REGISTERED, False),
        ({"location": "Elsewhere"}, RegistrationStatus.REGISTERED, False),
        ({"status": EventStatus.CANCELLED}, RegistrationStatus.REGISTERED, False),
        ({"status": EventStatus.DRAFT}, RegistrationStatus.REGISTERED, False),
        ({}, RegistrationStatus.CANCELLED, False),
        ({}, RegistrationStatus.DECLINED, False),
        ({"description": "Bring cake"}, RegistrationStatus.REGISTERED, True),
    ],
)
def test_what_is_shown_is_true_while_it_is(changes: dict[str, Any], status: RegistrationStatus, true: bool) -> None:
    (one,) = shown(told_by(), event(**changes), registration(status=status), NOW)
    assert (one.state, one.true) == (Showing.SHOWN, true)


def test_what_was_cancelled_is_true_unless_it_takes_place() -> None:
    gone = told_by(method=Method.CANCEL, spent=True)
    (one,) = shown(gone, event(status=EventStatus.CANCELLED), registration(), NOW)
    assert (one.state, one.true) == (Showing.CANCELLED, True)
    (one,) = shown(gone, event(), registration(), NOW)
    assert (one.state, one.true) == (Showing.CANCELLED, False)


def test_what_may_or_may_not_have_left_is_unknown() -> None:
    before = told_by(DeliveryState.DELIVERED)
    said = replace(told(), sequence=1, title="Other")
    doubtful = replace(
        before,
        allocated=1,
        highest_possibly_sent=1,
        possibly_sent=said,
        intent=Intent(calendar_state=said, attempt="b"),
    )
    (one,) = shown(doubtful, event(title="Other"), registration(), NOW)
    assert (one.state, one.delivered, one.true, one.sent_at) == (Showing.UNKNOWN, False, False, None)


@pytest.mark.parametrize("state", [DeliveryState.BOUNCED, DeliveryState.SUPPRESSED])
@pytest.mark.parametrize("method", [Method.REQUEST, Method.CANCEL])
def test_what_came_back_is_unknown_also_where_a_mail_server_had_taken_it(state: DeliveryState, method: Method) -> None:
    lost = told_by(state, method=method)
    taken = replace(lost, delivered=(Delivered(generation=1, method=method, at=NOW),))
    for invited in (lost, taken):
        (one,) = shown(invited, event(), registration(), NOW)
        assert (one.state, one.delivered, one.true) == (Showing.UNKNOWN, False, False)


def test_an_entry_is_over_once_it_has_ended() -> None:
    assert told().when.ends_at.tzinfo is UTC
    (one,) = shown(told_by(), event(), registration(), told().when.ends_at)
    assert one.over


def test_of_an_erased_person_nothing_is_shown() -> None:
    assert shown(told_by(), event(), registration(status=RegistrationStatus.ERASED), NOW) == ()
