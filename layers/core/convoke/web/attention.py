"""The route of who needs the organizer's attention: everybody of one event, the most urgent first."""

from __future__ import annotations

from aws_lambda_powertools.event_handler import Response
from aws_lambda_powertools.event_handler.router import APIGatewayHttpRouter

from ..decision.attention import Attention, AttentionKind
from ..decision.decide import Snapshot
from ..model import Event, RegistrationStatus
from ..store.keys import instant
from ..store.repository import decode_cursor, page
from . import context, presenters
from .requests import Cursor, Limit
from .responses import NeedingOut, NeedingPage, documented

router = APIGatewayHttpRouter()  # type: ignore[no-untyped-call]
URGENCY = (
    AttentionKind.CANCELLATION,
    AttentionKind.MOVE,
    AttentionKind.INVITATION,
    AttentionKind.CHANGE,
    AttentionKind.ANSWER,
)
"""Who would travel in vain, or at the wrong time, comes first."""


@router.get(
    "/events/<event_id>/attention", summary="List who was not reached, the most urgent first", responses=documented(200)
)
def list_attention(event_id: str, limit: Limit = 50, cursor: Cursor = None) -> Response[NeedingPage]:
    event = context.own_event(event_id)
    identity = f"attention of {event_id}"
    after = "" if cursor is None else decode_cursor(identity, cursor, r"[0-9a-zA-Z#:.\-]+")
    every = sorted(context.store().surveys.everybody(event_id, now=context.now()), key=position)
    listed = page((one for one in every if position(one) > after), limit, identity, position)
    ids = sorted({one.registration_id for one in listed.items})
    people = context.store().lookups.read_people([(event_id, one) for one in ids])
    known = {seen.registration.registration_id: seen for seen in people}
    items = [needing(one, known[one.registration_id], event) for one in listed.items if one.registration_id in known]
    return context.answer(200, NeedingPage(items=items, next=listed.next))


def position(one: Attention) -> str:
    """Its place in the list: by urgency, then by time. What waits for longest comes first."""
    return "#".join((str(URGENCY.index(one.kind)), instant(one.since), one.registration_id, one.quarantine_id or ""))


def needing(one: Attention, seen: Snapshot, event: Event) -> NeedingOut:
    person = seen.registration
    erased = person.status is RegistrationStatus.ERASED
    name, email = (None, None) if erased else (person.name, person.email)
    shown = presenters.attention(one, event).model_dump()
    return NeedingOut(**shown, name=name, email=email, status=person.status)
