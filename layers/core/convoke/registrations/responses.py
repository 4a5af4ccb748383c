"""What somebody who registers responded to the event's questions. Pure.

Responses are kept as texts by the ids of their questions, sorted by id. A question that is removed from the event
leaves the responses that were given to it; nobody can give new ones.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from ..model import InvalidField, Question, QuestionKind
from .typed_text import is_blank, lines

LONGEST = 1000
"""Characters of one response."""
MOST_BYTES = 20_000
"""Bytes, in UTF-8, of all responses of one registration: they are stored in its item."""
YES, NO = "yes", "no"

Responses = tuple[tuple[str, str], ...]


def check(questions: Sequence[Question], given: Mapping[str, str]) -> Responses:
    """The responses as they are kept: of ids and texts, sorted by id, without empty ones.

    Raises :class:`InvalidField`, with the field ``responses.<id>``, for the first that is wrong (see :func:`checked`),
    or with ``responses`` where they have too many bytes together.
    """
    responses, errors = checked(questions, given)
    if errors:
        raise errors[0]
    return within_bytes(responses)


def checked(questions: Sequence[Question], given: Mapping[str, str]) -> tuple[Responses, tuple[InvalidField, ...]]:
    """The responses that are right, as :func:`check` has them, and what is wrong with the others, in the order of the
    questions: a required one that is missing or empty, a text that is too long or has control characters, something
    that is none of the choices or neither ``yes`` nor ``no``, and last whatever is to no question of the event.
    """
    found: dict[str, str] = {}
    errors = []
    for question in questions:
        try:
            if text := _response(question, given.get(question.question_id, "")):
                found[question.question_id] = text
        except ValueError as error:
            errors.append(_wrong(question.question_id, str(error)))
    known = {question.question_id for question in questions}
    errors += [_wrong(name, "is not to a question of this event") for name in given if name not in known]
    return _sorted(found), tuple(errors)


def merged(
    questions: Sequence[Question], former: Iterable[tuple[str, str]], given: Mapping[str, str | None]
) -> Responses:
    """The responses after a change: what is absent from ``given`` stays as it is in ``former``, ``None`` removes.

    What stays is not checked again, whatever became of its question; a required response cannot be removed. Raises
    :class:`InvalidField`.
    """
    kept, known = dict(former), {question.question_id for question in questions}
    # To a question that is there no more: it may go, and it may be sent again as it is.
    unasked = {
        name for name, text in given.items() if name not in known and name in kept and text in (None, kept[name])
    }
    asked = [question for question in questions if question.question_id in given]
    new = check(asked, {name: text or "" for name, text in given.items() if name not in unasked})
    kept = {name: text for name, text in kept.items() if name not in given or (name in unasked and given[name])}
    return within_bytes(_sorted(kept | dict(new)))


def within_bytes(responses: Responses) -> Responses:
    """``responses``; raises :class:`InvalidField` where they have too many bytes together."""
    if sum(len(text.encode()) for one in responses for text in one) > MOST_BYTES:
        raise InvalidField("responses", f"must have at most {MOST_BYTES} bytes together")
    return responses


def _response(question: Question, given: str) -> str:
    """The response as it is kept; empty where there is none. Raises :class:`ValueError`."""
    if len(given) > LONGEST:
        raise ValueError(f"must not be longer than {LONGEST}")
    text = lines(given)
    if is_blank(text):
        if question.required:
            raise ValueError("is required")
        return ""
    if question.kind is QuestionKind.CHOICE and text not in question.choices:
        raise ValueError("must be one of the choices")
    if question.kind is QuestionKind.YES_NO and text not in (YES, NO):
        raise ValueError("must be yes or no")
    return text


def _wrong(question_id: str, message: str) -> InvalidField:
    return InvalidField(f"responses.{question_id}", message)


def _sorted(found: Mapping[str, str]) -> Responses:
    return tuple(sorted(found.items()))
