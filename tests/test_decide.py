"""The decision: its table, what counts as equal, and the laws that any history obeys."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from convoke.decision.calendar_state import CalendarState
from convoke.decision.decide import is_same_message, next_message, participation, pending_message, priority
from convoke.decision.fingerprints import fingerprint, schema_of
from convoke.decision.invitation import Acknowledged, Intent
from convoke.model import (
    Conference,
    Duration,
    Event,
    EventStatus,
    Method,
    Participation,
    Person,
    Registration,
    RegistrationStatus,
    Reply,
    Sender,
    When,
)
from tests.factories import AFTERNOON, MORNING, NOW, SENDER, event, existing, invitation, registration, told

COMES = registration()
WITHDRAWN = registration(status=RegistrationStatus.CANCELLED)
WAITS = registration(status=RegistrationStatus.WAITLISTED)
MOVED_HOUSE = registration(email="bo@example.com")
OTHER_SENDER = Sender(address="other@convoke.example.com", domain="convoke.example.com")
NOTHING = None
INVITED = told()
PERHAPS_INVITED = told(certain=False)
GONE = told(sequence=1, method=Method.CANCEL)
PERHAPS_GONE = told(sequence=1, method=Method.CANCEL, certain=False)

SILENCE = None
INVITE = (Method.REQUEST, 1)
CANCEL = (Method.CANCEL, 1)
INVITE_ANEW = (Method.REQUEST, 2)


@pytest.mark.parametrize(
    ("what_is_true", "who", "sender", "last_told", "said"),
    [
        pytest.param(event(), COMES, SENDER, NOTHING, INVITE, id="expected, told nothing: invited"),
        pytest.param(event(), COMES, SENDER, INVITED, SILENCE, id="expected, told just this: silence"),
        pytest.param(event(when=AFTERNOON), COMES, SENDER, INVITED, INVITE, id="expected, told other content: update"),
        pytest.param(event(), COMES, SENDER, PERHAPS_INVITED, INVITE, id="expected, perhaps told: said again"),
        pytest.param(event(), MOVED_HOUSE, SENDER, INVITED, CANCEL, id="another address: cancelled at the old one"),
        pytest.param(
            event(), MOVED_HOUSE, SENDER, PERHAPS_INVITED, CANCEL, id="perhaps told elsewhere: cancelled there"
        ),
        pytest.param(event(), COMES, OTHER_SENDER, INVITED, CANCEL, id="another organizer: cancelled from the old one"),
        pytest.param(event(), MOVED_HOUSE, SENDER, GONE, INVITE_ANEW, id="another address, gone: invited anew"),
        pytest.param(event(), COMES, SENDER, GONE, INVITE_ANEW, id="expected, told it is gone: invited anew"),
        pytest.param(event(), COMES, SENDER, PERHAPS_GONE, CANCEL, id="expected, perhaps gone: first surely gone"),
        pytest.param(event(), WITHDRAWN, SENDER, INVITED, CANCEL, id="withdrawn, told: cancelled"),
        pytest.param(event(), WITHDRAWN, SENDER, PERHAPS_INVITED, CANCEL, id="withdrawn, perhaps told: cancelled"),
        pytest.param(event(), WITHDRAWN, SENDER, NOTHING, SILENCE, id="withdrawn before anything was sent: silence"),
        pytest.param(event(), WITHDRAWN, SENDER, GONE, SILENCE, id="withdrawn and told so: silence"),
        pytest.param(event(), WITHDRAWN, SENDER, PERHAPS_GONE, CANCEL, id="withdrawn, perhaps told so: said again"),
        pytest.param(event(), WAITS, SENDER, NOTHING, SILENCE, id="waiting: silence"),
        pytest.param(event(status=EventStatus.DRAFT), COMES, SENDER, NOTHING, SILENCE, id="draft: silence"),
        pytest.param(event(status=EventStatus.DRAFT), COMES, SENDER, INVITED, CANCEL, id="back to draft: cancelled"),
        pytest.param(event(status=EventStatus.TENTATIVE), COMES, SENDER, NOTHING, INVITE, id="tentative: invited"),
        pytest.param(event(status=EventStatus.TENTATIVE), COMES, SENDER, INVITED, INVITE, id="now tentative: update"),
        pytest.param(
            event(status=EventStatus.CANCELLED), COMES, SENDER, INVITED, CANCEL, id="event cancelled: cancelled"
        ),
        pytest.param(
            event(status=EventStatus.CANCELLED),
            COMES,
            SENDER,
            NOTHING,
            SILENCE,
            id="event cancelled, not invited: silence",
        ),
        pytest.param(
            event(status=EventStatus.CANCELLED), COMES, SENDER, GONE, SILENCE, id="event cancelled and told so: silence"
        ),
    ],
)
def test_what_is_true_and_what_was_told_decide_what_is_said(
    what_is_true: Event,
    who: Registration,
    sender: Sender,
    last_told: CalendarState | None,
    said: tuple[Method, int] | None,
) -> None:
    message = next_message(what_is_true, who, last_told, sender, NOW)

    assert (message and (message.method, message.generation)) == said


@pytest.mark.parametrize("last_told", [NOTHING, INVITED, PERHAPS_INVITED, GONE, PERHAPS_GONE])
@pytest.mark.parametrize("status", EventStatus)
def test_nothing_is_said_about_an_event_that_is_over(last_told: CalendarState | None, status: EventStatus) -> None:
    what_is_true = event(status=status, when=MORNING)
    the_end = datetime(2027, 3, 12, 9, 30, tzinfo=UTC)

    assert next_message(what_is_true, WITHDRAWN, last_told, SENDER, the_end) is None
    assert next_message(what_is_true, COMES, last_told, SENDER, the_end) is None
    # The test would be empty if there were nothing to say in any case.
    before = next_message(what_is_true, WITHDRAWN, INVITED, SENDER, the_end - timedelta(microseconds=1))
    assert before is not None


def test_a_whole_day_without_a_zone_is_over_when_it_has_ended_everywhere_on_earth() -> None:
    day = event(when=When(start=date(2027, 3, 12), end=date(2027, 3, 13)))

    last_moment = datetime(2027, 3, 14, 11, 59, 59, tzinfo=UTC)
    assert next_message(day, COMES, None, SENDER, last_moment) is not None
    assert next_message(day, COMES, None, SENDER, last_moment + timedelta(seconds=1)) is None


def test_an_update_keeps_the_uid_address_and_organizer_of_what_it_updates() -> None:
    message = next_message(event(when=AFTERNOON), COMES, INVITED, SENDER, NOW)

    assert message is not None
    assert (message.uid, message.attendee.email, message.organizer.email) == (
        INVITED.uid,
        INVITED.recipient,
        INVITED.organizer,
    )
    assert (message.state_before, message.before) == (INVITED, INVITED.known)


def test_a_cancellation_takes_back_what_was_told_and_not_what_is_true_now() -> None:
    moved_and_cancelled = event(
        status=EventStatus.CANCELLED, when=AFTERNOON, title="Other", reason="The hall is flooded"
    )
    message = next_message(moved_and_cancelled, MOVED_HOUSE, INVITED, SENDER, NOW)

    assert message is not None
    assert (message.title, message.when, message.attendee.email) == (INVITED.title, MORNING, INVITED.recipient)
    assert (message.cancelled_for_all, message.reason) == (True, "The hall is flooded")


def test_the_reason_of_the_organizer_is_not_given_to_somebody_who_withdrew() -> None:
    message = next_message(event(reason="left over"), WITHDRAWN, INVITED, SENDER, NOW)

    assert message is not None
    assert (message.cancelled_for_all, message.reason) == (False, "")


def test_an_address_in_other_case_is_the_same_address() -> None:
    assert next_message(event(), registration(email="Bo@Example.NET"), INVITED, SENDER, NOW) is None


# --- asking again -------------------------------------------------------------------------------------------------


ACCEPTED_0 = Reply(status=Participation.ACCEPTED, sequence=0, dtstamp=NOW)


@pytest.mark.parametrize(
    ("changes", "known", "asks"),
    [
        pytest.param({"when": AFTERNOON}, Participation.NEEDS_ACTION, True, id="moved"),
        pytest.param({"location": "Hall 2"}, Participation.NEEDS_ACTION, True, id="elsewhere"),
        pytest.param({"when": replace(MORNING, time_zone="Europe/Paris")}, Participation.NEEDS_ACTION, True, id="zone"),
        pytest.param({"title": "Kölner Treffen II"}, Participation.ACCEPTED, False, id="title"),
        pytest.param({"description": "Bring a pen"}, Participation.ACCEPTED, False, id="description"),
        pytest.param({"status": EventStatus.TENTATIVE}, Participation.ACCEPTED, False, id="tentative"),
    ],
)
def test_another_time_or_place_asks_again_and_another_text_does_not(
    changes: dict[str, Any], known: Participation, asks: bool
) -> None:
    message = next_message(event(**changes), registration(reply=ACCEPTED_0), INVITED, SENDER, NOW)

    assert message is not None
    assert (message.participation, message.asks) == (known, asks)


def test_who_has_not_answered_is_still_asked_when_only_text_changes() -> None:
    message = next_message(event(title="Other"), COMES, INVITED, SENDER, NOW)

    assert message is not None
    assert message.asks
    assert message.calendar_state(sequence=4, dtstamp=NOW).asked == INVITED.asked


def test_a_message_that_asks_anew_is_answered_only_by_replies_to_it() -> None:
    moved = existing(next_message(event(when=AFTERNOON), registration(reply=ACCEPTED_0), INVITED, SENDER, NOW))
    invited = invitation(
        acknowledged=Acknowledged(calendar_state=moved.calendar_state(sequence=1, dtstamp=NOW), ses_id="1", at=NOW)
    )

    late = registration(reply=ACCEPTED_0)
    fresh = registration(reply=replace(ACCEPTED_0, sequence=1))
    assert participation(late, invited) is Participation.NEEDS_ACTION
    assert participation(fresh, invited) is Participation.ACCEPTED


def test_an_answer_counts_before_anybody_saw_the_invitation_accepted() -> None:
    unseen = invitation(intent=Intent(calendar_state=INVITED, attempt="a"))

    assert participation(registration(reply=ACCEPTED_0), unseen) is Participation.ACCEPTED
    assert participation(COMES, invitation()) is Participation.NEEDS_ACTION


# --- equal is equal -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("one", "other"),
    [
        pytest.param({"title": "A"}, {"title": "A "}, id="trailing space"),
        pytest.param({"description": "a\r\nb "}, {"description": "a\nb\n"}, id="line ends"),
        pytest.param(
            {"reminders": (Duration.parse("PT60M"), Duration.parse("P1D"))},
            {"reminders": (Duration.parse("P1D"), Duration.parse("PT1H"), Duration.parse("PT1H"))},
            id="order and spelling of reminders",
        ),
    ],
)
def test_equal_by_another_spelling_is_no_message(one: dict[str, Any], other: dict[str, Any]) -> None:
    assert fingerprint(event(**one)) == fingerprint(event(**other))


@pytest.mark.parametrize(
    "change",
    [
        {"title": "Other"},
        {"when": AFTERNOON},
        {"when": replace(MORNING, end=datetime(2027, 3, 12, 10, 31))},
        {"when": replace(MORNING, time_zone="Europe/London")},
        {"location": "Hall"},
        {"description": "Text"},
        {"url": "https://example.org/"},
        {"conference": Conference(uri="https://example.org/join")},
        {"conference": Conference(uri="https://example.org/join", label="Join")},
        {"reminders": (Duration.parse("PT15M"),)},
        {"status": EventStatus.TENTATIVE},
        {"organizer": Person(name="Grace", email="ada@example.org")},
        {"organizer": Person(name="Ada", email="grace@example.org")},
    ],
    ids=str,
)
def test_whatever_an_attendee_sees_changes_the_fingerprint(change: dict[str, Any]) -> None:
    assert fingerprint(event(**change)) != fingerprint(event())


def test_what_an_attendee_does_not_see_leaves_the_fingerprint() -> None:
    unseen = event(capacity=5, version=9, reason="x", updated_at=NOW, account="other")

    assert fingerprint(unseen) == fingerprint(event())


def test_fingerprints_once_told_are_computed_alike_for_ever() -> None:
    """Were this digest to change, a deployment would mail everybody: a new schema gets a new number."""
    full = event(
        location="Hall 1",
        description="Line one\nLine two",
        url="https://example.org/",
        conference=Conference(uri="https://example.org/join", label="Join"),
        reminders=(Duration.parse("PT15M"), Duration.parse("P1D")),
    )
    day = event(when=When(start=date(2027, 3, 12), end=date(2027, 3, 14)), status=EventStatus.TENTATIVE)

    assert [schema_of(fingerprint(full)), fingerprint(full, 1), fingerprint(day, 1)] == [
        1,
        "1:c17e264775a3a400b5cc2c97e7e3485c",
        "1:1bf7e292ad0f1032a915973ba73cdad7",
    ]


# --- priorities ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("what_is_true", "who", "last_told", "now", "expected"),
    [
        (event(), COMES, NOTHING, NOW, 2),
        (event(when=AFTERNOON), COMES, INVITED, NOW, 1),
        (event(when=AFTERNOON), COMES, INVITED, datetime(2027, 3, 10, tzinfo=UTC), 0),
        (event(), WITHDRAWN, INVITED, NOW, 0),
    ],
)
def test_cancellations_come_first_and_invitations_last(
    what_is_true: Event, who: Registration, last_told: CalendarState | None, now: datetime, expected: int
) -> None:
    message = next_message(what_is_true, who, last_told, SENDER, now)

    assert message is not None
    assert priority(message, now, timedelta(hours=72)) == expected


# --- laws ---------------------------------------------------------------------------------------------------------

EVENTS = st.builds(
    event,
    status=st.sampled_from(EventStatus),
    when=st.sampled_from([MORNING, AFTERNOON]),
    title=st.sampled_from(["A", "B"]),
    location=st.sampled_from(["", "Hall"]),
)
REGISTRATIONS = st.builds(
    registration,
    status=st.sampled_from([RegistrationStatus.REGISTERED, RegistrationStatus.CANCELLED]),
    email=st.sampled_from(["bo@example.net", "bo@example.com"]),
)
SENDERS = st.sampled_from([SENDER, OTHER_SENDER])
TRUTHS = st.lists(st.tuples(EVENTS, REGISTRATIONS, SENDERS, st.booleans()), min_size=1, max_size=8)


@given(TRUTHS)
def test_any_history_converges_and_never_says_one_number_with_two_meanings(
    history: list[tuple[Event, Registration, Sender, bool]],
) -> None:
    """Each truth of the history is told until there is nothing to say; some answers are lost on the way."""
    last: CalendarState | None = None
    sequence = -1
    calendars: dict[str, str | None] = {}
    cancelled: set[str] = set()
    for what_is_true, who, sender, answer_lost in history:
        for step in range(6):
            message = next_message(what_is_true, who, last, sender, NOW)
            if message is None:
                break
            assert step < 5, "no fixed point"
            sequence += 1
            if message.method is Method.CANCEL:
                assert message.uid in calendars, "nobody is cancelled who was not invited"
                cancelled.add(message.uid)
                calendars[message.uid] = None
            else:
                assert message.uid not in cancelled, "a UID that was cancelled is never used again"
                calendars[message.uid] = message.fingerprint
            last = message.calendar_state(sequence=sequence, dtstamp=NOW)
            if answer_lost and step == 0:
                last = replace(last, certain=False)

        expected = what_is_true.status in (EventStatus.CONFIRMED, EventStatus.TENTATIVE) and (
            who.status is RegistrationStatus.REGISTERED
        )
        standing = [shown for shown in calendars.values() if shown is not None]
        assert standing == ([fingerprint(what_is_true)] if expected else [])
        assert last is None or last.certain


@given(EVENTS, REGISTRATIONS, SENDERS)
def test_what_was_just_said_says_the_same_as_itself(what_is_true: Event, who: Registration, sender: Sender) -> None:
    message = pending_message(what_is_true, who, None, sender)
    if message is not None:
        again = pending_message(
            what_is_true, who, replace(message.calendar_state(sequence=0, dtstamp=NOW), certain=False), sender
        )
        assert again is not None
        assert is_same_message(again, message.calendar_state(sequence=0, dtstamp=NOW))
