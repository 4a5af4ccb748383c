"""A request with an Idempotency-Key is granted once a day; whoever repeats it is shown what it led to."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from aws_lambda_powertools.event_handler import Response

from ..model import InvalidField
from ..settings import settings
from ..store import dynamo, requests
from ..store.writes import ROUNDS, Action, Repeated
from . import context

Record = Callable[..., dict[str, Action]]
"""Makes the action that records a status and the ids of what it led to, for the transaction of the write."""


Show = Callable[[requests.Answered, Mapping[str, str]], Response[Any]]
"""Shows what an earlier request led to, as it is now."""


def once(key: str | None, grant: Callable[[Record], Response[Any]], show: Show = context.show) -> Response[Any]:
    """Grant the request, or answer as before where its Idempotency-Key has been granted within the day."""
    if key is None:
        return grant(lambda **_: {})
    asked = context.router.current_event
    request = requests.Request(
        account=context.caller(),
        route=f"{asked.http_method} {asked.path}",
        key=key,
        body=requests.digest(asked.json_body),
    )
    table = settings().accounts_table

    def record(**outcome: Any) -> dict[str, Action]:
        return requests.record(table, request, now=context.now(), **outcome)

    for _ in range(ROUNDS):
        earlier = requests.find(context.client(), table, request, context.now())
        if earlier is not None:
            if earlier.body != request.body:
                raise InvalidField("Idempotency-Key", "was used with another body")
            return show(earlier, {"Idempotent-Replayed": "true"})
        try:
            return grant(record)
        except Repeated:
            continue
    raise dynamo.Contention(f"{ROUNDS} rounds met the same request")
