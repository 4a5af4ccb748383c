"""Which answer stands, and what it does to the seat of whoever gives it."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from itertools import permutations
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from convoke.decision.answers import order
from convoke.decision.attendance import MAX_DATE_REPLIES, Consequence, consequence, tally, with_reply
from convoke.model import EventStatus, Method, Participation, RegistrationStatus
from tests.factories import AFTERNOON, MORNING, NOW, event, invitation, invited, registration, reply

LATER = NOW + timedelta(minutes=1)
ACCEPTED, DECLINED, TENTATIVE = Participation.ACCEPTED, Participation.DECLINED, Participation.TENTATIVE
THE_DATE = datetime(2027, 3, 19, 9, 0)
MANY = 9
"""More than any SEQUENCE here: each is a question of its own."""

# --- which one stands ---------------------------------------------------------------------------------------------


IN_ORDER = [
    reply(sequence=0, dtstamp=NOW, status=DECLINED),
    reply(sequence=0, dtstamp=NOW, status=TENTATIVE),
    reply(sequence=0, dtstamp=NOW, status=ACCEPTED),
    reply(sequence=0, dtstamp=LATER, status=DECLINED),
    reply(sequence=1, dtstamp=NOW, status=TENTATIVE),
]


def test_answers_are_ordered_by_sequence_then_by_their_own_time() -> None:
    shuffled = IN_ORDER[2:] + IN_ORDER[:2]
    assert sorted(shuffled, key=lambda one: order(one, MANY)) == IN_ORDER


def test_the_number_does_not_decide_between_answers_to_one_question() -> None:
    early, late = reply(sequence=2, dtstamp=NOW, status=ACCEPTED), reply(sequence=1, dtstamp=LATER, status=DECLINED)
    for came in permutations([early, late, reply(sequence=0, dtstamp=LATER + timedelta(minutes=1))]):
        person = registration()
        for one in came:
            person = with_reply(person, one, 1)
        assert person.reply == late


@pytest.mark.parametrize("came", list(permutations(IN_ORDER[1:4])))
def test_the_newest_stands_whatever_order_they_come_in(came: Any) -> None:
    person = registration()
    for one in came:
        person = with_reply(person, one, MANY)
    assert person.reply == IN_ORDER[3]


BATCH_SIZE = [
    reply(status=DECLINED),
    *(
        reply(status=status, received_at=NOW + timedelta(seconds=second))
        for second, status in ((1, ACCEPTED), (2, DECLINED), (2, TENTATIVE), (3, ACCEPTED), (4, DECLINED))
    ),
]
"""All to one SEQUENCE and of one DTSTAMP, in the order in which they arrived; of the first nobody knows when."""


def test_of_answers_that_are_equal_the_later_to_arrive_stands_whichever_is_worked_off_first() -> None:
    for came in permutations(BATCH_SIZE):
        person = registration()
        for one in (*came, came[0]):
            person = with_reply(person, one, MANY)
        assert person.reply == BATCH_SIZE[-1]


@given(
    st.lists(
        st.builds(
            reply,
            status=st.sampled_from(Participation),
            sequence=st.integers(0, 2),
            dtstamp=st.sampled_from([NOW, LATER]),
            date=st.sampled_from([None, THE_DATE]),
            received_at=st.sampled_from([None, NOW, LATER, LATER + timedelta(seconds=1)]),
        ),
        max_size=6,
    ),
    st.randoms(use_true_random=False),
)
def test_the_same_answers_stand_in_whatever_order_and_however_often_they_come(came: Any, random: Any) -> None:
    again = [*came, *came[: len(came) // 2]]
    random.shuffle(again)
    persons = [registration(), registration()]
    for number, order_of_work in enumerate((came, again)):
        for one in order_of_work:
            persons[number] = with_reply(persons[number], one, MANY)
    assert (persons[0].reply, persons[0].date_replies) == (persons[1].reply, persons[1].date_replies)


def test_of_each_date_the_newest_stands_beside_that_of_the_whole() -> None:
    other = THE_DATE + timedelta(days=7)
    given = [
        reply(),
        reply(date=other, status=TENTATIVE),
        reply(date=THE_DATE, status=DECLINED, dtstamp=LATER),
        reply(date=THE_DATE),
    ]
    person = registration()
    for one in given:
        person = with_reply(person, one, MANY)
    assert person.reply == given[0]
    assert person.date_replies == (given[2], given[1])


def test_no_more_dates_are_kept_than_a_series_has() -> None:
    person = registration()
    for day in range(MAX_DATE_REPLIES + 1):
        person = with_reply(person, reply(date=THE_DATE + timedelta(days=day)), 0)
    assert len(person.date_replies) == MAX_DATE_REPLIES
    assert person.date_replies[0].date == THE_DATE + timedelta(days=1)


# --- what it does to the seat -------------------------------------------------------------------------------------


GIVES_ON = event(release_on_decline=True)
SEATED, GONE = registration(), registration(status=RegistrationStatus.DECLINED)
NO = reply(status=DECLINED)
OVER = MORNING.ends_at


def a_no() -> dict[str, Any]:
    """Somebody with a seat declines what they were told last."""
    return {"event": GIVES_ON, "registration": SEATED, "invitation": invited(), "reply": NO, "now": NOW}


@pytest.mark.parametrize(
    "changed",
    [
        pytest.param({}, id="to the invitation"),
        pytest.param({"invitation": invited(sequence=3, asked=0)}, id="before another text came"),
        pytest.param({"registration": registration(status=RegistrationStatus.WAITLISTED)}, id="before the entry goes"),
    ],
)
def test_a_no_to_the_present_time_gives_the_seat_back(changed: dict[str, Any]) -> None:
    assert consequence(**a_no() | changed) is Consequence.RELEASE


@pytest.mark.parametrize(
    "changed",
    [
        pytest.param({"reply": reply()}, id="a yes"),
        pytest.param({"reply": reply(status=TENTATIVE)}, id="perhaps"),
        pytest.param({"reply": reply(status=DECLINED, date=THE_DATE)}, id="one date only"),
        pytest.param({"event": event()}, id="an event that does not give seats on"),
        pytest.param({"event": replace(GIVES_ON, status=EventStatus.CANCELLED)}, id="a cancelled event"),
        pytest.param({"event": replace(GIVES_ON, when=AFTERNOON)}, id="moved, and nobody has said so yet"),
        pytest.param({"event": replace(GIVES_ON, location="Dom")}, id="elsewhere, and nobody has said so yet"),
        pytest.param({"invitation": invited(sequence=2, asked=1)}, id="an older revision"),
        pytest.param({"invitation": invited(sequence=1, method=Method.CANCEL, asked=0)}, id="what was taken back"),
        pytest.param({"invitation": invitation()}, id="what nobody was told"),
        pytest.param({"now": OVER}, id="an event that is over"),
        pytest.param({"registration": registration(status=RegistrationStatus.CANCELLED)}, id="withdrawn"),
    ],
)
def test_nothing_else_gives_a_seat_back(changed: dict[str, Any]) -> None:
    assert consequence(**a_no() | changed) is Consequence.NONE


@pytest.mark.parametrize(
    ("changed", "expected"),
    [
        ({}, Consequence.RETURN),
        ({"reply": reply(status=TENTATIVE)}, Consequence.RETURN),
        ({"event": event()}, Consequence.RETURN),
        ({"reply": NO}, Consequence.NONE),
        ({"reply": reply(date=THE_DATE)}, Consequence.NONE),
        ({"now": OVER}, Consequence.NONE),
    ],
    ids=["yes", "perhaps", "where seats are not given on any more", "no again", "one date only", "too late"],
)
def test_whoever_declined_and_then_does_not_asks_for_a_seat(changed: dict[str, Any], expected: Consequence) -> None:
    assert consequence(**a_no() | {"registration": GONE, "reply": reply()} | changed) is expected


# --- counting -----------------------------------------------------------------------------------------------------


def test_those_who_have_a_seat_or_gave_it_back_are_counted_by_what_they_answered() -> None:
    asked = invited(sequence=1)
    people = [
        (registration(), asked),
        (registration(reply=reply(sequence=0)), asked),
        (registration(reply=reply(sequence=1)), asked),
        (replace(GONE, reply=reply(sequence=1, status=DECLINED)), asked),
        (registration(reply=reply(sequence=1, status=Participation.DELEGATED)), asked),
        (registration(status=RegistrationStatus.WAITLISTED, reply=reply(sequence=1)), asked),
        (registration(status=RegistrationStatus.CANCELLED, reply=reply(sequence=1)), asked),
        (registration(status=RegistrationStatus.ERASED), asked),
    ]
    assert tally(people) == {
        Participation.NEEDS_ACTION: 2,
        ACCEPTED: 1,
        DECLINED: 1,
        TENTATIVE: 0,
        Participation.DELEGATED: 1,
    }


def test_of_one_date_the_latest_answer_counts_to_it_or_to_the_whole() -> None:
    date_first = registration(date_replies=(reply(date=THE_DATE, status=DECLINED),), reply=reply(dtstamp=LATER))
    date_last = registration(date_replies=(reply(date=THE_DATE, status=DECLINED, dtstamp=LATER),), reply=reply())
    counts = tally([(date_first, invited()), (date_last, invited())], THE_DATE)
    assert (counts[ACCEPTED], counts[DECLINED]) == (1, 1)
