"""The console before anything is mailed: who would be told what, the mails themselves, and sending them once."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import timedelta
from html import escape, unescape
from typing import Any

import pytest

from convoke.console import previewing, words
from convoke.console.client import Reply
from convoke.console.visit import ROUTES, Visit, page
from convoke.languages import texts
from convoke.model import EventStatus
from convoke.pages import forms, site
from convoke.pages.forms import Errors
from convoke.store import keys
from tests.factories import NOW, existing
from tests.mailbox import plain_text_of, read_mail
from tests.secretary import Secretary, a_secretary
from tests.tables import unchanged
from tests.test_preview import at as at_address
from tests.test_preview import told as told_of
from tests.visitor import Shown, words_of
from tests.world import World as Delivery

FIRST, SECOND, THIRD, FOURTH = (f"2027-{day}T09:00:00" for day in ("03-12", "03-19", "03-26", "04-02"))


@pytest.fixture
def secretary(monkeypatch: pytest.MonkeyPatch) -> Iterator[Secretary]:
    with a_secretary(monkeypatch) as one:
        monkeypatch.setattr(ROUTES, "all", [*ROUTES.all])
        page("POST", "/console/events/{event_id}/change")(change)
        one.sign_in()
        yield one


BODIES: dict[str, tuple[str, str, dict[str, Any], dict[str, Any]]] = {
    "title": ("PATCH", "/events/{event_id}", {}, {}),
    "date": (
        "POST",
        "/events/{event_id}/occurrences/{start}/cancel",
        {"reason": "Ill."},
        {"occurrence": SECOND, "cancel": True, "reason": "Ill."},
    ),
    "add": ("POST", "/events/{event_id}/occurrences", {}, {}),
}
"""What the form of :func:`change` can do: the API call, and what is added to the bodies of the call and the preview."""


def change(visit: Visit, event_id: str) -> site.Answer:
    """A page whose form changes an event, as other pages of the console do."""
    event = visit.api.read("/events/{event_id}", {"event_id": event_id})
    method, path, body, previewed = BODIES[visit.form.text("what") or "title"]
    fields = {name: visit.form.text(name) for name in ("title", "start", "location") if visit.form.text(name)}
    what = {"at": {"event_id": event_id, "start": SECOND}, "body": {**body, **fields}}
    if path.endswith("occurrences"):
        previewed = {"add": fields}
    change = previewing.Change(
        method=method,
        path=path,
        **what,
        previewed=previewed or fields,
        version=previewing.version_of(visit),
        title="Change it",
        send="Send it",
    )

    def again(errors: Errors) -> site.Answer:
        path = f"/console/events/{event_id}/change"
        hidden = {"token": forms.token(visit.request, path), "version": event["version"], "once": "a"}
        shown = {name: value for name, value in previewing.typed(visit).items() if name != "version"}
        inputs = [f'<input type="hidden" name="{name}" value="{value}">' for name, value in hidden.items()]
        inputs += [f'<input name="{name}" value="{escape(value)}">' for name, each in shown.items() for value in each]
        said = "".join(f"<p>{name}: {escape(message)}</p>" for name, message in errors)
        return site.Answer(
            status=200, body=f'{said}<form action="{visit.request.link(path)}">{"".join(inputs)}</form>', headers={}
        )

    return previewing.settle(visit, event, change, again=again, then=f"/console/events/{event_id}")


def of(event: str) -> str:
    return f"/console{event}"


def form_of(secretary: Secretary, event: str, **typed: Any) -> Shown:
    """The form of :func:`change`, filled in."""
    return secretary.post(f"{of(event)}/change", typed)


def previewed(secretary: Secretary, event: str, **typed: Any) -> Shown:
    return secretary.sends(form_of(secretary, event, **typed), f"{of(event)}/change")


def told(secretary: Secretary, *people: dict[str, Any], **changes: Any) -> tuple[str, Delivery]:
    """An event, and people who have been told of it."""
    world = secretary.world
    event = world.hold(**changes)
    for number, person in enumerate(people):
        world.register(event, f"person{number}@example.net", **person)
    delivery = Delivery(world.client)
    delivery.settle()
    world.now = delivery.now
    secretary.sign_in()
    return event, delivery


SERIES = {"recurrence": "FREQ=WEEKLY;COUNT=4"}


@pytest.mark.parametrize(
    ("typed", "said"),
    [
        ({"title": "Quire"}, ["3 people are told what changes. Their answers stay.", "3 mails in all."]),
        (
            {"location": "Hall"},
            ["3 people are told what changes, and are asked again whether they come.", "3 mails in all."],
        ),
        (
            {"what": "date"},
            [
                "One person is told that this date is cancelled.",
                "One person gets a cancellation: their calendar removes the entry.",
                "One person gets nothing.",
                "2 mails in all.",
            ],
        ),
        (
            {"what": "add", "start": "2027-03-30T18:00:00"},
            ["One person is told what changes, and", "2 people get nothing.", "One mail in all."],
        ),
    ],
    ids=["a title", "a place", "a date less", "a date more"],
)
def test_it_is_said_how_many_are_told_what_before_anything_is_sent(
    secretary: Secretary, typed: dict[str, Any], said: list[str]
) -> None:
    event, delivery = told(secretary, {}, {"occurrences": [SECOND]}, {"occurrences": [FOURTH]}, **SERIES)
    form = form_of(secretary, event, **typed)
    with unchanged(secretary.world.client):
        shown = secretary.sends(form, f"{of(event)}/change")
        assert shown.status == 200, shown.text
        for sentence in said:
            assert sentence in words_of(shown)
        assert "Nothing has been changed yet, and nobody has been mailed." in words_of(shown)
    assert delivery.queue == []


def test_who_waits_is_counted_among_those_who_are_mailed_of_a_cancellation(secretary: Secretary) -> None:
    event = secretary.world.hold(approval=True)
    secretary.world.register(event, "bo@example.net")
    delivery = Delivery(secretary.world.client)
    for _ in range(3):
        delivery.pass_time(minutes=1)
        delivery.sweep()
    secretary.world.now = delivery.now
    secretary.sign_in()
    shown = secretary.submits(f"{of(event)}/cancel")
    said = words_of(shown)
    assert "One person who waits gets a mail about it, without an entry for the calendar." in said
    assert "One mail in all." in said
    assert "Calendar stays as it is" in said
    assert "You need not keep the date." in said


def test_the_mails_that_are_shown_are_those_that_are_sent(secretary: Secretary) -> None:
    event, delivery = told(secretary, {}, {"name": "<b>Cy</b> & \u05e9"}, {"language": "de"}, title="A <i>plan</i>")
    shown = previewed(secretary, event, title="</pre><script>alert(1)</script>", start="2027-03-12T10:00:00")
    assert "<script>alert" not in shown.text
    mails = re.findall(r"Subject</dt><dd><bdi>(.*?)</bdi></dd>.*?<pre dir=\"auto\">(.*?)</pre>", shown.text, re.DOTALL)
    link = "[here stands the link of this person alone]"
    foreseen = sorted((unescape(subject), unescape(re.sub("<[^>]+>", "", text))) for subject, text in mails)
    assert all(text.count(link) == 1 for _, text in foreseen)
    sent = len(delivery.sent)
    done = secretary.sends(shown, f"{of(event)}/change", step="send")
    assert (done.status, done.location) == (303, f"{of(event)}?done=telling")
    delivery.settle()
    left = []
    for each in delivery.sent[sent:]:
        text = plain_text_of(each.rendered.mail).replace("_your_personal_link_", link)
        left.append((str(read_mail(each.rendered.mail)["Subject"]), text))
    assert len(left) == 3
    assert foreseen == sorted(left)


def test_everything_that_was_typed_goes_through_the_preview_and_back(secretary: Secretary) -> None:
    event, _ = told(secretary, {})
    hostile = 'Two\nlines, "quotes", <b>, &amp; and \u202eturned'
    shown = previewed(secretary, event, title="Quire", other=["1", "2", hostile], empty="")
    back = secretary.sends(shown, f"{of(event)}/change", step="edit")
    inputs = re.findall(r"<input name=\"(\w+)\" value=\"([^\"]*)\"", back.text)
    assert [(name, unescape(value)) for name, value in inputs] == [
        ("title", "Quire"),
        ("other", "1"),
        ("other", "2"),
        ("other", hostile),
        ("empty", ""),
    ]
    assert secretary.world.call("GET", event).body["version"] == 1


def test_what_mails_nobody_is_done_at_once(secretary: Secretary) -> None:
    event = secretary.world.hold()
    done = previewed(secretary, event, title="Quire")
    assert (done.status, done.location) == (303, f"{of(event)}?done=saved")
    assert secretary.world.call("GET", event).body["title"] == "Quire"


@pytest.mark.parametrize("typed", [{"title": "Quire"}, {"what": "date"}], ids=["a patch", "a cancelled date"])
def test_a_double_click_on_send_does_it_once(secretary: Secretary, typed: dict[str, Any]) -> None:
    event, delivery = told(secretary, {}, **SERIES)
    shown = previewed(secretary, event, **typed)
    for _ in range(2):
        done = secretary.sends(shown, f"{of(event)}/change", step="send")
        assert (done.status, done.location) == (303, f"{of(event)}?done=telling"), done.text
    assert secretary.world.call("GET", event).body["version"] == 2
    sent = len(delivery.sent)
    delivery.settle()
    assert len(delivery.sent) == sent + 1


def test_what_somebody_else_changed_meanwhile_is_not_overwritten(secretary: Secretary) -> None:
    event, _ = told(secretary, {})
    form = form_of(secretary, event, title="Quire")
    shown = secretary.sends(form, f"{of(event)}/change")
    secretary.world.call("PATCH", event, {"title": "Choir"})
    for again in (
        secretary.sends(shown, f"{of(event)}/change", step="send"),
        secretary.sends(form, f"{of(event)}/change"),
    ):
        assert "This was changed meanwhile" in words_of(again)
        assert 'value="Quire"' in again.text
    assert secretary.world.call("GET", event).body["title"] == "Choir"
    assert secretary.sends(again, f"{of(event)}/change").status == 200
    shown = secretary.sends(again, f"{of(event)}/change")
    assert secretary.sends(shown, f"{of(event)}/change", step="send").status == 303


def test_a_form_that_is_not_believed_does_nothing(secretary: Secretary) -> None:
    event, _ = told(secretary, {})
    shown = previewed(secretary, event, title="Quire")
    with unchanged(secretary.world.client):
        for step in ("send", "quiet", "more", "edit", ""):
            answer = secretary.sends(shown, f"{of(event)}/change", step=step, token="x")
            assert "This page was open for too long" in words_of(answer)
            assert 'value="Quire"' in answer.text


def test_what_the_api_refuses_is_said_at_the_field(secretary: Secretary) -> None:
    event, _ = told(secretary, {}, **SERIES)
    assert "start: must" in words_of(previewed(secretary, event, start="tomorrow"))
    again = previewed(secretary, event, what="add", start="2027-03-19T09:00:00")
    assert "start: " in words_of(again)
    assert 'value="2027-03-19T09:00:00"' in again.text


def test_a_text_may_be_mended_without_a_mail(secretary: Secretary) -> None:
    event, delivery = told(secretary, {})
    shown = previewed(secretary, event, title="Quire")
    assert "Save without telling anybody" in words_of(shown)
    done = secretary.sends(shown, f"{of(event)}/change", step="quiet")
    assert (done.status, done.location) == (303, f"{of(event)}?done=saved")
    sent = len(delivery.sent)
    delivery.settle()
    assert len(delivery.sent) == sent
    assert secretary.world.call("GET", event).body["title"] == "Quire"
    assert "Save without telling anybody" not in words_of(previewed(secretary, event, location="Hall"))


def test_it_is_said_when_people_are_told(secretary: Secretary) -> None:
    event, _ = told(secretary, {}, notify_after=300, start="2027-06-12T09:00:00", end="2027-06-12T10:00:00")
    shown = words_of(previewed(secretary, event, title="Quire"))
    then = (secretary.world.now + timedelta(seconds=300)).isoformat()
    assert f"They are mailed at {words.clock(texts('en'), then, 'Europe/Berlin')} (Europe/Berlin)" in shown
    urgent = words_of(secretary.submits(f"{of(event)}/cancel"))
    assert "They are mailed at once." in urgent


# --- limits ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("reply", "said"),
    [
        (
            {"status": 429, "detail": "too many cancellations of single dates", "retry-after": "1801"},
            "Too many cancellations of single dates. Nothing was saved. Please send it again in 31 minutes.",
        ),
        ({"status": 503, "code": "busy"}, "Others are changing this at the moment. Nothing was saved."),
        ({"status": 409, "code": "event_over"}, "This event is over, so that it cannot be changed any more."),
        ({"status": 409, "code": "conflict", "detail": "it is so"}, "It is so."),
    ],
)
def test_what_cannot_be_done_now_is_said_in_words_and_nothing_is_lost(
    secretary: Secretary, monkeypatch: pytest.MonkeyPatch, reply: dict[str, Any], said: str
) -> None:
    event, _ = told(secretary, {})
    shown = previewed(secretary, event, title="Quire")
    refused = Reply(
        status=reply["status"],
        data={"code": reply.get("code", ""), "detail": reply.get("detail", "")},
        text="",
        headers={name: value for name, value in reply.items() if name == "retry-after"},
    )
    call = Visit.__init__

    def busy(self: Visit, *given: Any) -> None:
        call(self, *given)
        read = self.api.call
        self.api.call = lambda method, *rest, **more: read(method, *rest, **more) if method == "GET" else refused  # type: ignore[method-assign]

    monkeypatch.setattr(Visit, "__init__", busy)
    again = secretary.sends(shown, f"{of(event)}/change", step="send")
    assert said in words_of(again)
    assert 'value="Quire"' in again.text


# --- many people ----------------------------------------------------------------------------------------------------

CROWD = 15_000


@pytest.fixture
def crowd(secretary: Secretary, monkeypatch: pytest.MonkeyPatch) -> str:
    """An event with fifteen thousand people, who are not stored one by one."""
    event = secretary.world.hold()
    one = told_of(existing(secretary.store.reads.event(event.removeprefix("/events/"))))
    ids = [keys.registration_id(NOW, number.to_bytes(16, "big")) for number in range(CROWD)]

    def everybody(_: str, after: str = "") -> Iterator[Any]:
        for number, registration_id in enumerate(ids):
            if registration_id > after:
                seen = at_address(f"person{number}@example.net", one)
                person = replace(seen.registration, registration_id=registration_id)
                yield person, replace(seen.invitation, registration_id=registration_id)

    monkeypatch.setattr(secretary.store.reads, "everybody", everybody)
    return event


def looked_at(shown: Shown) -> int:
    found = re.search(r"This is of the first ([0-9]+) people", words_of(shown))
    return int(found[1]) if found else 0


def test_of_fifteen_thousand_people_the_first_are_looked_at_within_seconds_and_then_the_rest(
    secretary: Secretary, crowd: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    # So short that no machine looks at everybody in two pages.
    monkeypatch.setattr(previewing, "SECONDS", 0.0)
    monkeypatch.setattr("convoke.web.context.SECONDS_OF_A_PART", 0.03)
    path = f"{of(crowd)}/change"
    began = time.monotonic()
    shown = previewed(secretary, crowd, title="Quire")
    assert time.monotonic() - began < 6
    first = looked_at(shown)
    assert 0 < first < CROWD
    assert "There are more, who were not looked at yet." in words_of(shown)
    assert "Look at more of them" in words_of(shown)
    more = secretary.sends(shown, path, step="more")
    assert first < looked_at(more) < CROWD
    assert 'value="Quire"' in more.text
    assert "Subject" in more.text, "the mails are shown again"
    part, parts = more, 0
    while looked_at(part) and parts < 400:
        fields = existing(re.search(r"name=\"looked\" value=\"([^\"]*)\"", part.text))
        part = secretary.sends(more, path, step="more", part="yes", looked=unescape(fields[1]))
        assert "<html" not in part.text
        parts += 1
    assert f"{CROWD} people are told what changes." in words_of(part)
    assert f"{CROWD} mails in all." in words_of(part)


def test_one_can_send_before_all_are_looked_at(
    secretary: Secretary, crowd: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(previewing, "SECONDS", 0.0)
    monkeypatch.setattr("convoke.web.context.SECONDS_OF_A_PART", 0.05)
    shown = previewed(secretary, crowd, title="Quire")
    assert 0 < looked_at(shown) < CROWD
    assert secretary.sends(shown, f"{of(crowd)}/change", step="send").status == 303


@pytest.mark.parametrize(
    "looked",
    ["", "x", "{}", "[]", "null", "[" * 5000, '{"none": -1}', '{"ask_again": 1e400}', '{"next": {"a": 1}}'],
)
def test_what_a_form_says_was_looked_at_is_not_believed_blindly(secretary: Secretary, looked: str) -> None:
    assert previewing.looked_before(looked) is None
    event, _ = told(secretary, {})
    shown = previewed(secretary, event, title="Quire")
    path = f"{of(event)}/change"
    assert secretary.sends(shown, path, step="more", part="yes", looked=looked).status == 400
    assert secretary.sends(shown, path, step="more", looked=looked).status == 200


def test_what_was_looked_at_reads_back() -> None:
    some = previewing.Looked(counts=dict.fromkeys(previewing.KINDS, 3), messages=12, next="abc")
    assert previewing.looked_before(some.written()) == some
    for wrong in ({"messages": True}, {"none": 10**9}, {"none": "3"}, {"next": 5}, {"next": "\u00e9"}):
        assert previewing.looked_before(_with(some, wrong)) is None


def _with(some: previewing.Looked, wrong: Mapping[str, Any]) -> str:
    return json.dumps({**json.loads(some.written()), **wrong})


def test_the_first_of_each_kind_is_shown_and_three_at_least() -> None:
    def chosen(*kinds: str) -> list[int]:
        examples: list[dict[str, Any]] = [{"kind": kind, "number": number} for number, kind in enumerate(kinds)]
        return [one["number"] for one in previewing.shown_first(examples)]

    assert chosen() == []
    assert chosen("update") == [0]
    assert chosen("update", "update", "update", "update", "update") == [0, 1, 2]
    assert chosen("update", "update", "update", "cancel", "cancel") == [0, 1, 3]
    assert chosen("update", "cancel", "invite", "ask_again") == [0, 1, 2, 3]


def test_the_link_stands_where_the_mail_has_it_and_nowhere_else() -> None:
    typed = "a\n_your_personal_link_\nb"
    assert previewing.around_link(f"{typed}\n\nSee:\n_your_personal_link_\n\nwhy\n") == (
        f"{typed}\n\nSee:\n",
        "\n\nwhy\n",
    )


# --- cancelling, and reopening --------------------------------------------------------------------------------------


def test_cancelling_asks_why_shows_the_mails_and_then_sends_them(secretary: Secretary) -> None:
    event, _ = told(secretary, {})
    path = f"{of(event)}/cancel"
    shown = secretary.submits(path, reason="The hall burnt down.")
    said = words_of(shown)
    assert "One person gets a cancellation: their calendar removes the entry." in said
    assert "Cancelled: Kölner Treffen" in said
    assert "The hall burnt down." in said
    assert secretary.world.call("GET", event).body["status"] == "confirmed"
    done = secretary.sends(shown, path, step="send")
    assert (done.status, done.location) == (303, f"{of(event)}?done=telling")
    after = secretary.world.call("GET", event).body
    assert (after["status"], after["version"]) == ("cancelled", 2)
    assert "It is cancelled already." in words_of(secretary.get(path))


def test_a_reason_that_is_refused_stays_in_its_field(secretary: Secretary) -> None:
    event, _ = told(secretary, {})
    path = f"{of(event)}/cancel"
    again = secretary.submits(path, reason="x" * 1001)
    assert again.status == 422
    assert 'href="#reason"' in again.text
    assert "x" * 1001 in again.text
    assert secretary.sends(again, path, reason="Ill.").status == 200


def test_a_series_is_reopened_with_the_dates_that_one_chooses(secretary: Secretary) -> None:
    event, delivery = told(secretary, {}, **SERIES)
    world = secretary.world
    for date in (SECOND, THIRD):
        assert world.call("POST", f"{event}/occurrences/{date}/cancel").status == 200
    assert "It is not cancelled." in words_of(secretary.get(f"{of(event)}/reopen"))
    world.call("POST", f"{event}/cancel", {"reason": "Ill."})
    delivery.settle()
    path = f"{of(event)}/reopen"
    form = secretary.get(path)
    assert re.findall(r"name=\"occurrences\" value=\"([^\"]*)\"", form.text) == [SECOND, THIRD]
    shown = secretary.sends(form, path, occurrences=[THIRD])
    assert "One person gets an invitation." in words_of(shown)
    assert secretary.sends(shown, path, step="send").status == 303
    assert world.call("GET", event).body["status"] == "confirmed"
    dates = world.call("GET", f"{event}/occurrences").body["items"]
    assert [one["occurrence"] for one in dates if one["cancelled"]] == [SECOND]
    assert existing(secretary.store.reads.event(event.removeprefix("/events/"))).status is EventStatus.CONFIRMED


def test_nobody_cancels_or_reopens_the_events_of_others(secretary: Secretary) -> None:
    event, _ = told(secretary, {})
    for session in ({"account": "other"}, {"organizer": "eve@example.org"}):
        secretary.sign_in(**session)
        for step in ("cancel", "reopen", "undo", "telling"):
            assert secretary.get(f"{of(event)}/{step}").status == 404
        for step in ("cancel", "reopen"):
            assert secretary.post(f"{of(event)}/{step}", {"step": "send"}).status == 404
    secretary.sign_in(organizer="ada@example.org")
    assert secretary.get(f"{of(event)}/cancel").status == 200


def test_the_scripts_of_the_console_may_ask_for_parts_of_its_pages_and_for_nothing_else(secretary: Secretary) -> None:
    policy = secretary.get("/console").headers["content-security-policy"]
    assert "connect-src 'self'" in policy.split("; ")
    assert "default-src 'none'" in policy.split("; ")
