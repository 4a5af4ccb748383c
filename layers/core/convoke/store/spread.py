"""The invitations of an event in the order of their registration ids, which is that of arrival: they are spread over
several partitions (:data:`keys.PARTITIONS`), whose queries are merged here.

Each query is strongly consistent. The first pages of all partitions are read at the same time, at the first row, and a
further one only once the rows of the one before are used up, so that a caller who stops early reads no more.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextvars import copy_context
from heapq import merge
from itertools import chain, islice
from math import isqrt
from operator import itemgetter
from typing import Any

from . import dynamo, keys
from .dynamo import Item

LAST = "~"
"""Sorts after every id: they have no character beyond "v"."""


def invitations(
    client: Any,
    table: str,
    event_id: str,
    after: str = "",
    through: str = LAST,
    *,
    limit: int | None = None,
    at_once: int | None = None,
    **more: Any,
) -> Iterator[Item]:
    """The items with an id greater than ``after`` and up to ``through``, at most ``limit`` of them, in order.

    ``at_once`` is how many the caller takes at a time, where there is no limit; ``more`` is for each query.
    """
    places = zip(keys.invitation_places(event_id, after), keys.invitation_places(event_id, through), strict=True)
    more |= _page_of(limit or at_once)
    queries = [dynamo.between(table, first, last, start=not after, **more) for first, last in places]
    return islice(_merged(client, queries), limit)


def latest_invitations(client: Any, table: str, event_id: str, before: str, *, at_once: int) -> Iterator[Item]:
    """All items, or those with an id less than ``before`` if that is given, the greatest first."""
    places = zip(keys.invitation_places(event_id, ""), keys.invitation_places(event_id, LAST), strict=True)
    more = {"ScanIndexForward": False, **_page_of(at_once)}
    queries = [dynamo.between(table, first, last, start=True, **more) for first, last in places]
    if before:
        for query, place in zip(queries, keys.invitation_places(event_id, before), strict=True):
            query["ExclusiveStartKey"] = dynamo.wire(place)
    return _merged(client, queries, reverse=True)


def _merged(client: Any, queries: Sequence[dict[str, Any]], *, reverse: bool = False) -> Iterator[Item]:
    partitions = [dynamo.pages(client.query, **query) for query in queries]
    yield from merge(*_begun(partitions), key=itemgetter("sk"), reverse=reverse)


def _begun(partitions: Sequence[Iterator[Item]]) -> list[Iterator[Item]]:
    """The same rows, once all first pages are there. The threads have ended when it returns, or raises."""
    with ThreadPoolExecutor(len(partitions)) as pool:
        begun = [pool.submit(copy_context().run, lambda rows=rows: list(islice(rows, 1))) for rows in partitions]
        firsts = [each.result() for each in begun]
    return [chain(first, rest) for first, rest in zip(firsts, partitions, strict=True)]


def _page_of(count: int | None) -> dict[str, int]:
    """How many a query of one partition reads at a time, where ``count`` of all are wanted: an even share, and two
    standard deviations more, so that most often one page of each is enough.
    """
    return {} if count is None else {"Limit": count // keys.PARTITIONS + isqrt(count) + 1}
