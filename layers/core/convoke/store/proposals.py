"""Proposals: other times that attendees asked for with COUNTER (RFC 5546, section 3.2.7), and what was decided."""

from __future__ import annotations

import hashlib
from datetime import datetime, timedelta

from ..decision.decide import Snapshot
from ..inbound.itip_reply import Answer
from ..inbound.proposals import Proposal, ProposalStatus
from ..model import LocalTime, When
from . import codec, conditions, dynamo, keys
from .dynamo import Item
from .repository import Page, Repository
from .writes import Action, delete, put, update

KEPT_AFTER_THE_EVENT = timedelta(days=365)

codec.record(Proposal)


def new_proposal(answer: Answer, seen: Snapshot, date: LocalTime | None, when: When, received_at: datetime) -> Proposal:
    """The proposal of a COUNTER. The same content has the same id, however often it is received."""
    content = f"{answer.uid} {date} {answer.sequence} {answer.dtstamp} {when}"
    written_at = min(answer.dtstamp, received_at)
    return Proposal(
        event_id=seen.event.event_id,
        registration_id=seen.registration.registration_id,
        proposal_id=keys.registration_id(written_at, hashlib.sha256(content.encode()).digest()[:16]),
        uid=answer.uid,
        sequence=answer.sequence,
        dtstamp=written_at,
        date=date,
        when=when,
        comment=answer.comment,
        received_at=received_at,
    )


class Proposals(Repository):
    def put_action(self, proposal: Proposal) -> Action:
        """The action that stores a proposal; it fails where it is stored already."""
        key = keys.proposal(proposal.event_id, proposal.proposal_id)
        expires_at = codec.epoch(max(proposal.received_at, proposal.when.ends_at) + KEPT_AFTER_THE_EVENT)
        return put(self._sent, codec.item(proposal, key, expires_at=expires_at), conditions.NEW)

    def decision_action(self, proposal: Proposal, status: ProposalStatus) -> Action:
        """The action that records the decision about an open proposal, for the transaction of its consequence."""
        key, open_ = keys.proposal(proposal.event_id, proposal.proposal_id), ProposalStatus.OPEN.value
        return update(self._sent, key, {"status": status.value}, conditions.IS_OPEN, open=open_)

    def find(self, event_id: str, proposal_id: str) -> Proposal | None:
        return self._get(Proposal, self._sent, keys.proposal(event_id, proposal_id))

    def list_proposals(
        self,
        event_id: str,
        *,
        limit: int,
        cursor: str | None = None,
        registration_id: str | None = None,
        status: ProposalStatus | None = None,
    ) -> Page:
        """A page of the event's proposals, in the order in which they were written: of all people, or of one; open and
        decided ones, or those of one status.
        """
        return self._list(
            Proposal,
            self._sent,
            keys.proposal(event_id, ""),
            identity=f"proposals of {event_id}, {registration_id or 'all'} {status or 'all'}",
            pattern=r"[0-9a-v]{36}",
            limit=limit,
            cursor=cursor,
            where={"registration_id": registration_id, "status": status and status.value},
        )

    def rows(self, event_id: str, registration_id: str) -> list[Item]:
        """The items of all proposals of one registration."""
        rows = self._rows(dynamo.starting_with(self._sent, keys.proposal(event_id, "")))
        return [row for row in rows if row["registration_id"] == registration_id]

    def forget(self, event_id: str, registration_id: str) -> None:
        """Delete all proposals of one registration."""
        for row in self.rows(event_id, registration_id):
            self._write(delete(self._sent, keys.proposal(event_id, row["proposal_id"])))
