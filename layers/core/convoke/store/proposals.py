"""Proposals: other times that attendees asked for with COUNTER (RFC 5546, section 3.2.7), and what was decided."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from datetime import datetime, timedelta
from itertools import islice
from typing import Any

from ..decision.plan import Snapshot
from ..inbound.itip_reply import Answer
from ..inbound.proposals import Proposal, ProposalStatus
from ..model import LocalTime, When
from ..settings import Settings
from . import cursors, dynamo, items, keys
from .items import Item
from .lists import Page
from .writes import NEW, Action, delete, put, update

KEPT_AFTER_THE_EVENT = timedelta(days=365)

# Nothing has been decided about the proposal.
IT_IS_OPEN = "#status = :open"


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


def put_action(settings: Settings, proposal: Proposal) -> Action:
    """The action that stores a proposal; it fails where it is stored already."""
    return put(settings.invitations_table, _item(proposal), NEW)


def decision_action(settings: Settings, proposal: Proposal, status: ProposalStatus) -> Action:
    """The action that records the decision about an open proposal, for the transaction of its consequence."""
    key = keys.proposal(proposal.event_id, proposal.proposal_id)
    values = {"status": status.value, "open": ProposalStatus.OPEN.value}
    return update(settings.invitations_table, key, "SET #status = :status", IT_IS_OPEN, **values)


def find(client: Any, settings: Settings, event_id: str, proposal_id: str) -> Proposal | None:
    item = dynamo.get(client, settings.invitations_table, keys.proposal(event_id, proposal_id))
    return None if item is None else _of(item)


def list_proposals(client: Any, settings: Settings, event_id: str, *, limit: int, cursor: str | None = None) -> Page:
    """A page of the event's proposals, open and decided ones, in the order in which they were written."""
    identity = f"proposals of {event_id}"
    query = _query(settings, event_id) | {"Limit": limit + 1}
    if cursor is not None:
        position = cursors.decode(identity, cursor, r"[0-9a-v]{36}")
        query["ExclusiveStartKey"] = dynamo.wire(keys.proposal(event_id, position))
    found = [_of(item) for item in islice(dynamo.pages(client.query, **query), limit + 1)]
    more = len(found) > limit
    return Page(
        items=tuple(found[:limit]),
        next=cursors.encode(identity, found[limit - 1].proposal_id) if more else None,
    )


def forget(client: Any, settings: Settings, event_id: str, registration_id: str) -> None:
    """Delete all proposals of one registration."""
    for item in dynamo.pages(client.query, **_query(settings, event_id)):
        if item["registration_id"] == registration_id:
            dynamo.transact(client, [delete(settings.invitations_table, keys.proposal(event_id, item["proposal_id"]))])


def _query(settings: Settings, event_id: str) -> dict[str, Any]:
    first = keys.proposal(event_id, "")
    return {
        "TableName": settings.invitations_table,
        "KeyConditionExpression": "pk = :pk AND begins_with(sk, :prefix)",
        "ExpressionAttributeValues": dynamo.wire({":pk": first["pk"], ":prefix": first["sk"]}),
        "ConsistentRead": True,
    }


# --- items --------------------------------------------------------------------------------------------------------


def _item(proposal: Proposal) -> Item:
    expires_at = max(proposal.received_at, proposal.when.ends_at) + KEPT_AFTER_THE_EVENT
    return items.present(
        {
            **keys.proposal(proposal.event_id, proposal.proposal_id),
            "event_id": proposal.event_id,
            "registration_id": proposal.registration_id,
            "proposal_id": proposal.proposal_id,
            "uid": proposal.uid,
            "sequence": proposal.sequence,
            "dtstamp": keys.instant(proposal.dtstamp),
            "date": proposal.date.isoformat() if proposal.date else None,
            "when": items.when_item(proposal.when),
            "comment": proposal.comment,
            "status": proposal.status.value,
            "received_at": keys.instant(proposal.received_at),
            "expires_at": int(expires_at.timestamp()),
        }
    )


def _of(item: Mapping[str, Any]) -> Proposal:
    return Proposal(
        event_id=item["event_id"],
        registration_id=item["registration_id"],
        proposal_id=item["proposal_id"],
        uid=item["uid"],
        sequence=int(item["sequence"]),
        dtstamp=items.moment(item["dtstamp"]),
        date=items.local_time_of(item["date"]) if "date" in item else None,
        when=items.when_of(item["when"]),
        comment=item["comment"],
        status=ProposalStatus(item["status"]),
        received_at=items.moment(item["received_at"]),
    )
