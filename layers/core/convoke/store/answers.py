"""The history of one attendee's replies: the latest :data:`LATEST`, each once, in order of precedence."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any

from ..model import ReceivedReply
from . import codec, conditions, dynamo, keys
from .repository import Page, Repository, decode_cursor, page
from .writes import Action, delete, put

LATEST = 100
"""How many replies are kept for one attendee; beyond that the oldest are deleted."""
KEPT_AFTER_THE_EVENT = timedelta(days=365)

POSITION = r"[0-9]{10}(?:#[0-9TZ:.\-]{27}){1,2}#[0-9T:\-]*#[a-z\-]+"


class Answers(Repository):
    def stored_keys(self, registration_id: str) -> list[str]:
        """The sort keys of the stored replies, in order of precedence, the lowest first."""
        query = self._query(registration_id, ProjectionExpression="sk")
        return [row["sk"] for row in dynamo.pages(self.client.query, **query)]

    def history_actions(
        self, registration_id: str, received: ReceivedReply, kept: list[str], ends_at: datetime
    ) -> dict[str, Action]:
        """The actions that add ``received`` to the history; none where :data:`LATEST` replies of higher precedence are
        stored.

        ``kept`` are the sort keys of :meth:`stored_keys`; ``ends_at`` is the end of the event (UTC).
        """
        key = keys.answer(registration_id, received.reply)
        dropped = sorted([*kept, key["sk"]])[:-LATEST]
        if key["sk"] in dropped:
            return {}
        expires_at = codec.epoch(max(received.at, ends_at) + KEPT_AFTER_THE_EVENT)
        actions = {"answer": put(self._sent, codec.item(received, key, expires_at=expires_at), conditions.NEW)}
        return actions | {sk: delete(self._sent, {**key, "sk": sk}) for sk in dropped}

    def list_answers(self, registration_id: str, *, limit: int, cursor: str | None = None) -> Page:
        """A page of the history as :class:`ReceivedReply`, lowest precedence first."""
        identity = f"answers of {registration_id}"
        query = self._query(registration_id, Limit=limit + 1)
        if cursor is not None:
            position = decode_cursor(identity, cursor, POSITION)
            first = keys.first_answer(registration_id)
            query["ExclusiveStartKey"] = dynamo.wire({**first, "sk": first["sk"] + position})
        rows = dynamo.pages(self.client.query, **query)
        listed = page(rows, limit, identity, lambda row: row["sk"].removeprefix(keys.ANSWER_PREFIX))
        return Page(items=tuple(codec.read(ReceivedReply, row) for row in listed.items), next=listed.next)

    def everything(self, registration_id: str) -> Iterator[ReceivedReply]:
        """The whole history, lowest precedence first."""
        rows = dynamo.pages(self.client.query, **self._query(registration_id))
        return (codec.read(ReceivedReply, row) for row in rows)

    def forget(self, registration_id: str) -> None:
        """Delete the whole history."""
        for sk in self.stored_keys(registration_id):
            key = {**keys.first_answer(registration_id), "sk": sk}
            self._attempt({"answer": delete(self._sent, key)})

    def _query(self, registration_id: str, **more: Any) -> dict[str, Any]:
        return dynamo.starting_with(self._sent, keys.first_answer(registration_id), **more)
