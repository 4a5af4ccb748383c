"""The HTTP API: events, lists, repeated requests, who may, and what is documented."""

from __future__ import annotations

import io
import json
import re
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError

import api
import authorize
from convoke.decision import fingerprints
from convoke.decision.attention import Attention, AttentionKind, AttentionReason, Unreached
from convoke.effects import StoreUnreached
from convoke.registrations import events
from convoke.store import dynamo, keys
from convoke.web import application, context, problems, registrations
from convoke.web import events as routes_of_events
from tests.caller import BO, CONTEXT, PARTY, Answer, World, a_caller, everybody, routes
from tests.deployment import sample
from tests.factories import NOW, existing
from tests.fixtures import patching_fixture_of
from tests.tables import SETTINGS, everything, unchanged

NOBODY = {"told": 0, "of": 0}
"""How far a change is told that nobody has to be told of."""


world = patching_fixture_of(a_caller)


@pytest.fixture
def logged(monkeypatch: pytest.MonkeyPatch) -> io.StringIO:
    """Whatever the function logs."""
    stream = io.StringIO()
    monkeypatch.setattr(context.logger.registered_handler, "stream", stream)
    return stream


# --- events -------------------------------------------------------------------------------------------------------


def test_an_event_is_answered_as_it_was_given_with_what_we_know_besides(world: World) -> None:
    full = PARTY | {
        "description": "Bring\r\ncake  ",
        "location": "Köln",
        "url": "https://example.org/party",
        "conference": {"label": "Join", "uri": "https://example.org/join"},
        "reminders": ["PT90M", "P1D"],
        "capacity": 100,
        "release_on_decline": True,
        "status": "tentative",
        "public": True,
        "confirm_address": False,
        "guests": 3,
        "language": "de-AT",
        "questions": [
            {"question_id": "food", "text": "Soup?", "kind": "yes-no", "choices": [], "required": True},
            {"question_id": "way", "text": "How?", "kind": "choice", "choices": ["Bus", "Rail"], "required": False},
        ],
    }
    answer = world.call("POST", "/events", full)
    event_id = answer.body["event_id"]
    assert answer.status == 201
    assert answer.headers["location"] == f"/v1/events/{event_id}"
    assert answer.headers["etag"] == '"1"'
    assert answer.body == full | {
        "description": "Bring\ncake",
        "reminders": ["PT1H30M", "P1D"],
        "recurrence": None,
        "page": f"https://pages.convoke.example.com/v1/e/{event_id}",
        "external_id": None,
        "metadata": {},
        "source": None,
        "dropped": [],
        "attention": [],
        "attention_count": 0,
        "next_date": {"start": PARTY["start"], "end": PARTY["end"]},
        "reason": "",
        "approval": False,
        "pending": 0,
        "telling": None,
        "told_at": None,
        "event_id": event_id,
        "version": 1,
        "registered": 0,
        "held": 0,
        "waiting": 0,
        "created_at": "2027-01-15T12:00:00.000000Z",
        "updated_at": "2027-01-15T12:00:00.000000Z",
    }
    assert re.fullmatch("[0-9a-z]{26}", event_id)
    read = world.call("GET", f"/events/{event_id}")
    assert (read.status, read.body, read.headers["etag"]) == (200, answer.body, '"1"')


def test_tabs_and_marks_of_direction_are_text(world: World) -> None:
    arabic = "\u200fלקרוא ביחד\u200f (A\u200e-1\u200e)\u061c"
    event = world.call(
        "GET", world.hold(title=f"{arabic}\there\t", location=f"a\t{arabic}", description=f"a\tb\n\t{arabic}")
    )
    assert event.body["title"] == f"{arabic} here"
    assert event.body["location"] == f"a {arabic}"
    assert event.body["description"] == f"a\tb\n\t{arabic}"
    person = world.register(f"/events/{event.body['event_id']}", name=f"{arabic}\tEk")
    assert world.call("GET", person).body["name"] == f"{arabic} Ek"


def test_null_is_as_good_as_absent_in_a_new_event(world: World) -> None:
    event = world.call("GET", world.hold(capacity=None, conference=None, url=None, recurrence=None))
    assert (event.body["capacity"], event.body["conference"], event.body["url"]) == (None, None, "")


BAD_EVENTS: list[tuple[str, dict[str, Any], str]] = [
    ("no title", {"title": None}, "title"),
    ("an empty title", {"title": "   "}, "title"),
    ("a long title", {"title": "x" * 256}, "title"),
    ("a title that is a number", {"title": 5}, "title"),
    ("a line break in the title", {"title": "Party\r\nATTENDEE:mailto:x@example.org"}, "title"),
    ("nothing but a mark of direction", {"title": "\u200f "}, "title"),
    ("nothing but a space of no width", {"title": "\u200b"}, "title"),
    ("nothing but a soft hyphen", {"title": "\u00ad \u00ad"}, "title"),
    ("nothing but a filler", {"title": "\u3164"}, "title"),
    ("nothing but a byte order mark", {"organizer": {"name": "\ufeff", "email": "a@example.org"}}, "organizer.name"),
    ("a mark of direction in a zone", {"time_zone": "Europe/Berlin\u200e"}, "time_zone"),
    ("a mark of direction in a link", {"url": "https://example.org/\u200f"}, "url"),
    ("a tab in an address", {"organizer": {"name": "A", "email": "a\t@example.org"}}, "organizer.email"),
    ("an isolate", {"title": "a\u2067b"}, "title"),
    ("a C1 control", {"title": "a\x85b"}, "title"),
    ("a line separator", {"title": "a\u2028b"}, "title"),
    ("a direction override", {"title": "a\u202eb"}, "title"),
    ("half a character", {"title": "a\ud800b"}, "title"),
    ("a bell in the description", {"description": "ding\x07"}, "description"),
    ("a long description", {"description": "x" * 8001}, "description"),
    ("a line break in the location", {"location": "a\nb"}, "location"),
    ("an unknown field", {"titel": "Party"}, "titel"),
    ("an unknown field within", {"organizer": {"name": "A", "email": "a@example.org", "role": "x"}}, "organizer.role"),
    ("no organizer", {"organizer": None}, "organizer"),
    ("an organizer who is a string", {"organizer": "ada@example.org"}, "organizer"),
    ("an organizer without an address", {"organizer": {"name": "Ada"}}, "organizer.email"),
    ("an organizer with two addresses", {"organizer": {"name": "A", "email": "a@b.org,c@d.org"}}, "organizer.email"),
    ("a header in an address", {"organizer": {"name": "A", "email": "a@example.org\r\nBcc: x"}}, "organizer.email"),
    ("an unknown zone", {"time_zone": "Europe/Atlantis"}, "time_zone"),
    ("a zone of the machine", {"time_zone": "localtime"}, "time_zone"),
    ("a path for a zone", {"time_zone": "../../etc/passwd"}, "time_zone"),
    ("no zone", {"time_zone": None}, "time_zone"),
    ("an offset", {"start": "2027-03-12T09:00:00+01:00"}, "start"),
    ("a Z", {"start": "2027-03-12T09:00:00Z"}, "start"),
    ("words for a time", {"start": "tomorrow"}, "start"),
    ("a day that is none", {"start": "2027-02-30T09:00:00"}, "start"),
    ("a time that the clock skips", {"start": "2027-03-28T02:30:00", "end": "2027-03-28T04:00:00"}, "start"),
    ("an end that the clock skips", {"start": "2027-03-28T01:30:00", "end": "2027-03-28T02:30:00"}, "end"),
    ("an end before the start", {"end": "2027-03-12T08:00:00"}, "end"),
    ("an end at the start", {"end": PARTY["start"]}, "end"),
    ("no end", {"end": None}, "end"),
    ("an end and a duration", {"duration": "PT1H"}, "duration"),
    ("words for a duration", {"end": None, "duration": "an hour"}, "duration"),
    ("no duration at all", {"end": None, "duration": "PT0S"}, "duration"),
    ("a duration of ages", {"end": None, "duration": "P99999D"}, "duration"),
    ("a date and a time", {"end": "2027-03-12"}, "end"),
    ("a time and a date", {"start": "2027-03-12"}, "end"),
    ("a duration of whole days", {"start": "2027-03-12", "end": None, "duration": "P2D"}, "duration"),
    ("an event that is over", {"start": "2027-01-15T09:00:00", "end": "2027-01-15T10:00:00"}, "end"),
    ("a link to a script", {"url": "javascript:alert(1)"}, "url"),
    ("a link to nowhere", {"url": "https://"}, "url"),
    ("a conference without a link", {"conference": {"label": "Join"}}, "conference.uri"),
    ("a conference by mail", {"conference": {"uri": "mailto:a@example.org"}}, "conference.uri"),
    ("six reminders", {"reminders": ["PT1M"] * 6}, "reminders"),
    ("a reminder too early", {"reminders": ["PT5M", "P29D"]}, "reminders.1"),
    ("a reminder after the start", {"reminders": ["-PT5M"]}, "reminders.0"),
    ("room for nobody", {"capacity": 0}, "capacity"),
    ("room for too many", {"capacity": 1_000_001}, "capacity"),
    ("a capacity in words", {"capacity": "5"}, "capacity"),
    ("a capacity that is a truth", {"capacity": True}, "capacity"),
    ("a truth in words", {"release_on_decline": "yes"}, "release_on_decline"),
    ("a truth that is a number", {"release_on_decline": 1}, "release_on_decline"),
    ("a public event in words", {"public": "yes"}, "public"),
    ("guests in words", {"guests": "2"}, "guests"),
    ("guests that are a truth", {"guests": True}, "guests"),
    ("fewer guests than none", {"guests": -1}, "guests"),
    ("too many guests", {"guests": 11}, "guests"),
    ("a language in words", {"language": "German, please"}, "language"),
    ("a question that is text", {"questions": ["Soup?"]}, "questions.0"),
    ("a question without a text", {"questions": [{"kind": "text"}]}, "questions.0.text"),
    ("a question of nothing", {"questions": [{"text": " "}]}, "questions.0.text"),
    ("a long question", {"questions": [{"text": "x" * 301}]}, "questions.0.text"),
    ("a question of two lines", {"questions": [{"text": "a\nb"}]}, "questions.0.text"),
    ("a question of another kind", {"questions": [{"text": "a", "kind": "date"}]}, "questions.0.kind"),
    ("a choice without choices", {"questions": [{"text": "a", "kind": "choice"}]}, "questions.0"),
    ("one choice", {"questions": [{"text": "a", "kind": "choice", "choices": ["b"]}]}, "questions.0"),
    ("a choice twice", {"questions": [{"text": "a", "kind": "choice", "choices": ["b", "b "]}]}, "questions.0"),
    (
        "21 choices",
        {"questions": [{"text": "a", "kind": "choice", "choices": list(map(str, range(21)))}]},
        "questions.0.choices",
    ),
    (
        "a long choice",
        {"questions": [{"text": "a", "kind": "choice", "choices": ["b", "c" * 101]}]},
        "questions.0.choices.1",
    ),
    ("choices of a text", {"questions": [{"text": "a", "choices": ["b", "c"]}]}, "questions.0"),
    ("eleven questions", {"questions": [{"text": str(number)} for number in range(11)]}, "questions"),
    ("an id with a dot", {"questions": [{"text": "a", "question_id": "a.b"}]}, "questions.0.question_id"),
    (
        "an id twice",
        {"questions": [{"text": "a", "question_id": "q"}, {"text": "b", "question_id": "q"}]},
        "questions.1",
    ),
    ("a question twice", {"questions": [{"text": "a"}, {"text": "a"}]}, "questions.1"),
    (
        "questions of too much text",
        {
            "questions": [
                {"text": str(number), "kind": "choice", "choices": [f"{one:02}{'漢' * 98}" for one in range(20)]}
                for number in range(4)
            ]
        },
        "questions",
    ),
    ("a status of ours", {"status": "cancelled"}, "status"),
    ("a rule without an end", {"recurrence": "FREQ=WEEKLY"}, "recurrence"),
    ("a bad rule", {"recurrence": "FREQ=SOMETIMES"}, "recurrence"),
]


@pytest.mark.parametrize(("changes", "field"), [case[1:] for case in BAD_EVENTS], ids=[case[0] for case in BAD_EVENTS])
def test_a_bad_event_is_refused_by_field_and_stores_nothing(world: World, changes: dict[str, Any], field: str) -> None:
    answer = world.call("POST", "/events", PARTY | changes, idempotency_key="k")
    assert answer.status == 422
    assert answer.fields == [field]
    assert answer.body["errors"][0]["message"]
    assert not any(everything(world.client).values())


def test_every_bad_field_is_named_at_once(world: World) -> None:
    answer = world.call("POST", "/events", PARTY | {"title": "", "capacity": 0, "organizer": {"name": "A"}})
    assert answer.fields == ["title", "organizer.email", "capacity"]


BAD_BODIES: list[tuple[str, Any, str | None, int]] = [
    ("no JSON", "{", "application/json", 400),
    ("nothing", None, None, 400),
    ("emptiness", "", "application/json", 400),
    ("a list", [PARTY], "application/json", 400),
    ("a string", '"x"', "application/json", 400),
    ("null", "null", "application/json", 400),
    ("NaN", '{"capacity": NaN}', "application/json", 400),
    ("Infinity", '{"capacity": Infinity}', "application/json", 400),
    ("a name twice", '{"title": "a", "title": "b"}', "application/json", 400),
    ("a number without end", '{"capacity": ' + "9" * 5000 + "}", "application/json", 400),
    ("no UTF-8", b'{"title": "\xff"}', "application/json", 400),
    ("too deep", "[" * 30_000, "application/json", 400),
    ("too large", b'{"title": "' + b"x" * 65_536 + b'"}', "application/json", 413),
    ("a form", "title=Party", "application/x-www-form-urlencoded", 415),
    ("no type", PARTY, None, 415),
    ("another charset", PARTY, "application/json; charset=latin-1", 415),
    ("almost the type", PARTY, "application/json-patch+json", 415),
]


@pytest.mark.parametrize(
    ("body", "content_type", "status"), [case[1:] for case in BAD_BODIES], ids=[case[0] for case in BAD_BODIES]
)
def test_a_body_that_is_none_is_refused(world: World, body: Any, content_type: str | None, status: int) -> None:
    for method, path in (("POST", "/events"), ("PATCH", "/events/x")):
        answer = world.call(method, path, body, content_type=content_type)
        assert answer.status == status
        assert answer.headers["content-type"] == "application/problem+json"
        assert answer.body["status"] == status
    assert not any(everything(world.client).values())


def test_a_body_may_come_in_base64_and_say_its_charset(world: World) -> None:
    answer = world.call("POST", "/events", json.dumps(PARTY).encode(), content_type="Application/JSON; charset=UTF-8")
    assert answer.status == 201


def test_an_end_in_the_second_of_two_equal_hours_stays_there(world: World) -> None:
    event = world.hold(start="2027-10-31T02:30:00", end=None, duration="PT1H")
    for patch in ({"title": "Other"}, {"end": "2027-10-31T02:30:00"}, {"start": "2027-10-31T02:30:00"}):
        assert world.call("PATCH", event, patch).status == 200
        stored = existing(world.store.reads.event(event.removeprefix("/events/")))
        assert stored.when.ends_at == datetime(2027, 10, 31, 1, 30, tzinfo=UTC)


# --- changing events ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("patch", "expected"),
    [
        ({"title": "Other"}, {"title": "Other", "end": PARTY["end"]}),
        ({"start": "2027-03-12T08:00:00"}, {"start": "2027-03-12T08:00:00", "end": "2027-03-12T09:30:00"}),
        ({"start": "2027-03-12T11:00:00"}, {"start": "2027-03-12T11:00:00", "end": "2027-03-12T12:30:00"}),
        # As long in real time, over the hour that the clock skips.
        ({"start": "2027-03-28T01:45:00"}, {"start": "2027-03-28T01:45:00", "end": "2027-03-28T04:15:00"}),
        (
            {"start": "2027-03-12T08:00:00", "time_zone": "Asia/Tokyo"},
            {"start": "2027-03-12T08:00:00", "end": "2027-03-12T09:30:00", "time_zone": "Asia/Tokyo"},
        ),
        (
            {"start": "2027-03-13T08:00:00", "duration": "PT1H"},
            {"start": "2027-03-13T08:00:00", "end": "2027-03-13T09:00:00"},
        ),
        ({"duration": "PT3H"}, {"start": PARTY["start"], "end": "2027-03-12T12:00:00"}),
        # No duration is stored, so that null leaves out the same as a missing one.
        (
            {"start": "2027-03-12T10:00:00", "duration": None},
            {"start": "2027-03-12T10:00:00", "end": "2027-03-12T11:30:00"},
        ),
        ({"time_zone": "Asia/Tokyo"}, {"time_zone": "Asia/Tokyo", "start": PARTY["start"]}),
        ({"organizer": {"name": "Grace"}}, {"organizer": {"name": "Grace", "email": "ada@example.org"}}),
        ({"conference": {"label": "J"}}, {"conference": {"label": "J", "uri": "https://example.org/j"}}),
        ({"conference": {"label": None}}, {"conference": {"label": "", "uri": "https://example.org/j"}}),
        ({"conference": None}, {"conference": None}),
        ({"reminders": ["PT5M"]}, {"reminders": ["PT5M"]}),
        ({"reminders": None}, {"reminders": []}),
        ({"capacity": None}, {"capacity": None}),
        ({"release_on_decline": False}, {"release_on_decline": False}),
        ({"release_on_decline": None}, {"release_on_decline": False}),
        ({"description": None, "duration": None}, {"description": "", "end": PARTY["end"]}),
        ({"public": False}, {"public": False, "page": None}),
        ({"public": None, "confirm_address": None}, {"public": False, "page": None, "confirm_address": True}),
        ({"guests": 10}, {"guests": 10}),
        ({"guests": None}, {"guests": 0}),
        ({"language": "fr"}, {"language": "fr"}),
        ({"language": None}, {"language": None}),
        ({"questions": None}, {"questions": []}),
        (
            {"questions": [{"question_id": "food", "text": "What?"}]},
            {"questions": [{"question_id": "food", "text": "What?", "kind": "text", "choices": [], "required": False}]},
        ),
        ({"status": "draft"}, {"status": "draft"}),
        ({"status": None}, {"status": "confirmed"}),
        ({"start": "2027-03-12", "end": "2027-03-13"}, {"start": "2027-03-12", "end": "2027-03-13"}),
        ({"start": "2027-03-12", "end": None}, {"start": "2027-03-12", "end": "2027-03-12"}),
    ],
)
def test_a_merge_patch_changes_what_it_names(world: World, patch: dict[str, Any], expected: dict[str, Any]) -> None:
    event = world.hold(
        description="Words",
        reminders=["P1D", "PT1H"],
        capacity=7,
        release_on_decline=True,
        status="tentative",
        conference={"label": "Join", "uri": "https://example.org/j"},
        public=True,
        confirm_address=False,
        guests=2,
        language="de",
        questions=[{"question_id": "food", "text": "Soup?", "kind": "yes-no"}],
    )
    before = world.call("GET", event).body
    world.now += timedelta(minutes=1)
    answer = world.call("PATCH", event, patch)
    assert answer.status == 200
    after = before | expected
    assert answer.body == after | {
        "version": 2,
        "next_date": {name: after[name] for name in ("start", "end")},
        "updated_at": "2027-01-15T12:01:00.000000Z",
        "telling": NOBODY,
    }
    assert answer.headers["etag"] == '"2"'


@pytest.mark.parametrize(
    ("patch", "field"),
    [
        ({"title": None}, "title"),
        ({"start": None}, "start"),
        ({"organizer": None}, "organizer"),
        ({"organizer": {"email": None}}, "organizer.email"),
        ({"conference": {"label": "Join"}}, "conference.uri"),
        ({"end": None}, "end"),
        ({"start": "2027-03-12T11:00:00", "end": "2027-03-12T10:30:00"}, "end"),
        ({"start": "2027-01-14T09:00:00"}, "end"),
        ({"start": "2199-12-31T23:30:00"}, "duration"),
        ({"start": "2027-03-12"}, "end"),
        ({"end": "2027-03-13"}, "end"),
        ({"time_zone": None}, "time_zone"),
        ({"end": "2027-03-12T11:00:00", "duration": "PT1H"}, "duration"),
        ({"start": "2027-01-14T09:00:00", "end": "2027-01-14T10:00:00"}, "end"),
        ({"status": "cancelled"}, "status"),
        ({"version": 5}, "version"),
        ({"recurrence": "FREQ=DAILY"}, "recurrence"),
    ],
)
def test_a_patch_to_what_cannot_be_is_refused_by_field(world: World, patch: dict[str, Any], field: str) -> None:
    event = world.hold()
    with unchanged(world.client):
        answer = world.call("PATCH", event, patch)
        assert (answer.status, answer.fields) == (422, [field])


def test_whole_days_that_begin_on_another_day_are_as_many(world: World) -> None:
    event = world.hold(start="2027-03-12", end="2027-03-14", time_zone=None)
    answer = world.call("PATCH", event, {"start": "2027-04-01"})
    assert (answer.status, answer.body["end"]) == (200, "2027-04-03")


def test_a_patch_may_say_that_it_is_one(world: World) -> None:
    event = world.hold()
    answer = world.call("PATCH", event, {"title": "Other"}, content_type="application/merge-patch+json; charset=utf-8")
    assert (answer.status, answer.body["title"]) == (200, "Other")
    assert world.call("POST", "/events", PARTY, content_type="application/merge-patch+json").status == 415


def test_a_patch_that_changes_nothing_is_no_new_version(world: World) -> None:
    event = world.hold()
    with unchanged(world.client):
        answer = world.call("PATCH", event, {"title": PARTY["title"] + " ", "duration": "PT90M", "capacity": None})
        assert (answer.status, answer.body["version"]) == (200, 1)


def test_a_question_without_an_id_has_one_of_its_text_so_that_sending_it_again_changes_nothing(world: World) -> None:
    asked = [{"text": "What do you eat?"}, {"text": "Do you come by bus?", "kind": "yes-no"}]
    event = world.hold(questions=asked)
    first, second = world.call("GET", event).body["questions"]
    assert first["question_id"] != second["question_id"]
    assert world.call("PATCH", event, {"questions": asked}).body["version"] == 1
    swapped = world.call("PATCH", event, {"questions": asked[::-1]}).body["questions"]
    assert swapped == [second, first]
    renamed = world.call("PATCH", event, {"questions": [first | {"text": "What would you eat?"}]}).body["questions"]
    assert [one["question_id"] for one in renamed] == [first["question_id"]]


def test_nobody_is_told_of_what_is_about_the_page(world: World) -> None:
    event = world.hold()
    person = world.invite(event)
    about = {"public": True, "confirm_address": False, "guests": 2, "language": "de", "questions": [{"text": "Soup?"}]}
    assert world.call("POST", f"{event}/preview", about).body["messages"] == 0
    assert world.call("PATCH", event, about).status == 200
    assert world.call("GET", person).body["invitation"]["state"] == "accepted"
    assert world.call("PATCH", event, {"language": "fr", "notify": "none"}).body["language"] == "fr"


def test_the_continuation_of_a_series_is_as_public_and_asks_the_same(world: World) -> None:
    asked = [{"text": "Soup?"}]
    event = world.hold(recurrence="FREQ=WEEKLY;COUNT=4", public=True, guests=2, language="de", questions=asked)
    new = world.call("POST", f"{event}/split", {"from": "2027-03-26T09:00:00", "confirm_address": False}).body
    old = world.call("GET", event).body
    assert (new["public"], new["guests"], new["language"], new["questions"]) == (True, 2, "de", old["questions"])
    assert new["page"] != old["page"]
    assert (old["confirm_address"], new["confirm_address"]) == (True, False)


@pytest.mark.parametrize(
    ("wanted", "status"),
    [('"1"', 200), ("*", 200), ('"2"', 412), ('W/"1"', 412), ("1", 412), ('"1", "2"', 200), ('"2", "3"', 412)],
)
def test_if_match_takes_the_version_that_stands(world: World, wanted: str, status: int) -> None:
    event = world.hold()
    assert world.call("PATCH", event, {"title": "Other"}, if_match=wanted).status == status
    assert world.call("GET", event).body["version"] == (2 if status == 200 else 1)


def test_an_event_shows_how_far_the_telling_of_a_change_is(world: World) -> None:
    event = world.hold()
    assert world.call("PATCH", event, {"title": "Other"}).body["telling"] == {"told": 0, "of": 0}
    world.client.update_item(
        TableName=SETTINGS.invitations_table,
        Key=dynamo.wire(keys.fan_out(event.removeprefix("/events/"))),
        UpdateExpression="SET people = :people, #left = :left",
        ExpressionAttributeNames={"#left": "left"},
        ExpressionAttributeValues=dynamo.wire({":people": 120, ":left": 2}),
    )
    assert world.call("GET", event).body["telling"] == {"told": 20, "of": 120}
    assert world.call("GET", "/events").body["items"][0]["telling"] is None


def test_a_patch_without_if_match_is_done_upon_what_somebody_else_just_wrote(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    event = world.hold()
    store, lost = routes_of_events.store, iter([True])

    def beaten(*arguments: Any) -> bool:
        if next(lost, False):
            assert world.call("PATCH", event, {"location": "Bonn"}).status == 200
        return store(*arguments)

    monkeypatch.setattr(routes_of_events, "store", beaten)
    answer = world.call("PATCH", event, {"title": "Other"})
    assert (answer.body["title"], answer.body["location"], answer.body["version"]) == ("Other", "Bonn", 3)


@pytest.mark.parametrize(
    ("start", "patch", "priority"),
    [
        ("2027-03-12T09:00:00", {"title": "Other"}, "1"),
        ("2027-03-12T09:00:00", {"status": "draft"}, "0"),
        ("2027-01-17T09:00:00", {"title": "Other"}, "0"),
        ("2027-01-17T09:00:00", {"start": "2027-03-11T09:00:00", "duration": "PT1H"}, "0"),
    ],
    ids=["far", "withdrawn to draft", "soon", "no longer soon"],
)
def test_a_change_is_as_pressing_as_its_date(world: World, start: str, patch: dict[str, Any], priority: str) -> None:
    event = world.hold(start=start, end=None, duration="PT1H")
    world.call("PATCH", event, patch)
    fan_out = dynamo.get(world.client, SETTINGS.invitations_table, keys.fan_out(event.removeprefix("/events/")))
    assert existing(fan_out)["due_key"][0] == priority


def test_a_cancelled_event_is_cancelled_for_good(world: World) -> None:
    event = world.hold()
    answer = world.call("POST", f"{event}/cancel", {"reason": "Snow"})
    assert (answer.status, answer.body["status"], answer.body["version"]) == (200, "cancelled", 2)
    with unchanged(world.client):
        again = world.call("POST", f"{event}/cancel")
        assert (again.status, again.body["version"]) == (200, 2)
        assert world.call("PATCH", event, {"status": "confirmed"}).status == 409
        assert world.call("POST", f"{event}/registrations", BO).status == 409
    assert existing(world.store.reads.event(event.removeprefix("/events/"))).reason == "Snow"


def test_nothing_is_written_to_an_event_that_is_over(world: World) -> None:
    event = world.hold()
    person = world.invite(event)
    world.now += timedelta(days=365)
    before = everything(world.client)
    for method, path, body in (
        ("PATCH", event, {"title": "Other"}),
        ("POST", f"{event}/cancel", {}),
        ("POST", f"{event}/registrations", BO | {"email": "cy@example.net"}),
        ("PATCH", person, {"name": "Bo"}),
        ("POST", f"{person}/resend", None),
    ):
        answer = world.call(method, path, body)
        assert (answer.status, answer.body["detail"]) == (409, "the event is over")
    assert everything(world.client) == before


# --- lists --------------------------------------------------------------------------------------------------------


def test_lists_come_in_pages(world: World) -> None:
    for number in range(3):
        world.now += timedelta(seconds=1)
        event = world.hold(title=f"Party {number}", capacity=2)
    for name in ("bo", "cy", "di", "ed", "fy"):
        world.now += timedelta(seconds=1)
        world.register(event, f"{name}@example.net")
    titles = [[item["title"] for item in page] for page in everybody(world, "/events", limit="2")]
    assert titles == [["Party 0", "Party 1"], ["Party 2"]]
    people = everybody(world, f"{event}/registrations", limit="3")
    assert [[person["email"][:2] for person in page] for page in people] == [["bo", "cy", "di"], ["ed", "fy"]]
    waiting = everybody(world, f"{event}/registrations", limit="2", status="waitlisted")
    assert [[person["email"][:2] for person in page] for page in waiting] == [["di", "ed"], ["fy"]]
    assert everybody(world, "/events")[0][2]["waiting"] == 3


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ({"limit": "0"}, "limit"),
        ({"limit": "101"}, "limit"),
        ({"limit": "many"}, "limit"),
        ({"cursor": "AAAA"}, "cursor"),
        ({"cursor": "ü"}, "cursor"),
        ({"status": "gone"}, "status"),
    ],
)
def test_a_bad_page_is_refused_by_field(world: World, query: dict[str, str], field: str) -> None:
    event = world.hold()
    assert world.call("GET", f"{event}/registrations", query=dict(query)).fields == [field]


def test_a_cursor_of_another_list_is_refused(world: World) -> None:
    one, two = world.hold(), world.hold()
    for event in (one, two):
        world.register(event)
        world.register(event, "cy@example.net")
    cursor = world.call("GET", f"{one}/registrations", query={"limit": "1"}).body["next"]
    for path in (f"{two}/registrations", "/events"):
        assert world.call("GET", path, query={"cursor": cursor}).fields == ["cursor"]
    mine = world.call("GET", "/events", query={"limit": "1"}).body["next"]
    assert world.call("GET", "/events", query={"cursor": mine}, account="other").fields == ["cursor"]


# --- doing it once ------------------------------------------------------------------------------------------------


def test_a_repeated_request_is_done_once(world: World) -> None:
    first = world.call("POST", "/events", PARTY, idempotency_key="k-1")
    world.call("PATCH", first.headers["location"], {"title": "Other"})
    with unchanged(world.client):
        again = world.call("POST", "/events", dict(reversed(PARTY.items())), idempotency_key="k-1")
        assert (again.status, again.headers["idempotent-replayed"]) == (201, "true")
        assert again.body == first.body | {"title": "Other", "version": 2, "telling": NOBODY}
    assert "idempotent-replayed" not in first.headers


def test_every_post_can_be_repeated(world: World) -> None:
    event = world.hold()
    told_person = world.invite(event, "cy@example.net")
    for path, body in (
        (f"{event}/registrations", BO),
        (f"{event}/registrations", BO | {"email": "CY@example.net"}),
        (f"{told_person}/resend", None),
        (f"{event}/cancel", {"reason": "Snow"}),
        (f"{event}/cancel", {"reason": "Rain"}),
    ):
        key = str(body)[-20:].replace(" ", "-")
        first = world.call("POST", path, body, idempotency_key=key)
        with unchanged(world.client):
            again = world.call("POST", path, body, idempotency_key=key)
            assert (again.status, again.body) == (first.status, first.body)
            assert again.headers["idempotent-replayed"] == "true"
        other = world.call("POST", path, {"name": "x", "email": "x@example.net"}, idempotency_key=key)
        assert other.status == 422


def test_a_key_that_was_used_with_another_body_is_refused(world: World) -> None:
    event = world.hold()
    world.call("POST", f"{event}/registrations", BO, idempotency_key="k")
    with unchanged(world.client):
        answer = world.call("POST", f"{event}/registrations", BO | {"name": "Else"}, idempotency_key="k")
        assert (answer.status, answer.fields) == (422, ["Idempotency-Key"])
    assert world.call("POST", f"{world.hold()}/registrations", BO, idempotency_key="k").status == 201
    assert world.call("POST", "/events", PARTY, idempotency_key="k", account="other").status == 201


def test_a_refused_request_leaves_its_key_unused(world: World) -> None:
    event = world.hold()
    assert world.call("POST", f"{event}/registrations", BO | {"email": "x"}, idempotency_key="k").status == 422
    answer = world.call("POST", f"{event}/registrations", BO, idempotency_key="k")
    assert (answer.status, "idempotent-replayed" in answer.headers) == (201, False)


def test_a_function_that_dies_after_its_write_is_repeated_with_what_it_wrote(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    def die(*_: Any, **__: Any) -> None:
        raise RuntimeError

    with monkeypatch.context() as patch:
        patch.setattr(context, "show_event", die)
        assert world.call("POST", "/events", PARTY, idempotency_key="k").status == 500
    again = world.call("POST", "/events", PARTY, idempotency_key="k")
    assert (again.status, again.headers["idempotent-replayed"]) == (201, "true")
    assert len(everybody(world, "/events")[0]) == 1


def test_two_requests_with_one_key_at_the_same_moment_are_one(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    create, rush = events.create_event, iter([True])

    def beaten(*arguments: Any, **more: Any) -> None:
        if next(rush, False):
            assert world.call("POST", "/events", PARTY, idempotency_key="k").status == 201
        create(*arguments, **more)

    monkeypatch.setattr("convoke.registrations.events.create_event", beaten)
    late = world.call("POST", "/events", PARTY, idempotency_key="k")
    assert (late.status, late.headers["idempotent-replayed"]) == (201, "true")
    assert len(everybody(world, "/events")[0]) == 1


@pytest.mark.parametrize("path", ["", f"/occurrences/{PARTY['start']}"], ids=["an event", "a date"])
def test_a_patch_with_a_key_is_done_once(world: World, path: str) -> None:
    event = world.hold(recurrence="FREQ=WEEKLY;COUNT=3")
    headers: dict[str, Any] = {"idempotency_key": "k-1", "if_match": '"1"'}
    first = world.call("PATCH", f"{event}{path}", {"title": "Other"}, **headers)
    again = world.call("PATCH", f"{event}{path}", {"title": "Other"}, **headers)
    assert (first.status, again.status) == (200, 200)
    assert again.headers["idempotent-replayed"] == "true"
    assert again.body["title"] == "Other"
    assert world.call("GET", event).body["version"] == 2
    other = world.call("PATCH", f"{event}{path}", {"title": "Third"}, idempotency_key="k-1")
    assert (other.status, other.fields) == (422, ["Idempotency-Key"])


def test_a_patch_that_meets_itself_is_no_conflict(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """The same request, sent twice, is carried out by one while the other looks at the event."""
    event = world.hold()
    headers: dict[str, Any] = {"idempotency_key": "k-1", "if_match": '"1"'}
    own_event, met = context.own_event_and_earlier, False

    def meet(event_id: str) -> Any:
        nonlocal met
        if not met:
            met = True
            assert world.call("PATCH", event, {"title": "Other"}, **headers).status == 200
        return own_event(event_id)

    monkeypatch.setattr(context, "own_event_and_earlier", meet)
    answer = world.call("PATCH", event, {"title": "Other"}, **headers)
    assert (answer.status, answer.body["version"]) == (200, 2), answer.raw
    assert met
    stale = world.call("PATCH", event, {"title": "Third"}, idempotency_key="k-2", if_match='"1"')
    assert stale.status == 412, (stale.headers, stale.raw)


def test_a_key_is_forgotten_after_a_day(world: World) -> None:
    first = world.call("POST", "/events", PARTY, idempotency_key="k")
    world.now += timedelta(hours=25)
    later = world.call("POST", "/events", PARTY, idempotency_key="k")
    assert later.body["event_id"] != first.body["event_id"]


@pytest.mark.parametrize("key", ["", "a b", "ü", "x" * 256])
def test_a_bad_key_is_refused(world: World, key: str) -> None:
    answer = world.call("POST", "/events", PARTY, idempotency_key=key)
    assert answer.fields == ["Idempotency-Key"]
    assert answer.body["detail"] == "Idempotency-Key must have 1 to 255 visible ASCII characters, and no space"


# --- who was not reached ------------------------------------------------------------------------------------------


def test_an_event_shows_who_was_not_reached(world: World) -> None:
    event = world.hold()
    assert world.call("GET", event).body["attention"] == []
    assert world.call("GET", event).body["attention_count"] == 0
    missed(world, event, 1)
    shown = world.call("GET", event).body
    assert shown["attention"] == [
        {
            "registration_id": f"{1:036d}",
            "kind": "cancellation",
            "state": "bounced",
            "since": "2027-01-15T12:00:00.000000Z",
            "date": None,
            "start": None,
            "quarantine_id": None,
        }
    ]
    assert shown["attention_count"] == 1


def test_an_event_shows_a_hundred_and_counts_all(world: World) -> None:
    event = world.hold()
    missed(world, event, 120)
    shown = world.call("GET", event).body
    assert (len(shown["attention"]), shown["attention_count"]) == (100, 120)


def test_a_list_of_events_does_not_show_who_was_not_reached(world: World) -> None:
    missed(world, world.hold(), 1)
    [listed] = world.call("GET", "/events").body["items"]
    assert (listed["attention"], listed["attention_count"]) == (None, None)


def test_who_was_not_reached_is_listed_by_urgency_with_who_they_are(world: World) -> None:
    event = world.hold()
    ids = [world.register(event, f"{name}@example.net").rpartition("/")[2] for name in ("bo", "cy", "di", "ed")]
    found = zip(
        ids,
        (AttentionKind.INVITATION, AttentionKind.MOVE, AttentionKind.CANCELLATION, AttentionKind.MOVE),
        (4, 3, 2, 1),
        strict=True,
    )
    for registration_id, kind, minutes in found:
        since = NOW - timedelta(minutes=minutes)
        one = Attention(registration_id=registration_id, kind=kind, state=AttentionReason.BOUNCED, since=since)
        unreached = StoreUnreached(event_id=event.split("/")[2], was=None, now=Unreached(attention=one))
        world.store.surveys.store_unreached(unreached)
    pages = everybody(world, f"{event}/attention", limit="3")
    assert [len(page) for page in pages] == [3, 1]
    every = [one for page in pages for one in page]
    assert [one["registration_id"] for one in every] == [ids[2], ids[1], ids[3], ids[0]]
    assert every[0] == {
        "registration_id": ids[2],
        "kind": "cancellation",
        "state": "bounced",
        "since": "2027-01-15T11:58:00.000000Z",
        "date": None,
        "start": None,
        "quarantine_id": None,
        "name": "Bo Ek",
        "email": "di@example.net",
        "status": "registered",
    }
    assert world.call("GET", f"{event}/attention", account="other").status == 404


def missed(world: World, event: str, count: int) -> None:
    """So many people were not reached."""
    surveys = world.store.surveys
    for number in range(1, count + 1):
        one = Attention(
            registration_id=f"{number:036d}", kind=AttentionKind.CANCELLATION, state=AttentionReason.BOUNCED, since=NOW
        )
        surveys.store_unreached(StoreUnreached(event_id=event.split("/")[2], was=None, now=Unreached(attention=one)))


# --- who may ------------------------------------------------------------------------------------------------------


def bodies(route: str) -> dict[str, Any] | None:
    method, path = route.split(" ")
    if method == "PATCH":
        return {}
    if method == "GET":
        return None
    return {
        "events": PARTY,
        "registrations": BO,
        "bulk": {"registrations": [BO]},
        "occurrences": {"start": "2027-05-01T09:00:00"},
        "split": {"from": SECOND},
        "preview": {"cancel": True},
    }.get(path.rpartition("/")[2])


SECOND = "2027-03-19T09:00:00"
"""The second date of a weekly party."""
OF_SOMETHING = {"registration_id", "proposal_id", "quarantine_id"}
"""Parameters of paths that name something of an event."""
OF_AN_EVENT = [route for route in routes() if "{event_id}" in route]


@pytest.mark.parametrize("route", OF_AN_EVENT)
def test_what_does_not_exist_is_not_found(world: World, route: str) -> None:
    event = world.hold()
    method, path = route.split(" ")
    for event_id, registration_id in (("nothing", "nothing"), ("a'b", "a'b"), (event[8:], "nothing")):
        if event_id == event[8:] and not OF_SOMETHING & set(re.findall(r"{(\w+)}", path)):
            continue
        ids = {"event_id": event_id, **dict.fromkeys(OF_SOMETHING, registration_id)}
        where = path.format(**ids, sequence=0, start=SECOND)
        answer = world.call(method, where, bodies(route))
        assert (answer.status, answer.headers["content-type"]) == (404, "application/problem+json")


def test_a_registration_is_found_under_its_own_event_only(world: World) -> None:
    person = world.register(world.hold())
    elsewhere = person.replace(person.split("/")[2], world.hold().removeprefix("/events/"))
    for path in ("", "/messages", "/answers", "/messages/0/mail"):
        assert world.call("GET", elsewhere + path).status == 404


@pytest.mark.parametrize("route", [route for route in routes() if route not in application.PUBLIC_ROUTES])
def test_nothing_is_done_without_an_account(world: World, route: str) -> None:
    method, path = route.split(" ")
    path = re.sub("{[a-z_]+}", "x", path)
    answer = world.call(method, path, bodies(route), account=None)
    assert (answer.status, answer.headers["www-authenticate"]) == (401, "Bearer")


@pytest.mark.parametrize(
    ("method", "path"),
    [("GET", "/"), ("GET", "/events/"), ("GET", "/events/x/y"), ("GET", "/docs/")],
)
def test_an_unknown_route_is_not_found(world: World, method: str, path: str) -> None:
    answer = world.call(method, path)
    assert (answer.status, answer.headers["content-type"]) == (404, "application/problem+json")


def test_a_method_that_a_path_does_not_have_is_named_with_those_it_has(world: World) -> None:
    answer = world.call("PUT", "/events", {})
    assert (answer.status, answer.headers["allow"]) == (405, "GET, HEAD, OPTIONS, POST")
    assert (answer.body["code"], answer.headers["content-type"]) == ("method_not_allowed", "application/problem+json")
    answer = world.call("OPTIONS", "/events/x", account=None)
    assert (answer.status, answer.headers["allow"]) == (204, "GET, HEAD, OPTIONS, PATCH")
    assert answer.headers["accept-patch"] == "application/merge-patch+json, application/json"
    assert world.call("OPTIONS", "/events/x/registrations/bulk").headers["allow"] == "OPTIONS, POST"
    for method, path in (("OPTIONS", "/nothing"), ("PUT", f"/events/{'x' * 3000}"), ("DELETE", "/")):
        assert world.call(method, path).status == 404


def test_head_is_as_get_without_its_body(world: World) -> None:
    event = world.hold()
    person = world.register(event)
    for path in (event, person, "/events", f"{event}/registrations.csv", "/docs", "/health", f"{event}/nothing"):
        read, head = world.call("GET", path), world.call("HEAD", path)
        assert (head.status, head.raw) == (read.status, ""), path
        assert head.headers == read.headers, path
    assert world.call("HEAD", event, account=None).status == 401
    assert world.call("HEAD", "/health", account=None).status == 200, "as monitors ask"
    assert world.call("HEAD", event, account="other").status == 404
    refused = world.call("HEAD", f"{event}/cancel")
    assert (refused.status, refused.headers["allow"]) == (405, "OPTIONS, POST"), "it has no GET"
    assert world.call("HEAD", "/nothing").status == 404
    assert world.call("GET", event).body["status"] == "confirmed"


def test_what_the_caller_has_already_is_not_sent_again(world: World) -> None:
    event = world.hold()
    person = world.register(event)
    for path in (person, f"{event}/registrations", "/events", f"{person}/messages"):
        tag = world.call("GET", path).headers["etag"]
        for known in (tag, f'"other", W/{tag}', "*"):
            answer = world.call("GET", path, if_none_match=known)
            assert (answer.status, answer.raw, answer.headers["etag"]) == (304, "", tag)
            assert "content-type" not in answer.headers
        assert world.call("GET", path, if_none_match='"other"').status == 200
    tag = world.call("GET", person).headers["etag"]
    world.call("PATCH", person, {"name": "Bo Other"})
    assert world.call("GET", person, if_none_match=tag).status == 200
    world.register(event, "cleo@example.com")
    answer = world.call("GET", event, if_none_match='"1"')
    assert (answer.status, answer.body["registered"]) == (200, 2), "its numbers change without its version"


def test_every_answer_has_the_id_of_its_request_and_the_limit(world: World, logged: io.StringIO) -> None:
    event = world.hold()
    for answer in (
        world.call("GET", event),
        world.call("GET", "/nothing"),
        world.call("PUT", event),
        world.call("POST", "/events", {}),
        world.call("GET", "/docs"),
        world.call("GET", "/events", account=None),
    ):
        assert answer.headers["x-request-id"] == "RkQ0ThXKliAEMvg="
        assert answer.headers["ratelimit-policy"] == '"requests";q=50;w=1'
    assert all('"request":"RkQ0ThXKliAEMvg="' in line for line in logged.getvalue().splitlines())


def test_a_key_that_is_not_valid_is_as_none(world: World) -> None:
    event = sample("api-list-events")
    event["requestContext"]["authorizer"]["lambda"] = authorize.NOBODY
    answer = Answer(api.handler(event, CONTEXT))
    assert (answer.status, answer.body["code"]) == (401, "unauthorized")
    assert answer.headers["www-authenticate"] == 'Bearer error="invalid_token"'
    assert not any(everything(world.client).values())


def test_the_health_is_answered_to_anybody(world: World) -> None:
    answer = world.call("GET", "/health", account=None)
    assert (answer.status, answer.body) == (200, {"status": "ok", "version": "1"})


def test_errors_have_codes_that_are_documented(world: World) -> None:
    event = world.hold()
    person = world.register(event)
    cleo = world.register(event, "cleo@example.com", external_id="7")
    found = [
        world.call("POST", "/events", "{").body,
        world.call("GET", "/events", account=None).body,
        world.call("GET", "/events/x").body,
        world.call("PATCH", event, {"title": "X"}, if_match='"9"').body,
        world.call("POST", "/events", {}).body,
        world.call("POST", "/events", PARTY, content_type="text/plain").body,
        world.call("PATCH", person, {"email": "cleo@example.com"}).body,
        world.call("PATCH", person, {"external_id": "7"}).body,
        world.call("POST", f"{cleo}/resend").body,
        world.call("PATCH", f"{event}/occurrences/{PARTY['start']}", {"title": "X"}).body,
        world.call("DELETE", cleo).body and world.call("PATCH", cleo, {"name": "X"}).body,
        world.call("POST", f"{event}/cancel").body and world.call("PATCH", event, {"title": "X"}).body,
    ]
    assert [one["code"] for one in found] == [
        *("malformed_body", "unauthorized", "not_found", "version_mismatch", "invalid_field", "unsupported_media_type"),
        *(
            "address_taken",
            "external_id_taken",
            "never_sent",
            "single_date",
            "registration_inactive",
            "event_cancelled",
        ),
    ]
    table = (Path(__file__).parent.parent / "docs/api.md").read_text().partition("| code | status |")[2]
    documented = set(re.findall(r"`([a-z_]+)`", table.partition("## Routes")[0]))
    sources = "".join(path.read_text() for path in (*Path(problems.__file__).parent.glob("*.py"), Path(api.__file__)))
    assert documented == {
        *problems.CODES.values(),
        *registrations.OBSTACLE_CODES.values(),
        *(one.name.lower() for one in events.CannotUndo),
        *re.findall(r'code="([a-z_]+)"', sources),
    }


@pytest.mark.usefixtures("world")
def test_the_default_route_never_reaches_a_handler_whatever_its_path() -> None:
    event = sample("api-list-events")
    assert api.handler(event, CONTEXT)["statusCode"] == 200
    assert api.handler(event | {"routeKey": "$default"}, CONTEXT)["statusCode"] == 404


# --- trouble ------------------------------------------------------------------------------------------------------


def client_error(code: str, status: int) -> ClientError:
    response: Any = {"Error": {"Code": code, "Message": ""}, "ResponseMetadata": {"HTTPStatusCode": status}}
    return ClientError(response, "TransactWriteItems")


@pytest.mark.parametrize(
    ("error", "status"),
    [
        (dynamo.Contention(), 503),
        # As botocore gives up, after its own attempts.
        (client_error("TransactionInProgressException", 400), 503),
        (client_error("InternalServerError", 500), 503),
        (client_error("503", 503), 503),
        (client_error("ValidationException", 400), 500),
        (KeyError("bo@example.net"), 500),
    ],
    ids=["contention", "in progress", "500", "503", "refused", "a mistake of ours"],
)
def test_trouble_is_answered_without_its_words(
    world: World,
    monkeypatch: pytest.MonkeyPatch,
    logged: io.StringIO,
    error: Exception,
    status: int,
) -> None:
    def fail(*_: Any, **__: Any) -> None:
        raise error

    monkeypatch.setattr("convoke.registrations.events.create_event", fail)
    answer = world.call("POST", "/events", PARTY)
    assert (answer.status, answer.headers.get("retry-after")) == (status, "1" if status == 503 else None)
    assert "example.net" not in answer.raw + logged.getvalue()


def test_no_name_and_no_address_is_logged(world: World, logged: io.StringIO) -> None:
    person = world.register(world.hold(title="Canary"))
    world.call("GET", "/events/canary@example.net")
    world.call("PATCH", person, {"email": "x"})
    assert person.split("/")[-1] in logged.getvalue()
    for canary in ("Canary", "canary", "Bo Ek", "example.net", "example.org"):
        assert canary not in logged.getvalue()


# --- documentation ------------------------------------------------------------------------------------------------


def test_the_documentation_lists_every_route(world: World) -> None:
    answer = world.call("GET", "/openapi.json", account=None)
    assert (answer.status, answer.headers["content-type"]) == (200, "application/json")
    documented = {f"{method.upper()} {path}" for path, methods in answer.body["paths"].items() for method in methods}
    assert documented == set(routes()) - set(application.PUBLIC_ROUTES)
    created = answer.body["paths"]["/events"]["post"]
    assert set(created["responses"]) >= {"201", "400", "422"}
    assert "application/problem+json" in created["responses"]["422"]["content"]
    assert answer.body["components"]["securitySchemes"]["key"]["scheme"] == "bearer"
    assert answer.body["security"] == [{"key": []}]


# --- samples ------------------------------------------------------------------------------------------------------


@pytest.mark.usefixtures("world")
@pytest.mark.parametrize(
    ("name", "status"),
    [("api-create-event", 201), ("api-list-events", 200), ("api-register", 404), ("api-unknown-route", 404)],
)
def test_the_samples_are_answered(name: str, status: int) -> None:
    assert api.handler(sample(name), CONTEXT)["statusCode"] == status


# --- changes that nobody is told of, and cancelled events that take place after all -------------------------------


def test_a_text_is_mended_without_a_mail(world: World) -> None:
    event = world.hold(title="Kölner Trefen", description="Wrods")
    person = world.invite(event)
    quiet = {"title": PARTY["title"], "reminders": ["PT5M"], "organizer": {"name": "Eda"}, "notify": "none"}
    assert preview_of(world, event, quiet) == {"update": 0, "none": 1}
    answer = world.call("PATCH", event, quiet)
    assert (answer.status, answer.body["title"], answer.body["version"]) == (200, PARTY["title"], 2)
    assert world.call("PATCH", event, {"description": "Words", "notify": "none"}).body["version"] == 3
    assert world.call("GET", person).body["invitation"]["state"] == "accepted", "nothing is to be said"
    assert preview_of(world, event, {"capacity": 5}) == {"update": 0, "none": 1}, "nor by what nobody is told of"
    assert preview_of(world, event, {"url": "https://example.org/"}) == {"update": 1, "none": 0}
    assert world.call("PATCH", event, {"capacity": 5}).status == 200
    assert world.call("GET", person).body["invitation"]["state"] == "accepted"
    assert world.call("PATCH", event, {"location": "Dom", "notify": "all"}).status == 200
    assert world.call("GET", person).body["invitation"]["state"] == "pending"


def test_a_preview_says_when_people_would_be_told_and_whether_they_need_be(world: World) -> None:
    event = world.hold(start="2027-06-12T09:00:00", end="2027-06-12T10:00:00", notify_after=300)
    world.invite(event)

    def told(**body: Any) -> tuple[str | None, bool]:
        seen = world.call("POST", f"{event}/preview", body).body
        return seen["told_at"], seen["quiet"]

    then = "2027-01-15T12:05:00.000000Z"
    assert told(title="Other") == (then, True)
    assert told(title="Other", notify="none") == (None, True)
    assert told(location="Dom") == (then, False)
    assert told(cancel=True) == (None, False)
    assert world.call("PATCH", event, {"title": "Other"}).body["told_at"] == then
    world.now += timedelta(seconds=100)
    assert told(location="Dom") == (then, False), "a change that waits already keeps its time"
    (mail,) = world.call("POST", f"{event}/preview", {"title": "Third"}).body["examples"][0]["mails"]
    assert (mail["method"], mail["to"]) == ("REQUEST", {"name": "Bo Ek", "email": "bo@example.net"})
    assert mail["subject"].startswith("Updated: Third")
    assert "_your_personal_link_" in mail["text"]


def preview_of(world: World, event: str, body: dict[str, Any]) -> dict[str, int]:
    answer = world.call("POST", f"{event}/preview", body)
    assert answer.status == 200, answer.raw
    return {name: answer.body[name] for name in ("update", "none")}


@pytest.mark.parametrize(
    "change",
    [
        {"start": "2027-03-12T09:30:00"},
        {"time_zone": "Europe/Paris"},
        {"recurrence": "FREQ=WEEKLY;COUNT=2"},
        {"location": "Dom"},
        {"conference": {"uri": "https://example.org/other"}},
        {"status": "tentative"},
    ],
)
def test_time_place_and_status_are_never_changed_quietly(world: World, change: dict[str, Any]) -> None:
    event = world.hold()
    with unchanged(world.client):
        answer = world.call("PATCH", event, {"title": "Other", "notify": "none"} | change)
        assert (answer.status, answer.fields) == (422, ["notify"])


def test_only_so_many_changes_are_quiet_and_only_of_the_event(world: World) -> None:
    event = world.hold(recurrence="FREQ=WEEKLY;COUNT=2")
    for number in range(fingerprints.MAX_FORMER_TEXTS):
        assert world.call("PATCH", event, {"title": f"{number}", "notify": "none"}).status == 200
    answer = world.call("PATCH", event, {"title": "More", "notify": "none"})
    assert (answer.status, answer.fields) == (422, ["notify"])
    assert world.call("PATCH", event, {"title": "More"}).status == 200
    assert world.call("PATCH", event, {"title": "Less", "notify": "none"}).status == 200
    assert world.call("PATCH", event, {"title": "Less", "notify": "some"}).fields == ["notify"]
    date = f"{event}/occurrences/{PARTY['start']}"
    assert world.call("PATCH", date, {"title": "Other", "notify": "none"}).fields == ["notify"]


def test_a_cancelled_event_takes_place_after_all(world: World) -> None:
    event = world.hold(capacity=1)
    first, second = world.register(event), world.register(event, "cleo@example.com")
    assert world.call("POST", f"{event}/reopen").body["version"] == 1, "it is not cancelled"
    world.call("POST", f"{event}/cancel", {"reason": "Flooded"})
    world.call("DELETE", first)
    assert world.call("POST", f"{event}/registrations", BO | {"email": "dan@example.org"}).status == 409
    answer = world.call("POST", f"{event}/reopen", idempotency_key="once")
    assert (answer.status, answer.body["status"], answer.body["version"]) == (200, "confirmed", 3)
    assert (answer.body["registered"], answer.body["waiting"]) == (1, 0), "the waitlist moves up"
    assert world.call("GET", second).body["status"] == "registered"
    assert world.call("POST", f"{event}/reopen", idempotency_key="once").headers["idempotent-replayed"] == "true"
    assert world.call("POST", f"{event}/registrations", BO | {"email": "dan@example.org"}).status == 201
    assert world.call("POST", f"{event}/reopen", if_match='"1"').status == 412
    world.now += timedelta(days=365)
    assert world.call("POST", f"{event}/reopen").status == 409


def test_a_series_of_which_every_date_was_cancelled_is_reopened_with_a_date(world: World) -> None:
    event = world.hold(recurrence="FREQ=WEEKLY;COUNT=2")
    second = "2027-03-19T09:00:00"
    for date in (PARTY["start"], second):
        assert world.call("POST", f"{event}/occurrences/{date}/cancel").status == 200
    assert world.call("GET", event).body["status"] == "cancelled"
    for body, field in (
        ({}, "occurrences"),
        ({"occurrences": ["2027-03-20T09:00:00"]}, "occurrences.0"),
        ({"occurrences": [second, "soon"]}, "occurrences.1"),
    ):
        answer = world.call("POST", f"{event}/reopen", body)
        assert (answer.status, answer.fields) == (422, [field])
    assert world.call("POST", f"{event}/reopen", {"occurrences": [second]}).body["status"] == "confirmed"
    dates = world.call("GET", f"{event}/occurrences").body["items"]
    assert [one["status"] for one in dates] == ["cancelled", "confirmed"]
    assert world.call("POST", f"{event}/reopen", {"occurrences": [second]}).status == 200, "it was restored already"
    answer = world.call("POST", f"{event}/reopen", {"occurrences": [PARTY["start"]]})
    assert (answer.status, answer.body["code"]) == (409, "conflict"), "nobody is to believe that it was restored"
    world.call("POST", f"{event}/cancel")
    world.now += timedelta(days=60)
    answer = world.call("POST", f"{event}/reopen", {"occurrences": [PARTY["start"]]})
    assert (answer.status, answer.fields) == (422, ["occurrences.0"])
