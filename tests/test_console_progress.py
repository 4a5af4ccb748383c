"""The console while a change waits to be told, while it is told, and afterwards; telling it now, and undoing it."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Any

import pytest

from convoke.console.progress import Count, first_count, in_time, progress, seconds_left
from convoke.languages import texts
from convoke.store import dynamo, keys
from convoke.store.accounts import Scope
from tests.factories import existing
from tests.secretary import Secretary
from tests.tables import SETTINGS, unchanged
from tests.test_console_preview import of, told
from tests.visitor import Shown, words_of

LATER = {"start": "2027-06-12T09:00:00", "end": "2027-06-12T10:00:00", "notify_after": 300}
"""What waits to be told: it is not soon."""


def part_of(secretary: Secretary, event: str, query: str = "") -> Shown:
    return secretary.get(f"{of(event)}{query}")


def progressed(secretary: Secretary, event: str, people: int, left: int) -> None:
    """As if the fan-out of the latest change had come so far: ``left`` batches of fifty are not told yet."""
    secretary.world.client.update_item(
        TableName=SETTINGS.invitations_table,
        Key=dynamo.wire(keys.fan_out(event.removeprefix("/events/"))),
        UpdateExpression="SET people = :people, #left = :left",
        ExpressionAttributeNames={"#left": "left"},
        ExpressionAttributeValues=dynamo.wire({":people": people, ":left": left}),
    )


def test_what_waits_is_said_with_its_time_and_can_be_sent_now(secretary: Secretary) -> None:
    event, delivery = told(secretary, {}, **LATER)
    secretary.world.call("PATCH", event, {"title": "Quire"})
    secretary.sign_in(scopes=(Scope.READ,))
    assert "Send now" not in part_of(secretary, event).text
    secretary.sign_in()
    shown = part_of(secretary, event)
    assert "A change waits to be told" in words_of(shown)
    assert re.search(r"People are mailed at \d\d:\d\d \(Europe/Berlin\)", words_of(shown))
    assert 'data-seconds="30' in shown.text
    assert "http-equiv" not in shown.text, "nothing is loaded again while somebody may read or write"
    done = secretary.sends(shown, f"{of(event)}/tell")
    assert (done.status, done.location) == (303, f"{of(event)}?done=telling")
    assert secretary.world.call("GET", event).body["told_at"] is None
    sent = len(delivery.sent)
    delivery.settle()
    assert len(delivery.sent) == sent + 1
    assert secretary.sends(shown, f"{of(event)}/tell").status == 303, "once more is no harm"


def test_undoing_is_asked_for_once_more_and_tells_nobody(secretary: Secretary) -> None:
    event, delivery = told(secretary, {}, **LATER)
    secretary.world.call("PATCH", event, {"title": "Quire"})
    asked = secretary.get(f"{of(event)}/undo")
    assert "everything that was changed since is lost" in words_of(asked)
    assert secretary.world.call("GET", event).body["title"] == "Quire"
    done = secretary.sends(asked, f"{of(event)}/undo")
    assert (done.status, done.location) == (303, f"{of(event)}?done=undone")
    assert secretary.world.call("GET", event).body["title"] == "Kölner Treffen"
    sent = len(delivery.sent)
    delivery.settle()
    assert len(delivery.sent) == sent
    assert "No change waits to be told." in words_of(secretary.get(f"{of(event)}/undo"))


def test_what_is_told_already_is_not_undone(secretary: Secretary) -> None:
    event, _ = told(secretary, {}, **LATER)
    secretary.world.call("PATCH", event, {"title": "Quire"})
    asked = secretary.get(f"{of(event)}/undo")
    secretary.world.call("POST", f"{event}/tell")
    refused = secretary.sends(asked, f"{of(event)}/undo")
    assert refused.status == 422
    assert "Nothing waits to be told any more" in words_of(refused)
    assert secretary.world.call("GET", event).body["title"] == "Quire"


def test_what_somebody_changed_meanwhile_is_not_undone_unseen(secretary: Secretary) -> None:
    event, _ = told(secretary, {}, **LATER)
    secretary.world.call("PATCH", event, {"title": "Quire"})
    asked = secretary.get(f"{of(event)}/undo")
    secretary.world.call("PATCH", event, {"location": "Hall"})
    refused = secretary.sends(asked, f"{of(event)}/undo")
    assert "This was changed meanwhile" in words_of(refused)
    assert secretary.world.call("GET", event).body["location"] == "Hall"
    assert secretary.sends(refused, f"{of(event)}/undo").status == 303


@pytest.mark.parametrize("step", ["tell", "undo"])
def test_a_form_that_is_not_believed_neither_tells_nor_undoes(secretary: Secretary, step: str) -> None:
    event, _ = told(secretary, {}, **LATER)
    secretary.world.call("PATCH", event, {"title": "Quire"})
    shown = secretary.get(f"{of(event)}/undo")
    with unchanged(secretary.world.client):
        refused = secretary.post(f"{of(event)}/{step}", {"token": "x"})
        assert refused.status == 422
        assert "This page was open for too long" in words_of(refused)
    assert shown.status == 200
    assert secretary.sends(refused, f"{of(event)}/{step}").status == 303


def test_while_people_are_told_a_bar_shows_how_far_it_is(secretary: Secretary) -> None:
    event, _ = told(secretary, {})
    secretary.world.call("PATCH", event, {"title": "Quire"})
    said = words_of(part_of(secretary, event))
    assert "It is looked up who has to be told" in said
    assert "People are being told" not in said, "perhaps nobody is, as with a correction that nobody is to be told of"
    progressed(secretary, event, 15_000, 280)
    shown = part_of(secretary, event)
    assert "1,000 of 15,000 have been told." in words_of(shown)
    assert "at the present rate" not in words_of(shown), "one look tells no rate"
    assert '<progress max="15000" value="1000"' in shown.text
    again = existing(re.search(r"content=\"3; url=/v1/console/events/\w+(\?told=1000&amp;since=\d+)\"", shown.text))
    secretary.world.now += timedelta(seconds=10)
    progressed(secretary, event, 15_000, 276)
    shown = part_of(secretary, event, again[1].replace("&amp;", "&"))
    assert "1,200 of 15,000 have been told. It takes about 12 minutes more at the present rate." in words_of(shown)
    fetched = existing(re.search(r"data-again=\"/v1([^\"]*)\" data-seconds=\"2\"", shown.text))
    part = secretary.get(fetched[1].replace("&amp;", "&"))
    assert "1,200 of 15,000 have been told." in words_of(part)
    assert "<html" not in part.text


def test_afterwards_it_is_said_that_everybody_is_told_or_who_was_not_reached(secretary: Secretary) -> None:
    event, delivery = told(secretary, {})
    assert "Nobody is known not to have been reached" in words_of(part_of(secretary, event))
    secretary.world.call("PATCH", event, {"title": "Quire"})
    delivery.settle()
    shown = part_of(secretary, event)
    assert "Everybody is told" in words_of(shown)
    assert "data-again" not in shown.text
    assert "http-equiv" not in shown.text


def test_who_was_not_reached_is_counted(secretary: Secretary) -> None:
    request: Any = type("Request", (), {"texts": texts("en"), "query": {}, "now": secretary.world.now})()
    known: dict[str, Any] = {
        "event_id": "e",
        "told_at": None,
        "telling": None,
        "registered": 3,
        "waiting": 0,
        "status": "confirmed",
    }
    known |= {"next_date": {}}
    assert progress(request, {**known, "attention_count": 2}).state == "knows"
    assert progress(request, {**known, "attention_count": 0, "registered": 0}).state == ""
    assert progress(request, {**known, "attention_count": 0, "status": "draft"}).state == ""
    assert progress(request, {**known, "attention_count": 0, "next_date": None}).state == ""


def test_the_part_of_a_new_event_says_nothing(secretary: Secretary) -> None:
    assert 'id="telling"' not in part_of(secretary, secretary.world.hold()).text


@pytest.mark.parametrize(
    ("first", "now", "of", "seconds"),
    [
        (Count(told=0, at=100), Count(told=0, at=100), 15_000, None),
        (Count(told=0, at=100), Count(told=0, at=160), 15_000, None),
        (Count(told=1000, at=100), Count(told=1000, at=160), 15_000, None),
        (Count(told=1000, at=100), Count(told=1200, at=110), 15_000, 690),
        (Count(told=0, at=100), Count(told=1200, at=110), 1200, 0),
        (Count(told=0, at=100), Count(told=1200, at=110), 1000, 0),
        (Count(told=0, at=100), Count(told=50, at=103), 120, 5),
    ],
)
def test_how_long_it_takes_follows_from_two_counts(first: Count, now: Count, of: int, seconds: int | None) -> None:
    assert seconds_left(first, now, of) == seconds


@pytest.mark.parametrize(
    ("seconds", "said"),
    [
        (0, "about 10 seconds"),
        (31, "about 40 seconds"),
        (50, "about 50 seconds"),
        (51, "about 1 minute"),
        (61, "about 2 minutes"),
        (3600, "about 1 hour"),
        (3601, "about 2 hours"),
        (10**9, "about 277778 hours"),
    ],
)
def test_a_time_is_said_as_one_would(seconds: int, said: str) -> None:
    assert in_time(texts("en"), seconds) == said


@pytest.mark.parametrize(
    "query",
    [
        {},
        {"told": "5"},
        {"told": "x", "since": "1"},
        {"told": "-5", "since": "1"},
        {"told": "11", "since": "1"},
        {"told": "5", "since": "0"},
        {"told": "5", "since": "101"},
        {"told": "9" * 5000, "since": "9" * 5000},
    ],
)
def test_an_address_that_says_nonsense_counts_as_a_first_count(query: dict[str, str]) -> None:
    now = Count(told=10, at=100)
    assert first_count(query, now) == now
    assert first_count({"told": "5", "since": "90"}, now) == Count(told=5, at=90)
