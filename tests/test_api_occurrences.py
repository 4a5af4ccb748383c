"""The HTTP API of series: their dates, splits, registrations for some dates, and previews."""

from __future__ import annotations

import copy
import json
import re
from datetime import UTC, datetime, timedelta
from typing import Any
from unittest.mock import Mock
from urllib.parse import quote

import pytest

import api
from convoke.mail import header_fields
from convoke.model import DateChange
from convoke.registrations import split_transfer
from convoke.registrations.events import create_event
from convoke.store import dynamo
from convoke.web import context, occurrences, patches
from tests.caller import CONTEXT, PARTY, Answer, World, a_caller, everybody
from tests.deployment import sample
from tests.factories import event, existing
from tests.fixtures import patching_fixture_of
from tests.mailbox import plain_text_of, read_mail
from tests.tables import everything, tables_of, unchanged
from tests.world import World as Delivery

FIRST, SECOND, THIRD, FOURTH = (f"2027-{day}T09:00:00" for day in ("03-12", "03-19", "03-26", "04-02"))
WEEKLY = "FREQ=WEEKLY;COUNT=4"
CHOIR = {"title": "Choir", "recurrence": WEEKLY, "location": "Dom", "description": "Bring water."}


world = patching_fixture_of(a_caller)


@pytest.fixture
def choir(world: World) -> str:
    return world.hold(**CHOIR)


def dates(world: World, event: str) -> list[dict[str, Any]]:
    (page,) = everybody(world, f"{event}/occurrences")
    return page


def names(world: World, event: str, status: str = "confirmed") -> list[str]:
    return [one["occurrence"] for one in dates(world, event) if one["status"] == status]


def refused(world: World, method: str, path: str, body: Any = None, **how: Any) -> Answer:
    """The answer to what must not be granted: nothing is stored."""
    with unchanged(world.client):
        answer = world.call(method, path, body, **how)
        assert answer.status >= 400, answer.raw
        assert answer.headers["content-type"] == "application/problem+json"
    return answer


# --- series -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("given", "answered"),
    [
        ("FREQ=WEEKLY;COUNT=4", "FREQ=WEEKLY;COUNT=4"),
        ("rrule:count=4;interval=1;byday=FR;freq=weekly", "FREQ=WEEKLY;COUNT=4"),
        ("FREQ=WEEKLY;UNTIL=20270404", "FREQ=WEEKLY;UNTIL=20270402T070000Z"),
    ],
)
def test_a_series_is_answered_with_its_rule_in_one_spelling(world: World, given: str, answered: str) -> None:
    event = world.hold(recurrence=given)
    assert world.call("GET", event).body["recurrence"] == answered
    assert names(world, event) == [FIRST, SECOND, THIRD, FOURTH]


def test_its_dates_are_listed_as_they_are(world: World, choir: str) -> None:
    world.call("PATCH", f"{choir}/occurrences/{SECOND}", {"start": "2027-03-20T11:00:00", "end": "2027-03-20T12:00:00"})
    world.call(
        "PATCH", f"{choir}/occurrences/{THIRD}", {"title": "Concert", "location": "", "description": "Black tie"}
    )
    world.call("POST", f"{choir}/occurrences/{FOURTH}/cancel", {"reason": "The hall is taken."})
    world.now = datetime(2027, 3, 13, tzinfo=UTC)
    plain = {
        "occurrence": FIRST,
        "start": FIRST,
        "end": "2027-03-12T10:30:00",
        "time_zone": "Europe/Berlin",
        "title": "Choir",
        "location": "Dom",
        "description": "Bring water.",
        "status": "confirmed",
        "cancelled": False,
        "moved": False,
        "over": True,
        "reason": "",
    }
    assert dates(world, choir) == [
        plain,
        plain
        | {
            "occurrence": SECOND,
            "start": "2027-03-20T11:00:00",
            "end": "2027-03-20T12:00:00",
            "moved": True,
            "over": False,
        },
        plain
        | {"occurrence": THIRD, "start": THIRD, "end": "2027-03-26T10:30:00", "over": False}
        | {"title": "Concert", "location": "", "description": "Black tie"},
        plain
        | {"occurrence": FOURTH, "start": FOURTH, "end": "2027-04-02T10:30:00", "over": False}
        | {"status": "cancelled", "cancelled": True, "reason": "The hall is taken."},
    ]


def test_a_single_event_has_one_date(world: World) -> None:
    assert names(world, world.hold()) == [FIRST]


def test_the_list_is_paged(world: World) -> None:
    event = world.hold(recurrence="FREQ=DAILY;COUNT=23")
    pages = everybody(world, f"{event}/occurrences", limit="10")
    assert [len(page) for page in pages] == [10, 10, 3]
    found = [one["occurrence"] for page in pages for one in page]
    assert found == sorted(set(found))
    other = world.hold(recurrence="FREQ=DAILY;COUNT=23")
    cursor = world.call("GET", f"{event}/occurrences", query={"limit": "10"}).body["next"]
    for path, wrong in (
        (f"{other}/occurrences", cursor),
        (f"{event}/occurrences", "x"),
        (f"{event}/registrations", cursor),
    ):
        assert refused(world, "GET", path, query={"cursor": wrong}).fields == ["cursor"]


def test_a_date_that_the_clock_skips_is_shown_as_such_and_is_none(world: World) -> None:
    night = {"start": "2027-03-27T02:30:00", "end": "2027-03-27T03:30:00"}
    event = world.hold(**night, recurrence="FREQ=DAILY;COUNT=3")
    assert [(one["occurrence"][8:10], one["status"]) for one in dates(world, event)] == [
        ("27", "confirmed"),
        ("28", "skipped"),
        ("29", "confirmed"),
        ("30", "confirmed"),
    ]
    skipped = f"{event}/occurrences/2027-03-28T02:30:00"
    assert refused(world, "POST", f"{skipped}/cancel").status == 404
    assert refused(world, "PATCH", skipped, {"title": "Never"}).status == 404


BAD_RULES: list[tuple[str, dict[str, Any]]] = [
    ("no rule", {"recurrence": "weekly"}),
    ("empty", {"recurrence": ""}),
    ("endless", {"recurrence": "FREQ=WEEKLY"}),
    ("too fine", {"recurrence": "FREQ=HOURLY;COUNT=3"}),
    ("nothing at all", {"recurrence": "FREQ=YEARLY;COUNT=2;BYMONTH=2;BYMONTHDAY=30"}),
    ("ends before it begins", {"recurrence": "FREQ=WEEKLY;UNTIL=20270301"}),
    ("401 dates", {"recurrence": "FREQ=DAILY;COUNT=401"}),
    ("beyond two years", {"recurrence": "FREQ=MONTHLY;COUNT=30"}),
    ("does not begin with start", {"recurrence": "FREQ=WEEKLY;COUNT=4;BYDAY=MO"}),
    ("whole days until a time", {"start": "2027-03-12", "end": None, "recurrence": "FREQ=DAILY;UNTIL=20270320T090000"}),
    ("two lines", {"recurrence": "FREQ=WEEKLY;COUNT=2\r\nATTENDEE:mailto:x@example.org"}),
    ("much too long", {"recurrence": "FREQ=WEEKLY;COUNT=2" + ";X=1" * 200}),
    ("a number without end", {"recurrence": f"FREQ=DAILY;COUNT={'9' * 400}"}),
]


@pytest.mark.parametrize("changes", [bad[1] for bad in BAD_RULES], ids=[bad[0] for bad in BAD_RULES])
def test_a_rule_that_cannot_be_is_refused(world: World, changes: dict[str, Any]) -> None:
    answer = refused(world, "POST", "/events", PARTY | changes)
    assert (answer.status, answer.fields) == (422, ["recurrence"])
    event = world.hold(recurrence=WEEKLY)
    if "start" not in changes:
        answer = refused(world, "PATCH", event, changes)
        assert (answer.status, answer.fields) == (422, ["recurrence"])


NOT_IN_OUTLOOK = [
    "FREQ=MONTHLY;COUNT=4;BYDAY=2FR,4FR",
    "FREQ=MONTHLY;COUNT=4;BYMONTHDAY=12,26",
    "FREQ=DAILY;COUNT=4;BYMONTH=3",
    "FREQ=WEEKLY;COUNT=4;BYMONTH=3,4",
    "FREQ=MONTHLY;COUNT=4;BYDAY=TH,FR;BYSETPOS=4",
    "FREQ=YEARLY;COUNT=2;BYMONTH=3,4",
]


@pytest.mark.parametrize("rule", NOT_IN_OUTLOOK)
def test_a_rule_that_outlook_cannot_hold_is_refused_wherever_it_is_asked_for(world: World, rule: str) -> None:
    event = world.hold(recurrence="FREQ=WEEKLY;COUNT=4")
    second = names(world, event)[1]
    moved = {"start": "2027-03-12T10:00:00", "end": "2027-03-12T11:00:00"}
    asked: list[tuple[str, str, dict[str, Any]]] = [
        ("POST", "/events", PARTY | {"recurrence": rule}),
        ("PATCH", event, {"recurrence": rule}),
        ("PATCH", event, {"recurrence": rule, **moved}),
        ("POST", f"{event}/preview", {"recurrence": rule}),
        ("POST", f"{event}/split", {"from": second, "recurrence": rule, **moved}),
        ("POST", f"{event}/preview", {"split": {"from": second, "recurrence": rule, **moved}}),
    ]
    for method, path, body in asked:
        answer = refused(world, method, path, body)
        assert (answer.status, answer.fields) == (422, ["recurrence"]), path
        assert "Outlook" in answer.body["detail"], "it says why"
    assert names(world, event)[1] == second, "nothing has changed"


def test_null_ends_the_recurrence(world: World, choir: str) -> None:
    world.call("POST", f"{choir}/occurrences", {"start": "2027-03-30T18:00:00"})
    answer = world.call("PATCH", choir, {"recurrence": None})
    assert (answer.status, answer.body["recurrence"]) == (200, None)
    assert names(world, choir) == [FIRST]


def test_the_answer_names_the_changed_dates_that_another_rule_drops(world: World, choir: str) -> None:
    world.call("POST", f"{choir}/occurrences/{SECOND}/cancel")
    world.call("PATCH", f"{choir}/occurrences/{THIRD}", {"title": "Concert"})
    world.call("PATCH", f"{choir}/occurrences/{FOURTH}", {"title": "Party"})
    answer = world.call("PATCH", choir, {"recurrence": "FREQ=WEEKLY;INTERVAL=2;COUNT=4"})
    assert answer.body["dropped"] == [SECOND, FOURTH]
    assert [(one["occurrence"], one["title"]) for one in dates(world, choir)][:2] == [
        (FIRST, "Choir"),
        (THIRD, "Concert"),
    ]
    assert world.call("GET", choir).body["dropped"] == []


def test_a_series_moves_with_its_rule_and_its_changed_dates_keep_their_place(world: World, choir: str) -> None:
    world.call("PATCH", f"{choir}/occurrences/{SECOND}", {"start": "2027-03-20T11:00:00", "end": "2027-03-20T12:00:00"})
    world.call("POST", f"{choir}/occurrences/{THIRD}/cancel")
    answer = world.call("PATCH", choir, {"start": "2027-03-13T10:00:00", "end": "2027-03-13T11:00:00"})
    assert (answer.status, answer.body["recurrence"], answer.body["dropped"]) == (200, WEEKLY, [])
    shown = [(one["occurrence"], one["start"], one["status"]) for one in dates(world, choir)]
    assert shown == [
        ("2027-03-13T10:00:00", "2027-03-13T10:00:00", "confirmed"),
        ("2027-03-20T10:00:00", "2027-03-20T11:00:00", "confirmed"),
        ("2027-03-27T10:00:00", "2027-03-27T10:00:00", "cancelled"),
        ("2027-04-03T10:00:00", "2027-04-03T10:00:00", "confirmed"),
    ]


def test_a_start_that_the_rule_does_not_yield_needs_another_rule(world: World) -> None:
    event = world.hold(recurrence="FREQ=WEEKLY;COUNT=6;BYDAY=MO,FR")
    moved = {"start": "2027-03-13T09:00:00", "end": "2027-03-13T10:30:00"}
    assert refused(world, "PATCH", event, moved).fields == ["start"]
    answer = world.call("PATCH", event, moved | {"recurrence": "FREQ=WEEKLY;COUNT=6;BYDAY=TU,SA"})
    assert answer.status == 200, answer.raw
    assert names(world, event)[:2] == ["2027-03-13T09:00:00", "2027-03-16T09:00:00"]


def test_a_rule_that_leaves_only_cancelled_dates_is_refused(world: World, choir: str) -> None:
    world.call("POST", f"{choir}/occurrences/{FIRST}/cancel")
    assert refused(world, "PATCH", choir, {"recurrence": "FREQ=WEEKLY;COUNT=1"}).fields == ["recurrence"]


def test_a_series_becomes_one_of_whole_days_with_both_ends_given(world: World, choir: str) -> None:
    assert refused(world, "PATCH", choir, {"start": "2027-03-12"}).status == 422
    answer = world.call("PATCH", choir, {"start": "2027-03-12", "end": "2027-03-13"})
    assert answer.status == 200, answer.raw
    assert names(world, choir) == ["2027-03-12", "2027-03-19", "2027-03-26", "2027-04-02"]


# --- one more date ------------------------------------------------------------------------------------------------


def test_one_more_date_is_as_long_as_the_others(world: World, choir: str) -> None:
    answer = world.call("POST", f"{choir}/occurrences", {"start": "2027-03-30T18:00:00"})
    assert (answer.status, answer.body["end"]) == (201, "2027-03-30T19:30:00")
    assert answer.headers["location"] == f"/v1{choir}/occurrences/2027-03-30T18:00:00"
    assert answer.headers["etag"] == '"2"'
    assert names(world, choir) == [FIRST, SECOND, THIRD, "2027-03-30T18:00:00", FOURTH]


def test_a_second_date_at_an_even_distance_makes_an_event_a_series(world: World) -> None:
    event = world.hold()
    assert world.call("POST", f"{event}/occurrences", {"start": "2027-03-26T09:00:00"}).status == 201
    assert world.call("GET", event).body["recurrence"] == "FREQ=WEEKLY;COUNT=2;INTERVAL=2"
    assert world.call("POST", f"{event}/occurrences", {"start": "2027-03-30T18:00:00"}).status == 201
    assert world.call("GET", event).body["recurrence"] == "FREQ=WEEKLY;COUNT=2;INTERVAL=2"
    assert names(world, event) == [FIRST, "2027-03-26T09:00:00", "2027-03-30T18:00:00"]


@pytest.mark.parametrize("own", [{"end": "2027-03-30T20:00:00"}, {"duration": "PT2H"}])
def test_or_has_an_end_of_its_own(world: World, choir: str, own: dict[str, str]) -> None:
    answer = world.call("POST", f"{choir}/occurrences", {"start": "2027-03-30T18:00:00"} | own)
    assert (answer.status, answer.body["end"], answer.body["moved"]) == (201, "2027-03-30T20:00:00", True)


BAD_DATES: list[tuple[str, dict[str, Any], str]] = [
    ("nothing", {}, "start"),
    ("no time", {"start": "soon"}, "start"),
    ("a day among times", {"start": "2027-03-30"}, "start"),
    ("with an offset", {"start": "2027-03-30T18:00:00Z"}, "start"),
    ("that the clock skips", {"start": "2027-03-28T02:30:00"}, "start"),
    ("there already", {"start": SECOND}, "start"),
    ("before the first", {"start": "2027-03-01T09:00:00"}, "start"),
    ("two years on", {"start": "2029-04-01T09:00:00"}, "start"),
    ("in a year without end", {"start": "9999-12-31T23:59:59"}, "start"),
    ("that ends before it starts", {"start": "2027-03-30T18:00:00", "end": "2027-03-30T17:00:00"}, "end"),
    ("with two ends", {"start": "2027-03-30T18:00:00", "end": "2027-03-30T19:00:00", "duration": "PT1H"}, "duration"),
    ("with a title", {"start": "2027-03-30T18:00:00", "title": "More"}, "title"),
]


@pytest.mark.parametrize(("body", "field"), [bad[1:] for bad in BAD_DATES], ids=[bad[0] for bad in BAD_DATES])
def test_a_date_that_cannot_be_is_not_added(world: World, choir: str, body: dict[str, Any], field: str) -> None:
    answer = refused(world, "POST", f"{choir}/occurrences", body)
    assert (answer.status, answer.fields) == (422, [field])


def test_a_longer_rule_counts_the_dates_that_were_added(world: World) -> None:
    event = world.hold(recurrence="FREQ=DAILY;COUNT=399")
    assert world.call("POST", f"{event}/occurrences", {"start": "2027-03-12T20:00:00"}).status == 201
    assert refused(world, "PATCH", event, {"recurrence": "FREQ=DAILY;COUNT=400"}).fields == ["recurrence"]


def test_no_date_is_added_in_the_past_nor_beyond_four_hundred(world: World) -> None:
    full = world.hold(recurrence="FREQ=DAILY;COUNT=400")
    assert refused(world, "POST", f"{full}/occurrences", {"start": "2027-03-12T18:00:00"}).fields == ["start"]
    world.now = datetime(2027, 3, 20, tzinfo=UTC)
    event = world.hold(recurrence="FREQ=WEEKLY;COUNT=4")
    assert refused(world, "POST", f"{event}/occurrences", {"start": "2027-03-15T18:00:00"}).fields == ["end"]


# --- one date changed ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("patch", "start", "end"),
    [
        ({"start": "2027-03-19T09:30:00"}, "2027-03-19T09:30:00", "2027-03-19T11:00:00"),
        ({"end": "2027-03-19T12:00:00"}, SECOND, "2027-03-19T12:00:00"),
        ({"start": "2027-03-20T11:00:00", "duration": "PT30M"}, "2027-03-20T11:00:00", "2027-03-20T11:30:00"),
        ({"duration": "P1D"}, SECOND, "2027-03-20T09:00:00"),
    ],
)
def test_a_date_moves(world: World, choir: str, patch: dict[str, str], start: str, end: str) -> None:
    answer = world.call("PATCH", f"{choir}/occurrences/{SECOND}", patch)
    assert answer.status == 200, answer.raw
    assert (answer.body["start"], answer.body["end"], answer.body["moved"]) == (start, end, True)
    assert (answer.body["occurrence"], answer.headers["etag"]) == (SECOND, '"2"')


def test_null_makes_it_as_the_series_is(world: World, choir: str) -> None:
    date = f"{choir}/occurrences/{SECOND}"
    plain = world.call("GET", f"{choir}/occurrences").body["items"][1]
    mine = {
        "start": "2027-03-20T11:00:00",
        "end": "2027-03-20T12:00:00",
        "title": "A",
        "location": "B",
        "description": "C",
    }
    world.call("PATCH", date, mine)
    answer = world.call("PATCH", date, dict.fromkeys(mine))
    assert (answer.status, answer.body) == (200, plain)
    assert existing(world.store.reads.event(choir.split("/")[-1])).changes == ()


def test_what_is_as_the_series_has_it_is_no_change(world: World, choir: str) -> None:
    with unchanged(world.client):
        answer = world.call("PATCH", f"{choir}/occurrences/{SECOND}", {"title": "Choir", "start": SECOND})
        assert (answer.status, answer.headers["etag"]) == (200, '"1"')


BAD_PATCHES: list[tuple[str, dict[str, Any], str]] = [
    ("ends before it starts", {"start": "2027-03-19T12:00:00", "end": "2027-03-19T11:00:00"}, "end"),
    ("ends as it starts", {"start": "2027-03-20T09:00:00", "end": "2027-03-20T09:00:00"}, "end"),
    ("a day for a time", {"start": "2027-03-19", "end": "2027-03-19"}, "start"),
    ("with an offset", {"start": "2027-03-19T09:00:00+01:00"}, "start"),
    ("that the clock skips", {"start": "2027-03-28T02:30:00", "end": "2027-03-28T04:00:00"}, "start"),
    ("into the past", {"start": "2027-01-03T09:00:00", "end": "2027-01-03T10:00:00"}, "end"),
    ("no title", {"title": ""}, "title"),
    ("a title of two lines", {"title": "a\r\nb"}, "title"),
    ("another zone", {"time_zone": "Asia/Tokyo"}, "time_zone"),
    ("a status", {"status": "draft"}, "status"),
    ("two ends", {"end": "2027-03-19T12:00:00", "duration": "PT1H"}, "duration"),
]


@pytest.mark.parametrize(("patch", "field"), [bad[1:] for bad in BAD_PATCHES], ids=[bad[0] for bad in BAD_PATCHES])
def test_a_change_of_a_date_that_cannot_be_is_refused(
    world: World, choir: str, patch: dict[str, Any], field: str
) -> None:
    answer = refused(world, "PATCH", f"{choir}/occurrences/{SECOND}", patch)
    assert (answer.status, answer.fields) == (422, [field])


def test_changed_dates_have_only_so_much_text_of_their_own(world: World) -> None:
    event = world.hold(recurrence="FREQ=DAILY;COUNT=30")
    days = [one["occurrence"] for one in dates(world, event)]
    for number in range(12):
        answer = world.call("PATCH", f"{event}/occurrences/{days[number]}", {"description": f"{number}" + "x" * 7998})
        assert answer.status == 200, answer.raw
    answer = refused(world, "PATCH", f"{event}/occurrences/{days[12]}", {"description": "y" * 8000})
    assert (answer.status, answer.fields) == (422, ["description"])
    for number in range(24):
        world.call("POST", f"{event}/occurrences/{days[number]}/cancel", {"reason": "x" * 1000})
    answer = refused(world, "POST", f"{event}/occurrences/{days[24]}/cancel", {"reason": "x" * 1000})
    assert (answer.status, answer.fields) == (422, ["reason"])
    assert world.call("POST", f"{event}/occurrences/{days[24]}/cancel").status == 200


def test_the_sample_moves_a_date(world: World) -> None:
    series = event(rule=WEEKLY)
    create_event(world.store, series)
    answer = Answer(api.handler(sample("api-move-date"), CONTEXT))
    assert answer.status == 200, answer.raw
    assert (answer.body["start"], answer.body["moved"]) == ("2027-03-20T11:00:00", True)


# --- one date cancelled, and restored -----------------------------------------------------------------------------


def test_a_date_is_cancelled_and_restored_as_it_was(world: World, choir: str) -> None:
    date = f"{choir}/occurrences/{SECOND}"
    moved = world.call("PATCH", date, {"start": "2027-03-20T11:00:00", "end": "2027-03-20T12:00:00"}).body
    answer = world.call("POST", f"{date}/cancel", {"reason": "Ill."})
    assert (answer.status, answer.body) == (200, moved | {"status": "cancelled", "cancelled": True, "reason": "Ill."})
    again = world.call("POST", f"{date}/cancel", {"reason": "Another reason."})
    assert (again.status, again.body) == (200, answer.body), "cancelled once"
    restored = world.call("POST", f"{date}/restore")
    assert (restored.status, restored.body) == (200, moved)
    assert world.call("POST", f"{date}/restore").body == moved


def test_without_its_last_date_the_event_is_cancelled(world: World, choir: str) -> None:
    for name in (FIRST, THIRD, FOURTH):
        world.call("POST", f"{choir}/occurrences/{name}/cancel")
    assert world.call("GET", choir).body["status"] == "confirmed"
    answer = world.call("POST", f"{choir}/occurrences/{SECOND}/cancel", {"reason": "No more."})
    assert (answer.status, answer.body["status"], answer.body["reason"]) == (200, "cancelled", "No more.")
    assert world.call("GET", choir).body["status"] == "cancelled"
    assert refused(world, "POST", f"{choir}/occurrences/{SECOND}/restore").status == 409


# --- what is not there, is over, or is cancelled ------------------------------------------------------------------

WRITES = [
    ("PATCH", "", {"title": "X"}),
    ("POST", "/cancel", {"reason": "X"}),
    ("POST", "/restore", None),
]
NOT_THERE = [
    "2027-03-13T09:00:00",
    "2027-03-19T09:00:01",
    "2027-03-19",
    "2027-03-19T09:00:00Z",
    "2027-03-19T09:00:00+01:00",
    "2027-02-30T09:00:00",
    "x",
    "..",
    "T",
    "%00",
    "%ff%fe",
    "%2e%2e%2fevents",
    "2027-03-19T09:00:00%0d%0aX:1",
    "<script>",
    "9" * 900,
    "\u0661\u0662",
]


@pytest.mark.parametrize(("method", "what", "body"), WRITES, ids=["change", "cancel", "restore"])
@pytest.mark.parametrize("name", NOT_THERE)
def test_a_date_that_is_not_there_is_404(
    world: World, choir: str, method: str, what: str, body: Any, name: str
) -> None:
    assert refused(world, method, f"{choir}/occurrences/{name}{what}", body).status == 404


@pytest.mark.parametrize(
    "spelled", [SECOND, quote(SECOND), quote(SECOND, safe="").replace("%3A", "%3a"), "2027-03-19T09:00"]
)
def test_a_date_is_found_however_its_name_is_encoded(world: World, choir: str, spelled: str) -> None:
    answer = world.call("PATCH", f"{choir}/occurrences/{spelled}", {"title": "Concert"})
    assert (answer.status, answer.body["occurrence"]) == (200, SECOND)


@pytest.mark.parametrize(("method", "what", "body"), WRITES, ids=["change", "cancel", "restore"])
def test_a_date_that_is_over_is_left_alone(world: World, choir: str, method: str, what: str, body: Any) -> None:
    world.now = datetime(2027, 3, 19, 9, 30, tzinfo=UTC)
    assert refused(world, method, f"{choir}/occurrences/{SECOND}{what}", body).status == 409
    world.now -= timedelta(seconds=1)
    assert world.call(method, f"{choir}/occurrences/{SECOND}{what}", body).status == 200


@pytest.mark.parametrize("over", [False, True])
def test_a_cancelled_or_past_series_is_left_alone(world: World, choir: str, over: bool) -> None:
    if over:
        world.now = datetime(2027, 4, 3, tzinfo=UTC)
    else:
        world.call("POST", f"{choir}/cancel")
    for method, what, body in WRITES:
        assert refused(world, method, f"{choir}/occurrences/{FOURTH}{what}", body).status == 409
    assert refused(world, "POST", f"{choir}/occurrences", {"start": "2027-04-10T09:00:00"}).status == 409
    assert refused(world, "POST", f"{choir}/split", {"from": SECOND}).status == 409
    assert refused(world, "POST", f"{choir}/preview", {"cancel": True}).status == 409


def test_the_only_date_is_changed_with_its_event(world: World) -> None:
    event = world.hold()
    assert refused(world, "PATCH", f"{event}/occurrences/{FIRST}", {"title": "X"}).status == 409


# --- versions, repetitions ----------------------------------------------------------------------------------------


def test_every_write_takes_if_match(world: World, choir: str) -> None:
    moved = {"start": "2027-03-20T09:00:00", "end": "2027-03-20T10:00:00"}
    for number, (method, path, body) in enumerate(
        [
            ("PATCH", f"occurrences/{SECOND}", moved),
            ("POST", f"occurrences/{THIRD}/cancel", None),
            ("POST", f"occurrences/{THIRD}/restore", None),
            ("POST", "occurrences", {"start": "2027-03-30T09:00:00"}),
            ("POST", "split", {"from": FOURTH}),
        ],
        start=1,
    ):
        assert refused(world, method, f"{choir}/{path}", body, if_match=f'"{number + 1}"').status == 412
        assert world.call(method, f"{choir}/{path}", body, if_match=f'"{number}"').status in (200, 201)


def repeated(world: World, path: str, body: Any) -> tuple[Answer, Answer]:
    first = world.call("POST", path, body, idempotency_key="k")
    with unchanged(world.client):
        again = world.call("POST", path, body, idempotency_key="k")
    assert "idempotent-replayed" not in first.headers
    assert again.headers["idempotent-replayed"] == "true"
    return first, again


@pytest.mark.parametrize(
    ("what", "body"),
    [
        ("occurrences", {"start": "2027-03-30T09:00:00"}),
        (f"occurrences/{SECOND}/cancel", {"reason": "Ill."}),
        (f"occurrences/{SECOND}/restore", None),
    ],
)
def test_a_repeated_request_is_granted_once_and_shows_the_date(world: World, choir: str, what: str, body: Any) -> None:
    first, again = repeated(world, f"{choir}/{what}", body)
    assert (again.status, again.body) == (first.status, first.body)
    assert again.headers["etag"] == first.headers["etag"]


def test_a_repeated_split_shows_the_new_event(world: World, choir: str) -> None:
    first, again = repeated(world, f"{choir}/split", {"from": THIRD})
    assert (first.status, again.status) == (201, 201)
    assert again.body == first.body
    assert len(world.call("GET", "/events").body["items"]) == 2


def test_a_key_stands_for_one_body(world: World, choir: str) -> None:
    world.call("POST", f"{choir}/split", {"from": THIRD}, idempotency_key="k")
    answer = refused(world, "POST", f"{choir}/split", {"from": SECOND}, idempotency_key="k")
    assert (answer.status, answer.fields) == (422, ["Idempotency-Key"])


def test_a_date_changed_by_two_at_once_has_both_changes(
    world: World, choir: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    date, change = f"{choir}/occurrences/{SECOND}", patches.date_changed
    calls = 0

    def meanwhile(*given: Any) -> DateChange:
        nonlocal calls
        calls += 1
        if calls == 1:
            assert world.call("PATCH", date, {"location": "Hall"}).status == 200
        return change(*given)

    monkeypatch.setattr(occurrences, "date_changed", meanwhile)
    answer = world.call("PATCH", date, {"title": "Concert"})
    assert (answer.body["title"], answer.body["location"]) == ("Concert", "Hall")


def test_a_series_of_which_a_change_leaves_only_dates_that_are_over_is_to_be_cancelled_instead(
    world: World, choir: str
) -> None:
    world.call("POST", f"{choir}/occurrences/{THIRD}/cancel")
    world.now = datetime(2027, 3, 20, tzinfo=UTC)
    for rule in ("FREQ=WEEKLY;COUNT=3", "FREQ=WEEKLY;COUNT=2"):
        for method, path, body in (
            ("PATCH", choir, {"recurrence": rule}),
            ("POST", f"{choir}/preview", {"recurrence": rule}),
        ):
            answer = refused(world, method, path, body)
            assert (answer.status, answer.fields) == (422, ["recurrence"])
            assert "leaves no date to come: cancel the event instead" in answer.body["detail"]
    world.call("POST", f"{choir}/occurrences/{FOURTH}/cancel")
    assert world.call("PATCH", choir, {"title": "Quire"}).status == 200, "its dates are as they were"


# --- split --------------------------------------------------------------------------------------------------------


def test_a_split_answers_the_new_event(world: World, choir: str) -> None:
    world.call("PATCH", f"{choir}/occurrences/{SECOND}", {"title": "Rehearsal"})
    world.call("POST", f"{choir}/occurrences/{FOURTH}/cancel", {"reason": "Taken."})
    world.register(choir)
    body = {"from": THIRD, "start": "2027-03-26T18:00:00", "end": "2027-03-26T19:00:00", "title": "Concerts"}
    answer = world.call("POST", f"{choir}/split", body)
    assert answer.status == 201, answer.raw
    new = f"/events/{answer.body['event_id']}"
    assert (answer.headers["location"], answer.headers["etag"]) == (f"/v1{new}", '"1"')
    assert (answer.body["title"], answer.body["recurrence"]) == ("Concerts", "FREQ=WEEKLY;COUNT=2")
    assert (answer.body["registered"], answer.body["location"]) == (1, "Dom")

    assert [(one["occurrence"], one["title"]) for one in dates(world, choir)] == [
        (FIRST, "Choir"),
        (SECOND, "Rehearsal"),
    ]
    assert [(one["occurrence"], one["status"], one["reason"]) for one in dates(world, new)] == [
        ("2027-03-26T18:00:00", "confirmed", ""),
        ("2027-04-02T18:00:00", "cancelled", "Taken."),
    ]
    old = world.call("GET", choir)
    assert (old.body["recurrence"], old.headers["etag"]) == ("FREQ=WEEKLY;UNTIL=20270319T080000Z", '"4"')


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({}, "from"),
        ({"from": FIRST}, "from"),
        ({"from": "2027-03-27T09:00:00"}, "from"),
        ({"from": "x"}, "from"),
        ({"from": THIRD, "end": "2027-03-26T08:00:00"}, "end"),
        ({"from": THIRD, "recurrence": "FREQ=WEEKLY"}, "recurrence"),
        ({"from": THIRD, "start": "2027-01-02T09:00:00", "end": "2027-01-02T10:00:00", "recurrence": None}, "end"),
        ({"from": THIRD, "title": ""}, "title"),
        ({"from": THIRD, "to": FOURTH}, "to"),
    ],
)
def test_a_split_that_cannot_be_is_refused(world: World, choir: str, body: dict[str, Any], field: str) -> None:
    answer = refused(world, "POST", f"{choir}/split", body)
    assert (answer.status, answer.fields) == (422, [field])


def test_a_split_leaves_a_date_that_takes_place_on_either_side(world: World, choir: str) -> None:
    world.call("POST", f"{choir}/occurrences/{FIRST}/cancel")
    world.call("POST", f"{choir}/occurrences/{FOURTH}/cancel")
    assert refused(world, "POST", f"{choir}/split", {"from": SECOND}).fields == ["from"]
    assert refused(world, "POST", f"{choir}/split", {"from": FOURTH}).fields == ["from"]
    world.now = datetime(2027, 3, 27, tzinfo=UTC)
    assert refused(world, "POST", f"{choir}/split", {"from": THIRD}).fields == ["from"], "it is over"


def test_while_people_are_copied_nobody_else_registers_and_nothing_is_split(
    world: World, choir: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    world.register(choir)
    monkeypatch.setattr(context, "start_transfer", lambda _: None)
    new = world.call("POST", f"{choir}/split", {"from": SECOND}).body["event_id"]
    dan = {"name": "Dan", "email": "dan@example.net"}
    for path, body in ((f"/events/{new}/registrations", dan), (f"/events/{new}/split", {"from": THIRD})):
        answer = refused(world, "POST", path, body, idempotency_key="k")
        assert (answer.status, answer.headers["retry-after"]) == (503, "60")
        assert "still being copied" in answer.body["detail"]

    split_transfer.transfer_batch(world.store, new, now=world.now)
    assert world.call("POST", f"/events/{new}/registrations", dan, idempotency_key="k").status == 201
    assert world.call("POST", f"/events/{new}/split", {"from": THIRD}, idempotency_key="k").status == 201


@pytest.mark.parametrize(("error", "told"), [(KeyError("bo@example.net"), 1), (dynamo.Contention("busy"), 0)])
def test_a_split_is_answered_as_any_other_where_somebody_cannot_be_copied_at_once(
    world: World,
    choir: str,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    capsys: pytest.CaptureFixture[str],
    error: Exception,
    told: int,
) -> None:
    monkeypatch.setenv("POWERTOOLS_METRICS_NAMESPACE", "Convoke")
    caplog.set_level("INFO")
    world.register(choir)
    with monkeypatch.context() as failing:
        failing.setattr(split_transfer, "_store_copy", Mock(side_effect=error))
        answer = world.call("POST", f"{choir}/split", {"from": SECOND})
    assert answer.status == 201
    assert "location" in answer.headers
    assert caplog.messages.count("left to the sweeper") == 1
    counted = capsys.readouterr().out.count('"Name":"RecordFailed"')
    assert (caplog.messages.count("record failed"), counted) == (told, told)
    assert not any("bo@example.net" in str(vars(record)) for record in caplog.records)
    split_transfer.transfer_batch(world.store, answer.body["event_id"], now=world.now)
    (page,) = everybody(world, f"/events/{answer.body['event_id']}/registrations")
    assert [one["email"] for one in page] == ["bo@example.net"]


# --- registrations for some dates ---------------------------------------------------------------------------------


def test_who_registers_for_some_dates_is_answered_with_them(world: World, choir: str) -> None:
    person = world.register(choir, occurrences=[THIRD, SECOND, THIRD])
    assert world.call("GET", person).body["occurrences"] == [SECOND, THIRD]
    assert world.call("GET", world.register(choir, "cleo@example.net")).body["occurrences"] is None
    answer = world.call("PATCH", person, {"occurrences": [FOURTH]})
    assert (answer.status, answer.body["occurrences"]) == (200, [FOURTH])
    assert world.call("PATCH", person, {"occurrences": None}).body["occurrences"] is None


def test_they_are_shown_by_the_names_that_they_have_now(world: World, choir: str) -> None:
    person = world.register(choir, occurrences=[SECOND, FOURTH])
    world.call("PATCH", choir, {"start": "2027-03-12T10:00:00", "end": "2027-03-12T11:00:00"})
    assert world.call("GET", person).body["occurrences"] == ["2027-03-19T10:00:00", "2027-04-02T10:00:00"]
    world.call("PATCH", choir, {"recurrence": "FREQ=WEEKLY;COUNT=3"})
    assert world.call("GET", person).body["occurrences"] == ["2027-03-19T10:00:00"]


@pytest.mark.parametrize(
    ("chosen", "field"),
    [
        ([], "occurrences"),
        ([SECOND, "2027-03-20T09:00:00"], "occurrences.1"),
        ([SECOND[:10]], "occurrences.0"),
        (["x"], "occurrences.0"),
        ([5], "occurrences.0"),
        ([FIRST], "occurrences.0"),
        ([SECOND, THIRD], "occurrences.1"),
        ([SECOND] * 401, "occurrences"),
        (SECOND, "occurrences"),
    ],
)
def test_dates_that_nobody_can_come_to_are_refused(world: World, choir: str, chosen: Any, field: str) -> None:
    """The first is over, and the third is cancelled."""
    world.call("POST", f"{choir}/occurrences/{THIRD}/cancel")
    person = world.register(choir)
    world.now = datetime(2027, 3, 13, tzinfo=UTC)
    new = {"name": "Dan", "email": "dan@example.net", "occurrences": chosen}
    for answer in (
        refused(world, "POST", f"{choir}/registrations", new),
        refused(world, "PATCH", person, {"occurrences": chosen}),
    ):
        assert (answer.status, answer.fields) == (422, [field])


def test_a_single_event_has_no_dates_to_choose(world: World) -> None:
    event = world.hold()
    new = {"name": "Dan", "email": "dan@example.net", "occurrences": [FIRST]}
    assert refused(world, "POST", f"{event}/registrations", new).fields == ["occurrences"]


def test_dates_that_have_ended_are_listed_apart(world: World, choir: str) -> None:
    world.now = datetime(2027, 3, 20, tzinfo=UTC)

    def names_of(over: str, **query: str) -> list[str]:
        answer = world.call("GET", f"{choir}/occurrences", query={"over": over, **query})
        assert answer.status == 200, answer.raw
        return [one["occurrence"] for one in answer.body["items"]]

    assert names_of("true") == [FIRST, SECOND]
    assert names_of("false") == [THIRD, FOURTH]
    assert names_of("false", limit="1") == [THIRD]
    part = world.call("GET", f"{choir}/occurrences", query={"over": "false", "limit": "1"}).body["next"]
    assert names_of("false", cursor=part) == [FOURTH]
    assert world.call("GET", f"{choir}/occurrences", query={"over": "perhaps"}).status == 422


# --- preview ------------------------------------------------------------------------------------------------------

HOSTILE = {
    "title": "_your_personal_link_ =?utf-8?q?=0A?= <b>\u05e9\u05dc\u05d5\u05dd</b> %(x)s",
    "description": "a\n_your_personal_link_\nb",
}
CHANGES: list[tuple[str, dict[str, Any], tuple[str, str, Any]]] = [
    ("a title", {"title": "Quire"}, ("PATCH", "", {"title": "Quire"})),
    ("nothing", {"title": "Choir"}, ("PATCH", "", {"title": "Choir"})),
    (
        "a move",
        {"start": "2027-03-12T10:00:00", "end": "2027-03-12T11:00:00"},
        ("PATCH", "", {"start": "2027-03-12T10:00:00", "end": "2027-03-12T11:00:00"}),
    ),
    ("a place", {"location": "Hall"}, ("PATCH", "", {"location": "Hall"})),
    ("a longer rule", {"recurrence": "FREQ=WEEKLY;COUNT=6"}, ("PATCH", "", {"recurrence": "FREQ=WEEKLY;COUNT=6"})),
    ("a shorter rule", {"recurrence": "FREQ=WEEKLY;COUNT=2"}, ("PATCH", "", {"recurrence": "FREQ=WEEKLY;COUNT=2"})),
    (
        "another rule",
        {"recurrence": "FREQ=WEEKLY;INTERVAL=2;COUNT=3"},
        ("PATCH", "", {"recurrence": "FREQ=WEEKLY;INTERVAL=2;COUNT=3"}),
    ),
    ("a draft", {"status": "draft"}, ("PATCH", "", {"status": "draft"})),
    ("the end of it", {"cancel": True}, ("POST", "/cancel", {})),
    (
        "the end of it, with a reason",
        {"cancel": True, "reason": "The hall burnt <down>. 中文"},
        ("POST", "/cancel", {"reason": "The hall burnt <down>. 中文"}),
    ),
    ("a hostile title", HOSTILE, ("PATCH", "", HOSTILE)),
    (
        "what nobody is told of",
        {"description": "Words", "notify": "none"},
        ("PATCH", "", {"description": "Words", "notify": "none"}),
    ),
    ("a date's title", {"occurrence": SECOND, "title": "X"}, ("PATCH", f"/occurrences/{SECOND}", {"title": "X"})),
    (
        "a date's time",
        {"occurrence": FOURTH, "end": "2027-04-02T11:00:00"},
        ("PATCH", f"/occurrences/{FOURTH}", {"end": "2027-04-02T11:00:00"}),
    ),
    ("a date less", {"occurrence": SECOND, "cancel": True}, ("POST", f"/occurrences/{SECOND}/cancel", {})),
    (
        "a date less, and why",
        {"occurrence": SECOND, "cancel": True, "reason": "Storm"},
        ("POST", f"/occurrences/{SECOND}/cancel", {"reason": "Storm"}),
    ),
    (
        "a date that is cancelled already, and why",
        {"occurrence": THIRD, "cancel": True, "reason": "Storm"},
        ("POST", f"/occurrences/{THIRD}/cancel", {"reason": "Storm"}),
    ),
    (
        "the end of it, and why",
        {"cancel": True, "reason": "Storm"},
        ("POST", "/cancel", {"reason": "Storm"}),
    ),
    ("a date again", {"occurrence": THIRD, "restore": True}, ("POST", f"/occurrences/{THIRD}/restore", {})),
    (
        "a date more",
        {"add": {"start": "2027-03-30T18:00:00"}},
        ("POST", "/occurrences", {"start": "2027-03-30T18:00:00"}),
    ),
    ("a split", {"split": {"from": SECOND}}, ("POST", "/split", {"from": SECOND})),
    (
        "a split that moves",
        {"split": {"from": FOURTH, "start": "2027-04-03T09:00:00", "end": "2027-04-03T10:00:00"}},
        ("POST", "/split", {"from": FOURTH, "start": "2027-04-03T09:00:00", "end": "2027-04-03T10:00:00"}),
    ),
]


_told: list[tuple[str, Delivery, dict[str, Any]]] = []


@pytest.fixture
def told(world: World) -> tuple[str, Delivery]:
    """A series of which people have been told, made once; each test has tables of its own with it."""
    if not _told:
        choir, delivery = series_that_was_told(world)
        _told.append((choir, delivery, copy.deepcopy(tables_of(world.client))))
    choir, delivery, stored = _told[0]
    tables_of(world.client).update(copy.deepcopy(stored))
    world.now = delivery.now
    return choir, delivery.copied()


def series_that_was_told(world: World) -> tuple[str, Delivery]:
    """Five people have been told of a series with a moved and a cancelled date: two of them come to some dates only,
    one has withdrawn.
    """
    choir = world.hold(**CHOIR)
    world.call("PATCH", f"{choir}/occurrences/{SECOND}", {"start": "2027-03-20T11:00:00", "end": "2027-03-20T12:00:00"})
    world.call("POST", f"{choir}/occurrences/{THIRD}/cancel")
    world.register(choir, "bo@example.net")
    world.register(choir, "cleo@example.net")
    world.register(choir, "dan@example.net", occurrences=[SECOND])
    world.register(choir, "eve@example.net", occurrences=[FOURTH])
    gone = world.register(choir, "finn@example.net")
    delivery = Delivery(world.client)
    delivery.settle()
    world.now = delivery.now
    world.call("DELETE", gone)
    delivery.settle()
    world.now = delivery.now
    assert len(delivery.sent) == 2 + 2 + 1 + 1 + 3
    return choir, delivery


@pytest.mark.parametrize(
    ("preview", "change"), [change[1:] for change in CHANGES], ids=[change[0] for change in CHANGES]
)
def test_what_a_preview_foresees_is_what_is_sent(
    world: World, told: tuple[str, Delivery], preview: dict[str, Any], change: tuple[str, str, Any]
) -> None:
    foreseen_is_sent(world, *told, preview, change)


def test_what_a_preview_of_reopening_foresees_is_what_is_sent(world: World, told: tuple[str, Delivery]) -> None:
    choir, delivery = told
    assert refused(world, "POST", f"{choir}/preview", {"reopen": {}}).body["code"] == "conflict"
    world.call("POST", f"{choir}/cancel", {"reason": "Ill."})
    delivery.settle()
    assert refused(world, "POST", f"{choir}/preview", {"title": "X"}).body["code"] == "event_cancelled"
    assert refused(world, "POST", f"{choir}/preview", {"reopen": {"occurrences": ["x"]}}).fields == ["occurrences.0"]
    assert refused(world, "POST", f"{choir}/preview", {"reopen": {}, "cancel": True}).fields == ["cancel"]
    body = {"occurrences": [THIRD]}
    foreseen_is_sent(world, choir, delivery, {"reopen": body}, ("POST", "/reopen", body))


def test_what_a_preview_foresees_for_who_waits_is_what_is_sent(world: World) -> None:
    choir = world.hold(title="Choir", approval=True)
    world.register(choir, "bo@example.net", name="Bo Ek", language="de")
    world.register(choir, "cy@example.net", approved=True)
    delivery = Delivery(world.client)

    def foreseen(preview: dict[str, Any], path: str, body: dict[str, Any]) -> dict[str, Any]:
        seen = world.call("POST", f"{choir}/preview", preview).body
        sent = len(delivery.notifications)
        assert world.call("POST", f"{choir}{path}", body).status == 200
        minutes(delivery)
        world.now = delivery.now
        [one] = delivery.notifications[sent:]
        [example] = [one for one in seen["examples"] if one["kind"] == "waits"]
        subject, text = as_read(one.mail)
        [mail] = example["mails"]
        assert (mail["method"], mail["to"], mail["subject"]) == (None, {"name": "", "email": "bo@example.net"}, subject)
        assert mail["text"] == re.sub(r"http\S+", "_your_personal_link_", text)
        assert example["messages"] == [subject]
        return {name: seen[name] for name in ("cancel", "invite", "waits", "none", "messages")}

    minutes(delivery)
    nobody = {"cancel": 0, "invite": 0, "waits": 1, "none": 0, "messages": 2}
    reason = {"reason": "The hall is <flooded>."}
    assert foreseen({"cancel": True, **reason}, "/cancel", reason) == {**nobody, "cancel": 1}
    assert foreseen({"reopen": {}}, "/reopen", {}) == {**nobody, "invite": 1}


def minutes(delivery: Delivery) -> None:
    """Some minutes, before the organizer is mailed who waits."""
    for _ in range(4):
        delivery.pass_time(minutes=1)
        delivery.sweep()


def foreseen_is_sent(
    world: World, choir: str, told: Delivery, preview: dict[str, Any], change: tuple[str, str, Any]
) -> None:
    """Five people are sent just what the preview shows, to the letter, but for the personal link."""
    before = everything(world.client)
    seen = world.call("POST", f"{choir}/preview", preview)
    assert seen.status == 200, seen.raw
    assert everything(world.client) == before, "nothing is written"
    assert told.queue == []

    sent = len(told.sent)
    method, path, body = change
    assert world.call(method, f"{choir}{path}", body).status in (200, 201)
    told.settle()
    mails: dict[str, list[str]] = {}
    read = []
    for rendered in told.sent[sent:]:
        mail = read_mail(rendered.rendered.mail)
        mails.setdefault(rendered.intent.calendar_state.recipient, []).append(str(mail["Subject"]))
        read.append((str(mail["To"].addresses[0].addr_spec), *as_read(rendered.rendered.mail)))
    kinds = ("update", "ask_again", "cancel", "invite", "none")
    print(f"{seen.body['messages']} messages: " + ", ".join(f"{kind} {seen.body[kind]}" for kind in kinds))
    assert seen.body["messages"] == sum(map(len, mails.values()))
    assert sum(seen.body[kind] for kind in kinds) == 5
    assert seen.body["none"] == 5 - len(mails)
    subjects = sorted(sorted(example["messages"]) for example in seen.body["examples"])
    assert subjects == sorted(map(sorted, mails.values()))
    shown = [mail for example in seen.body["examples"] for mail in example["mails"]]
    assert sorted((mail["to"]["email"], mail["subject"], mail["text"]) for mail in shown) == sorted(read)


def as_read(raw: bytes) -> tuple[str, str]:
    """The subject and the plain text of a mail."""
    fields = dict(header_fields.fields(raw.partition(b"\r\n\r\n")[0] + b"\r\n"))
    return header_fields.text_of(fields["Subject"]), plain_text_of(raw)


def test_the_kinds_are_told_apart(world: World, told: tuple[str, Delivery]) -> None:
    choir, _ = told

    def kinds(**preview: Any) -> dict[str, int]:
        answer = world.call("POST", f"{choir}/preview", preview).body
        return {kind: answer[kind] for kind in ("update", "ask_again", "cancel", "invite", "none") if answer[kind]}

    assert kinds(title="Quire") == {"update": 4, "none": 1}
    assert kinds(location="Hall") == {"ask_again": 4, "none": 1}
    assert kinds(recurrence="FREQ=WEEKLY;COUNT=6") == {"update": 2, "none": 3}
    assert kinds(cancel=True) == {"cancel": 4, "none": 1}
    assert kinds(occurrence=FOURTH, cancel=True) == {"update": 2, "cancel": 1, "none": 2}
    assert kinds(split={"from": FOURTH}) == {"invite": 3, "none": 2}


BAD_PREVIEWS: list[tuple[dict[str, Any], int, list[str]]] = [
    ({"reason": "Ill."}, 422, ["reason"]),
    ({"occurrence": SECOND, "restore": True, "reason": "Ill."}, 422, ["reason"]),
    ({"location": "Hall", "notify": "none"}, 422, ["notify"]),
    ({"reopen": {}}, 409, []),
    ({"reopen": True}, 422, ["reopen"]),
    ({"cancel": True, "title": "X"}, 422, ["title"]),
    ({"cancel": False}, 422, ["cancel"]),
    ({"occurrence": "2027-03-13T09:00:00", "title": "X"}, 404, []),
    ({"occurrence": SECOND, "capacity": 5}, 422, ["capacity"]),
    ({"occurrence": SECOND, "restore": True, "title": "X"}, 422, ["title"]),
    ({"restore": True}, 422, ["restore"]),
    ({"reason": "Storm"}, 422, ["reason"]),
    ({"occurrence": SECOND, "reason": "Storm"}, 422, ["reason"]),
    ({"occurrence": SECOND, "restore": True, "reason": "Storm"}, 422, ["reason"]),
    ({"occurrence": SECOND, "cancel": True, "reason": "x" * 1001}, 422, ["reason"]),
    ({"occurrence": SECOND, "start": "2020-03-19T09:00:00"}, 422, ["end"]),
    ({"add": {"start": SECOND}}, 422, ["start"]),
    ({"add": {"start": "2027-03-30T18:00:00"}, "title": "X"}, 422, ["title"]),
    ({"split": {"from": FIRST}}, 422, ["from"]),
    ({"split": {"from": SECOND}, "cancel": True}, 422, ["cancel"]),
    ({"start": "2027-03-12T12:00:00", "end": "2027-03-12T10:30:00"}, 422, ["end"]),
    ({"recurrence": "FREQ=WEEKLY"}, 422, ["recurrence"]),
    ({"colour": "red"}, 422, ["colour"]),
]


@pytest.mark.parametrize(("body", "status", "fields"), BAD_PREVIEWS, ids=[json.dumps(bad[0]) for bad in BAD_PREVIEWS])
def test_what_cannot_be_done_cannot_be_looked_at(
    world: World, choir: str, body: dict[str, Any], status: int, fields: list[str]
) -> None:
    answer = refused(world, "POST", f"{choir}/preview", body)
    assert (answer.status, answer.fields) == (status, fields)
