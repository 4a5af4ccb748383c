"""The secretary imports people from a file, and sees before it what becomes of each line."""

from __future__ import annotations

import csv
import gzip
import io
import json
import re
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from html import unescape
from typing import Any

import pytest

import imports
from convoke.console import exporting
from convoke.pages import hints
from convoke.store.accounts import Scope
from tests import policies
from tests.caller import BO
from tests.deployment import Context
from tests.fixtures import patching_fixture_of
from tests.secretary import Secretary, a_secretary, shown_fields
from tests.tables import everything
from tests.visitor import Shown, words_of

TABLE = """Name;E-Mail;Gäste;Essen?
Ada Lovelace;ada@example.org;1;fisch
Bo Ek;bo@example;;Reis
;cy@example.org;;
Dan Ek;dan@example.org;;Reis
Dan Ek again;DAN@example.org;;
Eve Ek;eve@example.org;many;
Bo Ek;bo@example.net;;
"""
MEAL = {"question_id": "meal", "text": "Essen?", "kind": "choice", "choices": ["Fisch", "Reis"]}


@contextmanager
def importing(monkeypatch: pytest.MonkeyPatch) -> Iterator[Secretary]:
    """A secretary whose imports are queued, and worked on when a test says so."""
    with a_secretary(monkeypatch) as one:
        one.sign_in()
        monkeypatch.setattr(hints, "go_on", lambda _, *ids: one.queued.append(ids))
        monkeypatch.setattr(imports, "store", lambda: one.store)
        monkeypatch.setattr(imports, "now", lambda: one.world.now)
        yield one


secretary = patching_fixture_of(importing)


def console(where: str) -> str:
    return f"/console{where}"


def upload(secretary: Secretary, where: str, content: bytes | str, name: str = "people.csv") -> Shown:
    """Choose a file, and send the form."""
    path = f"{console(where)}/imports"
    return secretary.sends_file(
        secretary.get(path), path, name, content if isinstance(content, bytes) else content.encode()
    )


def paste(secretary: Secretary, where: str, text: str) -> Shown:
    path = f"{console(where)}/imports"
    return secretary.sends_file(secretary.get(path), path, "", b"", text=text)


def checked(secretary: Secretary, where: str, content: bytes | str) -> tuple[str, Shown]:
    """Upload, and take the columns as they are guessed; answers where the import is, and the dry run."""
    matching = secretary.follow(upload(secretary, where, content))
    path = action(matching)
    return path.removesuffix("/columns"), secretary.follow(secretary.sends(matching, path))


def action(shown: Shown) -> str:
    """Where the page's own form is sent to."""
    (found,) = {
        str(path) for path in re.findall(r'<form method="post" action="/v1([^"]*)"', shown.text) if "/imports" in path
    }
    return found


def begin(secretary: Secretary, where: str, content: bytes | str) -> str:
    """Upload and begin; answers where the import is."""
    path, shown = checked(secretary, where, content)
    answer = secretary.sends(shown, f"{path}/start")
    assert (answer.status, answer.location) == (303, path)
    return path


def work(secretary: Secretary) -> None:
    """Let the function work on what was queued."""
    ids, secretary.queued = secretary.queued, []
    for event_id, import_id in ids:
        body = json.dumps({"event": event_id, "import": import_id})
        record = {"messageId": "1", "body": body, "eventSource": "aws:sqs", "attributes": {}, "messageAttributes": {}}
        hurried: Any = Context()
        with policies.acting_as("Imports"):
            assert imports.handler({"Records": [record]}, hurried) == {"batchItemFailures": []}


def table_of(shown: Shown) -> list[list[str]]:
    return list(csv.reader(io.StringIO(shown.text.removeprefix("\ufeff"))))


def emails(secretary: Secretary, where: str) -> list[str]:
    found = secretary.world.call("GET", f"{where}/registrations", query={"limit": "100"})
    return [one["email"] for one in found.body["items"]]


def test_nothing_is_stored_but_the_text_before_somebody_says_so(secretary: Secretary) -> None:
    where = secretary.world.hold(questions=[MEAL])
    secretary.world.register(where)
    before = everything(secretary.world.client)
    path, shown = checked(secretary, where, TABLE)
    text = words_of(shown)
    assert "Nobody has been registered or mailed yet." in text
    assert "2 people are registered, and mailed an invitation." in text
    assert "1 is registered already, stays as they are, and is not mailed." in text
    assert "1 line has an address that comes before it in the file" in text
    assert "3 lines cannot be imported" in text
    assert re.findall(r'data-label="Line">(\d+)', shown.text) == ["3", "4", "7", "6", "8", "2", "5"]
    assert "Mail address must be a mail address" in text
    assert "Name is missing" in text
    assert "Number of guests must be a number" in text
    after = everything(secretary.world.client)
    new = [
        item
        for rows in after.values()
        for item in rows
        if item not in [each for all_ in before.values() for each in all_]
    ]
    assert {item["sk"].partition("#")[0] for item in new if "IMPORT" in str(item["pk"]) + str(item["sk"])} == {
        "IMPORT",
        "TEXT",
    }
    assert emails(secretary, where) == [BO["email"]]
    assert path.startswith(console(where))
    assert secretary.queued == []


def test_the_import_registers_whoever_is_right_and_says_why_the_others_are_not(secretary: Secretary) -> None:
    where = secretary.world.hold(questions=[MEAL])
    path = begin(secretary, where, TABLE)
    running = secretary.get(path)
    assert "The import is running" in running.text
    assert '<meta http-equiv="refresh" content="3">' in running.text
    assert '<progress max="3" value="0"' in running.text
    work(secretary)
    shown = secretary.get(path)
    text = words_of(shown)
    assert "The import is done" in text
    assert "3 people were registered." in text
    assert "4 lines were not imported." in text
    assert "Line 3: Mail address must be a mail address" in text
    assert "http-equiv" not in shown.text
    assert emails(secretary, where) == ["ada@example.org", "dan@example.org", "bo@example.net"]
    first = secretary.world.call("GET", f"{where}/registrations", query={"email": "ada@example.org"}).body["items"][0]
    assert (first["guests"], first["responses"]) == (1, {"meal": "Fisch"})
    listed = secretary.get(f"{console(where)}/imports")
    assert "people.csv" in listed.text
    assert "3 people" in words_of(listed)


def test_the_lines_that_were_left_out_are_a_file_that_can_be_put_right_and_imported(secretary: Secretary) -> None:
    where = secretary.world.hold(questions=[MEAL])
    path, shown = checked(secretary, where, TABLE)
    before = table_of(secretary.get(f"{path}/left-out.csv"))
    secretary.sends(shown, f"{path}/start")
    work(secretary)
    answer = secretary.get(f"{path}/left-out.csv")
    assert answer.headers["content-type"] == "text/csv; charset=utf-8"
    table = table_of(answer)
    assert table == before
    assert table[0] == ["Name", "E-Mail", "Gäste", "Essen?", "Line", "Reason"]
    assert table[1] == ["Bo Ek", "bo@example", "", "Reis", "3", "Mail address must be a mail address"]
    assert [line[4] for line in table[1:]] == ["3", "4", "6", "7"]
    right = answer.data.replace(b'"bo@example"', b'"bo.ek@example.net"')
    begin(secretary, where, right)
    work(secretary)
    assert "bo.ek@example.net" in emails(secretary, where)


def test_what_was_uploaded_is_gone_after_a_day(secretary: Secretary) -> None:
    where = secretary.world.hold(questions=[MEAL])
    draft, _ = checked(secretary, where, TABLE)
    path = begin(secretary, where, TABLE)
    work(secretary)
    secretary.world.now += timedelta(hours=25)
    secretary.sign_in()
    assert secretary.get(f"{draft}/check").status == 404
    assert secretary.get(f"{path}/left-out.csv").status == 404
    assert "is not kept any more" in words_of(secretary.get(path))


def test_whoever_comes_after_the_last_seat_is_said_to_wait(secretary: Secretary) -> None:
    where = secretary.world.hold(capacity=2)
    lines = [f"Person {n},person{n}@example.net" for n in range(4)]
    _, shown = checked(secretary, where, "\n".join(["Name,Mail", *lines]))
    assert "2 people go to the waitlist, since no seats are left from line 4 on." in words_of(shown)
    begin(secretary, where, "\n".join(["Name,Mail", *lines]))
    work(secretary)
    counted = secretary.world.call("GET", where).body
    assert (counted["registered"], counted["waiting"]) == (2, 2)


def test_columns_are_matched_by_hand_where_nothing_can_be_guessed(secretary: Secretary) -> None:
    where = secretary.world.hold()
    matching = secretary.follow(upload(secretary, where, "Wer;Wohin\nAda Lovelace;ada\nBo;bo@example.net"))
    path = action(matching)
    fields = shown_fields(matching, path)
    assert (fields["column-0"], fields["column-1"]) == ("name", "email")
    refused = secretary.sends(matching, path, **{"column-0": "email", "column-1": "email"})
    assert refused.status == 422
    assert "Another column is about this already." in refused.text
    assert shown_fields(refused, path)["column-0"] == "email"
    nothing = secretary.sends(matching, path, **{"column-0": "name", "column-1": "<script>"})
    assert "Say which column has the mail addresses." in nothing.text
    fine = secretary.follow(secretary.sends(matching, path, head="yes"))
    assert "1 person is registered, and mailed an invitation." in words_of(fine)


def test_pasted_lines_are_read_as_a_file_is(secretary: Secretary) -> None:
    where = secretary.world.hold()
    matching = secretary.follow(paste(secretary, where, "Ada Lovelace <ada@example.org>\nBo <bo@example.net>"))
    shown = secretary.follow(secretary.sends(matching, action(matching)))
    assert "2 people are registered, and mailed an invitation." in words_of(shown)


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (b"PK\x03\x04 a workbook", "This is an Excel or OpenDocument file."),
        (b"", "There is nothing in it."),
        (b"Ada\0,ada@example.org", "This is not a text file."),
        (b"Bo,bo@example.net\n" * 10_002, "There are more than 10,000 lines."),
    ],
)
def test_a_file_that_is_no_table_is_refused_at_its_field(secretary: Secretary, content: bytes, why: str) -> None:
    where = secretary.world.hold()
    shown = upload(secretary, where, content)
    assert shown.status == 422
    assert why in words_of(shown)


def test_what_was_pasted_is_shown_again_where_it_cannot_be_read(secretary: Secretary) -> None:
    where = secretary.world.hold()
    path = f"{console(where)}/imports"
    shown = secretary.sends_file(secretary.get(path), path, "", b"", text="<b>mine</b>", token="")
    assert shown.status == 422
    assert "This page was open for too long." in shown.text
    assert shown_fields(shown, path)["text"] == "<b>mine</b>"


def test_a_name_that_is_markup_is_text(secretary: Secretary) -> None:
    where = secretary.world.hold()
    _, shown = checked(secretary, where, "Name,Mail\n<script>alert(1)</script>,ada@example.org")
    assert "<script>alert" not in shown.text
    assert "&lt;script&gt;alert(1)" in shown.text


def test_the_button_pressed_twice_begins_one_import(secretary: Secretary) -> None:
    where = secretary.world.hold()
    path, shown = checked(secretary, where, "Name,Mail\nAda,ada@example.org")
    first, second = (secretary.sends(shown, f"{path}/start") for _ in range(2))
    assert (first.location, second.location) == (path, path)
    work(secretary)
    assert emails(secretary, where) == ["ada@example.org"]
    assert secretary.get(f"{path}/columns").location == path, "it is too late for that"


def test_what_another_window_made_of_it_meanwhile_is_shown_before_it_is_imported(secretary: Secretary) -> None:
    where = secretary.world.hold()
    path, shown = checked(secretary, where, "Name,Mail,Status\nAda,ada@example.org,ok\nBo,bo@example.net,canceled")
    assert "1 withdrew or was turned down, as the file or their registration says, and is left out." in words_of(shown)
    matching = secretary.get(f"{path}/columns")
    assert secretary.sends(matching, f"{path}/columns", **{"column-2": ""}).location == f"{path}/check"
    again = secretary.sends(shown, f"{path}/start")
    assert again.status == 422
    assert "This was changed meanwhile" in words_of(again)
    assert emails(secretary, where) == []
    assert secretary.queued == []
    assert secretary.sends(again, f"{path}/start").location == path


def test_whoever_withdrew_is_not_invited_by_the_same_list_once_more(secretary: Secretary) -> None:
    where = secretary.world.hold()
    person = secretary.world.register(where, "ada@example.org")
    assert secretary.world.call("DELETE", person).status == 200
    path, shown = checked(secretary, where, "Name,Mail\nAda,Ada@example.org\nBo,bo@example.net")
    assert "1 withdrew or was turned down, as the file or their registration says, and is left out." in words_of(shown)
    assert "Not imported, withdrew from this event, or was turned down: add them by hand" in words_of(shown)
    secretary.sends(shown, f"{path}/start")
    work(secretary)
    standing = secretary.world.call("GET", f"{where}/registrations", query={"status": "registered"}).body["items"]
    assert [one["email"] for one in standing] == ["bo@example.net"]


def test_whoever_was_turned_down_is_left_out_and_not_only_said_to_have_withdrawn(secretary: Secretary) -> None:
    where = secretary.world.hold(approval=True)
    person = secretary.world.register(where, "ada@example.org")
    assert secretary.world.call("POST", f"{person}/decline").status == 200
    _, shown = checked(secretary, where, "Name,Mail\nAda,Ada@example.org\nBo,bo@example.net")
    assert "Not imported, withdrew from this event, or was turned down: add them by hand" in words_of(shown)


def test_whoever_withdrew_and_registered_anew_is_registered(secretary: Secretary) -> None:
    where = secretary.world.hold()
    secretary.world.call("DELETE", secretary.world.register(where, "ada@example.org"))
    secretary.world.register(where, "ada@example.org")
    _, shown = checked(secretary, where, "Name,Mail\nAda,ada@example.org\nBo,bo@example.net")
    assert "1 is registered already" in words_of(shown)


def test_a_draft_that_was_published_meanwhile_is_said_before_anybody_is_invited(secretary: Secretary) -> None:
    where = secretary.world.hold(status="draft")
    path, shown = checked(secretary, where, "Name,Mail\nAda,ada@example.org")
    assert secretary.world.call("PATCH", where, {"status": "confirmed"}).status == 200
    assert secretary.sends(shown, f"{path}/start").status == 422
    assert secretary.queued == []


def test_an_import_that_waits_says_until_when(secretary: Secretary) -> None:
    where = secretary.world.hold()
    family = "\n".join(f"Bo,bo+{number}@example.net" for number in range(33))
    path = begin(secretary, where, f"Name,Mail\n{family}")
    work(secretary)
    text = words_of(secretary.get(path))
    assert "The import waits" in text
    assert re.search(r"It waits until \w{3} \d+ \w{3} 20\d\d, \d\d:\d\d \(Europe/Berlin\)", text)
    assert "The import waits" in secretary.get(f"{path}/progress").text


@pytest.mark.parametrize("step", ["", "/columns", "/check", "/progress", "/left-out.csv"])
def test_nobody_else_sees_an_import(secretary: Secretary, step: str) -> None:
    where = secretary.world.hold()
    path, _ = checked(secretary, where, "Name,Mail\nAda,ada@example.org")
    other = console(secretary.world.hold())
    assert secretary.get(f"{other}/imports/{path.rpartition('/')[2]}{step}").status == 404, "at another event"
    for changes in ({"account": "other"}, {"organizer": "eve@example.org"}):
        secretary.sign_in(**changes)
        assert secretary.get(f"{path}{step}").status == 404
        assert secretary.get(f"{console(where)}/imports").status == 404
        assert secretary.get(f"{console(where)}/people.csv").status == 404


def test_an_organizer_imports_people_to_their_own_event(secretary: Secretary) -> None:
    where = secretary.world.hold()
    organizer = secretary.world.call("GET", where).body["organizer"]["email"]
    secretary.sign_in(organizer=organizer)
    begin(secretary, where, "Name,Mail\nAda,ada@example.org")
    work(secretary)
    assert emails(secretary, where) == ["ada@example.org"]


def test_a_key_that_may_only_read_begins_no_import(secretary: Secretary) -> None:
    where = secretary.world.hold()
    path, _ = checked(secretary, where, "Name,Mail\nAda,ada@example.org")
    secretary.sign_in(scopes=(Scope.READ,))
    assert "may be seen, and not changed" in words_of(upload(secretary, where, "Name,Mail\nAda,ada@example.org"))
    answer = secretary.sends(secretary.get(f"{path}/check"), f"{path}/start")
    assert answer.status == 422
    assert secretary.queued == []


def test_whoever_is_imported_is_accepted_which_not_every_key_may_do(secretary: Secretary) -> None:
    where = secretary.world.hold(approval=True)
    secretary.sign_in(scopes=(Scope.READ, Scope.REGISTER))
    assert "may be seen, and not changed" in words_of(upload(secretary, where, "Name,Mail\nAda,ada@example.org"))
    secretary.sign_in()
    begin(secretary, where, "Name,Mail\nAda,ada@example.org")
    work(secretary)
    [one] = secretary.world.call("GET", f"{where}/registrations").body["items"]
    assert one["status"] == "registered"


def test_nobody_is_imported_to_an_event_that_is_cancelled_or_over(secretary: Secretary) -> None:
    where = secretary.world.hold()
    path, shown = checked(secretary, where, "Name,Mail\nAda,ada@example.org")
    secretary.world.call("POST", f"{where}/cancel", {})
    assert "This event is cancelled." in words_of(secretary.get(f"{console(where)}/imports"))
    assert secretary.sends(shown, f"{path}/start").status == 422


@pytest.mark.parametrize(
    ("body", "content_type", "status"),
    [
        (b"--x\r\n", "multipart/form-data", 400),
        (b"nothing", "multipart/form-data; boundary=x", 400),
        (b"\n" * 400_001, "multipart/form-data; boundary=x", 413),
        (b"a" * 4_300_000, "multipart/form-data; boundary=x", 413),
        (b"{}", "application/json", 415),
    ],
    ids=["no boundary", "no part", "only line breaks", "too long", "no form"],
)
def test_what_is_no_form_is_refused(secretary: Secretary, body: bytes, content_type: str, status: int) -> None:
    where = secretary.world.hold()
    shown = secretary.ask("POST", f"{console(where)}/imports", body, content_type=content_type)
    assert shown.status == status
    assert [item for item in everything(secretary.world.client)["Invitations"] if "IMPORT" in item["sk"]] == []


# --- the export ---------------------------------------------------------------------------------------------------


def test_everybody_is_exported_as_one_file_for_a_spreadsheet(
    secretary: Secretary, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(exporting, "MOST_ROWS", 2)
    where = secretary.world.hold()
    for number in range(5):
        secretary.world.register(where, f"person{number}@example.net")
    plain = secretary.get(f"{console(where)}/people.csv")
    assert plain.text.startswith("\ufeff")
    assert plain.headers["content-disposition"] == 'attachment; filename="people-kolner-treffen.csv"'
    first, *others = [line[1] for line in table_of(plain)]
    assert (first, sorted(others)) == ("email", [f"person{number}@example.net" for number in range(5)])
    packed = secretary.get(f"{console(where)}/people.csv", accept_encoding="gzip")
    assert packed.headers["content-encoding"] == "gzip"
    assert gzip.decompress(packed.data) == plain.data


def test_what_is_too_long_for_one_file_comes_in_parts(secretary: Secretary, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(exporting, "MOST_ROWS", 2)
    monkeypatch.setattr(exporting, "LARGEST", 10)
    where = secretary.world.hold()
    for number in range(5):
        secretary.world.register(where, f"person{number}@example.net")
    path, found = f"{console(where)}/people.csv", []
    while True:
        shown = secretary.get(path)
        if "Export people" not in shown.text:
            found += table_of(shown)
            break
        *parts, path = (
            unescape(link).removeprefix("/v1")
            for link in re.findall(r'<li><a [^>]*href="([^"]*people\.csv[^"]*)"', shown.text)
        )
        found += [line for part in parts for line in table_of(secretary.get(part))]
    first, *others = [line[1] for line in found]
    assert (first, sorted(others)) == ("email", [f"person{number}@example.net" for number in range(5)])


def test_an_export_can_be_imported_into_another_event(secretary: Secretary) -> None:
    where, other = secretary.world.hold(questions=[MEAL]), secretary.world.hold(questions=[MEAL])
    said_ = {"guests": 2, "responses": {"meal": "Fisch"}, "external_id": "7", "metadata": {"a": "=b"}}
    secretary.world.register(where, "ada@example.org", name="=Ada; +Lovelace", **said_)
    secretary.world.call("DELETE", secretary.world.register(where, "cy@example.net"))
    begin(secretary, other, secretary.get(f"{console(where)}/people.csv").data)
    work(secretary)
    [one] = secretary.world.call("GET", f"{other}/registrations").body["items"]
    assert {name: one[name] for name in said_} == said_
    assert (one["name"], one["email"]) == ("=Ada; +Lovelace", "ada@example.org")
