"""The history of one attendee's replies: the latest :data:`LATEST`, each once, in order of precedence."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta

from ..model import ReceivedReply
from . import codec, conditions, dynamo, keys
from .repository import Page, Repository
from .writes import Action, delete, put

LATEST = 100
"""How many replies are kept for one attendee; beyond that the oldest are deleted."""
KEPT_AFTER_THE_EVENT = timedelta(days=365)

POSITION = r"[0-9]{10}(?:#[0-9TZ:.\-]{27}){1,2}#[0-9T:\-]*#[a-z\-]+"


class Answers(Repository):
    def stored_keys(self, registration_id: str) -> list[str]:
        """The sort keys of the stored replies, in order of precedence, the lowest first."""
        first = keys.first_answer(registration_id)
        return [row["sk"] for row in self._rows(dynamo.starting_with(self._sent, first, ProjectionExpression="sk"))]

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
        first, identity = keys.first_answer(registration_id), f"answers of {registration_id}"
        return self._list(ReceivedReply, self._sent, first, identity, POSITION, limit=limit, cursor=cursor)

    def everything(self, registration_id: str) -> Iterator[ReceivedReply]:
        """The whole history, lowest precedence first."""
        return self._all(ReceivedReply, dynamo.starting_with(self._sent, keys.first_answer(registration_id)))

    def forget(self, registration_id: str) -> None:
        self._delete_all(self._sent, keys.first_answer(registration_id))
