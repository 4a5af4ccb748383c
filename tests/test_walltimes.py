"""From when to when, as people write it."""

from __future__ import annotations

from datetime import datetime

import pytest

from convoke.model import InvalidField
from convoke.web.walltimes import read_when


def times(**given: str | None) -> tuple[str, str, int]:
    when = read_when(**({"end": None, "duration": None, "time_zone": "Europe/Berlin"} | given))  # type: ignore[arg-type]
    fold = when.end.fold if isinstance(when.end, datetime) else 0
    return when.start.isoformat(), when.end.isoformat(), fold


@pytest.mark.parametrize(
    ("given", "end", "fold"),
    [
        ({"start": "2027-03-12T09:00", "duration": "PT1H30M"}, "2027-03-12T10:30:00", 0),
        ({"start": "2027-03-27T09:00:00", "duration": "P1D"}, "2027-03-28T09:00:00", 0),
        ({"start": "2027-03-27T09:00:00", "duration": "PT24H"}, "2027-03-28T10:00:00", 0),
        ({"start": "2027-10-31T02:30:00", "duration": "PT1H"}, "2027-10-31T02:30:00", 1),
        ({"start": "2027-10-31T01:30:00", "end": "2027-10-31T02:30:00"}, "2027-10-31T02:30:00", 0),
        ({"start": "2027-03-12", "time_zone": None}, "2027-03-12", 0),
        ({"start": "2027-03-12", "end": "2027-03-14"}, "2027-03-14", 0),
        ({"start": "2027-03-12T09:00:00", "end": "2027-03-12T10:00:00", "time_zone": "UTC"}, "2027-03-12T10:00:00", 0),
    ],
)
def test_when_it_ends(given: dict[str, str | None], end: str, fold: int) -> None:
    assert times(**given)[1:] == (end, fold)


@pytest.mark.parametrize("zone", ["localtime", "posixrules", "Factory", "europe/berlin", "", "Europe"])
def test_a_zone_is_one_where_people_live(zone: str) -> None:
    with pytest.raises(InvalidField, match="time_zone"):
        times(start="2027-03-12", time_zone=zone)
