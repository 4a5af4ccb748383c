"""The console's list of people reads the same however many there are: what is shown, and not what there is."""

from __future__ import annotations

import time
from collections.abc import Iterator

import pytest

from convoke.web.people import MOST_LOOKED_THROUGH
from tests.bench import people
from tests.bench.people import PAGES, PATH, Tables
from tests.secretary import Secretary

PEOPLE = 1_500
FILTERED = [name for name in PAGES if "who" in name]
PLAIN = [name for name in PAGES if name not in FILTERED and "domain" not in name]
WITHIN = 0.5
"""Seconds of a processor, in which a page is made with much to spare."""


@pytest.fixture(scope="module")
def crowd() -> Iterator[tuple[Secretary, Tables]]:
    with people.crowded(PEOPLE, seconds=0) as made:
        yield made


def looked(crowd: tuple[Secretary, Tables], name: str) -> tuple[int, int, float, int]:
    """How many people a page shows, the calls and items of DynamoDB that it took, and the seconds of the processor."""
    secretary, tables = crowd
    secretary.get(PATH + PAGES[name])
    tables.calls.clear()
    tables.items = 0
    began = time.process_time()
    shown = secretary.get(PATH + PAGES[name])
    seconds = time.process_time() - began
    assert shown.status == 200
    print(f"{name}: {dict(tables.calls)}, {tables.items} items, {1000 * seconds:.0f} ms")
    return tables.calls.total(), tables.items, seconds, shown.text.count('<th scope="row">')


@pytest.mark.parametrize("name", PLAIN)
def test_a_page_reads_the_people_that_it_shows(crowd: tuple[Secretary, Tables], name: str) -> None:
    calls, items, seconds, shown = looked(crowd, name)
    assert shown == {"search for a word that one person has": 1, "search for an address": 1}.get(name, shown)
    assert 0 < shown <= 50
    assert calls <= 15
    # Of each a registration and an invitation, beside an entry of an index; the next one, to know that there is one.
    assert items <= 3 * 51 + 100 * ("two words" in name) + 10
    assert seconds < WITHIN


@pytest.mark.parametrize("name", FILTERED)
def test_a_filter_looks_at_so_many_people_at_most(crowd: tuple[Secretary, Tables], name: str) -> None:
    calls, items, seconds, shown = looked(crowd, name)
    assert shown == (0 if "came back" in name else 50)
    assert calls <= 25
    assert items <= 2 * MOST_LOOKED_THROUGH + 1000 + 10, "and a thousand entries of an index"
    assert seconds < 2 * WITHIN


def test_a_search_without_a_word_looks_through_the_index_alone(crowd: tuple[Secretary, Tables]) -> None:
    calls, items, seconds, shown = looked(crowd, "search for a domain")
    assert shown == 0
    assert calls <= 10
    assert items <= PEOPLE + 10
    assert seconds < 2 * WITHIN
