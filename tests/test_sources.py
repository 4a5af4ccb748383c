"""A site's own tables: how they are described, and what their rows say."""

from __future__ import annotations

import json
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest

from convoke.model import EventStatus, InvalidField, RegistrationStatus
from convoke.sources import contents
from convoke.sources.decide import Action, of_event, of_registration
from convoke.sources.mapping import Source, parse
from convoke.sources.rows import counts, event_row, external_id, fingerprint, local_time, registration_row
from convoke.store.sources import RowState
from convoke.web.requests import EventIn, RegistrationIn
from local.site import MAPPING
from tests.factories import NOW, event, registration

SITE = MAPPING
SUMMER: dict[str, Any] = {
    "event_id": "e1",
    "name": "Summer party",
    "starts_at": "2027-06-12T16:00:00Z",
    "ends_at": Decimal(1812832200),
    "tz": "Europe/Berlin",
    "venue": {"name": "Garden", "rooms": Decimal(2)},
    "host": {"name": "Ada", "email": "ada@example.org"},
    "seats": Decimal(20),
    "state": "live",
    "views": Decimal(7),
}
BO: dict[str, Any] = {
    "event_id": "e1",
    "user_id": "u1",
    "full_name": "Bo Ek",
    "email": "bo@example.net",
    "dates": {"2027-06-12T18:00:00"},
    "state": "paid",
}


def source(**changes: Any) -> Source:
    return parse(json.dumps(SITE | changes))


def described(table: str, **changes: Any) -> Source:
    return source(**{table: SITE[table] | changes})


def events(**changes: Any) -> Any:
    return described("events", **changes).events


def registrations(**changes: Any) -> Any:
    return described("registrations", **changes).registrations


# --- descriptions -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("changes", "path", "message"),
    [
        ({"name": "My Site"}, "name", "match"),
        ({"colour": "red"}, "colour", "not permitted"),
        ({"events": None, "registrations": None}, "", "events, registrations, or both"),
        ({"events": SITE["events"] | {"fields": {"title": "name"}}}, "events", "where start comes from"),
        (
            {"events": SITE["events"] | {"fields": SITE["events"]["fields"] | {"size": "seats"}}},
            "events",
            "unknown field size",
        ),
        ({"events": SITE["events"] | {"status": {"field": "state"}}}, "events.status", "at least one status"),
        (
            {"events": SITE["events"] | {"status": {"field": "state", "draft": ["x"], "cancelled": ["x"]}}},
            "events.status",
            "two meanings",
        ),
        ({"events": SITE["events"] | {"where": {"type": {}}}}, "events.where.type", "exactly one of"),
        ({"events": SITE["events"] | {"reason": "a..b"}}, "events.reason", "joined by dots"),
        (
            {"events": SITE["events"] | {"key": {"partition": "org", "sort": "id"}}},
            "",
            "must name 2 attributes",
        ),
        (
            {"registrations": SITE["registrations"] | {"table": "site-events"}},
            "",
            "which rows of the one table",
        ),
    ],
)
def test_a_description_that_cannot_be_followed_is_refused_by_its_path(
    changes: dict[str, Any], path: str, message: str
) -> None:
    with pytest.raises(InvalidField, match=message) as refused:
        source(**changes)
    assert refused.value.field == path


@pytest.mark.parametrize("text", ["", "[]", "null", "{", "[" * 5000, '{"name": "' + "x" * 20_000 + '"}'])
def test_what_is_no_description_is_refused(text: str) -> None:
    with pytest.raises(InvalidField):
        parse(text)


# --- rows ---------------------------------------------------------------------------------------------------------


def test_a_row_of_an_event_says_what_a_request_would_say() -> None:
    row = event_row(events(), SUMMER)

    assert (row.external_id, row.status, row.reason) == ("e1", "confirmed", "")
    assert row.fields == {
        "title": "Summer party",
        "start": "2027-06-12T18:00:00",
        "end": "2027-06-12T22:30:00",
        "time_zone": "Europe/Berlin",
        "location": "Garden",
        "organizer": {"name": "Ada", "email": "ada@example.org"},
        "capacity": 20,
    }
    EventIn.model_validate(row.fields)


def test_a_row_of_an_event_may_say_how_many_people_one_may_bring() -> None:
    rows = events(fields={**SITE["events"]["fields"], "guests": "plus"})
    row = event_row(rows, {**SUMMER, "plus": Decimal(2)})
    assert EventIn.model_validate(row.fields).guests == 2
    with pytest.raises(InvalidField, match="guests"):
        event_row(rows, {**SUMMER, "plus": "many"})


def test_a_row_of_a_registration_says_who_comes_to_what() -> None:
    row = registration_row(registrations(), BO)

    assert (row.external_id, row.event, row.status) == ('["e1","u1"]', "e1", "registered")
    assert row.fields == {"name": "Bo Ek", "email": "bo@example.net", "occurrences": ["2027-06-12T18:00:00"]}
    RegistrationIn.model_validate(row.fields)


@pytest.mark.parametrize(
    ("state", "status"),
    [({"state": "live"}, "confirmed"), ({"state": "draft"}, "draft"), ({}, "draft"), ({"state": None}, "draft")],
)
def test_the_values_of_a_status_are_the_site_s_own(state: dict[str, Any], status: str) -> None:
    row = {name: value for name, value in SUMMER.items() if name != "state"} | state
    assert event_row(events(), row).status == status


@pytest.mark.parametrize("state", ["LIVE", "", "paid ", Decimal(1), True, ["live"]])
def test_a_status_without_a_meaning_is_an_error_and_never_a_guess(state: Any) -> None:
    with pytest.raises(InvalidField, match="status: has a value in state"):
        event_row(events(), SUMMER | {"state": state})


def test_a_number_is_not_a_truth_value() -> None:
    statuses = {"field": "gone", "cancelled": [True], "confirmed": [1, None]}
    assert event_row(events(status=statuses), SUMMER | {"gone": Decimal(1)}).status == "confirmed"
    assert event_row(events(status=statuses), SUMMER | {"gone": True}).status == "cancelled"


@pytest.mark.parametrize(
    ("value", "local"),
    [
        ("2027-06-12", "2027-06-12"),
        ("2027-06-12T18:00", "2027-06-12T18:00"),
        ("2027-06-12 18:00:00", "2027-06-12T18:00:00"),
        ("2027-06-12T18:00:00.250Z", "2027-06-12T20:00:00"),
        ("2027-06-12T18:00:00+0530", "2027-06-12T14:30:00"),
        ("2027-12-12T18:00:00-05:00", "2027-12-13T00:00:00"),
        ("1812816000", "2027-06-12T18:00:00"),
        ("20270612", "2027-06-12"),
    ],
)
def test_a_time_is_local_to_the_event_s_zone_however_the_site_writes_it(value: str, local: str) -> None:
    assert local_time("start", value, "Europe/Berlin") == local


@pytest.mark.parametrize("value", ["2027-10-31T01:30:00Z", "2027-10-31T02:30:00+01:00", "1824946200"])
def test_a_start_that_is_the_second_of_two_equal_local_times_is_an_error_and_not_an_hour_earlier(value: str) -> None:
    assert local_time("start", "2027-10-31T00:30:00Z", "Europe/Berlin") == "2027-10-31T02:30:00"
    with pytest.raises(InvalidField, match="start: is the second of two equal times"):
        event_row(events(), SUMMER | {"starts_at": value, "ends_at": "2027-10-31T04:00:00+01:00"})


def test_an_end_that_is_the_second_of_two_equal_local_times_is_the_second() -> None:
    ball = SUMMER | {"starts_at": "2027-10-30T20:00:00Z", "ends_at": "2027-10-31T01:30:00Z"}
    row = event_row(events(), ball)
    event = contents.new_event(row, "acme", "site", bytes(16), NOW)
    assert event.when.ends_at - event.when.starts_at == timedelta(hours=5, minutes=30)
    assert contents.changed_event(event, row, events(), NOW) == event
    later = event_row(events(), ball | {"ends_at": "2027-10-31T02:30:00Z"})
    after = contents.changed_event(event, later, events(), NOW)
    assert after.when.ends_at - after.when.starts_at == timedelta(hours=6, minutes=30)
    assert contents.changed_event(after, row, events(), NOW).when == event.when
    with pytest.raises(InvalidField, match="end: must be after start"):
        event_row(events(), ball | {"starts_at": "2027-10-31T02:45:00Z"})


@pytest.mark.parametrize(
    "value", ["", "soon", "12.06.2027", "1812816000000", "2027-02-30", "2027-06-12T25:00Z", "٢" * 10]
)
def test_what_is_no_time_is_an_error_of_its_field(value: str) -> None:
    with pytest.raises(InvalidField, match="start: must be a date"):
        local_time("start", value, "Europe/Berlin")


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"tz": "Berlin"}, "time_zone"),
        ({"starts_at": {"date": "2027-06-12"}}, "start"),
        ({"name": ["Summer"]}, "title"),
        ({"seats": Decimal("20.5")}, "capacity"),
        ({"seats": True}, "capacity"),
        ({"seats": Decimal("1E+300")}, "capacity"),
        ({"seats": "NaN"}, "capacity"),
    ],
)
def test_what_is_wrong_with_a_row_names_the_field_of_the_api(changes: dict[str, Any], field: str) -> None:
    with pytest.raises(InvalidField) as refused:
        event_row(events(), SUMMER | changes)
    assert refused.value.field == field


def test_attributes_that_are_not_mapped_do_not_count() -> None:
    row = event_row(events(), SUMMER)
    assert fingerprint(event_row(events(), SUMMER | {"views": Decimal(8), "state": "live"})) == fingerprint(row)
    assert fingerprint(event_row(events(), SUMMER | {"name": "Winter party"})) != fingerprint(row)
    assert fingerprint(event_row(events(), SUMMER | {"state": "off"})) != fingerprint(row)


def test_a_constant_stands_for_an_attribute_that_the_site_does_not_have() -> None:
    fields = SITE["events"]["fields"] | {"time_zone": {"value": "Asia/Tokyo"}, "reminders": {"value": ["PT1H"]}}
    row = event_row(events(fields=fields), SUMMER)
    assert (row.fields["time_zone"], row.fields["start"]) == ("Asia/Tokyo", "2027-06-13T01:00:00")
    assert row.fields["reminders"] == ["PT1H"]


@pytest.mark.parametrize(
    ("where", "expected"),
    [
        ({}, True),
        ({"state": {"equals": "live"}}, True),
        ({"state": {"one_of": ["off", None]}}, False),
        ({"deleted": {"equals": None}}, True),
        ({"event_id": {"begins_with": "e"}, "venue.name": {"begins_with": "Gar"}}, True),
        ({"event_id": {"begins_with": "REG#"}}, False),
    ],
)
def test_of_a_table_of_many_things_only_the_named_rows_count(where: dict[str, Any], expected: bool) -> None:
    assert counts(events(where=where), SUMMER) is expected


@pytest.mark.parametrize(
    ("key", "expected"),
    [(Decimal(7), "7"), (b"\x00\xff", "AP8="), ("a.b", "a.b")],
)
def test_a_key_of_any_type_is_a_name(key: Any, expected: str) -> None:
    assert external_id(events(), SUMMER | {"event_id": key}) == expected


# --- what follows from a row --------------------------------------------------------------------------------------

LIVE, OFF, DRAFT = (event_row(events(), SUMMER | {"state": state}) for state in ("live", "off", "draft"))
SAID = RowState(fingerprint=fingerprint(LIVE), event_id="e")
SAID_ELSE = RowState(fingerprint="other", event_id="e")
TAKES_PLACE, CANCELLED = event(), event(status=EventStatus.CANCELLED)
AFTER = NOW.replace(year=NOW.year + 3)


@pytest.mark.parametrize(
    ("state", "row", "known", "expected"),
    [
        pytest.param(RowState(), LIVE, None, Action.CREATE, id="a new row"),
        pytest.param(RowState(), DRAFT, None, Action.CREATE, id="a new row of a draft"),
        pytest.param(RowState(), OFF, None, Action.NOTHING, id="cancelled before it was seen"),
        pytest.param(RowState(), None, None, Action.NOTHING, id="gone before it was seen"),
        pytest.param(SAID, LIVE, TAKES_PLACE, Action.NOTHING, id="says the same"),
        pytest.param(SAID, LIVE, CANCELLED, Action.NOTHING, id="says the same, and was cancelled over HTTP"),
        pytest.param(SAID_ELSE, LIVE, TAKES_PLACE, Action.CHANGE, id="says something else"),
        pytest.param(SAID_ELSE, OFF, TAKES_PLACE, Action.CANCEL, id="cancelled"),
        pytest.param(SAID_ELSE, OFF, CANCELLED, Action.NOTHING, id="cancelled twice"),
        pytest.param(SAID, None, TAKES_PLACE, Action.CANCEL, id="gone"),
        pytest.param(SAID, None, CANCELLED, Action.NOTHING, id="gone, and cancelled before"),
        pytest.param(RowState(event_id="e"), LIVE, CANCELLED, Action.REOPEN, id="back again"),
        pytest.param(SAID_ELSE, LIVE, CANCELLED, Action.REOPEN, id="not cancelled any more"),
    ],
)
def test_what_follows_from_the_row_of_an_event(state: RowState, row: Any, known: Any, expected: Action) -> None:
    assert of_event(state, row, known, NOW) is expected


@pytest.mark.parametrize("row", [None, OFF])
def test_an_event_that_is_over_is_not_cancelled(row: Any) -> None:
    assert of_event(SAID_ELSE, row, TAKES_PLACE, AFTER) is Action.NOTHING


COMES, LEAVES = (registration_row(registrations(), BO | {"state": state}) for state in ("yes", "no"))
CAME = RowState(fingerprint=fingerprint(COMES), event_id="e", registration_id="r")
CAME_OTHERWISE = RowState(fingerprint="other", event_id="e", registration_id="r")
STANDS = registration()
WITHDREW, DECLINED, ERASED = (
    registration(status=status)
    for status in (RegistrationStatus.CANCELLED, RegistrationStatus.DECLINED, RegistrationStatus.ERASED)
)
ELSEWHERE = event(event_id="another")


@pytest.mark.parametrize(
    ("state", "row", "known", "to", "expected"),
    [
        pytest.param(RowState(), COMES, None, TAKES_PLACE, Action.CREATE, id="a new row"),
        pytest.param(RowState(), COMES, None, None, Action.WAIT, id="before its event"),
        pytest.param(RowState(), COMES, None, CANCELLED, Action.WAIT, id="for a cancelled event"),
        pytest.param(RowState(), LEAVES, None, TAKES_PLACE, Action.NOTHING, id="withdrawn before it was seen"),
        pytest.param(RowState(), None, None, TAKES_PLACE, Action.NOTHING, id="gone before it was seen"),
        pytest.param(CAME, COMES, STANDS, TAKES_PLACE, Action.NOTHING, id="says the same"),
        pytest.param(CAME_OTHERWISE, COMES, STANDS, TAKES_PLACE, Action.CHANGE, id="says something else"),
        pytest.param(CAME, LEAVES, STANDS, TAKES_PLACE, Action.CANCEL, id="withdrawn"),
        pytest.param(CAME, None, STANDS, TAKES_PLACE, Action.CANCEL, id="gone"),
        pytest.param(CAME, None, STANDS, None, Action.CANCEL, id="gone with its event"),
        pytest.param(CAME, None, DECLINED, TAKES_PLACE, Action.CANCEL, id="gone, and declined before"),
        pytest.param(CAME, None, WITHDREW, TAKES_PLACE, Action.NOTHING, id="gone, and withdrew before"),
        pytest.param(CAME, COMES, WITHDREW, TAKES_PLACE, Action.NOTHING, id="withdrew, and the row stays"),
        pytest.param(CAME, COMES, DECLINED, TAKES_PLACE, Action.NOTHING, id="declined, and the row stays"),
        pytest.param(CAME_OTHERWISE, COMES, WITHDREW, TAKES_PLACE, Action.CREATE, id="withdrew, and the row changed"),
        pytest.param(CAME_OTHERWISE, COMES, DECLINED, TAKES_PLACE, Action.CANCEL, id="declined, and the row changed"),
        pytest.param(CAME_OTHERWISE, COMES, ERASED, TAKES_PLACE, Action.NOTHING, id="erased, whatever the row says"),
        pytest.param(CAME, COMES, STANDS, ELSEWHERE, Action.CANCEL, id="for another event now"),
        pytest.param(CAME, COMES, STANDS, None, Action.CANCEL, id="for an event that there is not"),
    ],
)
def test_what_follows_from_the_row_of_a_registration(
    state: RowState, row: Any, known: Any, to: Any, expected: Action
) -> None:
    assert of_registration(state, row, known, to, NOW) is expected


def test_nobody_is_registered_for_what_is_over() -> None:
    assert of_registration(RowState(), COMES, None, TAKES_PLACE, AFTER) is Action.NOTHING
