"""The header Idempotency-Key: a request with a key is carried out once; a repeat within a day gets the same result.

The key is stored in the transaction of the write itself, with a digest of the body and the ids of what was written.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from aws_lambda_powertools.event_handler import Response

from ..model import InvalidField
from ..store import requests
from ..store.writes import Action, Repeated, rounds
from . import context
from .problems import Problem

Record = Callable[..., dict[str, Action]]
"""Returns the actions that store the key with the response's status and ids, for the transaction of the write."""


Show = Callable[[requests.Answered, Mapping[str, str]], Response[Any]]
"""Makes the response to a repeated request: what the first one created or changed, as it is now."""


def once(key: str | None, carry_out: Callable[[Record], Response[Any]], show: Show = context.show) -> Response[Any]:
    """Do the request by ``carry_out``, or answer by ``show`` if its Idempotency-Key was used within a day.

    ``carry_out`` must write what its :data:`Record` returns in its own transaction. Raises :class:`InvalidField` where
    the key was used with another body, and :class:`dynamo.Contention` after too many rounds.
    """
    if key is None:
        return carry_out(lambda **_: {})
    current = context.router.current_event
    request = requests.Request(
        account=context.caller(),
        route=f"{current.http_method} {current.path}",
        key=key,
        body=requests.digest(current.json_body),
    )
    stored = context.store().requests

    def record(**outcome: Any) -> dict[str, Action]:
        return stored.record(request, requests.Answered(**outcome, body=request.body), context.now())

    for _ in rounds():
        earlier = stored.find(request, context.now())
        if earlier is not None:
            if earlier.body != request.body:
                raise InvalidField("Idempotency-Key", "was used with another body")
            return show(earlier, {"Idempotent-Replayed": "true"})
        try:
            return carry_out(record)
        except Repeated:
            continue
        except Problem:
            # The same request was carried out since, and this one found what that left: another version, for example.
            if stored.find(request, context.now()) is None:
                raise
    raise AssertionError  # rounds() ends with Contention
