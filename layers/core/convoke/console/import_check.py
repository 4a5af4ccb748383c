"""What would become of each line of a file if it were imported now. Nothing is stored."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from enum import StrEnum
from functools import cached_property
from typing import Any

from ..model import Event, folded, frozen
from ..registrations.imports import Reason
from ..store.imports import ImportedPerson, Wrong
from ..store.store import Store
from ..web.bulk import person_or_reason
from . import csv_columns
from .csv_reading import Row

LEFT = "from this event, or was turned down: add them by hand if they come after all"


class Outcome(StrEnum):
    """What becomes of a line, in the order in which lines are shown: first what somebody may want to put right."""

    WRONG = "wrong"
    TWICE = "twice"
    LEFT_OUT = "left_out"
    EXISTING = "existing"
    WAITS = "waits"
    NEW = "new"


@frozen
class Line:
    """A line of the file: what becomes of it, and for those that are left out the field and the reason. ``body`` is
    what a registration is made of, as the API has it.
    """

    row: Row
    outcome: Outcome
    body: Mapping[str, Any]
    field: str = ""
    why: str = ""


class Checked:
    """All lines, in their order."""

    def __init__(self, lines: Sequence[Line]) -> None:
        self.lines = lines

    @cached_property
    def counts(self) -> Counter[Outcome]:
        return Counter(line.outcome for line in self.lines)

    @property
    def waits_from(self) -> int | None:
        """The number of the first line for whom there is no seat."""
        return next((line.row.number for line in self.lines if line.outcome is Outcome.WAITS), None)

    @property
    def people(self) -> list[ImportedPerson]:
        """Whom an import registers: also those who are registered already, since that may have changed by then."""
        wanted = (Outcome.NEW, Outcome.WAITS, Outcome.EXISTING)
        return [{"line": line.row.number, "body": line.body} for line in self.lines if line.outcome in wanted]

    @property
    def wrong(self) -> list[Wrong]:
        """The lines that an import leaves out, but for whoever withdrew."""
        return [
            (line.row.number, line.field, line.why)
            for line in self.lines
            if line.outcome in (Outcome.WRONG, Outcome.TWICE)
        ]

    def by_outcome(self) -> list[Line]:
        order = list(Outcome)
        return sorted(self.lines, key=lambda line: order.index(line.outcome))


def check(
    rows: Sequence[Row], columns: Sequence[str], event: Event, free: int | None, store: Store, now: datetime
) -> Checked:
    """``free`` seats can be taken at ``now`` (UTC), 0 where somebody waits; ``None``: there is no limit."""
    lines = _each_alone(rows, columns, event, now)
    fine = [line for line in lines if line.outcome is Outcome.NEW]
    holders = store.imports.holders(event.event_id, [line.body["email"] for line in fine])
    taken = store.imports.external_holders(
        event.event_id, [own for line in fine if (own := line.body.get("external_id"))]
    )
    known = {folded(email) for email in holders}
    gone = store.imports.all_left(event.event_id) if len(known) < len(fine) else set[str]()
    return Checked(_seated([_met(line, known, gone, taken) for line in lines], free))


def _each_alone(rows: Sequence[Row], columns: Sequence[str], event: Event, now: datetime) -> list[Line]:
    """The lines, each looked at for itself and for what came before it in the file."""
    emails: dict[str, int] = {}
    own_ids: dict[str, int] = {}
    lines = []
    for row in rows:
        person = csv_columns.person(row, columns, event.questions)
        line = Line(row=row, outcome=Outcome.NEW, body=person.body)
        email, own = folded(person.body.get("email", "")), person.body.get("external_id", "")
        if person.left:
            line = replace(line, outcome=Outcome.LEFT_OUT)
        elif (reason := _reason(person, event, now)) is not None:
            line = replace(line, outcome=Outcome.WRONG, field=reason.field, why=reason.why)
        elif email in emails:
            line = replace(line, outcome=Outcome.TWICE, field="email", why=f"is the same as in line {emails[email]}")
        elif own in own_ids:
            line = replace(line, outcome=Outcome.WRONG, field="external_id", why=f"is that of line {own_ids[own]}")
        else:
            emails[email] = row.number
            own_ids |= {own: row.number} if own else {}
        lines.append(line)
    return lines


def _reason(person: csv_columns.Person, event: Event, now: datetime) -> Reason | None:
    if person.wrong:
        field, why = person.wrong[0]
        return Reason(field=field, why=why)
    checked = person_or_reason(event, person.body, now, bytes(16))
    return checked if isinstance(checked, Reason) else None


def _met(line: Line, known: set[str], gone: set[str], taken: Mapping[str, str]) -> Line:
    """``line`` with what it meets among the registrations of the event: addresses that are registered (``known``), or
    were withdrawn or turned down (``gone``), and external ids.
    """
    if line.outcome is not Outcome.NEW:
        return line
    if folded(line.body["email"]) in known:
        return replace(line, outcome=Outcome.EXISTING)
    if folded(line.body["email"]) in gone:
        return replace(line, outcome=Outcome.LEFT_OUT, why=LEFT)
    if line.body.get("external_id", "") in taken:
        return replace(line, outcome=Outcome.WRONG, field="external_id", why="is that of another registration")
    return line


def _seated(lines: Sequence[Line], free: int | None) -> list[Line]:
    """``lines``, of whom those wait for whom there is no seat: from the first on all, in the order of arrival."""
    seated, waits = [], False
    for line in lines:
        if line.outcome is Outcome.NEW and free is not None:
            free -= 1 + int(line.body.get("guests", 0))
            waits = waits or free < 0
            line = replace(line, outcome=Outcome.WAITS) if waits else line
        seated.append(line)
    return seated
