"""The part of the SES v2 API that the application uses: SendEmail with raw content, and GetAccount.

What SES would refuse is refused here with the same error, so that mistakes show before a deployment. Failures of SES
can be ordered (see ``faults``).
"""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from flask import Blueprint, Response, jsonify, request

from . import letters
from .faults import Faults, Kind
from .shelf import Accepted, Shelf

LARGEST_MAIL = 40 * 1024 * 1024  # version 2 of the API; counted in its encoded form
MOST_RECIPIENTS = 50
TAG = re.compile(r"[A-Za-z0-9_-]{1,256}")
ADDRESS = re.compile(r"[!-?A-~]{1,64}@[!-?A-~]{1,255}")  # seven bits: SES has no SMTPUTF8

REFUSALS = {
    Kind.THROTTLE: (429, "TooManyRequestsException", "Maximum sending rate exceeded."),
    Kind.ERROR_500: (500, "InternalServiceErrorException", "Internal failure."),
    Kind.REJECT: (400, "MessageRejected", "The message was rejected because a fault was ordered."),
    Kind.PAUSED: (400, "SendingPausedException", "Sending is paused for this account."),
}


class HangUp(ConnectionAbortedError):
    """Makes the server reset this connection without a response."""


class Refused(Exception):
    """A request that SES would answer with BadRequestException."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """One SendEmail request, checked."""

    raw: bytes
    to: tuple[str, ...]
    sender: str
    tags: dict[str, str]
    configuration_set: str


def wire(
    shelf: Shelf, faults: Faults, accepted: Callable[[Accepted], None], silence: Callable[[], object]
) -> Blueprint:
    """The routes. ``accepted`` is called with each mail; ``silence`` blocks as long as a client is kept waiting."""
    routes = Blueprint("ses", __name__)

    def hang_up(*, wait: bool) -> Response:
        # The server hangs up when it meets the exception, before it has sent a single byte.
        def nothing() -> Iterator[bytes]:
            if wait:
                silence()
            raise HangUp
            yield b""

        return Response(nothing())

    @routes.post("/v2/email/outbound-emails")
    def send_email() -> Response:
        try:
            order = _read(request.get_json(force=True, silent=True))
        except Refused as refused:
            return _refusal(400, "BadRequestException", str(refused))
        fault = faults.take(order.to)
        if fault in REFUSALS:
            return _refusal(*REFUSALS[fault])
        if fault in (Kind.RESET, Kind.TIMEOUT):
            return hang_up(wait=fault is Kind.TIMEOUT)
        mail = shelf.accept(
            order.raw,
            to=order.to,
            sender=order.sender,
            tags=order.tags,
            configuration_set=order.configuration_set,
        )
        accepted(mail)
        if fault is Kind.TIMEOUT_AFTER_ACCEPT:
            return hang_up(wait=True)
        return jsonify({"MessageId": mail.message_id})

    @routes.get("/v2/email/account")
    def get_account() -> Response:
        day_ago = datetime.now(UTC) - timedelta(days=1)
        sent = sum(len(mail.to) for mail in shelf.all() if mail.accepted_at > day_ago)
        return jsonify(
            {
                "EnforcementStatus": "HEALTHY",
                "ProductionAccessEnabled": True,
                "SendingEnabled": True,
                "SendQuota": {"Max24HourSend": 50_000.0, "MaxSendRate": 14.0, "SentLast24Hours": float(sent)},
            }
        )

    return routes


def _refusal(status: int, code: str, message: str) -> Response:
    answer = jsonify({"message": message})
    answer.status_code = status
    answer.headers["x-amzn-ErrorType"] = code
    return answer


def _read(body: object) -> Order:
    """Check a SendEmail request as SES does. Raises :class:`Refused`."""
    if not isinstance(body, dict):
        raise Refused("The body is not a JSON object.")
    raw = _raw(body)
    letter = letters.read_headers(raw)
    for name in ("From", "To"):
        if not letters.addresses(letter.header(name)):
            raise Refused(f"Missing required header '{name}'.")
    to = _recipients(body, letter)
    return Order(
        raw=raw,
        to=to,
        sender=next(iter(letters.addresses(str(body.get("FromEmailAddress") or ""))), letter.sender)[1],
        tags=_tags(body.get("EmailTags") or []),
        configuration_set=str(body.get("ConfigurationSetName") or ""),
    )


def _raw(body: dict[str, Any]) -> bytes:
    match body.get("Content"):
        case {"Raw": {"Data": str(data)}}:
            pass
        case _:
            raise Refused("Content.Raw.Data is missing: this post office takes raw mail only.")
    if len(data) > LARGEST_MAIL:
        raise Refused(f"Message length is more than {LARGEST_MAIL} bytes.")
    try:
        return base64.b64decode(data, validate=True)
    except binascii.Error:
        raise Refused("Content.Raw.Data is not base64.") from None


def _recipients(body: dict[str, Any], letter: letters.Letter) -> tuple[str, ...]:
    """The envelope recipients: of Destination, else of the header fields. Raises :class:`Refused`."""
    destination = body.get("Destination") or {}
    named = [text for field in ("ToAddresses", "CcAddresses", "BccAddresses") for text in destination.get(field) or ()]
    sources = named or [letter.header(name) for name in ("To", "Cc", "Bcc")]
    to = tuple(address for text in sources for _, address in letters.addresses(str(text)))
    if not to or len(to) < len(named):
        raise Refused("Missing or illegal address in Destination.")
    if len(to) > MOST_RECIPIENTS:
        raise Refused(f"Recipient count exceeds {MOST_RECIPIENTS}.")
    for address in to:
        if not ADDRESS.fullmatch(address):
            raise Refused("Illegal address: 7-bit characters only, one local part and one domain.")
    return to


def _tags(tags: object) -> dict[str, str]:
    read: dict[str, str] = {}
    for tag in tags if isinstance(tags, list) else []:
        for field in ("Name", "Value"):
            if not TAG.fullmatch(str(tag.get(field, ""))):
                raise Refused(f"Invalid tag {field.lower()}: 1 to 256 ASCII letters, digits, '_' and '-'.")
        read[tag["Name"]] = tag["Value"]
    return read
