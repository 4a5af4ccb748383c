"""People as a table for a spreadsheet: CSV (RFC 4180) in which no cell is a formula, wherever it is opened.

Where a spreadsheet takes the semicolon or the tab for what parts cells, our quotes are not at the beginning of a cell
and protect nothing: what follows such a character is then a cell of its own.
"""

from __future__ import annotations

import csv
import io
import re
import unicodedata
from collections.abc import Iterable

from .shown import RegistrationOut

COLUMNS = (
    *("name", "email", "status", "participation", "answered_at"),
    *("invitation", "registered_at", "registration_id"),
)

# What a spreadsheet takes for the beginning of a formula, the wide characters of some locales among them.
_FORMULA = frozenset("=+-@＝＋－＠")
# What one or another takes for the end of a cell or a line, wherever it stands.
_PARTS = re.compile(r"([;|\t\r\n])")
# What is passed over before a formula: quotes, and letters and marks that nobody sees.
_UNSEEN = frozenset('"\u034f\u115f\u1160\u17b4\u17b5\u2800\u3164\uffa0')


def head() -> str:
    return _line(COLUMNS)


def row(person: RegistrationOut) -> str:
    """One person's row. Whoever was erased has neither name nor address."""
    cells = (
        *(person.name, person.email, person.status.value, person.participation.value, person.answered_at),
        *(person.invitation.state.value, person.created_at, person.registration_id),
    )
    return _line(defused(cell or "") for cell in cells)


def defused(cell: str) -> str:
    """The cell as text, whatever it or a part of it begins with: an apostrophe there says so to a spreadsheet."""
    text = "".join(f"'{part}" if _is_a_formula(part) else part for part in _PARTS.split(cell))
    return f"'{text}" if text.startswith(("\t", "\r", "\n")) else text


def _is_a_formula(part: str) -> bool:
    return next((each for each in part if not _is_passed_over(each)), "") in _FORMULA


def _is_passed_over(each: str) -> bool:
    return each.isspace() or each in _UNSEEN or unicodedata.category(each) in ("Cc", "Cf", "Mn")


def _line(cells: Iterable[str]) -> str:
    line = io.StringIO()
    csv.writer(line, lineterminator="\r\n", quoting=csv.QUOTE_ALL).writerow(cells)
    return line.getvalue()
