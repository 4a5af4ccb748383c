"""Files of people as people make them: what is read in them, and what is guessed of their columns."""

from __future__ import annotations

import csv
import io
import zipfile
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from convoke.console import csv_columns, csv_reading
from convoke.console.csv_columns import Person, guess, person
from convoke.console.csv_reading import MOST_BYTES, Row, Unreadable, decoded, rows
from convoke.console.importing import LABELS
from convoke.model import Question, QuestionKind, RegistrationStatus
from convoke.web.csv_export import defused, undefused

ADA = {"name": "Ada Lovelace", "email": "ada@example.org"}
ANÉ = {"name": "Ané Müller", "email": "ane@example.org"}
MEAL = Question(question_id="meal", text="What do you eat?", kind=QuestionKind.CHOICE, choices=("Fish", "Rice"))
BUS = Question(question_id="bus", text="By bus?", kind=QuestionKind.YES_NO)
WISH = Question(question_id="wish", text="Any wish?", kind=QuestionKind.TEXT)
QUESTIONS = (MEAL, BUS, WISH)


def people(content: bytes | str, questions: tuple[Question, ...] = QUESTIONS) -> list[Person]:
    """The people of a file whose columns are as they are guessed."""
    found = rows(decoded(content.encode() if isinstance(content, str) else content))
    guessed = guess(found, questions)
    return [person(row, guessed.columns, questions) for row in found[guessed.head :]]


def bodies(content: bytes | str) -> list[Any]:
    return [one.body for one in people(content)]


@pytest.mark.parametrize(
    "text",
    [
        "Name,E-Mail\nAné Müller,ane@example.org\n",
        "name;email address\r\nAné Müller;ane@example.org\r\n",
        "Name\tE-Mail\rAné Müller\tane@example.org",
        "\n\n  ;  \nVorname;Nachname;E-Mail-Adresse\n\nAné;Müller;ane@example.org\n;;\n",
        "Nachname;Vorname;Email\nMüller;Ané;ane@example.org",
        "Name;Vorname;Mail\nMüller;Ané;ane@example.org",
        "Prénom,Nom de famille,Adresse e-mail\nAné,Müller,ane@example.org",
        "First name|Last name|Email\nAné|Müller|ane@example.org",
        '"Name" , "E-mail"\n"Ané Müller" , "ane@example.org"',
        "sep=;\nName;Mail\nAné Müller;ane@example.org",
        "Ané Müller,ane@example.org",
        "ane@example.org;Ané Müller",
        "Ané;Müller;ane@example.org",
        "Ané Müller <ane@example.org>",
        '"Ané Müller" <ane@example.org>,',
        "E-Mail\n'Ané Müller' <ane@example.org>",
        "メールアドレス,お名前\nane@example.org,Ané Müller",
        "Name,Contact\nAné Müller,mailto:ane@example.org",
        "Name,Phone,E-MAIL\n Ané   Müller , +49 30 1 , ane@example.org ;",
    ],
)
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be"])
def test_a_table_is_read_however_it_is_written(text: str, encoding: str) -> None:
    assert bodies(text.encode(encoding)) == [ANÉ]


def test_what_excel_writes_in_germany_is_read() -> None:
    assert bodies("Name;E-Mail\r\nAné Müller;ane@example.org\r\n".encode("cp1252")) == [ANÉ]


def test_a_name_with_a_comma_does_not_make_the_comma_the_separator() -> None:
    assert bodies("Name;E-Mail\nLovelace, Ada;ada@example.org\nEk, Bo;bo@example.net") == [
        {"name": "Lovelace, Ada", "email": "ada@example.org"},
        {"name": "Ek, Bo", "email": "bo@example.net"},
    ]


def test_a_line_keeps_the_number_that_it_has_in_the_file() -> None:
    found = rows('Name,Mail\n\n"Ada\nLovelace",ada@example.org\nBo,bo@example.net\n')
    assert [row.number for row in found] == [1, 3, 5]
    assert found[1].cells[0] == "Ada\nLovelace"


def test_everything_that_a_registration_has_is_read() -> None:
    head = "Name;Mail;Sprache;Begleitung;Mitgliedsnummer;what do you eat;By bus?;Any wish?;Notes"
    line = "Ada Lovelace;ada@example.org;Deutsch;+2;m-7;fish;JA;'=a quiet seat;never read"
    assert bodies(f"{head}\n{line}") == [
        {
            **ADA,
            "language": "de",
            "guests": 2,
            "external_id": "m-7",
            "responses": {"meal": "Fish", "bus": "yes", "wish": "=a quiet seat"},
        }
    ]


def test_what_cannot_be_read_is_named_with_its_column() -> None:
    [first, second] = people("Name,Mail,Guests\n,ada@example.org,two\nBo,,1")
    assert first.wrong == (("name", "is missing"), ("guests", "must be a number"))
    assert second.wrong == (("email", "is missing"),)


def test_whoever_withdrew_stays_away_when_an_export_is_imported_again() -> None:
    found = people("name,email,status\nAda,ada@example.org,registered\nBo,bo@example.net,cancelled\n,,erased")
    assert [one.left for one in found] == [False, True, True]


def test_columns_of_which_nothing_is_known_are_left_to_whoever_imports() -> None:
    guessed = guess(rows("Spalte 1;Spalte 2\nx;y"), ())
    assert (guessed.head, guessed.columns) == (False, ("", ""))


def test_a_heading_that_comes_twice_counts_once() -> None:
    assert guess(rows("Name,Mail,Mail\nAda,ada@example.org,x@example.org"), ()).columns == ("name", "email", "")


# --- what is no table ---------------------------------------------------------------------------------------------


def workbook() -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr("xl/workbook.xml", "<workbook/>")
    return file.getvalue()


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (workbook(), "This is an Excel or OpenDocument file. Open it there, save it as CSV"),
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "This is an Excel file."),
        (b"%PDF-1.7", "This is a PDF."),
        (b"Name,Mail\nA\0da,ada@example.org", "This is not a text file."),
        (b"", "There is nothing in it."),
        (b"\xef\xbb\xbf \r\n \n", "There is nothing in it."),
        (b"a" * (MOST_BYTES + 1), "The file is too large"),
        (b"Name" + b",x" * 1_900_000, "Line 1 has more than 100 columns."),
        (b"a" * 3_999_000, "Line 1 cannot be read: a cell is very long."),
        (b'Name,Mail\n"Ada,ada@example.org\n' + b"Bo,bo@example.net\n" * 200, "In line 2 a quotation mark opens"),
        (b"Bo,bo@example.net\n" * 10_002, "There are more than 10,000 lines."),
    ],
    ids=lambda value: str(value)[:20],
)
def test_what_is_no_table_is_refused_with_what_to_do(content: bytes, why: str) -> None:
    with pytest.raises(Unreadable, match="^" + why.replace(".", r"\.")):
        rows(decoded(content))


@given(st.binary(max_size=400) | st.text(max_size=400).map(lambda text: text.encode("utf-16", "surrogatepass")))
def test_no_bytes_make_it_fail(content: bytes) -> None:
    try:
        found = rows(decoded(content))
    except Unreadable:
        return
    guessed = guess(found, QUESTIONS)
    for row in found:
        assert isinstance(person(row, guessed.columns, QUESTIONS), Person)
        assert len(row.cells) <= len(guessed.columns)


@given(st.lists(st.sampled_from(tuple(LABELS)), max_size=9), st.lists(st.text(max_size=9), max_size=9))
def test_no_cells_under_any_columns_make_it_fail(columns: list[str], cells: list[str]) -> None:
    assert isinstance(person(Row(number=1, cells=tuple(cells)), columns, QUESTIONS), Person)


# --- our own export -----------------------------------------------------------------------------------------------

# What a spreadsheet would show in any case: an apostrophe before a formula is taken for ours.
TYPED = st.text(st.characters(exclude_categories=["Cs", "Cc"]), max_size=40).filter(lambda text: "'" not in text)


@given(TYPED)
def test_what_kept_a_cell_from_being_a_formula_is_taken_away(text: str) -> None:
    assert undefused(defused(text)) == text


@given(st.lists(st.tuples(TYPED, TYPED, TYPED), min_size=1, max_size=5), st.sampled_from(csv_reading.SEPARATORS))
def test_cells_are_read_as_a_program_wrote_them(lines: list[tuple[str, str, str]], separator: str) -> None:
    written = io.StringIO()
    table = [("Name", "Mail", "Wish"), *((f"n{a}", f"m{b}", f"w{c}") for a, b, c in lines)]
    csv.writer(written, delimiter=separator, quoting=csv.QUOTE_ALL).writerows(
        [defused(cell) for cell in line] for line in table
    )
    found = rows(decoded(written.getvalue().encode()))
    assert [row.cells for row in found] == [tuple(cell.strip() for cell in line) for line in table]


@pytest.mark.parametrize(
    "state",
    [
        "cancelled",
        "canceled",
        "CANCELED ",
        "Storniert",
        "abgesagt",
        "Annulé",
        "cancelada",
        "キャンセル",
        "no",
        "-",
        "erased",
    ],
)
def test_whoever_withdrew_by_any_usual_word_is_left_out(state: str) -> None:
    row = Row(number=2, cells=("Bo", "bo@example.net", state))
    assert person(row, (csv_columns.NAME, csv_columns.EMAIL, csv_columns.STATUS), ()).left


@pytest.mark.parametrize("state", ["", "registered", "Waitlisted", "pending", "Bestätigt", "confirmed", "ja", "✓"])
def test_whoever_comes_by_any_usual_word_is_taken(state: str) -> None:
    row = Row(number=2, cells=("Bo", "bo@example.net", state))
    found = person(row, (csv_columns.NAME, csv_columns.EMAIL, csv_columns.STATUS), ())
    assert (found.left, found.wrong) == (False, ())


@pytest.mark.parametrize("state", ["cancelled by host", "verschoben", "?", "tentative", "X1"])
def test_a_state_that_is_not_known_is_asked_about(state: str) -> None:
    row = Row(number=2, cells=("Bo", "bo@example.net", state))
    found = person(row, (csv_columns.NAME, csv_columns.EMAIL, csv_columns.STATUS), ())
    assert not found.left
    assert [field for field, _ in found.wrong] == [csv_columns.STATUS]


def test_every_state_of_an_export_from_here_is_known() -> None:
    for state in RegistrationStatus:
        row = Row(number=2, cells=("Bo", "bo@example.net", state.value))
        found = person(row, (csv_columns.NAME, csv_columns.EMAIL, csv_columns.STATUS), ())
        gone = state in (RegistrationStatus.CANCELLED, RegistrationStatus.DECLINED, RegistrationStatus.ERASED)
        assert (found.left, found.wrong) == (gone, ())


@pytest.mark.parametrize("heading", ["Status", "Attendee Status", "Buchungsstatus", "RSVP", "Statut"])
def test_a_column_of_states_is_known_by_its_usual_headings(heading: str) -> None:
    head, *lines = rows(decoded(f"Name,Mail,Order Status,{heading}\nBo,bo@example.net,Completed,no\n".encode()))
    assert guess([head, *lines], ()).columns == (
        csv_columns.NAME,
        csv_columns.EMAIL,
        csv_columns.IGNORED,
        csv_columns.STATUS,
    )
