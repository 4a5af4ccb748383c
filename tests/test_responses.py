"""What somebody responded to an event's questions: what is kept of it, and what is refused."""

from __future__ import annotations

import pytest

from convoke.model import InvalidField, Question, QuestionKind
from convoke.registrations.responses import LONGEST, MOST_BYTES, check, checked, merged, within_bytes

FOOD = Question(question_id="food", text="What do you eat?", kind=QuestionKind.CHOICE, choices=("Soup", "Bread"))
BUS = Question(question_id="bus", text="Do you come by bus?", kind=QuestionKind.YES_NO, required=True)
NOTE = Question(question_id="note", text="Anything else?")
ALL = (FOOD, BUS, NOTE)


def test_responses_are_kept_by_id_without_empty_ones_and_without_trailing_spaces() -> None:
    given = {"note": "Late.\r\nSorry. ", "bus": "yes", "food": ""}
    assert check(ALL, given) == (("bus", "yes"), ("note", "Late.\nSorry."))
    assert check((), {}) == ()
    assert check((NOTE,), {"note": "\u200b \u00ad"}) == ()


@pytest.mark.parametrize(
    ("given", "field", "message"),
    [
        ({}, "responses.bus", "is required"),
        ({"bus": ""}, "responses.bus", "is required"),
        ({"bus": " \n\t"}, "responses.bus", "is required"),
        ({"bus": "\u200b"}, "responses.bus", "is required"),
        ({"bus": "Yes"}, "responses.bus", "must be yes or no"),
        ({"bus": "true"}, "responses.bus", "must be yes or no"),
        ({"bus": "no", "food": "Cake"}, "responses.food", "must be one of the choices"),
        ({"bus": "no", "food": "soup"}, "responses.food", "must be one of the choices"),
        ({"bus": "no", "note": "a\x00b"}, "responses.note", "must not contain control characters"),
        ({"bus": "no", "note": "\u202eevil"}, "responses.note", "must not contain control characters"),
        ({"bus": "no", "note": "x" * (LONGEST + 1)}, "responses.note", f"must not be longer than {LONGEST}"),
        ({"bus": "no", "shoes": "42"}, "responses.shoes", "is not to a question of this event"),
    ],
)
def test_what_does_not_fit_its_question_is_refused_by_its_id(given: dict[str, str], field: str, message: str) -> None:
    with pytest.raises(InvalidField) as refused:
        check(ALL, given)
    assert (refused.value.field, refused.value.message) == (field, message)


def test_all_that_is_wrong_is_named_in_the_order_of_the_questions_and_what_is_right_is_kept() -> None:
    responses, errors = checked(ALL, {"shoes": "42", "note": "Hello", "food": "Cake"})
    assert responses == (("note", "Hello"),)
    assert [error.field for error in errors] == ["responses.food", "responses.bus", "responses.shoes"]


def test_a_no_is_a_response_to_what_is_required() -> None:
    assert check((BUS,), {"bus": "no"}) == (("bus", "no"),)


def test_a_change_keeps_what_it_does_not_name_and_null_removes() -> None:
    former = check(ALL, {"bus": "yes", "food": "Soup", "note": "Hello"})
    assert merged(ALL, former, {}) == former
    assert merged(ALL, former, {"food": "Bread", "note": None}) == (("bus", "yes"), ("food", "Bread"))
    with pytest.raises(InvalidField, match=r"responses\.bus: is required"):
        merged(ALL, former, {"bus": None})


def test_a_question_that_became_required_does_not_hinder_other_changes() -> None:
    assert merged(ALL, (), {"note": "Hello"}) == (("note", "Hello"),)


def test_responses_to_a_removed_question_stay_and_may_go_but_there_are_no_new_ones() -> None:
    former = (("food", "Soup"), ("note", "Hello"))
    assert merged((NOTE,), former, {"note": "Bye"}) == (("food", "Soup"), ("note", "Bye"))
    assert merged((NOTE,), former, {"food": "Soup"}) == former
    assert merged((NOTE,), former, {"food": None}) == (("note", "Hello"),)
    for unknown in ({"food": "Bread"}, {"shoes": "42"}, {"shoes": None}):
        with pytest.raises(InvalidField, match="is not to a question of this event"):
            merged((NOTE,), former, unknown)


def test_a_response_stays_when_the_choices_change() -> None:
    changed = Question(question_id="food", text="?", kind=QuestionKind.CHOICE, choices=("Rice", "Bread"))
    assert merged((changed, NOTE), (("food", "Soup"),), {"note": "x"}) == (("food", "Soup"), ("note", "x"))


def test_all_responses_of_a_registration_fit_its_item() -> None:
    many = tuple(Question(question_id=f"q{number}", text="?") for number in range(10))
    long = {question.question_id: "漢" * LONGEST for question in many}
    with pytest.raises(InvalidField, match="responses: must have at most"):
        check(many, long)
    with pytest.raises(InvalidField, match="responses: must have at most"):
        merged(many, (), long)
    assert within_bytes((("q", "x" * (MOST_BYTES - 1)),))
