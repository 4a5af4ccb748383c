"""The index of an event's people: by the beginning of any word of their names, and in the order of these."""

from __future__ import annotations

import unicodedata
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from convoke.model import InvalidField, Registration, RegistrationStatus
from convoke.registrations import erasure, registry
from convoke.store import dynamo, keys, names
from convoke.store.names import ATTRIBUTES, EVERYBODY, LAST, attributes, read_entry, read_search, words
from tests.caller import World, a_caller, everybody
from tests.factories import EVENT_ID, NOW, registration
from tests.fixtures import patching_fixture_of
from tests.tables import SETTINGS

NAMES = st.text(st.characters(codec="utf-8"), min_size=1, max_size=255)
LOCAL_PARTS = st.from_regex(r"[a-z0-9]{1,12}([._+-][a-z0-9]{1,12}){0,4}", fullmatch=True)
HOSTILE = (
    "x" * 255,
    "漢" * 255,
    "山田 太郎",
    "김민준",
    "محمد الأمين",
    "مُحَمَّد",
    "שָׁלוֹם כהן",
    "นายสมชาย ใจดี",
    "कृष्ण शर्मा",
    "Z̷̢͎͇a̴l̵g̶o̸ " * 20,
    "👩‍👩‍👧 ❤️",
    "---",
    "\u202e\u200b",
    "a b c d e f g h i j",
    "\U0010fffe\U0010ffff",
    "ﬁona ẞtraße İpek ŁUKASZ",
    "#\t ~",
)


world = patching_fixture_of(a_caller)


def found_by(person: Registration, text: str) -> bool:
    """Whether an index has the person in the range that is searched, and the search finds them there."""
    search = read_search(text)
    return any(
        search.word <= value <= search.word + LAST and search.finds(read_entry(attribute, value))
        for attribute, value in attributes(person).items()
    )


# --- words --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Bo Ek", ("bo", "ek")),
        ("  Anna-Lena  MÜLLER, geb. Schön ", ("anna", "lena", "muller", "geb", "schon")),
        ("Łukasz Ørsted Đorđe İpek Weiß", ("lukasz", "orsted", "dorde", "ipek", "weiss")),
        ("O'Brien D’Angelo", ("obrien", "dangelo")),
        ("Ёлка Ιωάννης", ("елка", "ιωαννησ")),
        ("ﬁ Ｂｏ", ("fi", "bo")),
        ("مُحَمَّد", ("محمد",)),
        ("שָׁלוֹם", ("שלום",)),
        ("山田太郎", ("山田太郎",)),
        ("नी", ("नी",)),
        ("が", (unicodedata.normalize("NFKD", "が"),)),
        ("--- , .", ()),
        ("🎉 Bo", ("🎉", "bo")),
        ("<b>Ada</b> + Cy", ("b", "ada", "b", "cy")),
    ],
)
def test_words_are_compared_without_case_and_accents_but_no_letter_becomes_another(
    text: str, expected: tuple[str, ...]
) -> None:
    assert words(text) == expected


def test_a_word_counts_by_its_first_48_bytes() -> None:
    assert words("x" * 255) == ("x" * 48,)
    assert words("漢" * 255) == ("漢" * 16,)


@pytest.mark.parametrize("text", ["", " ", "-- ,", "\u200b"])
def test_what_has_nothing_to_look_for_is_refused(text: str) -> None:
    with pytest.raises(InvalidField):
        read_search(text)


# --- entries ------------------------------------------------------------------------------------------------------


@settings(deadline=None)
@given(name=NAMES, local=LOCAL_PARTS)
@example(name="Anna Annabel", local="anna")
@example(name=" ".join(HOSTILE), local="a.b.c.d.e")
@example(name="2:3:4:5", local="0_1_00")
def test_whatever_the_name_the_beginning_of_each_word_finds_it(name: str, local: str) -> None:
    person = registration(name=name, email=f"{local}@example.net")
    values = attributes(person)
    assert all(0 < len(value.encode()) <= 1024 for value in values.values()), "what an index takes as a key"
    entry = read_entry(ATTRIBUTES[0], values[ATTRIBUTES[0]])
    assert (entry.address, entry.registration_id) == (person.email, person.registration_id)
    of_name = words(name)[:1]
    for word in (*of_name, *entry.further):
        for end in range(1, len(word) + 1):
            assert not words(word[:end]) or found_by(person, word[:end])
    assert found_by(person, f"{local}@")
    assert found_by(person, f"{local}@EXAMPLE.net")
    assert found_by(person, "@example")
    assert not found_by(person, f"{local}@example.org")


def test_of_a_long_name_the_surname_finds_it_even_behind_short_words() -> None:
    person = registration(name="Jean-Luc de la Tour", email="jl+tour@example.net")
    for word in ("jean", "luc", "tour", "jl"):
        assert found_by(person, word), word


@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_name_has_entries_that_are_read_as_they_were_written(name: str) -> None:
    person = registration(name=name)
    for attribute, value in attributes(person).items():
        assert len(value.encode()) <= 1024
        assert read_entry(attribute, value).value == value
    if words(name):
        assert found_by(person, name)


@pytest.mark.parametrize(
    ("name", "email", "expected"),
    [
        ("Bo Ek", "bo@example.net", 2),
        ("Anna Schmidt", "anna.schmidt@example.net", 2),
        ("Anna Schmidt", "a.schmidt@example.net", 2),
        ("Anna Schmidt", "sunny77@example.net", 3),
        ("Anna Annabel", "annab@example.net", 2),
        ("Bo", "bo@example.net", 1),
        ("a b c d e f g h", "x.y@example.net", 5),
    ],
)
def test_there_are_no_more_entries_than_are_needed(name: str, email: str, expected: int) -> None:
    assert len(attributes(registration(name=name, email=email))) == expected


@pytest.mark.parametrize(
    ("text", "finds"),
    [
        ("schm", True),
        ("SCHMIDT anna", True),
        ("sch mid", False),
        ("an s", True),
        ("an sunny", True),
        ("an sunny77@ex", True),
        ("sunny77@example.net", True),
        ("<Sunny77@Example.net>,", True),
        ("unny", False),
        ("@example.net schmidt", True),
        ("@xample.net", False),
        ("bo schmidt", False),
    ],
)
def test_each_word_has_to_begin_one_of_the_person(text: str, finds: bool) -> None:
    person = registration(name="Anna Maria Schmidt", email="sunny77@example.net")
    assert found_by(person, text) is finds


# --- what is written ----------------------------------------------------------------------------------------------


def indexed(world: World, event_id: str = EVENT_ID) -> dict[str, dict[str, str]]:
    """What each registration of the event has in the indexes."""
    query = dynamo.between(
        SETTINGS.registrations_table, keys.registration(event_id, ""), keys.registration(event_id, "~")
    )
    rows = dynamo.pages(world.client.query, **query)
    return {row["registration_id"]: {name: row[name] for name in ATTRIBUTES if name in row} for row in rows}


def assert_true(world: World, event_id: str) -> None:
    """The indexes have exactly what they should, of everybody."""
    people = [person for person, _ in world.store.reads.everybody(event_id)]
    assert indexed(world, event_id) == {person.registration_id: attributes(person) for person in people}


def test_the_index_follows_a_person_from_registering_to_being_erased(world: World) -> None:
    event = world.hold()
    event_id = event.removeprefix("/events/")
    person = world.register(event, "sunny77@example.net", name="Anna Schmidt")

    def finds(text: str) -> list[str]:
        return [one["email"] for page in everybody(world, f"{event}/registrations", search=text) for one in page]

    assert finds("schm") == finds("sunny") == ["sunny77@example.net"]
    world.call("PATCH", person, {"name": "Anna Maria von Berg"})
    assert (finds("schm"), finds("berg"), finds("sunny an")) == ([], ["sunny77@example.net"], ["sunny77@example.net"])
    world.call("PATCH", person, {"email": "anna@example.net", "name": "Anna"})
    assert (finds("berg"), finds("sunny"), finds("anna")) == ([], [], ["anna@example.net"])
    assert_true(world, event_id)
    world.call("DELETE", person)
    assert finds("anna") == ["anna@example.net"], "whoever withdrew is still found"
    world.call("DELETE", person, query={"erase": "true"})
    assert finds("anna") == []
    assert indexed(world, event_id) == {person.rpartition("/")[2]: {}}


def test_people_of_a_bulk_and_of_a_split_are_found(world: World) -> None:
    event = world.hold(recurrence="FREQ=WEEKLY;COUNT=4")
    people = [{"name": f"Ann{n} Ek", "email": f"ek{n}@example.net"} for n in range(14)]
    world.call("POST", f"{event}/registrations/bulk", {"registrations": people})
    assert_true(world, event.removeprefix("/events/"))
    later = world.call("POST", f"{event}/split", {"from": "2027-03-19T09:00:00"}).body["event_id"]
    assert_true(world, later)
    found = everybody(world, f"/events/{later}/registrations", search="ek13")
    assert [[one["name"] for one in page] for page in found] == [["Ann13 Ek"]]


def test_an_erased_person_has_no_entry_even_where_the_name_is_known() -> None:
    assert attributes(replace(registration(), status=RegistrationStatus.ERASED)) == {}


def test_addresses_that_are_swapped_are_swapped_in_the_index(world: World) -> None:
    event = world.hold()
    event_id = event.removeprefix("/events/")
    for name in ("bo", "cy"):
        world.register(event, f"{name}@example.net", name=name)
    one, other = (person for person, _ in world.store.reads.everybody(event_id))
    assert registry.swap_addresses(
        world.store,
        (one, other),
        ({"email": other.email}, {"email": one.email}),
        priority=1,
        now=NOW,
        account="acme",
        also={},
    )
    assert_true(world, event_id)


def test_what_is_erased_in_the_end_is_not_in_the_index(world: World) -> None:
    event = world.hold()
    person = world.invite(event)
    world.call("DELETE", person, query={"erase": "true"})
    event_id, registration_id = event.removeprefix("/events/"), person.rpartition("/")[2]
    assert_true(world, event_id)
    erasure.forget(world.store, event_id, registration_id, now=world.now)
    assert indexed(world, event_id)[registration_id] == {}


# --- walking ------------------------------------------------------------------------------------------------------


def names_of(world: World, event: str, **query: Any) -> list[list[str]]:
    pages = everybody(world, f"{event}/registrations", **{name: str(value) for name, value in query.items()})
    return [[one["name"] for one in page] for page in pages]


def joined(pages: list[list[str]]) -> list[str]:
    return [name for page in pages for name in page]


def test_everybody_is_found_once_in_the_order_of_names_however_long_the_pages(world: World) -> None:
    event = world.hold()
    people = ["Zoë Anders", "Anna Annabel Anders", "Bo Ek", "andrea", "Änne Bo", "山田", "---"]
    for number, name in enumerate(people):
        world.register(event, f"an{number}@example.net", name=name)
    in_order = ["---", "andrea", "Anna Annabel Anders", "Änne Bo", "Bo Ek", "Zoë Anders", "山田"]
    found = ["andrea", "Anna Annabel Anders", "Änne Bo"]
    for limit in (1, 2, 3, 50):
        assert joined(names_of(world, event, order="name", limit=limit)) == in_order
        an = joined(names_of(world, event, search="an", limit=limit))
        assert an[:3] == found
        assert sorted(an) == sorted(people), "by their address, too"
        assert joined(names_of(world, event, search="an ann", limit=limit)) == ["Anna Annabel Anders", "Änne Bo"]
        assert joined(names_of(world, event, search="ek", limit=limit)) == ["Bo Ek"]


def test_a_walk_ends_after_so_many_and_goes_on_from_there(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(names, "MOST_LOOKED_AT", 3)
    event = world.hold()
    for number in range(8):
        world.register(event, f"person{number}@example.net", name=f"Ann{number} Ek")
    assert names_of(world, event, search="@example.org") == [[], [], []]
    assert names_of(world, event, search="ann7 ek") == [["Ann7 Ek"]]
    assert [len(page) for page in names_of(world, event, search="e ann", limit=2)] == [2, 2, 2, 2]
    assert joined(names_of(world, event, order="name")) == [f"Ann{number} Ek" for number in range(8)]


@pytest.mark.parametrize("position", ["word_1 ek", "name_key a", f"name_key bo{LAST}", "name_key cy", "other bo", "bo"])
def test_a_position_is_one_of_its_search(world: World, position: str) -> None:
    with pytest.raises(InvalidField):
        world.store.names.walk(EVENT_ID, read_search("bo"), position)
    if not position.startswith("name_key"):
        with pytest.raises(InvalidField):
            world.store.names.walk(EVENT_ID, EVERYBODY, position)
