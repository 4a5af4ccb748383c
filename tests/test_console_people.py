"""The console's list of an event's people: searched, filtered, in an order, a page at a time."""

from __future__ import annotations

import re
from datetime import timedelta
from html import unescape

import pytest

from convoke.console import people
from convoke.web import people as lists_of_people
from tests.secretary import Secretary
from tests.visitor import Shown, words_of


def named(shown: Shown) -> list[str]:
    """The names in the list, in their order."""
    assert shown.status == 200, shown.text[:2000]
    return [unescape(one) for one in re.findall(r'<th scope="row"><a [^>]*><bdi>(.*?)</bdi>', shown.text)]


def link(shown: Shown, text: str) -> str:
    """Where a link of the page leads, without what every address begins with."""
    (path,) = re.findall(rf'<a [^>]*href="([^"]*)"[^>]*>{re.escape(text)}</a>', shown.text)
    return unescape(path).removeprefix("/v1")


def filled(secretary: Secretary, *names: str, **event: object) -> str:
    """An event with these people, one a second; answers the path of its list."""
    world = secretary.world
    held = world.hold(**event)
    for number, name in enumerate(names):
        world.now += timedelta(seconds=1)
        world.register(held, f"person{number}@example.net", name=name)
    return f"/console{held}/people"


def test_people_are_listed_by_name_with_their_states(secretary: Secretary) -> None:
    path = filled(secretary, "Cy Ek", "<b>Ada</b>", "Änne Bo")
    shown = secretary.get(path)
    assert named(shown) == ["Änne Bo", "<b>Ada</b>", "Cy Ek"], "what is between words does not count"
    assert "person1@example.net" in shown.text
    assert "<b>Ada" not in shown.text
    for said in ("Registered", "No answer yet", "Waits to be sent", "3 seats are taken.", "Fri 15 Jan 2027, 13:00"):
        assert said in shown.text, said
    assert f'href="/v1{path}/' in shown.text
    assert (link(shown, "Add a person"), link(shown, "Import")) == (f"{path}/add", path.replace("people", "imports"))
    assert link(shown, "Export") == f"{path}.csv"


def test_what_is_said_of_seats_and_the_waitlist_are_two_sentences(secretary: Secretary) -> None:
    path = filled(secretary, "Ada", "Bo", capacity=1)
    assert "1 of 1 seat is taken. One registration is on the waitlist." in words_of(secretary.get(path))


def test_the_latest_come_first_if_one_wants_so(secretary: Secretary) -> None:
    path = filled(secretary, "Cy Ek", "Ada", "Bo")
    assert named(secretary.get(f"{path}?order=-created")) == ["Bo", "Ada", "Cy Ek"]


def test_a_search_finds_the_beginning_of_any_word_of_name_or_address(secretary: Secretary) -> None:
    path = filled(secretary, "Anna Schmidt", "Bo Schmitz", "Cy Ek")
    assert named(secretary.get(f"{path}?q=SCHM")) == ["Bo Schmitz", "Anna Schmidt"][::-1]
    assert named(secretary.get(f"{path}?q=schm+bo")) == ["Bo Schmitz"]
    assert named(secretary.get(f"{path}?q=person2")) == ["Cy Ek"]
    shown = secretary.get(f"{path}?q=nobody")
    assert "Nobody was found." in shown.text
    assert 'value="nobody"' in shown.text
    assert named(secretary.get(f"{path}?q=&status=&answer=&delivery=&order=name")) == [
        "Anna Schmidt",
        "Bo Schmitz",
        "Cy Ek",
    ]


def test_what_has_nothing_to_search_for_is_said_at_its_field(secretary: Secretary) -> None:
    shown = secretary.get(f"{filled(secretary, 'Ada')}?q=--")
    assert shown.status == 422
    assert "Type at least one letter or number to search for." in shown.text
    assert 'value="--"' in shown.text


def test_people_are_filtered_by_status_answer_and_delivery(secretary: Secretary) -> None:
    path = filled(secretary, "Ada", "Bo", "Cy", capacity=2)
    event = path.removeprefix("/console").removesuffix("/people")
    ada = secretary.world.call("GET", f"{event}/registrations", query={"search": "ada"}).body["items"][0]
    secretary.world.call("DELETE", f"{event}/registrations/{ada['registration_id']}")
    assert named(secretary.get(f"{path}?status=cancelled")) == ["Ada"]
    assert named(secretary.get(f"{path}?status=registered&order=-created")) == ["Cy", "Bo"]
    assert named(secretary.get(f"{path}?delivery=pending&q=c")) == ["Cy"]
    assert named(secretary.get(f"{path}?answer=accepted")) == []
    shown = secretary.get(f"{path}?answer=needs-action&status=lost&order=sideways")
    assert named(shown) == ["Ada", "Bo", "Cy"], "what is not known is left out"
    assert '<option value="needs-action" selected>' in shown.text


def test_pages_lead_on_and_back_to_the_beginning(secretary: Secretary, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(people, "PAGE", 2)
    path = filled(secretary, "Eve", "Ada", "Cy", "Bo", "Di")
    shown, found = secretary.get(path), []
    for _ in range(3):
        found.append(named(shown))
        last, shown = shown, secretary.get(link(shown, "Next page")) if "Next page" in shown.text else shown
    assert found == [["Ada", "Bo"], ["Cy", "Di"], ["Eve"]]
    assert named(secretary.get(link(last, "From the beginning"))) == ["Ada", "Bo"]


def test_a_filter_that_looks_at_many_says_so_and_goes_on(secretary: Secretary, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lists_of_people, "MOST_LOOKED_THROUGH", 2)
    path = filled(secretary, "Ada", "Bo", "Cy")
    shown = secretary.get(f"{path}?answer=accepted")
    assert named(shown) == []
    assert "Not everybody was looked at yet" in shown.text
    assert "There is nobody further." in secretary.get(link(shown, "Look further")).text


def test_a_cursor_of_another_list_leads_to_the_beginning(secretary: Secretary) -> None:
    path = filled(secretary, "Ada")
    assert named(secretary.follow(secretary.get(f"{path}?order=-created&cursor=eHh4"))) == ["Ada"]


def test_where_nobody_is_registered_one_is_told_what_to_do(secretary: Secretary) -> None:
    shown = secretary.get(filled(secretary))
    assert "Nobody is registered yet." in shown.text
    assert "make the event public" in shown.text
    shown = secretary.get(filled(secretary, public=True))
    assert "where people register themselves:" in shown.text
    assert "/e/" in shown.text


def test_whoever_is_erased_is_listed_without_name_and_address(secretary: Secretary) -> None:
    path = filled(secretary, "Ada")
    event = path.removeprefix("/console").removesuffix("/people")
    (ada,) = secretary.world.call("GET", f"{event}/registrations").body["items"]
    secretary.world.call("DELETE", f"{event}/registrations/{ada['registration_id']}", query={"erase": "true"})
    shown = secretary.get(f"{path}?order=-created")
    assert named(shown) == ["An erased person"]
    assert "person0@" not in shown.text


def test_of_a_series_the_dates_of_each_are_shown(secretary: Secretary) -> None:
    held = secretary.world.hold(recurrence="FREQ=WEEKLY;COUNT=6")
    dates = [f"2027-03-{day}T09:00:00" for day in (12, 19, 26)]
    secretary.world.register(held, name="Ada")
    secretary.world.register(held, "bo@example.org", name="Bo", occurrences=[*dates, "2027-04-02T09:00:00"], guests=2)
    shown = secretary.get(f"/console{held}/people")
    assert "Fri 12 Mar 2027, 09:00" in shown.text
    assert "and one more" in shown.text
    assert '<td data-label="Dates">All' in shown.text


def test_nobody_sees_the_people_of_others(secretary: Secretary) -> None:
    path = filled(secretary, "Ada")
    secretary.sign_in(organizer="ada@example.org")
    assert named(secretary.get(path)) == ["Ada"]
    secretary.sign_in(organizer="eve@example.org")
    assert secretary.get(path).status == 404
    secretary.sign_in(account="other")
    assert secretary.get(path).status == 404


def test_to_a_cancelled_event_nobody_can_be_added_and_nothing_offers_it(secretary: Secretary) -> None:
    event = secretary.world.hold()
    path = f"/console{event}/people"
    assert f'href="/v1{path}/add"' in secretary.get(path).text
    secretary.world.call("POST", f"{event}/cancel")
    shown = secretary.get(path)
    assert "Nobody was registered when it was cancelled." in shown.text
    assert f'href="/v1{path}/add"' not in shown.text
    assert "/imports" not in shown.text
    refused = secretary.get(f"{path}/add")
    assert refused.status == 409
    assert "It is cancelled. Let it take place again first." in refused.text
    assert f'href="/v1/console{event}"' in refused.text
