"""Registrations as CSV (RFC 4180) for a spreadsheet, with no cell that a spreadsheet would run as a formula.

A spreadsheet may split cells at semicolons or tabs instead of commas, as some locales do. Our quotes are then not at
the beginning of a cell and do not protect: what follows such a character is a cell of its own, and is checked as one.
"""

from __future__ import annotations

import csv
import io
import json
import re
import unicodedata
from collections.abc import Iterable, Sequence

from ..model import Question
from .responses import RegistrationOut

COLUMNS = (
    *("name", "email", "status", "participation", "answered_at"),
    *("invitation", "registered_at", "registration_id", "external_id", "metadata", "guests"),
)
OTHERS = "other responses"
"""The last column, of responses to questions that were removed: JSON, by their ids."""

# Characters that begin a formula, with the full-width ones that some locales accept.
_FORMULA = frozenset("=+-@＝＋－＠")
# Characters that some spreadsheet takes for the end of a cell or a row.
_PARTS = re.compile(r"([;|\t\r\n])")
# What may stand before a formula without being shown: quotes, and letters and marks that are invisible.
_UNSEEN = frozenset('"\u034f\u115f\u1160\u17b4\u17b5\u2800\u3164\uffa0')


def head(questions: Sequence[Question]) -> str:
    """The names of the columns, with those of the event's questions: their texts."""
    return _line((*COLUMNS, *(defused(question.text) for question in questions), OTHERS))


def row(person: RegistrationOut, questions: Sequence[Question]) -> str:
    """The row of one registration, with its line break. An erased person has neither name nor address."""
    asked = [question.question_id for question in questions]
    others = {name: text for name, text in person.responses.items() if name not in asked}
    cells = (
        *(person.name, person.email, person.status.value, person.participation.value, person.answered_at),
        *(person.invitation.state.value, person.created_at, person.registration_id, person.external_id),
        json.dumps(person.metadata, ensure_ascii=False) if person.metadata else "",
        str(person.guests),
        *(person.responses.get(name) for name in asked),
        json.dumps(others, ensure_ascii=False) if others else "",
    )
    return _line(defused(cell or "") for cell in cells)


def defused(cell: str) -> str:
    """The cell with an apostrophe before each part that would begin a formula, so that it is shown as text."""
    text = "".join(f"'{part}" if _is_a_formula(part) else part for part in _PARTS.split(cell))
    return f"'{text}" if text.startswith(("\t", "\r", "\n")) else text


def undefused(cell: str) -> str:
    """The cell of which :func:`defused` made ``cell``."""
    text = cell[1:] if cell[:1] == "'" and cell[1:2] in ("\t", "\r", "\n") else cell
    parts = _PARTS.split(text)
    return "".join(part[1:] if part.startswith("'") and _is_a_formula(part[1:]) else part for part in parts)


def _is_a_formula(part: str) -> bool:
    return next((each for each in part if not _is_passed_over(each)), "") in _FORMULA


def _is_passed_over(each: str) -> bool:
    return each.isspace() or each in _UNSEEN or unicodedata.category(each) in ("Cc", "Cf", "Mn")


def _line(cells: Iterable[str]) -> str:
    line = io.StringIO()
    csv.writer(line, lineterminator="\r\n", quoting=csv.QUOTE_ALL).writerow(cells)
    return line.getvalue()
