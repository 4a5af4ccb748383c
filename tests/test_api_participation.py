"""The HTTP API: what people answered, how many of them, and all of them as a table."""

from __future__ import annotations

import csv
import io
import re
from datetime import datetime, timedelta
from typing import Any

import pytest

from convoke.decision.invitation import Acknowledged
from convoke.model import AnswerChannel, Participation, Reply
from convoke.registrations.replies import apply
from convoke.web import context, csv_export, participation
from tests.caller import BO, Answer, World, a_caller
from tests.factories import NOW, reply, told
from tests.fixtures import patching_fixture_of
from tests.tables import unchanged

DECLINED = Participation.DECLINED
WEEKLY = {"recurrence": "FREQ=WEEKLY;COUNT=4"}
SECOND = "2027-03-19T09:00:00"


world = patching_fixture_of(a_caller)


def apply_report(world: World, person: str, said: Reply, means: AnswerChannel = AnswerChannel.MAIL) -> None:
    _, _, event_id, _, registration_id = person.split("/")
    apply(world.store, event_id, registration_id, said, channel=means, now=world.now)


# --- what one person answered -------------------------------------------------------------------------------------


def test_what_a_person_answered_is_listed_with_how_it_came_and_whether_it_counts(world: World) -> None:
    person = world.invite(world.hold(**WEEKLY))
    world.now += timedelta(minutes=2)
    apply_report(world, person, reply(dtstamp=NOW + timedelta(minutes=1)))
    apply_report(world, person, reply(status=DECLINED), AnswerChannel.RELEASE)
    apply_report(
        world,
        person,
        reply(status=DECLINED, dtstamp=NOW + timedelta(minutes=2), date=datetime.fromisoformat(SECOND)),
    )
    listed = world.call("GET", f"{person}/answers").body
    came = {"sequence": 0, "date": None, "at": "2027-01-15T12:02:00.000000Z"}
    assert listed == {
        "items": [
            came
            | {"status": "declined", "channel": "release", "dtstamp": "2027-01-15T12:00:00.000000Z", "counts": False},
            came | {"status": "accepted", "channel": "mail", "dtstamp": "2027-01-15T12:01:00.000000Z", "counts": True},
            came
            | {"status": "declined", "channel": "mail", "dtstamp": "2027-01-15T12:02:00.000000Z", "counts": True}
            | {"date": SECOND},
        ],
        "next": None,
    }
    shown = world.call("GET", person).body
    assert (shown["participation"], shown["answered_at"]) == ("accepted", "2027-01-15T12:01:00.000000Z")


def test_an_answer_to_an_older_revision_does_not_count(world: World) -> None:
    person = world.register(world.hold())
    world.tell(person, acknowledged=Acknowledged(calendar_state=told(sequence=1, asked=1), ses_id="ses", at=NOW))
    apply_report(world, person, reply())
    (one,) = world.call("GET", f"{person}/answers").body["items"]
    assert (one["status"], one["counts"]) == ("accepted", False)
    shown = world.call("GET", person).body
    assert (shown["participation"], shown["answered_at"]) == ("needs-action", None)


def test_the_history_is_paged(world: World) -> None:
    person = world.invite(world.hold())
    for second in range(3):
        apply_report(world, person, reply(dtstamp=NOW + timedelta(seconds=second)))
    first = world.call("GET", f"{person}/answers", query={"limit": "2"}).body
    assert len(first["items"]) == 2
    rest = world.call("GET", f"{person}/answers", query={"limit": "2", "cursor": first["next"]}).body
    assert (len(rest["items"]), rest["next"]) == (1, None)
    assert world.call("GET", f"{person}/messages", query={"cursor": first["next"]}).fields == ["cursor"]


# --- declining, over HTTP -----------------------------------------------------------------------------------------


def a_decliner(world: World, **changes: Any) -> tuple[str, str]:
    event = world.hold(capacity=1, release_on_decline=True, **changes)
    person = world.invite(event)
    apply_report(world, person, reply(status=DECLINED))
    assert world.call("GET", person).body["status"] == "declined"
    assert world.call("GET", event).body["registered"] == 0
    return event, person


def test_a_declined_address_registers_again_as_itself_once_for_each_key(world: World) -> None:
    event, person = a_decliner(world)
    again = world.call("POST", f"{event}/registrations", BO | {"name": "Else"}, idempotency_key="k")
    assert (again.status, again.headers["location"]) == (200, f"/v1{person}")
    assert {name: again.body[name] for name in ("name", "status", "participation")} == {
        "name": BO["name"],
        "status": "registered",
        "participation": "needs-action",
    }
    assert again.body["invitation"]["state"] == "pending"
    with unchanged(world.client):
        repeated = world.call("POST", f"{event}/registrations", BO | {"name": "Else"}, idempotency_key="k")
        assert (repeated.status, repeated.headers["idempotent-replayed"]) == (200, "true")


def test_it_gets_a_place_in_line_where_the_seat_is_taken(world: World) -> None:
    event, _ = a_decliner(world)
    world.register(event, "cy@example.net")
    again = world.call("POST", f"{event}/registrations", BO)
    assert (again.status, again.body["status"]) == (200, "waitlisted")


def test_what_was_declined_is_neither_changed_nor_sent_again_but_can_be_withdrawn(world: World) -> None:
    event, person = a_decliner(world)
    assert world.call("PATCH", person, {"name": "Bo"}).status == 409
    assert world.call("POST", f"{person}/resend").status == 409
    listed = world.call("GET", f"{event}/registrations", query={"status": "declined"}).body["items"]
    assert [one["status"] for one in listed] == ["declined"]
    gone = world.call("DELETE", person)
    assert (gone.status, gone.body["status"]) == (200, "cancelled")
    assert world.register(event) != person


def test_whoever_declined_can_be_erased(world: World) -> None:
    _, person = a_decliner(world)
    assert world.call("DELETE", person, query={"erase": "true"}).body["status"] == "cancelled"


# --- how many answered what ---------------------------------------------------------------------------------------


def test_answers_are_counted(world: World) -> None:
    event = world.hold(release_on_decline=True)
    people = [world.register(event, f"{name}@example.net") for name in ("bo", "cy", "di", "ed", "flo")]
    for person in people:
        world.tell(person)
    apply_report(world, people[0], reply())
    apply_report(world, people[1], reply(status=DECLINED))
    apply_report(world, people[2], reply(status=Participation.TENTATIVE))
    apply_report(world, people[3], reply())
    world.call("DELETE", people[3])
    answer = world.call("GET", f"{event}/participation")
    assert answer.body == {
        "accepted": 1,
        "declined": 1,
        "tentative": 1,
        "delegated": 0,
        "needs-action": 1,
        "next": None,
    }


def test_answers_are_counted_for_one_date(world: World) -> None:
    event = world.hold(**WEEKLY)
    bo, cy = world.register(event), world.register(event, "cy@example.net")
    first = world.call("POST", f"{event}/registrations", BO | {"email": "di@example.net", "occurrences": [SECOND]})
    assert first.status == 201
    for person in (bo, cy):
        world.tell(person)
    apply_report(world, bo, reply())
    apply_report(
        world, cy, reply(status=DECLINED, dtstamp=NOW + timedelta(seconds=1), date=datetime.fromisoformat(SECOND))
    )

    def counted(**query: str) -> dict[str, int]:
        body: dict[str, int] = world.call("GET", f"{event}/participation", query=query).body
        return {name: count for name, count in body.items() if count}

    assert counted() == {"accepted": 1, "needs-action": 2}
    assert counted(date=SECOND) == {"accepted": 1, "declined": 1, "needs-action": 1}
    assert counted(date="2027-03-26T09:00:00") == {"accepted": 1, "needs-action": 1}


@pytest.mark.parametrize("date", ["2027-03-20T09:00:00", "2027-03-19", "soon", ""])
def test_what_is_no_date_of_the_event_is_refused(world: World, date: str) -> None:
    event = world.hold(**WEEKLY)
    assert world.call("GET", f"{event}/participation", query={"date": date}).fields == ["date"]


def test_everybody_is_counted_however_many_pages_they_fill(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("convoke.store.reads.BATCH_SIZE", 2)
    event = world.hold()
    for number in range(5):
        world.register(event, f"p{number}@example.net")
    assert world.call("GET", f"{event}/participation").body["needs-action"] == 5


@pytest.mark.parametrize("of", ["participation", "preview"])
def test_more_than_can_be_counted_in_time_is_counted_in_parts(
    world: World, monkeypatch: pytest.MonkeyPatch, of: str
) -> None:
    """At its worst one person at a time; each is counted once."""
    monkeypatch.setattr(context, "SECONDS_OF_A_PART", -1.0)
    event, parts, cursor = world.hold(), list[dict[str, Any]](), None
    for number in range(3):
        world.register(event, f"p{number}@example.net")
    while cursor or not parts:
        query: dict[str, str] = {"cursor": cursor} if cursor else {}
        if of == "preview":
            answer = world.call("POST", f"{event}/preview", {"title": "Another"}, query=query)
        else:
            answer = world.call("GET", f"{event}/participation", query=query)
        assert answer.status == 200, answer.raw
        parts.append(answer.body)
        cursor = answer.body["next"]
    counted = "invite" if of == "preview" else "needs-action"
    assert [part[counted] for part in parts] == [1, 1, 1]


def test_the_rest_of_another_event_s_people_is_refused(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(context, "SECONDS_OF_A_PART", -1.0)
    event, other = world.hold(), world.hold()
    for number in range(2):
        world.register(event, f"p{number}@example.net")
    cursor = world.call("GET", f"{event}/participation").body["next"]
    assert world.call("GET", f"{other}/participation", query={"cursor": cursor}).fields == ["cursor"]


# --- a table ------------------------------------------------------------------------------------------------------


def rows(answer: Answer) -> list[list[str]]:
    assert answer.status == 200, answer.raw
    return list(csv.reader(io.StringIO(answer.data.decode(), newline="")))


def test_registrations_are_exported_as_a_table(world: World) -> None:
    event = world.hold(release_on_decline=True)
    bo = world.register(event, name='Bo "Bobo" Ek, jr.')
    world.now += timedelta(seconds=1)
    cy = world.register(event, "cy@example.net", name="Cléo")
    world.tell(bo)
    apply_report(world, bo, reply(status=DECLINED))
    world.call("DELETE", cy, query={"erase": "true"})
    answer = world.call("GET", f"{event}/registrations.csv")
    assert answer.headers["content-type"] == "text/csv; charset=utf-8"
    assert answer.headers["content-disposition"] == (
        f'attachment; filename="registrations-{event.removeprefix("/events/")}.csv"'
    )
    assert answer.headers["cache-control"] == "no-store"
    assert answer.data.startswith(b'"name","email","status","participation","answered_at","invitation",')
    assert answer.data.count(b"\r\n") == answer.data.count(b"\n") == 3
    head, first, second = rows(answer)
    assert tuple(head) == (*csv_export.COLUMNS, csv_export.OTHERS)
    assert first == [
        *('Bo "Bobo" Ek, jr.', "bo@example.net", "declined", "declined", "2027-01-15T12:00:00.000000Z", "accepted"),
        *("2027-01-15T12:00:00.000000Z", bo.split("/")[-1], "", ""),
        *("0", ""),
    ]
    assert second[:4] == ["", "", "erased", "needs-action"]


@pytest.mark.parametrize("name", ["=1+1", "+49", "-2", "@SUM(A1)", "＝1", '=HYPERLINK("https://example.org","x")'])
def test_no_cell_is_a_formula(world: World, name: str) -> None:
    event = world.hold()
    world.register(event, "-bo@example.net", name=name)
    _, (shown, email, *_) = rows(world.call("GET", f"{event}/registrations.csv"))
    assert (shown, email) == (f"'{name}", "'-bo@example.net")


@pytest.mark.parametrize(
    ("cell", "shown"),
    [
        ("\t=1", "'\t'=1"),
        ("\r=1", "'\r'=1"),
        ("\n=1", "'\n'=1"),
        (" =1", "' =1"),
        ("\u00a0\u200b\ufeff=1", "'\u00a0\u200b\ufeff=1"),
        ("\u2800\u3164@x", "'\u2800\u3164@x"),
        ("\u200e\u0301-1", "'\u200e\u0301-1"),
        # Where another character parts the cells.
        ("Bo;=1+1;x", "Bo;'=1+1;x"),
        ("Bo\t@x", "Bo\t'@x"),
        ("Bo|+1", "Bo|'+1"),
        ('Bo; "=1+1&"', 'Bo;\' "=1+1&"'),
        ("=1;=2", "'=1;'=2"),
    ],
)
def test_neither_behind_what_nobody_sees_nor_where_another_cell_may_begin(cell: str, shown: str) -> None:
    assert csv_export.defused(cell) == shown


def test_every_cell_is_in_quotes(world: World) -> None:
    event = world.hold()
    world.register(event, name="Bo;=1+1;x")
    head, row = world.call("GET", f"{event}/registrations.csv").raw.splitlines()
    assert all(re.fullmatch(r'"[^"]*"(,"[^"]*"){11}', line) for line in (head, row))
    assert row.startswith('"Bo;\'=1+1;x","bo@example.net",')


def test_what_is_no_formula_stays_as_it_is() -> None:
    for cell in ("", "Bo", "1-2", "a=b", "'x", "Ek; Bo", "Ek, -Bo", "a;b=c", ";", "2027-03-12T09:00:00Z"):
        assert csv_export.defused(cell) == cell


def test_a_long_table_comes_in_parts_that_make_the_whole(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("convoke.store.reads.BATCH_SIZE", 2)
    event = world.hold()
    for number in range(5):
        world.now += timedelta(seconds=1)
        world.register(event, f"p{number}@example.net")
    whole = world.call("GET", f"{event}/registrations.csv")
    assert "link" not in whole.headers
    parts, query = [], {"limit": "2"}
    while True:
        answer = world.call("GET", f"{event}/registrations.csv", query=query)
        parts.append(answer.raw)
        if "link" not in answer.headers:
            break
        link = re.fullmatch(
            rf'</v1{event}/registrations\.csv\?limit=2&cursor=([\w-]+)>; rel="next"', answer.headers["link"]
        )
        assert link is not None
        query = {"limit": "2", "cursor": link[1]}
    assert (len(parts), "".join(parts)) == (3, whole.raw)


@pytest.mark.parametrize("limits", [{"MOST_ROWS": 2}, {"LARGEST_PART": 300}], ids=["rows", "bytes"])
def test_too_long_a_table_is_refused_rather_than_cut(
    world: World, monkeypatch: pytest.MonkeyPatch, limits: dict[str, int]
) -> None:
    event = world.hold()
    for number in range(3):
        world.register(event, f"p{number}@example.net")
    for name, value in limits.items():
        monkeypatch.setattr(participation, name, value)
    answer = world.call("GET", f"{event}/registrations.csv")
    assert answer.status == 409
    assert "with limit" in answer.body["detail"]
    part = world.call("GET", f"{event}/registrations.csv", query={"limit": "3"})
    assert "link" in part.headers or len(rows(part)) == 4


def test_the_cursor_of_a_table_is_good_for_it_alone(world: World) -> None:
    event = world.hold()
    for number in range(2):
        world.register(event, f"p{number}@example.net")
    following = world.call("GET", f"{event}/registrations", query={"limit": "1"}).body["next"]
    for query in ({"cursor": following}, {"cursor": "x"}):
        assert world.call("GET", f"{event}/registrations.csv", query=query).fields == ["cursor"]
    for limit in ("0", "5001", "x"):
        assert world.call("GET", f"{event}/registrations.csv", query={"limit": limit}).fields == ["limit"]
