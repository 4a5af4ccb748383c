"""Each stored data class comes back from DynamoDB's typed values as it was written, whatever its values."""

from __future__ import annotations

import types
import typing
from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from datetime import UTC, date, datetime, timedelta
from enum import Enum
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import convoke.store.store  # noqa: F401 (has every repository name its data classes)
from convoke.decision.calendar_state import CalendarState, RenderedMail
from convoke.decision.fan_out import FanOut
from convoke.decision.invitation import StoredMessage
from convoke.inbound.itip_reply import Answer, Span
from convoke.model import Duration, Event, LocalTime, When
from convoke.store import codec, dynamo, keys
from convoke.webhooks.events import WebhookEvent
from tests.factories import event

RECORDS = sorted(codec.RECORDS, key=lambda cls: cls.__name__)
"""All stored data classes; those that repositories name themselves are there since they were imported above."""

TIMES = st.datetimes(datetime(1971, 1, 1), datetime(2199, 1, 1))
INSTANTS = TIMES.map(lambda at: at.replace(tzinfo=UTC))
DATES = st.dates(date(1971, 1, 1), date(2199, 1, 1))
LOCAL_TIMES = st.one_of(TIMES, DATES)
ZONES = st.sampled_from(["Europe/Berlin", "America/New_York", "UTC"])
WHENS = st.one_of(
    st.builds(
        When, start=TIMES, end=TIMES.flatmap(lambda at: st.sampled_from([at, at.replace(fold=1)])), time_zone=ZONES
    ),
    st.builds(When, start=DATES, end=DATES, time_zone=st.none() | ZONES),
)
AS_WRITTEN = st.one_of(
    LOCAL_TIMES,
    INSTANTS,
    st.builds(lambda at, zone: at.astimezone(ZoneInfo(zone)), INSTANTS, ZONES.filter(lambda z: z != "UTC")),
)
JSON = st.dictionaries(st.text(), st.text() | st.integers(-(2**53), 2**53) | st.booleans() | st.none())

OF_TYPE: dict[Any, st.SearchStrategy[Any]] = {
    str: st.text(),
    int: st.integers(-1, 2**53),
    bool: st.booleans(),
    bytes: st.binary(),
    float: st.sampled_from([0.5, 1.0, 14.0]),
    datetime: INSTANTS,
    LocalTime: LOCAL_TIMES,
    When: WHENS,
    Duration: st.builds(Duration, days=st.integers(0, 99_999), seconds=st.integers(0, 99_999_999)),
}
OF_FIELD: dict[tuple[type, str], st.SearchStrategy[Any]] = {
    (Answer, "date"): st.none() | AS_WRITTEN,
    (Answer, "start"): st.none() | AS_WRITTEN,
    (Answer, "problem"): st.none(),  # never stored
    (Span, "start"): AS_WRITTEN,
    (Span, "end"): AS_WRITTEN,
    (CalendarState, "certain"): st.just(True),  # what is stored was certainly sent
    (FanOut, "priority"): st.integers(0, 2),
    (RenderedMail, "plainer"): st.just(()),  # logged when it is rendered
    (StoredMessage, "expires_at"): st.none() | INSTANTS.map(lambda at: at.replace(microsecond=0)),  # Time to Live
    (WebhookEvent, "data"): JSON,
}


def any_of(hint: Any) -> st.SearchStrategy[Any]:
    """Values of a field's type."""
    if hint in OF_TYPE:
        return OF_TYPE[hint]
    if typing.get_origin(hint) in (types.UnionType, typing.Union):
        present = [one for one in typing.get_args(hint) if one is not type(None)]
        return st.none() | (LOCAL_TIMES if set(present) == {datetime, date} else any_of(present[0]))
    if typing.get_origin(hint) is tuple:
        first, *others = typing.get_args(hint)
        if others != [...]:
            return st.tuples(any_of(first), *map(any_of, others))
        return st.lists(any_of(first), max_size=2).map(tuple)
    if typing.get_origin(hint) is Mapping:
        return st.dictionaries(*map(any_of, typing.get_args(hint)), max_size=2)
    if isinstance(hint, type) and issubclass(hint, Enum):
        return st.sampled_from(hint)
    assert is_dataclass(hint), f"how is {hint} made?"
    return any_record(hint)  # type: ignore[arg-type]


def any_record(cls: type) -> st.SearchStrategy[Any]:
    hints = typing.get_type_hints(cls)
    made = {one.name: OF_FIELD.get((cls, one.name)) for one in fields(cls)}
    return st.builds(cls, **{name: any_of(hints[name]) if one is None else one for name, one in made.items()})


def stored(value: Any) -> dict[str, Any]:
    """The typed values of its item."""
    # A fan-out is due until it is planned.
    due = type(value) is FanOut and value.planning
    more = {"due_key": keys.due_key(value.priority, datetime(2027, 1, 1, tzinfo=UTC))} if due else {}
    return dynamo.wire(codec.item(value, {"pk": "p", "sk": "s"}, **more))


@pytest.mark.parametrize("cls", RECORDS, ids=lambda cls: cls.__name__)
def test_what_is_stored_comes_back_as_it_was_and_what_is_absent_is_not_stored(cls: type) -> None:
    @settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])
    @given(any_record(cls))
    def check(value: Any) -> None:
        item = stored(value)
        assert codec.read(cls, dynamo.unwire(item)) == value
        for one in fields(value):
            if one.default in (None, ()) and getattr(value, one.name) == one.default:
                assert one.name not in item
        assert "NULL" not in str(item) or cls is WebhookEvent or "NULL" in str(value)

    check()


def test_only_what_the_round_trips_cover_can_be_stored() -> None:
    with pytest.raises(TypeError, match="When"):
        codec.item(event().when, {})


def test_an_attribute_that_a_later_version_added_is_ignored_and_one_that_is_missing_has_its_default() -> None:
    item = dynamo.unwire(stored(event()))
    for name in ("reason", "url", "release_on_decline"):
        del item[name]
    assert codec.read(Event, {**item, "colour": "red"}) == event()


def test_the_second_of_two_equal_local_times_comes_back_as_the_second() -> None:
    start = datetime(2027, 10, 31, 1, 30)
    twice = When(start=start, end=(start + timedelta(hours=1)).replace(fold=1), time_zone="Europe/Berlin")
    read = codec.read(Event, dynamo.unwire(stored(event(when=twice))))
    assert read.when.ends_at == twice.ends_at
