"""The HTTP API, called in this process for whoever is signed in: so the console can do what the API can, checks what
the API checks, and has no rules of its own about events.

Whoever is signed in with an API key has its account and its scopes. Whoever is signed in as an organizer has those
routes of the API that are about one event (:data:`ORGANIZERS`), and only for events that have their address as that of
the organizer; and a list of these events (:meth:`Client.events`).
"""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Iterator, Mapping
from http import HTTPStatus
from itertools import count
from typing import Any
from urllib.parse import quote, urlencode

from aws_lambda_powertools.utilities.typing import LambdaContext

from ..model import Event, folded, frozen
from ..pages import site
from ..pages.forms import Errors
from ..store.sessions import Session
from ..web import application
from ..web.context import AN_ID, BASE
from ..web.problems import MEDIA_TYPE, Problem
from ..web.scopes import SCOPES

ORGANIZERS = frozenset(route for route in SCOPES if route.partition(" ")[2].startswith("/events/{event_id}"))
"""The routes for whoever is signed in as an organizer."""
NO_ACCOUNT = "@"
"""Stands for the account of an organizer, whose events may be of any. No account's name begins with this character."""
AT_A_TIME = 100
"""The most that the API lists at a time."""
CONTEXT = LambdaContext()
NONE: Mapping[str, str] = {}


@frozen
class Reply:
    """The API's answer: its status, the JSON in it (bytes of what is no text, ``None`` for other text), its text, and
    its headers by names in lower case.
    """

    status: int
    data: Any
    text: str
    headers: Mapping[str, str]

    @property
    def ok(self) -> bool:
        return self.status < 400

    @property
    def errors(self) -> Errors:
        """What was refused: each field, as the API calls it, with what is wrong, or one sentence for all."""
        if self.ok:
            return ()
        fields = tuple((one["field"], one["message"]) for one in self.data.get("errors", ()))
        detail = str(self.data.get("detail") or self.data.get("title") or "")
        return fields or (("", f"{detail[:1].upper()}{detail[1:]}."),)

    @property
    def code(self) -> str:
        """The stable name of what was refused, as in docs/api.md; empty where there is none."""
        return "" if self.ok else str(self.data.get("code") or "")


class Client:
    """The API for one session, in one request of a browser."""

    def __init__(self, request: site.Request, session: Session) -> None:
        self._request = request
        self._session = session

    def acts_for(self, event: Event) -> bool:
        """Whether whoever is signed in acts for this event."""
        if self._session.organizer:
            return folded(event.organizer.email) == folded(self._session.organizer)
        return event.account == self._session.account

    def read(self, path: str, at: Mapping[str, str] = NONE, query: Mapping[str, Any] = NONE) -> Any:
        """The JSON that a GET of ``path`` (as in docs/api.md, ``/events/{event_id}``) is answered with; ``at`` has the
        parameters of the path.

        Raises ``site.Refused`` for whatever is no success: 404 also for what may not be seen.
        """
        return self.data_of(self.call("GET", path, at, query=query))

    def every(
        self, path: str, at: Mapping[str, str], most: int | None = None, query: Mapping[str, Any] = NONE
    ) -> Iterator[Any]:
        """The items of a list, of its first ``most`` parts or of all. Raises ``site.Refused`` as :meth:`read` does."""
        cursor = ""
        for _ in range(most) if most else count():
            part = self.read(path, at, {**query, "limit": AT_A_TIME, "cursor": cursor})
            yield from part["items"]
            cursor = part["next"]
            if cursor is None:
                return

    def data_of(self, reply: Reply) -> Any:
        """The JSON of a reply. Raises ``site.Refused`` as :meth:`read` does."""
        if reply.status == 404:
            raise site.missing(self._request)
        if not reply.ok:
            texts = self._request.texts
            raise site.Refused(HTTPStatus(reply.status), "That is not possible", reply.errors[0][1], texts=texts)
        return reply.data

    def call(
        self,
        method: str,
        path: str,
        at: Mapping[str, str] = NONE,
        body: Mapping[str, Any] | None = None,
        *,
        query: Mapping[str, Any] = NONE,
        version: int | None = None,
        key: str = "",
    ) -> Reply:
        """Call one route; ``at`` has the parameters of its path. ``version`` is that of the event which the caller saw
        (If-Match); ``key`` is an Idempotency-Key: with the same one a POST is done once. Query parameters that are
        ``None`` or empty are left out.

        Raises ``site.Refused`` (404) for an event that whoever is signed in does not act for.
        """
        account = self._account(f"{method} {path}", at.get("event_id", ""))
        headers = {"content-type": "application/json"}
        if version is not None:
            headers["if-match"] = f'"{version}"'
        if key:
            headers["idempotency-key"] = key
        return self._answered(method, path, {"account": account}, at, body, query, headers)

    def _answered(
        self,
        method: str,
        path: str,
        who: Mapping[str, str],
        at: Mapping[str, str] = NONE,
        body: Mapping[str, Any] | None = None,
        query: Mapping[str, Any] = NONE,
        headers: Mapping[str, str] = NONE,
    ) -> Reply:
        """The answer to :meth:`call`, in the name of ``who``, as an authorizer would say it."""
        route = f"{method} {path}"
        raw = re.sub(r"{(\w+)}", lambda name: quote(at[name[1]], safe=""), path)
        asked = {name: str(value) for name, value in query.items() if value not in (None, "")}
        event: dict[str, Any] = {
            "version": "2.0",
            "routeKey": route,
            "rawPath": BASE + raw,
            "rawQueryString": urlencode(asked),
            "headers": dict(headers),
            "pathParameters": dict(at) or None,
            "requestContext": {
                "authorizer": {"lambda": {**who, "scopes": " ".join(self._session.scopes)}},
                "domainName": "",
                "http": {"method": method, "path": BASE + raw, "sourceIp": self._request.source_ip},
                "requestId": "",
                "stage": BASE.removeprefix("/"),
            },
            "isBase64Encoded": False,
        }
        if asked:
            event["queryStringParameters"] = asked
        if body is not None:
            event["body"] = json.dumps(body)
        try:
            answered = application.answer(event, route, CONTEXT)
        except Problem as problem:
            answered = problem.answer
        return _reply(answered)

    def events(self, **query: Any) -> Any:
        """A page of the events of whoever is signed in, as the API has it: ``items`` and ``next``, a cursor. ``query``
        is that of ``GET /events``, with ``since`` and ``until`` for ``from`` and ``to``. Of an organizer these are the
        events of all accounts that have their address.
        """
        renamed = {"since": "from", "until": "to"}
        query = {renamed.get(name, name): value for name, value in query.items()}
        if not self._session.organizer:
            return self.read("/events", query=query)
        who = {"account": NO_ACCOUNT, "organizer": self._session.organizer}
        return self.data_of(self._answered("GET", "/events", who, query=query))

    def _account(self, route: str, event_id: str) -> str:
        """The account to act for. Raises ``site.Refused`` (404) where nobody who is signed in like this may."""
        if self._session.account:
            return self._session.account
        event = self._request.store.reads.event(event_id) if AN_ID.fullmatch(event_id) else None
        if route not in ORGANIZERS or event is None or not self.acts_for(event):
            raise site.missing(self._request)
        return event.account


def free_seats(event: Mapping[str, Any]) -> int | None:
    """How many seats of an event, as the API has it, can be taken now: 0 where somebody waits; ``None``: no limit."""
    if event["capacity"] is None:
        return None
    return 0 if event["waiting"] else max(0, event["capacity"] - event["registered"] - event["held"])


def _reply(answered: Mapping[str, Any]) -> Reply:
    headers = {name.lower(): str(value) for name, value in answered["headers"].items()}
    text = answered["body"] or ""
    is_json = headers.get("content-type", "").partition(";")[0] in ("application/json", MEDIA_TYPE)
    if answered["isBase64Encoded"]:
        return Reply(status=answered["statusCode"], data=base64.b64decode(text), text="", headers=headers)
    return Reply(status=answered["statusCode"], data=json.loads(text) if is_json else None, text=text, headers=headers)
