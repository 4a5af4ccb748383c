"""Who asks for a page of the console, and the table of its routes.

A page is a function of a :class:`Visit`, of somebody who is signed in; all others are sent to sign in first. It names
its method and path by :func:`page`.
"""

from __future__ import annotations

import base64
import re
import secrets
from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import cached_property, partial
from http import HTTPStatus
from typing import Any
from urllib.parse import urlencode

from ..languages import texts
from ..pages import forms, site
from ..pages.forms import Errors, Form
from ..store.accounts import Scope
from ..store.sessions import LASTS, Session
from .client import NONE, Client
from .progress import progress
from .refusals import in_words

PARAMETERS = {
    "event_id": "[0-9a-z]{1,64}",
    # As they are all made, so that a word in its place (people/add) is another page.
    "registration_id": "[0-9a-v]{36}",
    "proposal_id": "[0-9a-z]{1,64}",
    "quarantine_id": "[0-9a-z]{1,64}",
    "import_id": "[0-9a-z]{1,64}",
    "token": "[A-Za-z0-9_-]{1,1000}",
    # The original start of a date of a series, as text without what a path would have to escape: 20270312T090000.
    "date": "[0-9]{8}(?:T[0-9]{6})?",
    "sequence": "[0-9]{1,9}",
}
ROUTES = site.Routes(PARAMETERS)
"""The routes of the console."""
NOTICES = {
    "saved": "Saved. Nobody is mailed about it.",
    "added": "Registered. They are invited by mail.",
    "waiting": "The event is full: they are on the waitlist, and are invited as soon as a seat comes free.",
    "asked": "They are told that the organizer decides whether they come.",
    "draft": "Registered. The event is a draft: they are invited as soon as it is published.",
    "changed": "Saved.",
    "readdressed": "Saved. The new address is invited, and the calendar of the former one is told to remove the entry.",
    "same": "Nothing was changed.",
    "resent": "The latest mail is sent to them once more.",
    "withdrawn": "They are withdrawn. Whoever was invited is told by mail.",
    "erased": "This person is erased.",
    "erasing": "This person is erased as soon as the cancellation has left.",
    "released": "The answer counts.",
    "dropped": "The mail is discarded.",
    "declined": "Declined. Whoever proposed it is told by mail.",
    "telling": "Saved. Whoever it concerns is told by mail.",
    "accepted": "They are accepted. The invitation is mailed to them.",
    "accepted-waiting": "They are accepted, and on the waitlist. That is mailed to them.",
    "turned-down": "They are declined, and told by mail.",
    "undone": "Undone. The event is as it was.",
    "settings": "Saved. All pages show it within a minute.",
    "split": "The dates from there on are an event of their own: this one. Whoever is registered for them is "
    "registered here as well, within about a minute.",
    "unchanged": "Nothing was changed.",
    "created": "The event is published. Nobody is invited yet.",
    "drafted": "The draft is saved. Nobody can see it yet.",
}
"""What a page says after something was done; the address names it, so that reloading repeats nothing."""
LONGEST_SECRET = 100
POLICY = f"{site.POLICY}; connect-src 'self'"
"""The script of these pages also asks for parts of them."""


Again = Callable[[Errors], site.Answer]
"""Shows a form as it was filled in, with what is wrong."""
Then = str | Callable[[Any], str]
"""The path of the page that follows, or what makes it of the JSON that the API answered."""


class Visit:
    """One request of somebody who is signed in."""

    def __init__(self, request: site.Request, session: Session) -> None:
        self.request = request
        self.session = session
        self.api = Client(request, session)

    @cached_property
    def form(self) -> Form:
        """What was sent. Raises ``site.Refused`` for what is no form."""
        return forms.read(self.request)

    @cached_property
    def objections(self) -> Errors:
        """Why the form cannot be believed: it was not shown by a page of this session, or too long ago. A page shows
        these with the form as it was filled in, and does nothing.
        """
        return forms.objections(self.request, self.form)

    @property
    def page_number(self) -> int:
        """Which page of a list the address asks for, from 1 on."""
        asked = self.request.query.get("page", "")
        return max(1, int(asked)) if re.fullmatch("[0-9]{1,5}", asked) else 1

    def event(self, event_id: str) -> Any:
        """An event, as the API shows it. Raises ``site.Refused`` (404) for one that they do not act for."""
        return self.api.read("/events/{event_id}", {"event_id": event_id})

    def show(self, template: str, status: int | None = None, **values: Any) -> site.Answer:
        """A page made of ``console/<template>``, as ``site.page`` makes it, with ``session``, ``notice`` (what was just
        done, or empty), ``once`` (an Idempotency-Key for a form), ``progress_of(event)`` (how far it has been
        announced) and, where it is about an ``event``, ``here`` (the path of that event's page) beside ``values``.
        """
        event = values.get("event")
        return site.page(
            self.request,
            f"console/{template}",
            status,
            {"Content-Security-Policy": POLICY},
            session=self.session,
            notice=NOTICES.get(self.request.query.get("done", ""), ""),
            once=secrets.token_urlsafe(12),
            progress_of=partial(progress, self.request),
            here=f"/console/events/{event['event_id']}" if event else "",
            **values,
        )

    def do(
        self,
        method: str,
        path: str,
        at: Mapping[str, str] = NONE,
        body: Mapping[str, Any] | None = None,
        *,
        query: Mapping[str, Any] = NONE,
        version: int | None = None,
        again: Again,
        then: Then,
        done: str | Callable[[Any], str],
    ) -> site.Answer:
        """Answer a form by the API call of ``Client.call``. A form with a field ``once``, its Idempotency-Key, has it
        done once however often the form is sent; what others ask for the API does once anyway, or may do again.

        ``again`` shows the form as it was filled in, with why it cannot be believed or was refused; ``then`` is the
        path to go on to, and ``done`` what is said there (:data:`NOTICES`), or makes it of what the API answered.
        """
        if self.objections:
            return again(self.objections)
        reply = self.api.call(method, path, at, body, query=query, version=version, key=self.form.text("once"))
        if not reply.ok:
            return again(in_words(self.request.texts, reply))
        path = then if isinstance(then, str) else then(reply.data)
        return self.go(path, done if isinstance(done, str) else done(reply.data))

    def go(self, path: str, done: str = "") -> site.Answer:
        """After a POST: to ``path``, which says ``NOTICES[done]``."""
        if done:
            path += ("&" if "?" in path else "?") + urlencode({"done": done})
        return site.see_other(self.request, path)


Page = Callable[..., site.Answer]


def page(method: str, path: str) -> Callable[[Page], Page]:
    """Make a function of a :class:`Visit` and the parameters of ``path`` the page of ``method`` and ``path``."""

    def register(function: Page) -> Page:
        @ROUTES(method, path)
        def answer(request: site.Request, **parameters: str) -> site.Answer:
            request = in_english(request)
            visit = visit_of(request)
            if visit is None:
                return signed_out(request)
            try:
                return function(visit, **parameters)
            except site.Refused as refused:
                refused.ways = refused.ways or ((request.texts.gettext("To the events"), "/console"),)
                raise

        return function

    return register


def pages_of(read: Callable[..., tuple[Any, ...]], root: str) -> Callable[[str, str], Callable[[Page], Page]]:
    """As :func:`page`, for paths that begin with ``root``: the function is given what ``read`` makes of the visit and
    the parameters of the path, in their place.
    """

    def page_below(method: str, path: str) -> Callable[[Page], Page]:
        def register(function: Page) -> Page:
            page(method, root + path)(lambda visit, **at: function(visit, *read(visit, **at)))
            return function

        return register

    return page_below


page_of_event = pages_of(lambda visit, event_id: (visit.event(event_id),), "/console/events/{event_id}")
"""The function is given the event, as the API shows it."""


def in_english(request: site.Request) -> site.Request:
    """The console has no other texts yet."""
    return replace(request, texts=texts("en"))


def visit_of(request: site.Request) -> Visit | None:
    """The visit of whoever has the cookie of a session that lasts. One that was begun with an API key ends with the
    key, and may do what the key may do now.
    """
    secret = request.cookies.get(cookie_name(request), "")
    session = request.store.sessions.read(secret, request.now) if 0 < len(secret) <= LONGEST_SECRET else None
    if session is not None and session.key_hash:
        holder = request.store.accounts.holder(session.key_hash, request.now)
        if holder is None or holder.account != session.account:
            return None
        session = replace(session, scopes=tuple(scope for scope in Scope if scope in holder.scopes))
    return None if session is None else Visit(replace(request, session=secret), session)


def signed_out(request: site.Request) -> site.Answer:
    """To the page where one signs in, and from there back to this one. Whoever sent a form may still sign in elsewhere
    and send it once more: as it is not bound to the new session, it is then shown as it was filled in.
    """
    if request.method != "GET" and (typed := _typed(request)):
        return unsigned(request, "signed_out.html", HTTPStatus.FORBIDDEN, typed=typed)
    query = urlencode({"next": request.path}) if request.method == "GET" and request.path != "/console" else ""
    return site.see_other(request, f"/console/sign-in{'?' if query else ''}{query}")


def unsigned(request: site.Request, template: str, status: int | None = None, **values: Any) -> site.Answer:
    """A page made of ``console/<template>`` for whoever is not signed in."""
    return site.page(request, f"console/{template}", status, session=None, notice="", **values)


def _typed(request: site.Request) -> list[tuple[str, str]]:
    """The fields of the form that was sent, by name; none of what is no form, such as an uploaded file."""
    try:
        fields = forms.read(request).fields
    except site.Refused:
        return []
    return [(name, value) for name, values in fields.items() if name not in ("token", "step") for value in values]


# --- the cookie ---------------------------------------------------------------------------------------------------


def new_secret() -> str:
    """What a browser keeps: 256 random bits."""
    return base64.urlsafe_b64encode(secrets.token_bytes(32)).rstrip(b"=").decode()


def signed_in(request: site.Request, secret: str, path: str) -> site.Answer:
    """To ``path``, with the session that is stored under ``secret``. The one that this browser had is ended."""
    former = request.cookies.get(cookie_name(request), "")
    if 0 < len(former) <= LONGEST_SECRET:
        request.store.sessions.end(former)
    return site.see_other(request, path, cookies=(cookie(request, secret, int(LASTS.total_seconds())),))


def cookie_name(request: site.Request) -> str:
    """Browsers keep a cookie with this prefix only from https, for this host alone, and for all of its paths."""
    return "__Host-convoke" if _is_secure(request) else "convoke"


def cookie(request: site.Request, secret: str, seconds: int) -> str:
    """The header Set-Cookie; with 0 seconds the cookie is removed. Not ``Strict``: then somebody who follows a link in
    a mail would have to sign in again.
    """
    secure = "; Secure" if _is_secure(request) else ""
    return f"{cookie_name(request)}={secret}; Path=/; Max-Age={seconds}; HttpOnly{secure}; SameSite=Lax"


def _is_secure(request: site.Request) -> bool:
    """Everywhere but on one's own machine, where there is no https, and not every browser keeps a Secure cookie."""
    return not request.urls.public_url.startswith("http://127.0.0.1")
