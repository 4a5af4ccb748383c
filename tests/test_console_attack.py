"""What somebody sends to the console who means it ill, or whose file was made by a program that does.

Each of these took the page down, or did what it should not, before it was refused.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator

import pytest

from convoke.console import csv_columns, csv_reading, person_form
from convoke.console.csv_reading import Row
from convoke.model import Question, QuestionKind
from convoke.pages import hints
from convoke.store.accounts import Scope
from tests.caller import BO
from tests.secretary import BOUNDARY, Secretary, a_secretary
from tests.tables import everything, unchanged
from tests.visitor import Shown

SOON = 2.0
"""Seconds; what is quadratic takes minutes."""


@pytest.fixture
def secretary(monkeypatch: pytest.MonkeyPatch) -> Iterator[Secretary]:
    monkeypatch.setattr(hints, "send", lambda *_: None)
    with a_secretary(monkeypatch) as one:
        one.sign_in()
        yield one


def in_time(work: Callable[[], object]) -> None:
    began = time.process_time()
    work()
    assert time.process_time() - began < SOON


# --- numbers and times --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["notify_after", "unconfirmed_mails", "version"])
@pytest.mark.parametrize("typed", ["9" * 5000, "-1", "1e3", "9" * 12])
def test_a_number_that_is_none_or_far_too_long_is_refused_at_its_field(
    secretary: Secretary, name: str, typed: str
) -> None:
    path = "/console/settings"
    form = secretary.get(path)
    before = everything(secretary.world.client)
    shown = secretary.sends(form, path, **{name: typed})
    assert shown.status in (303, 422), shown.text[:500]
    if name != "version":
        assert shown.status == 422
        assert everything(secretary.world.client) == before


@pytest.mark.parametrize("end", ["10:00+01:00", "10:00Z", "24:00", "10", "٣:00"])
@pytest.mark.parametrize("step", ["add", "20270312T090000", "20270319T090000/split"])
def test_a_time_of_day_with_an_offset_is_refused_at_its_field(secretary: Secretary, end: str, step: str) -> None:
    where = secretary.world.hold(recurrence="FREQ=WEEKLY;COUNT=3")
    path = f"/console{where}/dates/{step}"
    asked = secretary.get(path)
    before = everything(secretary.world.client)
    for typed in ({"end": end}, {"start_time": end}, {"start": "9999-12-31", "end": end}, {"end_day": "2027-03-12Z"}):
        form = {"start": "2027-03-12", "start_time": "09:00", "end": "10:00", **typed}
        shown = secretary.sends(asked, path, **form)
        assert shown.status in (200, 422), (typed, shown.status, shown.text[:300])
    assert everything(secretary.world.client) == before


# --- regular expressions ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "cell", ["a" * 130_000, "@" * 130_000, "a@" * 65_000, "<" + "a@" * 60_000, "<" + " " * 130_000]
)
def test_a_cell_of_a_hundred_kilobytes_is_looked_at_in_no_time(cell: str) -> None:
    row = Row(number=1, cells=(cell,))
    in_time(lambda: csv_columns.guess([row], ()))
    in_time(lambda: csv_columns.person(row, (csv_columns.EMAIL,), ()))


@pytest.mark.parametrize("text", ["\ufdfa" * 130_000, "\u0301\u0327" * 65_000])
def test_a_text_that_grows_when_it_is_taken_apart_is_looked_at_in_no_time(text: str) -> None:
    row = Row(number=1, cells=(text, text))
    question = Question(question_id="q", text="Vegetarian?", kind=QuestionKind.YES_NO)
    in_time(lambda: csv_columns.guess([row], (question,)))
    in_time(lambda: csv_columns.person(row, (csv_columns.LANGUAGE, "responses.q"), (question,)))


def test_what_a_form_was_shown_with_is_read_in_no_time(secretary: Secretary) -> None:
    world = secretary.world
    where = f"/console{world.register(world.hold(), **BO)}".replace("/registrations/", "/people/")
    path = f"{where}/change"
    shown = secretary.get(path)
    in_time(lambda: secretary.sends(shown, path, was="a" * 120_000))
    assert person_form.marks_of("name=0123456789ab x y=1 =0123456789ab") == {"name": "0123456789ab"}


# --- files --------------------------------------------------------------------------------------------------------


def test_a_file_cannot_say_that_quotation_marks_separate_its_cells() -> None:
    rows = csv_reading.rows('sep="\nname,email\n')
    assert [row.number for row in rows] == [1, 2]
    assert csv_reading.rows("sep=;\nname;email\n")[0] == Row(number=2, cells=("name", "email"))


def send_parts(secretary: Secretary, body: bytes, boundary: str = BOUNDARY) -> Shown:
    path = f"/console{secretary.world.hold()}/imports"
    return secretary.ask("POST", path, body, content_type=f"multipart/form-data; boundary={boundary}")


@pytest.mark.parametrize(("depth", "lines"), [(300, 100_000), (3000, 10)])
def test_forms_within_forms_are_not_looked_into(secretary: Secretary, depth: int, lines: int) -> None:
    inner = b"".join(b"Content-Type: multipart/mixed; boundary=c%d\r\n\r\n--c%d\r\n" % (i, i) for i in range(depth))
    body = f"--{BOUNDARY}\r\n".encode() + inner + b"\r\n" + b"x\n" * lines + f"\r\n--{BOUNDARY}--\r\n".encode()
    answers: list[int] = []
    in_time(lambda: answers.append(send_parts(secretary, body).status))
    assert answers[0] in (400, 422)


# --- what a session may do ----------------------------------------------------------------------------------------


def test_with_a_key_that_may_only_read_an_upload_of_somebody_else_is_not_changed(secretary: Secretary) -> None:
    path = f"/console{secretary.world.hold()}/imports"
    made = secretary.sends_file(secretary.get(path), path, "p.csv", b"Name,E-Mail\nBo,bo@example.net\n")
    columns = made.location
    secretary.sign_in(scopes=(Scope.READ,))
    shown = secretary.get(columns)
    assert shown.status == 200
    with unchanged(secretary.world.client):
        refused = secretary.sends(shown, columns, **{"column-0": "email", "column-1": "name"})
        assert refused.status == 422
