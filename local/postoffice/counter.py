"""The HTTP interface for tools: read mail and calendars, order faults, deliver incoming mail, order SES's reports."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, Response, jsonify, request

from . import agenda, calendars, letters
from .faults import BadOrder, Fault, Faults
from .records import VERDICTS, Kind, Verdicts
from .reports import NotConnected, Reports
from .shelf import Shelf

POLICIES = ("none", "quarantine", "reject")


def tool_routes(shelf: Shelf, faults: Faults, reports: Reports) -> Blueprint:
    """The routes. Invalid input is answered with 422 and the field's name, and changes nothing."""
    routes = Blueprint("counter", __name__)
    routes.register_error_handler(BadOrder, _unusable)
    routes.register_error_handler(NotConnected, _not_up)

    @routes.get("/mail")
    def mail() -> Response:
        return jsonify([accepted.note() for accepted in shelf.all()])

    @routes.get("/calendar/<path:address>")
    def calendar(address: str) -> Response:
        """The calendar of this address after all its mail, as in ``agenda``."""
        shown = calendars.show(map(shelf.letter, shelf.mailbox(address)), address)
        return jsonify([item.note() for item in agenda.agenda(shown.entries)])

    @routes.post("/faults")
    def order_fault() -> tuple[Response, int]:
        fault = Fault.order(_json())
        faults.add(fault)
        return jsonify(fault.note()), 201

    @routes.get("/faults")
    def pending_faults() -> Response:
        return jsonify([fault.note() for fault in faults.pending()])

    @routes.delete("/faults")
    def clear_faults() -> tuple[str, int]:
        faults.clear()
        return "", 204

    @routes.post("/inbound")
    def inbound() -> Response:
        raw = request.get_data()
        if not raw:
            raise BadOrder("body", "must be a mail (RFC 5322)")
        recipient = request.args.get("recipient", "")
        if "@" not in recipient:
            raise BadOrder("recipient", "must be a mail address")
        letter = letters.read_headers(raw)
        source = request.args.get("source")
        if source is None:
            source = letter.sender[1]
        _seven_bits("recipient", recipient)
        _seven_bits("source", source)
        for name in ("From", "To", "Cc", "Reply-To", "Sender"):
            for _, address in letters.addresses(letter.header(name)):
                _seven_bits(name, address)
        return jsonify({"message_id": reports.receive(raw, recipient=recipient, source=source, verdicts=_verdicts())})

    @routes.post("/ses-events")
    def ses_event() -> tuple[Response, int]:
        body = _json()
        if not isinstance(body, dict):
            raise BadOrder("body", 'must be a JSON object such as {"type": "Bounce", "message_id": "…"}')
        if body.get("type") not in list(Kind):
            raise BadOrder("type", "must be one of " + ", ".join(Kind))
        if not isinstance(body.get("message_id"), str):
            raise BadOrder("message_id", "must be the id that an accepted mail was given")
        accepted = shelf.find(body["message_id"])
        if accepted is None:
            return _error("message_id", "no mail with this id was accepted here", 404)
        return jsonify(reports.publish(Kind(body["type"]), accepted)), 200

    return routes


def _seven_bits(field: str, address: str) -> None:
    if not address.isascii():
        raise BadOrder(field, "has an address that is not ASCII: SES has no SMTPUTF8")


def _json() -> Any:
    body = request.get_json(force=True, silent=True)
    if body is None:
        raise BadOrder("body", "must be JSON")
    return body


def _verdicts() -> Verdicts:
    asked = {name: request.args.get(name, "PASS").upper() for name in ("spam", "virus", "spf", "dkim", "dmarc")}
    for name, verdict in asked.items():
        if verdict not in VERDICTS:
            raise BadOrder(name, "must be one of " + ", ".join(VERDICTS))
    policy = request.args.get("policy", "reject")
    if policy not in POLICIES:
        raise BadOrder("policy", "must be one of " + ", ".join(POLICIES))
    return Verdicts(**asked, policy=policy)


def _unusable(bad: BadOrder) -> tuple[Response, int]:
    return _error(bad.field, bad.message, 422)


def _not_up(error: NotConnected) -> tuple[Response, int]:
    return jsonify({"detail": str(error)}), 503


def _error(field: str, message: str, status: int) -> tuple[Response, int]:
    return jsonify({"detail": f"{field}: {message}", "errors": [{"field": field, "message": message}]}), status
