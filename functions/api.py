"""Answers HTTP requests.

Routes are thin: ``shapes`` says what may come in, the store does each write in one transaction, and what is answered is
read back from it. Nothing is mailed from here.
"""

from __future__ import annotations

import json
import re
import secrets
import traceback
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import UTC, datetime
from functools import cache
from http import HTTPStatus
from typing import Annotated, Any, Literal, TypeVar

from aws_lambda_powertools import Logger
from aws_lambda_powertools.event_handler import APIGatewayHttpResolver, Response
from aws_lambda_powertools.event_handler.exceptions import NotFoundError
from aws_lambda_powertools.event_handler.openapi.exceptions import RequestValidationError
from aws_lambda_powertools.event_handler.openapi.params import Body, Header, Query
from aws_lambda_powertools.utilities.typing import LambdaContext
from botocore.exceptions import BotoCoreError, ClientError
from pydantic import ValidationError

from convoke import answers, fanout, problems
from convoke.answers import EventOut, EventPage, MessagePage, RegistrationOut, RegistrationPage
from convoke.model import Event, EventStatus, InvalidField, Registration, RegistrationStatus, folded
from convoke.problems import Problem
from convoke.reconcile import Seen
from convoke.settings import settings
from convoke.shapes import (
    CancelIn,
    EventIn,
    EventPatch,
    RegistrationIn,
    RegistrationPatch,
    ResendIn,
    content,
    patched,
)
from convoke.store import dynamo, erasure, events, keys, line, lists, registry, requests
from convoke.store.reads import Reads
from convoke.store.registry import ACTIVE, Obstacle
from convoke.store.writes import ROUNDS, Action, Repeated
from convoke.walltimes import read_when

logger = Logger()
app = APIGatewayHttpResolver(enable_validation=True)
client = cache(dynamo.client)

DOCUMENTS = ("GET /docs", "GET /openapi.json")
"""What anybody may read."""
WITHOUT_WORDS = (
    "POST /events/{event_id}/cancel",
    "POST /events/{event_id}/registrations/{registration_id}/resend",
)
"""What may be asked without a body."""
NO_REASON, NO_WORDS = CancelIn(), ResendIn()
Outcome = TypeVar("Outcome", Registration, None)

AN_ID = re.compile(r"[0-9a-z]{1,64}", re.ASCII)

Limit = Annotated[int, Query(ge=1, le=100, description="How many to a page.")]
Once = Annotated[
    str | None,
    Header(alias="Idempotency-Key", pattern=r"^[\x21-\x7e]{1,255}$", description="The request is granted once a day."),
]
Version = Annotated[str | None, Header(alias="If-Match", description="The ETag of the event as you know it.")]
Cursor = Annotated[str | None, Query(description="`next` of the page before.", max_length=1000)]
PROBLEM: Any = {
    "description": "Not granted; nothing was stored.",
    "content": {problems.MEDIA_TYPE: {"model": answers.Problem}},
}
MAIL: Any = {"description": "The mail as it was sent", "content": {"message/rfc822": {"schema": {"type": "string"}}}}


def may_answer(*granted: int) -> Any:
    """The documented answers of a route."""
    refused = dict.fromkeys((400, 404, 409, 412, 413, 415, 422), PROBLEM)
    return {status: {"description": HTTPStatus(status).phrase} for status in granted} | refused


def now() -> datetime:
    return datetime.now(UTC)


# --- who asks, for what -------------------------------------------------------------------------------------------


def caller(request: Mapping[str, Any] | None = None) -> str:
    """The account whose key was shown. API Gateway asks the authorizer; what came round it is refused here."""
    request = request or app.current_event.raw_event
    authorizer = request.get("requestContext", {}).get("authorizer") or {}
    account = (authorizer.get("lambda") or {}).get("account")
    if not account:
        raise Problem(HTTPStatus.UNAUTHORIZED, "an API key is required", headers={"WWW-Authenticate": "Bearer"})
    return str(account)


def own_event(event_id: str) -> Event:
    """The event, where it is the caller's; it is not there for anybody else."""
    account = caller()
    event = events.read_event(client(), settings(), event_id, account) if AN_ID.fullmatch(event_id) else None
    if event is None:
        raise Problem(HTTPStatus.NOT_FOUND, "there is no such event")
    return event


def writable(event: Event, at: datetime) -> None:
    if event.status is EventStatus.CANCELLED:
        raise Problem(HTTPStatus.CONFLICT, "the event is cancelled")
    still_to_come(event, at)


def still_to_come(event: Event, at: datetime) -> None:
    if event.when.ends_at <= at:
        raise Problem(HTTPStatus.CONFLICT, "the event is over")


def unchanged(event: Event, wanted: str | None) -> None:
    """If-Match: exactly the version that stands, or any."""
    if wanted not in (None, "*", f'"{event.version}"'):
        raise Problem(HTTPStatus.PRECONDITION_FAILED, f"the event has version {event.version}")


def not_the_sender(email: str) -> None:
    if folded(email) == folded(settings().sender.address):
        raise InvalidField("email", "is the address that the invitations come from")


def granted(outcome: Outcome | Obstacle) -> Outcome:
    """What came of it, unless something stood in the way."""
    if isinstance(outcome, Obstacle):
        status = HTTPStatus.NOT_FOUND if outcome is Obstacle.ABSENT else HTTPStatus.CONFLICT
        raise Problem(status, outcome.value)
    return outcome


# --- what is answered ---------------------------------------------------------------------------------------------


def answer(status: int, body: Any, headers: Mapping[str, str] | None = None) -> Response[Any]:
    return Response(status, "application/json", body, {"Cache-Control": "no-store", **(headers or {})})


def show_event(event_id: str, status: int = 200, headers: Mapping[str, str] | None = None) -> Response[EventOut]:
    event = own_event(event_id)
    seats = events.read_seats(client(), settings(), event_id)
    return answer(status, answers.event(event, seats), {"ETag": f'"{event.version}"', **(headers or {})})


def show_registration(
    event_id: str, registration_id: str, status: int = 200, headers: Mapping[str, str] | None = None
) -> Response[RegistrationOut]:
    event = own_event(event_id)
    seen = look(event, registration_id)
    return answer(status, answers.registration(seen, settings().sender, now()), headers)


def look(event: Event, registration_id: str) -> Seen:
    reads = Reads(client(), settings())
    known = AN_ID.fullmatch(registration_id)
    invitation = reads.invitation(event.event_id, registration_id) if known else None
    registration = reads.registration(event.event_id, registration_id) if known else None
    if invitation is None or registration is None:
        raise Problem(HTTPStatus.NOT_FOUND, Obstacle.ABSENT.value)
    return Seen(invitation=invitation, registration=registration, event=event)


def show(answered: requests.Answered, headers: Mapping[str, str] | None = None) -> Response[Any]:
    if answered.registration_id:
        return show_registration(answered.event_id, answered.registration_id, answered.status, headers)
    return show_event(answered.event_id, answered.status, headers)


def location(event_id: str, registration_id: str = "") -> dict[str, str]:
    path = f"/events/{event_id}"
    return {"Location": f"{path}/registrations/{registration_id}" if registration_id else path}


# --- doing it once ------------------------------------------------------------------------------------------------

Record = Callable[..., dict[str, Action]]
"""Makes the action that records a status and the ids of what it led to, for the transaction of the write."""


def once(key: str | None, grant: Callable[[Record], Response[Any]]) -> Response[Any]:
    """Grant the request, or answer as before where its Idempotency-Key has been granted within the day."""
    if key is None:
        return grant(lambda **_: {})
    asked = app.current_event
    request = requests.Request(
        account=caller(),
        route=f"{asked.http_method} {asked.path}",
        key=key,
        body=requests.digest(asked.json_body),
    )
    table = settings().accounts_table

    def record(**outcome: Any) -> dict[str, Action]:
        return requests.record(table, request, now=now(), **outcome)

    for _ in range(ROUNDS):
        earlier = requests.find(client(), table, request, now())
        if earlier is not None:
            if earlier.body != request.body:
                raise InvalidField("Idempotency-Key", "was used with another body")
            return show(earlier, {"Idempotent-Replayed": "true"})
        try:
            return grant(record)
        except Repeated:
            continue
    raise dynamo.Contention(f"{ROUNDS} rounds met the same request")


# --- events -------------------------------------------------------------------------------------------------------


@app.post("/events", summary="Create an event", responses=may_answer(201))
def create_event(body: EventIn, key: Once = None) -> Response[EventOut]:
    account, at = caller(), now()
    event = Event(
        event_id=keys.event_id(secrets.token_bytes(16)),
        account=account,
        version=1,
        when=read_when(start=body.start, end=body.end, duration=body.duration, time_zone=body.time_zone),
        created_at=at,
        updated_at=at,
        **content(body),
    )
    must_end_later(event, at)

    def create(record: Record) -> Response[EventOut]:
        events.create_event(client(), settings(), event, also=record(status=201, event_id=event.event_id))
        return show_event(event.event_id, 201, location(event.event_id))

    return once(key, create)


def must_end_later(event: Event, at: datetime) -> None:
    if event.when.ends_at <= at:
        raise InvalidField("end", "is in the past")


@app.get("/events", summary="List events, in order of creation", responses=may_answer(200))
def list_events(limit: Limit = 50, cursor: Cursor = None) -> Response[EventPage]:
    page = lists.list_events(client(), settings(), caller(), limit=limit, cursor=cursor)
    return answer(
        200,
        EventPage(items=[answers.event(counted.event, counted.seats) for counted in page.items], next=page.next),
    )


@app.get("/events/<event_id>", summary="Read an event", responses=may_answer(200))
def read_event(event_id: str) -> Response[EventOut]:
    return show_event(event_id)


@app.patch("/events/<event_id>", summary="Change an event (JSON merge patch)", responses=may_answer(200))
def patch_event(event_id: str, patch: EventPatch, version: Version = None) -> Response[EventOut]:
    for _ in range(ROUNDS):
        before, at = own_event(event_id), now()
        unchanged(before, version)
        writable(before, at)
        after = replace(before, **patched(before, patch))
        must_end_later(after, at)
        if after == before or store(before, after, at, {}):
            promote(event_id)
            return show_event(event_id)
    raise dynamo.Contention(f"{ROUNDS} rounds met other writers")


@app.post("/events/<event_id>/cancel", summary="Cancel an event, for good", responses=may_answer(200))
def cancel_event(
    event_id: str,
    body: Annotated[CancelIn, Body()] = NO_REASON,
    key: Once = None,
    version: Version = None,
) -> Response[EventOut]:
    def cancel(record: Record) -> Response[EventOut]:
        recorded = record(status=200, event_id=event_id)
        for _ in range(ROUNDS):
            before, at = own_event(event_id), now()
            unchanged(before, version)
            if before.status is EventStatus.CANCELLED:
                requests.keep(client(), recorded)
                return show_event(event_id)
            still_to_come(before, at)
            if store(before, replace(before, status=EventStatus.CANCELLED, reason=body.reason), at, recorded):
                return show_event(event_id)
        raise dynamo.Contention(f"{ROUNDS} rounds met other writers")

    return once(key, cancel)


def store(before: Event, after: Event, at: datetime, also: Mapping[str, Action]) -> bool:
    """Put ``after`` in the place of ``before``, as its next version; as pressing as the sooner of its two times."""
    after = replace(after, version=before.version + 1, updated_at=at)
    times = settings().times
    priority = min(fanout.pressing(replace(after, when=when), at, times) for when in (before.when, after.when))
    return events.change_event(client(), settings(), before, after, priority=priority, now=at, also=also)


def promote(event_id: str) -> None:
    """Fill free seats at once. Where that fails they are still owed, and the sweeper fills them."""
    try:
        line.promote(client(), settings(), event_id, now=now())
    except (dynamo.Contention, dynamo.Refused, ClientError, BotoCoreError) as error:
        logger.warning("left to the sweeper", event=event_id, error=type(error).__name__)


# --- registrations ------------------------------------------------------------------------------------------------


@app.post("/events/<event_id>/registrations", summary="Register a person", responses=may_answer(200, 201))
def register(event_id: str, body: RegistrationIn, key: Once = None) -> Response[RegistrationOut]:
    def enter(record: Record) -> Response[RegistrationOut]:
        event, at = own_event(event_id), now()
        writable(event, at)
        not_the_sender(body.email)
        person = Registration(
            event_id=event_id,
            registration_id=keys.registration_id(at, secrets.token_bytes(16)),
            version=1,
            status=RegistrationStatus.REGISTERED,
            name=body.name,
            email=body.email,
            language=body.language,
            created_at=at,
            updated_at=at,
        )
        recorded = record(status=201, event_id=event_id, registration_id=person.registration_id)
        stored = granted(registry.register(client(), settings(), person, now=at, also=recorded))
        status, registration_id = 201, stored.registration_id
        if registration_id != person.registration_id:
            status = 200
            requests.keep(client(), record(status=200, event_id=event_id, registration_id=registration_id))
        return show_registration(event_id, registration_id, status, location(event_id, registration_id))

    return once(key, enter)


@app.get(
    "/events/<event_id>/registrations", summary="List registrations, in order of arrival", responses=may_answer(200)
)
def list_registrations(
    event_id: str,
    limit: Limit = 50,
    cursor: Cursor = None,
    status: Annotated[RegistrationStatus | None, Query()] = None,
) -> Response[RegistrationPage]:
    event, at = own_event(event_id), now()
    page = lists.list_registrations(client(), settings(), event_id, limit=limit, cursor=cursor, status=status)
    people = [
        answers.registration(Seen(invitation=invitation, registration=person, event=event), settings().sender, at)
        for person, invitation in page.items
    ]
    return answer(200, RegistrationPage(items=people, next=page.next))


PERSON = "/events/<event_id>/registrations/<registration_id>"


@app.get(PERSON, summary="Read a registration", responses=may_answer(200))
def read_registration(event_id: str, registration_id: str) -> Response[RegistrationOut]:
    return show_registration(event_id, registration_id)


@app.patch(PERSON, summary="Change a registration (JSON merge patch)", responses=may_answer(200))
def patch_registration(event_id: str, registration_id: str, patch: RegistrationPatch) -> Response[RegistrationOut]:
    event, at = own_event(event_id), now()
    person = look(event, registration_id).registration
    writable(event, at)
    if person.status not in ACTIVE:
        raise Problem(HTTPStatus.CONFLICT, Obstacle.INACTIVE.value)
    standing = {"name": person.name, "email": person.email, "language": person.language}
    shape = RegistrationIn.model_validate(patch.upon(standing))
    not_the_sender(shape.email)
    changes = {name: getattr(shape, name) for name in patch.model_fields_set}
    soon = event.when.starts_at - at <= settings().times.soon
    granted(
        registry.change_registration(
            client(), settings(), event_id, registration_id, changes=changes, priority=0 if soon else 1, now=at
        )
    )
    return show_registration(event_id, registration_id)


@app.delete(PERSON, summary="Withdraw a registration, or erase a person", responses=may_answer(200, 202))
def withdraw(
    event_id: str,
    registration_id: str,
    erase: Annotated[Literal["true", "false"], Query(description="Forget name, address and mails, too.")] = "false",
) -> Response[RegistrationOut]:
    event, at = own_event(event_id), now()
    person = look(event, registration_id).registration
    if erase == "true":
        # People can be forgotten whatever became of the event.
        granted(erasure.erase(client(), settings(), event_id, registration_id, now=at))
    elif person.status in ACTIVE:
        writable(event, at)
        granted(registry.withdraw(client(), settings(), event_id, registration_id, now=at))
    promote(event_id)
    return show_registration(event_id, registration_id, 202 if erase == "true" else 200)


@app.post(f"{PERSON}/resend", summary="Send the latest message again", responses=may_answer(202))
def resend(
    event_id: str,
    registration_id: str,
    body: Annotated[ResendIn, Body()] = NO_WORDS,  # noqa: ARG001 (there is nothing to say)
    key: Once = None,
) -> Response[RegistrationOut]:
    def repeat(record: Record) -> Response[RegistrationOut]:
        event, at = own_event(event_id), now()
        look(event, registration_id)
        still_to_come(event, at)
        recorded = record(status=202, event_id=event_id, registration_id=registration_id)
        granted(registry.resend(client(), settings(), event_id, registration_id, now=at, also=recorded))
        return show_registration(event_id, registration_id, 202)

    return once(key, repeat)


@app.get(f"{PERSON}/messages", summary="List what a person was sent", responses=may_answer(200))
def list_messages(
    event_id: str, registration_id: str, limit: Limit = 50, cursor: Cursor = None
) -> Response[MessagePage]:
    look(own_event(event_id), registration_id)
    page = lists.list_messages(client(), settings(), registration_id, limit=limit, cursor=cursor)
    return answer(200, MessagePage(items=[answers.message(posted) for posted in page.items], next=page.next))


@app.get(
    f"{PERSON}/messages/<sequence>/mail",
    summary="Read a mail as it was sent",
    responses={200: MAIL, 404: PROBLEM, 422: PROBLEM},
    # Validation would take the bytes for text.
    enable_validation=False,
)
def read_mail(event_id: str, registration_id: str, sequence: str) -> Response[bytes]:
    look(own_event(event_id), registration_id)
    number = int(sequence) if re.fullmatch(r"[0-9]{1,9}", sequence) else None
    posted = None if number is None else Reads(client(), settings()).posted(registration_id, number)
    if posted is None or posted.letter is None:
        raise Problem(HTTPStatus.NOT_FOUND, "there is no such mail")
    headers = {"Cache-Control": "no-store", "X-Content-Type-Options": "nosniff"}
    return Response(200, "message/rfc822", posted.letter.mail, headers)


# --- documentation ------------------------------------------------------------------------------------------------


@app.get("/openapi.json", include_in_schema=False)
def openapi() -> Response[str]:
    return Response(200, "application/json", app.get_openapi_json_schema())


@cache
def documented() -> None:
    """Describe the API. It takes longer to load than all the rest, and few ask for it."""
    from aws_lambda_powertools.event_handler.openapi.models import HTTPBearer

    app.configure_openapi(
        title="Convoke",
        version="1",
        description=(
            "Meeting requests that arrive, move and go away. Besides the answers listed, API Gateway itself answers "
            "401 (no key), 403 (a key that does not work), 429 and 503, with a body of `message` only."
        ),
        security_schemes={"key": HTTPBearer()},
        security=[{"key": []}],
    )
    app.enable_swagger(path="/docs", compress=True)


# --- the way in and out -------------------------------------------------------------------------------------------

BUSY = ("ThrottlingException", "ProvisionedThroughputExceededException", "RequestLimitExceeded", "InternalServerError")


def _ours(error: RequestValidationError | ValidationError) -> bool:
    """Whether it is our answer that is not what its route promises."""
    return any(part["loc"][:1] == ("response",) for part in error.errors())


def problem_of(error: Exception) -> Problem:
    match error:
        case Problem():
            return error
        case InvalidField():
            return problems.invalid([(error.field, error.message)])
        case RequestValidationError() | ValidationError() if not _ours(error):
            return problems.invalid(problems.fields(error.errors()))
        case NotFoundError():
            return Problem(HTTPStatus.NOT_FOUND, "there is nothing here")
        case dynamo.Contention() | BotoCoreError():
            busy = True
        case ClientError():
            busy = error.response["Error"]["Code"] in BUSY
        case _:
            busy = False
    if busy:
        logger.warning("busy", error=type(error).__name__)
        return Problem(HTTPStatus.SERVICE_UNAVAILABLE, "try again in a moment", headers={"Retry-After": "1"})
    # An error's own words may repeat what somebody sent: only where it happened is logged.
    steps = traceback.extract_tb(error.__traceback__)
    where = [f"{step.filename}:{step.lineno}" for step in steps]
    logger.error("failed", error=type(error).__name__, where=where)
    return Problem(HTTPStatus.INTERNAL_SERVER_ERROR, "this is our mistake; it was noted")


@app.exception_handler(Exception)  # type: ignore[untyped-decorator]
def refuse(error: Exception) -> Response[str]:
    problem = problem_of(error)
    return Response(problem.status.value, problems.MEDIA_TYPE, problem.body, problem.headers)


@logger.inject_lambda_context(clear_state=True)
def handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    route = event.get("routeKey", "$default")
    try:
        answered = app.resolve(admitted(event, route), context)
    except Problem as problem:
        answered = problem.answer
    # Whoever writes an address into a path does not have it logged.
    ids = {name: value for name, value in (event.get("pathParameters") or {}).items() if AN_ID.fullmatch(value)}
    logger.info("answered", route=route, status=answered["statusCode"], **ids)
    return answered


def admitted(event: dict[str, Any], route: str) -> dict[str, Any]:
    """The request, its body read. Where API Gateway knew no route it asked for no key, so the path is not looked at."""
    if route == "$default":
        raise Problem(HTTPStatus.NOT_FOUND, "there is nothing here")
    if route in DOCUMENTS:
        documented()
        return event
    caller(event)
    if not route.startswith(("POST ", "PATCH ")):
        return event
    body = problems.read_body(event)
    if body is None:
        if route not in WITHOUT_WORDS:
            raise Problem(HTTPStatus.BAD_REQUEST, "a JSON object is required")
        body = {}
    headers = {**event.get("headers", {}), "content-type": "application/json"}
    return {**event, "body": json.dumps(body), "isBase64Encoded": False, "headers": headers}
