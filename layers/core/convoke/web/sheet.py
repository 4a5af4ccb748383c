"""People as a table for a spreadsheet: CSV (RFC 4180) in which no cell is a formula."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable

from .shown import RegistrationOut

COLUMNS = (
    *("name", "email", "status", "participation", "answered_at"),
    *("invitation", "registered_at", "registration_id"),
)

# What a spreadsheet takes for the beginning of a formula, the wide characters of some locales among them.
_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")


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
    """The cell as text, whatever it begins with: an apostrophe says so to a spreadsheet."""
    return f"'{cell}" if cell.startswith(_FORMULA) else cell


def _line(cells: Iterable[str]) -> str:
    line = io.StringIO()
    csv.writer(line, lineterminator="\r\n").writerow(cells)
    return line.getvalue()
