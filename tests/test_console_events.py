"""The console's pages of events: the list, the form of a new event and of changes, and the overview."""

from __future__ import annotations

import re
import time
from dataclasses import replace
from datetime import datetime, timedelta
from html import unescape
from typing import Any

import pytest
from botocore.client import BaseClient

from convoke.console import home, previewing
from convoke.decision.invitation import Seats
from convoke.model import When
from convoke.store import lookups
from convoke.store.accounts import Scope
from convoke.store.events import Events
from convoke.store.seats import SeatCounts
from tests import factories
from tests.secretary import ACCOUNT, Secretary, shown_fields
from tests.tables import unchanged
from tests.visitor import Shown

NEW = "/console/new"
HOSTILE = '<script>alert("1")</script> \u05d0\u05d1\u05d2 & "\'{{ 7 * 7 }}'
MEETING = {
    "title": "Annual meeting",
    "start_date": "2027-03-12",
    "start_time": "18:30",
    "end_time": "20:00",
    "time_zone": "Europe/Berlin",
    "location": "Town hall, Köln",
    "organizer_name": "Ada",
    "organizer_email": "ada@example.org",
    "save": "publish",
}


def create(secretary: Secretary, **typed: Any) -> Shown:
    return secretary.submits(NEW, **MEETING | typed)


def created(secretary: Secretary, **typed: Any) -> str:
    """The path of a new event in the console."""
    shown = create(secretary, **typed)
    assert shown.status == 303, errors(shown)
    return shown.location.partition("?")[0]


def errors(shown: Shown) -> dict[str, str]:
    """What the page says is wrong, by the field that it stands at and is linked to."""
    text = shown.text
    found = re.findall(r'<p class="error" id="([^"]+)-error"><span class="hidden">Error:</span> (.*?)</p>', text)
    linked = re.findall(r'<li><a href="#([^"]+)">(.*?)</a></li>', text)
    assert sorted(found) == sorted(linked), "each is at its field and in the summary"
    for name, _ in found:
        assert f'id="{name}"' in text, name
    return {name: unescape(message) for name, message in found}


def stored(secretary: Secretary, path: str) -> dict[str, Any]:
    body: dict[str, Any] = secretary.world.call("GET", path.removeprefix("/console")).body
    return body


def rows(shown: Shown) -> list[str]:
    return [unescape(text) for text in re.findall(r'<th scope="row"><a href="[^"]*"><bdi>(.*?)</bdi>', shown.text)]


# --- a new event --------------------------------------------------------------------------------------------------


def test_an_event_is_created_in_a_form_and_its_page_says_what_comes_next(secretary: Secretary) -> None:
    shown = create(secretary, public="yes")
    page = secretary.follow(shown)
    assert "The event is published. Nobody is invited yet." in page.text
    for words in (
        "Annual meeting",
        "Friday 12 March 2027, 18:30 to 20:00 (Europe/Berlin, UTC+01:00)",
        "Town hall, Köln",
    ):
        assert words in page.text
    for way in ("/imports", "/people/add", "/edit", "/cancel"):
        assert f'{way}"' in page.text
    event = stored(secretary, shown.location.partition("?")[0])
    assert page.text.count(event["page"]) >= 2
    assert (event["status"], event["confirm_address"], event["start"]) == ("confirmed", True, "2027-03-12T18:30:00")


def test_a_form_that_is_sent_twice_makes_one_event(secretary: Secretary) -> None:
    typed = shown_fields(secretary.get(NEW), NEW) | MEETING
    first, again = secretary.post(NEW, typed), secretary.post(NEW, typed)
    assert first.location == again.location
    assert rows(secretary.get("/console")) == ["Annual meeting"]


def test_a_draft_is_saved_by_its_button_and_by_enter_and_is_published_later(secretary: Secretary) -> None:
    path = created(secretary, save="draft")
    assert stored(secretary, path)["status"] == "draft"
    assert stored(secretary, created(secretary, save=""))["status"] == "draft"
    page = secretary.get(path)
    assert "This is a draft" in page.text
    assert "Publish the draft" in page.text
    form = secretary.get(f"{path}/edit")
    assert secretary.sends(form, f"{path}/edit", save="publish", tentative="yes").status == 303
    assert stored(secretary, path)["status"] == "tentative"
    assert "Not certain yet" in secretary.get(path).text


def test_all_fields_are_kept_and_read_back_as_they_were_typed(secretary: Secretary) -> None:
    typed = {
        "description": "Bring\ncake",
        "end_date": "2027-03-13",
        "url": "https://example.org/a",
        "conference_uri": "https://example.org/join",
        "conference_label": "Join",
        "reminders": ["PT1H", "P1D"],
        "capacity": "40",
        "release_on_decline": "yes",
        "public": "yes",
        "approval": "yes",
        "guests": "2",
        "language": "de",
        "notify_after": "300",
        "tentative": "yes",
        "questions": "3",
        "question-1-text": "Soup?",
        "question-1-kind": "yes-no",
        "question-1-required": "yes",
        "question-3-text": "How?",
        "question-3-kind": "choice",
        "question-3-choices": "Bus\n\nRail",
    }
    path = created(secretary, **typed)
    event = stored(secretary, path)
    assert event["end"] == "2027-03-13T20:00:00"
    assert event["conference"] == {"uri": "https://example.org/join", "label": "Join"}
    assert (event["capacity"], event["guests"], event["notify_after"]) == (40, 2, 300)
    assert [(one["text"], one["kind"], one["choices"], one["required"]) for one in event["questions"]] == [
        ("Soup?", "yes-no", [], True),
        ("How?", "choice", ["Bus", "Rail"], False),
    ]
    form = secretary.get(f"{path}/edit")
    again = shown_fields(form, f"{path}/edit")
    for name in typed.keys() - {"questions", "question-3-text", "question-3-kind", "question-3-choices"}:
        assert again[name] == typed[name], name
    assert (again["questions"], again["question-2-text"], again["question-2-choices"]) == ("2", "How?", "Bus\nRail")
    unchanged = secretary.sends(form, f"{path}/edit")
    assert unchanged.location.endswith("done=unchanged")
    assert stored(secretary, path) == event


def test_an_event_of_whole_days_needs_no_time(secretary: Secretary) -> None:
    path = created(
        secretary, all_day="yes", start_time="", end_time="", time_zone="", end_date="2027-03-14", questions="0"
    )
    event = stored(secretary, path)
    assert (event["start"], event["end"], event["time_zone"]) == ("2027-03-12", "2027-03-14", None)
    assert secretary.submits(f"{path}/edit").location.endswith("done=unchanged")


def test_a_new_form_has_zone_and_organizer_of_the_latest_event(secretary: Secretary) -> None:
    first = shown_fields(secretary.get(NEW), NEW)
    assert (first["time_zone"], first["organizer_email"], first["confirm_address"]) == ("", "", "yes")
    created(secretary)
    fields = shown_fields(secretary.get(NEW), NEW)
    assert (fields["time_zone"], fields["organizer_name"], fields["title"]) == ("Europe/Berlin", "Ada", "")


def test_an_event_is_copied_without_its_date_and_people(secretary: Secretary) -> None:
    path = created(secretary, capacity="7", repeats="weekly", weekdays="FR", ends="count", count="4")
    secretary.world.register(path.removeprefix("/console"))
    event_id = path.rpartition("/")[2]
    assert f"/console/new?from={event_id}" in secretary.get(path).text
    fields = shown_fields(secretary.get(f"{NEW}?from={event_id}"), NEW)
    assert (fields["title"], fields["capacity"], fields["repeats"], fields["count"]) == (
        *("Annual meeting", "7", "weekly"),
        "4",
    )
    assert (fields["start_date"], fields["start_time"], fields["end_date"]) == ("", "18:30", "")
    copy = secretary.post(NEW, fields | {"start_date": "2028-03-10", "save": "publish"})
    assert stored(secretary, copy.location.partition("?")[0])["registered"] == 0
    assert secretary.get(f"{NEW}?from=nobody").status == 404


WRONG: list[tuple[dict[str, Any], str]] = [
    ({"title": ""}, "title"),
    ({"title": "x" * 256}, "title"),
    ({"description": "x" * 8001}, "description"),
    ({"start_date": ""}, "start_date"),
    ({"start_date": "12.3.2027"}, "start_date"),
    ({"start_date": "2020-03-12"}, "start_date"),
    ({"start_time": ""}, "start_time"),
    ({"start_time": "25:00"}, "start_time"),
    ({"end_time": "six"}, "end_time"),
    ({"end_time": "18:00"}, "end_time"),
    ({"end_date": "2027-03-11"}, "end_date"),
    ({"end_date": "soon"}, "end_date"),
    ({"start_date": "2027-03-28", "start_time": "02:30"}, "start_date"),
    ({"time_zone": ""}, "time_zone"),
    ({"time_zone": "Mars/Base"}, "time_zone"),
    ({"location": "x" * 1001}, "location"),
    ({"url": "javascript:alert(1)"}, "url"),
    ({"conference_uri": "javascript:alert(1)"}, "conference_uri"),
    ({"conference_label": "Join"}, "conference_uri"),
    ({"organizer_name": ""}, "organizer_name"),
    ({"organizer_email": ""}, "organizer_email"),
    ({"organizer_email": "ada@"}, "organizer_email"),
    ({"capacity": "many"}, "capacity"),
    ({"capacity": "0"}, "capacity"),
    ({"guests": "11"}, "guests"),
    ({"language": "x"}, "language"),
    ({"notify_after": "901"}, "notify_after"),
    ({"reminders": ["P29D"]}, "reminders"),
    ({"repeats": "weekly", "count": ""}, "count"),
    ({"repeats": "weekly", "count": "500"}, "repeats"),
    ({"repeats": "weekly", "count": "3", "interval": "1;COUNT=4"}, "interval"),
    ({"repeats": "weekly", "count": "3", "weekdays": "MO"}, "repeats"),
    ({"repeats": "weekly", "ends": "until", "until": "later"}, "until"),
    ({"repeats": "hourly"}, "repeats"),
    ({"repeats": "own", "rule": ""}, "rule"),
    ({"repeats": "own", "rule": "FREQ=HOURLY;COUNT=3"}, "rule"),
    ({"questions": "2", "question-2-text": "x" * 301}, "question-2-text"),
    ({"questions": "1", "question-1-text": "How?", "question-1-kind": "choice"}, "question-1-text"),
    (
        {
            "questions": "2",
            "question-2-text": "?",
            "question-2-kind": "choice",
            "question-2-choices": "a\n" + "x" * 101,
        },
        "question-2-choices",
    ),
]


@pytest.mark.parametrize(("typed", "field"), WRONG, ids=[f"{field}-{n}" for n, (_, field) in enumerate(WRONG)])
def test_what_is_wrong_is_said_at_its_field_and_nothing_typed_is_lost(
    secretary: Secretary, typed: dict[str, Any], field: str
) -> None:
    secretary.get(NEW)
    with unchanged(secretary.world.client):
        kept = {"description": HOSTILE, "question-1-text": HOSTILE, "questions": "1", "capacity": "12"}
        sent = MEETING | kept | typed
        shown = create(secretary, **sent)
        assert shown.status == 422
        assert list(errors(shown)) == [field]
    fields = shown_fields(shown, NEW)
    for name, value in sent.items():
        if name not in ("save", "repeats", "guests", "reminders", "weekdays"):
            assert fields[name] == value, name


def test_several_things_that_are_wrong_are_said_at_once(secretary: Secretary) -> None:
    shown = create(secretary, title="", organizer_email="x", capacity="many")
    assert errors(shown) == {
        "title": "Enter a title.",
        "organizer_email": "Enter the address of whoever answers for the event, such as ada@example.org.",
        "capacity": "Seats: must be a whole number.",
    }
    empty = dict.fromkeys(("title", "start_date", "start_time", "time_zone", "organizer_name", "organizer_email"), "")
    assert set(errors(create(secretary, **empty))) == set(empty)
    assert "time_zone" not in errors(create(secretary, **empty, all_day="yes"))


@pytest.mark.parametrize(
    ("typed", "said"),
    [
        ({"start_time": "22:00", "end_time": "01:00"}, "enter that day in “Ends on another day”"),
        ({"start_date": "2020-03-12"}, "It would be over already."),
        ({"repeats": "weekly", "ends": "until", "until": "2027-03-01"}, "It repeats on no day at all."),
        ({"repeats": "monthly", "count": "3", "start_date": "2027-01-31"}, "Choose the last day of the month"),
        ({"time_zone": "Berlin"}, "by its continent and city"),
    ],
)
def test_usual_mistakes_are_said_in_words_that_need_no_knowledge_of_the_api(
    secretary: Secretary, typed: dict[str, Any], said: str
) -> None:
    (sentence,) = errors(create(secretary, **typed)).values()
    assert said in sentence
    assert "must" not in sentence


def test_a_button_of_the_preview_that_is_pressed_twice_says_both_times_that_it_was_done(secretary: Secretary) -> None:
    event = secretary.world.hold()
    secretary.world.invite(event)
    path = f"/console{event}/edit"
    preview = secretary.submits(path, start_time="09:30")
    for _ in range(2):
        assert secretary.sends(preview, path, step="send").location.endswith("done=telling")
    assert stored(secretary, f"/console{event}")["version"] == 2


def test_a_button_that_is_pressed_twice_at_once_says_that_it_was_done(
    secretary: Secretary, monkeypatch: pytest.MonkeyPatch
) -> None:
    event = secretary.world.hold()
    secretary.world.invite(event)
    path = f"/console{event}/edit"
    preview = secretary.submits(path, start_time="09:30")
    settle = previewing.settle

    def meanwhile(*arguments: Any, **named: Any) -> Any:
        monkeypatch.setattr(previewing, "settle", settle)
        assert secretary.sends(preview, path, step="send").status == 303
        return settle(*arguments, **named)

    monkeypatch.setattr(previewing, "settle", meanwhile)
    assert secretary.sends(preview, path, step="send").location.endswith("done=telling")
    assert stored(secretary, f"/console{event}")["version"] == 2


def test_rows_for_questions_are_added_without_a_script_and_nothing_typed_is_lost(secretary: Secretary) -> None:
    shown = secretary.submits(NEW, **MEETING | {"step": "question", "description": HOSTILE})
    assert shown.status == 200
    shown = secretary.sends(shown, NEW, step="question", **{"question-1-text": HOSTILE})
    fields = shown_fields(shown, NEW)
    assert (fields["questions"], fields["question-1-text"], fields["question-2-text"]) == ("2", HOSTILE, "")
    assert (fields["title"], fields["description"]) == ("Annual meeting", HOSTILE)
    shown = secretary.sends(shown, NEW, step="question", questions="99")
    assert shown_fields(shown, NEW)["questions"] == "10"
    assert "Add another question" not in shown.text


def test_a_form_that_was_open_for_too_long_is_shown_again_as_it_was_typed(secretary: Secretary) -> None:
    shown = secretary.post(NEW, shown_fields(secretary.get(NEW), NEW) | MEETING | {"token": "x"})
    assert shown.status == 422
    assert "Please send it once more" in shown.text
    assert shown_fields(shown, NEW)["title"] == "Annual meeting"
    assert rows(secretary.get("/console")) == []


# --- series -------------------------------------------------------------------------------------------------------

SERIES: list[dict[str, Any]] = [
    *({"repeats": "daily", "interval": interval, "ends": "count", "count": "5"} for interval in ("1", "3")),
    {"repeats": "weekly", "interval": "1", "weekdays": "FR", "ends": "count", "count": "4"},
    {"repeats": "weekly", "interval": "2", "weekdays": ["MO", "FR"], "ends": "count", "count": "7"},
    {"repeats": "weekly", "interval": "1", "weekdays": "FR", "ends": "until", "until": "2027-04-30"},
    *(
        {"repeats": repeats, "interval": "1", "on": on, "ends": "count", "count": "2"}
        for repeats in ("monthly", "yearly")
        for on in ("day", "weekday", "last_weekday", "last_day")
    ),
    {"repeats": "monthly", "interval": "3", "on": "weekday", "ends": "until", "until": "2028-03-10"},
]
STARTS = {"last_weekday": "2027-03-26", "last_day": "2027-03-31"}


@pytest.mark.parametrize("typed", SERIES, ids=lambda typed: "-".join(map(str, typed.values())))
def test_a_rule_made_by_the_form_is_read_back_into_the_same_fields(secretary: Secretary, typed: dict[str, Any]) -> None:
    start = STARTS.get(typed.get("on", ""), "2027-03-12")
    path = created(secretary, start_date=start, **typed)
    assert stored(secretary, path)["recurrence"]
    form = secretary.get(f"{path}/edit")
    fields = shown_fields(form, f"{path}/edit")
    assert {name: fields[name] for name in typed} == typed
    assert secretary.sends(form, f"{path}/edit").location.endswith("done=unchanged")


def test_a_rule_that_the_form_cannot_say_is_shown_as_its_text_and_kept(secretary: Secretary) -> None:
    rule = "FREQ=MONTHLY;COUNT=3;BYDAY=MO,TU,WE,TH,FR;BYSETPOS=-1"
    path = created(secretary, start_date="2027-03-31", repeats="own", rule=rule)
    kept = stored(secretary, path)["recurrence"]
    form = secretary.get(f"{path}/edit")
    fields = shown_fields(form, f"{path}/edit")
    assert (fields["repeats"], fields["rule"]) == ("own", kept)
    secretary.sends(form, f"{path}/edit", title="Other")
    event = stored(secretary, path)
    assert (event["title"], event["recurrence"]) == ("Other", kept)


def test_a_series_that_is_moved_keeps_its_rule_and_its_length(secretary: Secretary) -> None:
    typed = {"repeats": "weekly", "weekdays": "FR", "ends": "count", "count": "3"}
    path = created(secretary, **typed)
    secretary.submits(f"{path}/edit", start_time="19:00", end_time="20:30")
    event = stored(secretary, path)
    assert (event["start"], event["recurrence"]) == ("2027-03-12T19:00:00", "FREQ=WEEKLY;COUNT=3")
    secretary.submits(f"{path}/edit", repeats="none")
    assert stored(secretary, path)["recurrence"] is None


# --- changes ------------------------------------------------------------------------------------------------------


def test_an_edit_writes_only_what_was_typed_anew(secretary: Secretary) -> None:
    event = secretary.world.hold(description="  kept as it is", metadata={"a": "b"}, reminders=["P1D", "PT90M"])
    path = f"/console{event}"
    shown = secretary.submits(f"{path}/edit", title=HOSTILE, capacity="9")
    assert shown.status == 303
    after = stored(secretary, path)
    assert (after["title"], after["capacity"], after["description"]) == (HOSTILE, 9, "  kept as it is")
    assert (after["reminders"], after["metadata"]) == (["P1D", "PT1H30M"], {"a": "b"})
    secretary.submits(f"{path}/edit", capacity="", reminders="")
    after = stored(secretary, path)
    assert (after["capacity"], after["reminders"]) == (None, [])


def test_what_is_wrong_with_an_edit_is_said_at_its_field(secretary: Secretary) -> None:
    event = secretary.world.hold()
    path = f"/console{event}/edit"
    form = secretary.get(path)
    with unchanged(secretary.world.client):
        shown = secretary.sends(form, path, end_time="08:00", description=HOSTILE)
        assert (shown.status, list(errors(shown))) == (422, ["end_time"])
        assert shown_fields(shown, path)["description"] == HOSTILE
        shown = secretary.sends(form, path, start_time="08:00", quiet="yes")
        assert list(errors(shown)) == ["quiet"], "only words are corrected without telling"


def test_a_corrected_word_can_be_saved_without_telling_anybody(secretary: Secretary) -> None:
    event = secretary.world.hold()
    secretary.world.invite(event)
    path = f"/console{event}/edit"
    preview = {"title": "Other", "notify": "none"}
    assert secretary.world.call("POST", f"{event}/preview", preview).body["messages"] == 0
    shown = secretary.submits(path, title="Other", quiet="yes")
    assert shown.location.endswith("done=saved")
    assert stored(secretary, f"/console{event}")["title"] == "Other"


def test_a_change_that_somebody_else_was_faster_with_is_shown_again_as_it_was_typed(secretary: Secretary) -> None:
    event = secretary.world.hold()
    path = f"/console{event}/edit"
    form = secretary.get(path)
    secretary.world.call("PATCH", event, {"location": "Elsewhere", "capacity": 50})
    shown = secretary.sends(form, path, title=HOSTILE)
    assert shown.status == 422
    assert "This was changed meanwhile" in shown.text
    said = errors(shown)
    assert said["location"] == "Place: at present it is “Elsewhere”."
    assert said["capacity"] == "Seats: at present it is “50”."
    assert set(said) == {"title", "location", "capacity"}, "nothing else differs"
    assert shown_fields(shown, path)["title"] == HOSTILE
    assert stored(secretary, f"/console{event}")["title"] != HOSTILE
    assert secretary.sends(shown, path).status == 303
    assert stored(secretary, f"/console{event}")["title"] == HOSTILE
    assert secretary.sends(form, path, title="Third", version="x").status == 422, "no version is not any version"


def test_an_event_that_was_cancelled_while_it_was_edited_is_shown_as_it_was_typed(secretary: Secretary) -> None:
    event = secretary.world.hold()
    path = f"/console{event}/edit"
    form = secretary.get(path)
    secretary.world.call("POST", f"{event}/cancel")
    shown = secretary.sends(form, path, title=HOSTILE)
    assert shown.status == 422
    shown = secretary.sends(shown, path)
    assert (shown.status, shown_fields(shown, path)["title"]) == (422, HOSTILE)
    assert "This event is cancelled." in shown.text


def test_before_people_are_mailed_it_is_shown_who_and_the_form_can_be_gone_back_to(secretary: Secretary) -> None:
    event = secretary.world.hold()
    secretary.world.invite(event)
    path = f"/console{event}/edit"
    preview = secretary.submits(path, start_time="11:00", end_time="12:30", description=HOSTILE)
    assert preview.status == 200
    assert stored(secretary, f"/console{event}")["start"] == "2027-03-12T09:00:00"
    again = secretary.sends(preview, path, step="edit")
    fields = shown_fields(again, path)
    assert (fields["start_time"], fields["description"]) == ("11:00", HOSTILE)
    assert secretary.sends(preview, path, step="send").location.endswith("done=telling")
    assert stored(secretary, f"/console{event}")["start"] == "2027-03-12T11:00:00"


def test_what_cannot_be_changed_is_not_offered(secretary: Secretary) -> None:
    event = secretary.world.hold()
    path = f"/console{event}"
    secretary.world.call("POST", f"{event}/cancel", {"reason": HOSTILE})
    assert secretary.get(f"{path}/edit").status == 409
    page = secretary.get(path)
    assert "It is cancelled." in page.text
    assert HOSTILE in unescape(page.text)
    assert "<script>alert" not in page.text
    assert f'{path}/edit"' not in page.text
    assert f"{path}/reopen" in page.text
    followed = factories.event(event_id="followed", account=ACCOUNT, source="site", when=MARCH)
    put(secretary, followed)
    page = secretary.get("/console/events/followed")
    assert "follows a row of your own tables (site)" in page.text
    assert "/edit" not in page.text
    assert secretary.get("/console/events/followed/edit").status == 409


def test_a_key_that_may_only_read_changes_nothing(secretary: Secretary) -> None:
    event = secretary.world.hold()
    path = f"/console{event}"
    form = secretary.get(f"{path}/edit")
    secretary.sign_in(scopes=(Scope.READ,))
    assert f'{path}/edit"' not in secretary.get(path).text
    before = stored(secretary, path)
    again = secretary.submits(f"{path}/edit", title="Other")
    assert again.status == 422
    assert "this may be seen, and not changed" in again.text
    assert secretary.sends(form, f"{path}/edit", title="Other").status == 422, "a form of another session"
    assert stored(secretary, path) == before


def test_another_account_s_event_is_not_there(secretary: Secretary) -> None:
    event = secretary.world.hold()
    secretary.sign_in(account="other")
    for path in (f"/console{event}", f"/console{event}/edit", f"{NEW}?from={event.rpartition('/')[2]}"):
        assert secretary.get(path).status == 404
        assert secretary.get("/console/events/nobody").text == secretary.get(f"/console{event}").text
    assert "Create your first event" in secretary.get("/console").text


def test_an_organizer_edits_their_own_event_and_creates_none(secretary: Secretary) -> None:
    event = secretary.world.hold()
    elsewhere = secretary.world.hold(organizer={"name": "Cy", "email": "cy@example.org"})
    secretary.sign_in(organizer="ada@example.org")
    path = f"/console{event}/edit"
    assert secretary.submits(path, title="Other").status == 303
    assert stored(secretary, f"/console{event}")["title"] == "Other"
    assert secretary.get(NEW).status == secretary.post(NEW, MEETING).status == 404
    assert "/console/new" not in secretary.get(f"/console{event}").text
    assert secretary.get(f"/console{elsewhere}").status == 404


# --- the overview -------------------------------------------------------------------------------------------------


def test_the_overview_counts_people_and_their_answers(secretary: Secretary) -> None:
    event = secretary.world.hold(capacity=2, title=HOSTILE, recurrence="FREQ=WEEKLY;COUNT=3")
    for name in ("bo", "cy", "di"):
        secretary.world.register(event, f"{name}@example.net")
    page = secretary.get(f"/console{event}")
    assert "2 of 2" in page.text
    assert "0 yes, 0 maybe, 0 no, 2 without an answer" in page.text
    assert "<script>alert" not in page.text
    secretary.world.now = datetime(2027, 3, 14, tzinfo=secretary.world.now.tzinfo)
    secretary.sign_in()
    page = secretary.get(f"/console{event}")
    assert "Friday 19 March 2027" in page.text, "the next date"
    assert "The first date: Friday 12 March 2027" in page.text
    secretary.world.now += timedelta(days=60)
    secretary.sign_in()
    assert "It is over." in secretary.get(f"/console{event}").text


def test_the_answers_of_many_people_are_counted_upon_request(
    secretary: Secretary, monkeypatch: pytest.MonkeyPatch
) -> None:
    event = secretary.world.hold()
    secretary.world.register(event)
    monkeypatch.setattr("convoke.console.event_page.MOST_PEOPLE", 0)
    monkeypatch.setattr(home, "MOST_PEOPLE", 0)
    path = f"/console{event}"
    assert f"{path}?count=answers" in secretary.get("/console").text
    assert "Count the answers" in secretary.get(path).text
    assert "1 without an answer" in secretary.get(f"{path}?count=answers").text


# --- the list -----------------------------------------------------------------------------------------------------

MARCH = When(start=datetime(2027, 3, 12, 9), end=datetime(2027, 3, 12, 10), time_zone="Europe/Berlin")


def put(secretary: Secretary, *events: Any) -> None:
    """Store events as they are, with nobody registered."""
    store = secretary.store
    for event in events:
        for action in (
            Events(store.client, store.settings).new_action(event),
            SeatCounts(store.client, store.settings).new_action(event.event_id, Seats()),
        ):
            [(kind, what)] = action.items()
            assert kind == "Put"
            store.client.put_item(TableName=what["TableName"], Item=what["Item"])


def at(days: int) -> dict[str, str]:
    day = factories.NOW + timedelta(days=days)
    return {"start": f"{day:%Y-%m-%d}T18:00:00", "end": f"{day:%Y-%m-%d}T19:00:00"}


def test_without_any_event_the_first_one_is_offered(secretary: Secretary) -> None:
    page = secretary.get("/console")
    assert "Create your first event" in page.text
    assert 'type="search"' not in page.text
    created(secretary, save="draft")
    page = secretary.get("/console?show=past")
    assert "No event is over yet." in page.text
    assert "Create your first event" not in page.text


def test_events_to_come_are_soonest_first_and_past_ones_latest_first(secretary: Secretary) -> None:
    world = secretary.world
    for days, title in ((30, "Third"), (2, "First"), (10, "Second")):
        world.hold(title=title, **at(days))
    world.hold(title="Draft", status="draft", **at(5))
    cancelled = world.hold(title="Off", **at(6))
    world.call("POST", f"{cancelled}/cancel", {})
    world.hold(title="Weekly", recurrence="FREQ=WEEKLY;COUNT=20", **at(1))
    page = secretary.get("/console")
    assert rows(page) == ["Weekly", "First", "Draft", "Off", "Second", "Third"]
    assert "Cancelled" in page.text
    assert rows(secretary.get("/console?show=drafts")) == ["Draft"]
    world.now += timedelta(days=9)
    secretary.sign_in()
    page = secretary.get("/console")
    assert rows(page) == ["Weekly", "Second", "Third"]
    assert "Sat 30 Jan 2027, 18:00" in page.text, "the next date of the series, in its zone"
    assert rows(secretary.get("/console?show=past")) == ["Off", "Draft", "First"]


def test_the_list_shows_seats_answers_and_who_waits(secretary: Secretary) -> None:
    event = secretary.world.hold(capacity=1)
    for name in ("bo", "cy"):
        secretary.world.register(event, f"{name}@example.net")
    page = secretary.get("/console")
    assert re.findall(r'<td class="number"[^>]*>(.*?)</td>', page.text) == ["1 of 1", "1", "0"]
    assert "0 yes, 0 maybe, 0 no" in page.text


def test_there_are_25_events_on_a_page_and_the_next_is_behind_a_link(secretary: Secretary) -> None:
    for number in range(30):
        secretary.world.hold(title=f"Day {number:02}", **at(number + 1))
    page = secretary.get("/console")
    assert rows(page) == [f"Day {number:02}" for number in range(25)]
    [following] = re.findall(r'href="([^"]*cursor=[^"]*)"[^>]*rel="next"', page.text)
    page = secretary.get(unescape(following).removeprefix("/v1"))
    assert rows(page) == [f"Day {number:02}" for number in range(25, 30)]
    assert "From the beginning" in page.text
    assert secretary.get("/console?cursor=x").status == 422


def test_events_are_searched_by_words_of_title_and_place(secretary: Secretary, monkeypatch: pytest.MonkeyPatch) -> None:
    secretary.world.hold(title="Kölner Treffen", **at(1))
    secretary.world.hold(title=HOSTILE, location="Town hall", **at(2))
    assert rows(secretary.get("/console?q=koln")) == ["Kölner Treffen"]
    page = secretary.get("/console?q=HALL+%3Cscript")
    assert rows(page) == [HOSTILE]
    assert "<script>alert" not in page.text
    nothing = secretary.get("/console?q=%22%3E%3Cb%3E")
    assert "Nothing was found." in nothing.text
    assert "<b>" not in nothing.text
    assert 'href="/v1/console?show=upcoming">Clear the search' in nothing.text
    monkeypatch.setattr(lookups, "LOOKED_THROUGH", 1)
    page = secretary.get("/console?q=hall")
    assert "Not all events have been looked through yet." in page.text
    [further] = re.findall(r'href="([^"]*cursor=[^"]*)"[^>]*rel="next">Look further', page.text)
    assert rows(secretary.get(unescape(further).removeprefix("/v1"))) == [HOSTILE]


def test_a_page_and_a_search_among_many_events_take_few_requests_and_little_time(
    secretary: Secretary, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What the tables in memory take is left out. DynamoDB answers each of these requests within some milliseconds, and
    of events there are as many requests however many rows of the index are read.
    """
    plain = factories.event(account=ACCOUNT, when=MARCH, title="Plain")
    for number in range(400):
        start = factories.NOW.replace(tzinfo=None) + timedelta(hours=12 * number - 2_400)
        when = replace(MARCH, start=start, end=start + timedelta(hours=1))
        put(secretary, replace(plain, event_id=f"e{number:04}", when=when, title=f"Number {number}"))
    secretary.get("/console?show=drafts")
    asked: list[tuple[str, float]] = []
    ask: Any = BaseClient.__dict__["_make_api_call"]

    def timed(client: BaseClient, operation: str, parameters: Any) -> Any:
        begun = time.process_time()
        try:
            return ask(client, operation, parameters)
        finally:
            asked.append((operation, time.process_time() - begun))

    monkeypatch.setattr(BaseClient, "_make_api_call", timed)
    for path, first in (
        ("/console", "Number 201"),
        ("/console?show=past", "Number 200"),
        ("/console?q=number+399", "Number 399"),
    ):
        asked.clear()
        begun = time.process_time()
        shown = secretary.get(path)
        own = time.process_time() - begun - sum(took for _, took in asked)
        assert rows(shown)[0] == first
        assert 0 < len(asked) <= 5 + home.PER_PAGE, [operation for operation, _ in asked]
        assert own < 0.3
