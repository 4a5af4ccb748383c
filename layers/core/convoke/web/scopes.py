"""Which scope an API key needs for which route: one table, which a test holds to the template."""

from __future__ import annotations

from collections.abc import Mapping
from http import HTTPStatus
from typing import Any

from ..store.accounts import Scope
from .problems import Problem

READ, REGISTER, MANAGE = Scope.READ, Scope.REGISTER, Scope.MANAGE
SCOPES: Mapping[str, Scope] = {
    "GET /account": READ,
    "PATCH /account": MANAGE,
    "POST /events": MANAGE,
    "GET /events": READ,
    "GET /events/{event_id}": READ,
    "PATCH /events/{event_id}": MANAGE,
    "POST /events/{event_id}/cancel": MANAGE,
    "POST /events/{event_id}/reopen": MANAGE,
    "POST /events/{event_id}/tell": MANAGE,
    "POST /events/{event_id}/undo": MANAGE,
    "POST /events/{event_id}/split": MANAGE,
    "POST /events/{event_id}/preview": READ,
    "GET /events/{event_id}/occurrences": READ,
    "POST /events/{event_id}/occurrences": MANAGE,
    "PATCH /events/{event_id}/occurrences/{start}": MANAGE,
    "POST /events/{event_id}/occurrences/{start}/cancel": MANAGE,
    "POST /events/{event_id}/occurrences/{start}/restore": MANAGE,
    "POST /events/{event_id}/registrations": REGISTER,
    "POST /events/{event_id}/registrations/bulk": REGISTER,
    "GET /events/{event_id}/registrations": READ,
    "GET /events/{event_id}/registrations.csv": READ,
    "GET /registrations": READ,
    "GET /events/{event_id}/registrations/{registration_id}": READ,
    "PATCH /events/{event_id}/registrations/{registration_id}": REGISTER,
    "DELETE /events/{event_id}/registrations/{registration_id}": REGISTER,
    "POST /events/{event_id}/registrations/{registration_id}/resend": REGISTER,
    "POST /events/{event_id}/registrations/{registration_id}/accept": MANAGE,
    "POST /events/{event_id}/registrations/{registration_id}/decline": MANAGE,
    "GET /events/{event_id}/registrations/{registration_id}/answers": READ,
    "GET /events/{event_id}/registrations/{registration_id}/calendar": READ,
    "GET /events/{event_id}/registrations/{registration_id}/messages": READ,
    "GET /events/{event_id}/registrations/{registration_id}/messages/{sequence}/mail": READ,
    "GET /events/{event_id}/participation": READ,
    "GET /events/{event_id}/proposals": READ,
    "POST /events/{event_id}/proposals/{proposal_id}/accept": MANAGE,
    "POST /events/{event_id}/proposals/{proposal_id}/decline": MANAGE,
    "GET /events/{event_id}/attention": READ,
    "GET /events/{event_id}/quarantine": READ,
    "POST /events/{event_id}/quarantine/{quarantine_id}/release": MANAGE,
    "POST /events/{event_id}/quarantine/{quarantine_id}/drop": MANAGE,
    "GET /sources/{source}/problems": READ,
    "GET /quarantine": READ,
    "POST /quarantine/{quarantine_id}/release": MANAGE,
    "POST /quarantine/{quarantine_id}/drop": MANAGE,
    "POST /webhooks": MANAGE,
    "GET /webhooks": READ,
    "DELETE /webhooks/{webhook_id}": MANAGE,
    "GET /webhooks/{webhook_id}": READ,
    "PATCH /webhooks/{webhook_id}": MANAGE,
    "POST /webhooks/{webhook_id}/rotate": MANAGE,
    "POST /webhooks/{webhook_id}/deliveries/{delivery_id}/redeliver": MANAGE,
    "GET /changes": READ,
    "GET /webhooks/{webhook_id}/deliveries": READ,
    "POST /webhooks/{webhook_id}/test": MANAGE,
}


def require_scope(request: Mapping[str, Any], route: str) -> None:
    """Raise :class:`Problem` (403) if the key of a request that the authorizer admitted lacks the scope of ``route``.

    A route that is not in the table is refused, whatever the key.
    """
    needed = SCOPES.get(route)
    if needed is None or not has_scope(request, needed):
        raise Problem(HTTPStatus.FORBIDDEN, f"the API key lacks the scope {needed or 'of this route'}")


def has_scope(request: Mapping[str, Any], scope: Scope) -> bool:
    """Whether the key of a request that the authorizer admitted has the scope."""
    authorizer = (request.get("requestContext", {}).get("authorizer") or {}).get("lambda") or {}
    return scope in str(authorizer.get("scopes") or "").split()
