"""What all pages share: requests and answers, the table of routes, and the pages that say why something was refused.

A page is a function of a :class:`Request` that returns an :class:`Answer`, or raises :class:`Refused`. It names its
method and path by :func:`route`; a GET never changes anything, and a HEAD is answered as its GET. What the function is
given is what the address and the form said: nothing of it has been believed yet, except ``source_ip``, which API
Gateway says.
"""

from __future__ import annotations

import base64
import hashlib
import math
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import field, replace
from datetime import datetime
from http import HTTPStatus
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from ..languages import Texts, accepted, matched, texts
from ..links.tokens import Keys
from ..links.urls import Urls
from ..model import AccountSettings, ConvokeError, frozen
from ..store.store import Store
from ..web import files
from . import assets, templating
from .forms import Errors

LONGEST_PATH = 1_200
"""Characters. The longest token has a thousand."""

POLICY = "; ".join(
    (
        "default-src 'none'",
        "style-src 'self'",
        "script-src 'self'",
        "img-src 'self' data:",
        "form-action 'self'",
        "base-uri 'none'",
        "frame-ancestors 'none'",
    )
)
SECURITY = {
    "Content-Security-Policy": POLICY,
    # Addresses of pages have tokens in them, so none is told to another site.
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=(), payment=(), usb=()",
    "Cross-Origin-Opener-Policy": "same-origin",
    # Browsers heed it over https only. Other hosts of the domain are not ours to speak for.
    "Strict-Transport-Security": "max-age=31536000",
}
PERSONAL = {"Cache-Control": "no-store", "X-Robots-Tag": "noindex, nofollow"}
"""Headers of whatever is for one person, or is not to be found again."""
FOR_A_MINUTE = "public, max-age=60"
"""Cache-Control of what is the same for everybody, and may change at any time."""


@frozen
class Request:
    """What a visitor asked for.

    ``method`` is GET or POST, or another that no page has. ``path`` begins with a slash and is without what every
    address of this deployment begins with. ``headers`` have names in lower case. ``query`` has the first value of each
    parameter. ``body`` is what came, and whether it is base64 (``forms.read``). ``now`` is UTC. ``keys`` returns what
    tokens are signed with. ``languages`` are the tags that the visitor asks for, by the parameter ``lang`` or by their
    browser; ``texts`` are those of the first that there are texts in. ``session`` is the id of whoever is signed in,
    which forms are bound to; empty for a visitor.
    """

    method: str
    path: str
    query: Mapping[str, str]
    headers: Mapping[str, str]
    body: tuple[str, bool]
    source_ip: str
    now: datetime
    urls: Urls
    store: Store
    keys: Callable[[], Keys]
    languages: tuple[str, ...]
    texts: Texts
    cookies: Mapping[str, str] = field(default_factory=dict)
    session: str = ""

    @property
    def root(self) -> str:
        """What the path of every address begins with, as a browser sees it: ``/v1``, or nothing."""
        return urlsplit(self.urls.public_url).path

    def link(self, path: str) -> str:
        """``path``, as ``/e/…``, as it stands in a page of this site. Where the address says in which language to
        answer, the next one does, too.
        """
        language = matched(self.query.get("lang", ""))
        if not language or path.startswith("/assets/"):
            return self.root + path
        return f"{self.root}{path}{'&' if '?' in path else '?'}lang={language}"

    def speaking(self, *languages: str) -> Request:
        """The same request, answered in the first of ``languages`` (language tags, or empty) that there are texts in,
        where neither the address nor the visitor's browser says one.
        """
        return replace(self, texts=texts(*self.languages, *languages))


@frozen
class Answer:
    """What is sent back. ``logged`` is said in the log: ids, and never a name, an address or a token."""

    status: int
    body: str | bytes = ""
    headers: Mapping[str, str] = field(default_factory=dict)
    logged: Mapping[str, str] = field(default_factory=dict)
    cookies: tuple[str, ...] = ()

    def payload(self, *, head: bool = False) -> dict[str, Any]:
        """The response in API Gateway's payload format 2.0; ``head``: to a HEAD request, which has no body."""
        binary = isinstance(self.body, bytes)
        body = base64.b64encode(self.body).decode() if isinstance(self.body, bytes) else self.body
        return {
            "statusCode": self.status,
            "headers": dict(self.headers),
            **({"cookies": list(self.cookies)} if self.cookies else {}),
            "body": "" if head else body,
            "isBase64Encoded": binary and not head,
        }


class Refused(ConvokeError):
    """Something that cannot be shown or done. The page says ``title`` and ``text``, and where to go on: ``ways`` are
    texts and paths. ``texts`` are the catalogue that these are from: the whole page is in its language.
    """

    def __init__(
        self,
        status: HTTPStatus,
        title: str,
        text: str,
        *,
        texts: Texts,
        ways: Iterable[tuple[str, str]] = (),
        headers: Mapping[str, str] | None = None,
        account: AccountSettings | None = None,
    ) -> None:
        super().__init__(f"{status.value}")
        self.status = status
        self.title = title
        self.text = text
        self.ways = tuple(ways)
        self.headers = dict(headers or {})
        self.account = account
        self.texts = texts


# --- the usual refusals -------------------------------------------------------------------------------------------


def missing(request: Request) -> Refused:
    """404. What does not exist, and what may not be seen, is answered with the same bytes."""
    _ = request.texts.gettext
    return Refused(
        HTTPStatus.NOT_FOUND,
        _("There is no such page"),
        _(
            "Perhaps the link is incomplete: open it again from the mail or the site where you found it. If it still "
            "leads here, what it led to is not public, or not there any more. Whoever gave you the link can tell."
        ),
        texts=request.texts,
    )


def gone(request: Request, text: str, ways: Iterable[tuple[str, str]] = ()) -> Refused:
    """410: a link that was valid once. ``text`` says what to do next."""
    title = request.texts.gettext("This link is not valid any more")
    return Refused(HTTPStatus.GONE, title, text, ways=ways, texts=request.texts)


def too_many(request: Request, until: datetime, ways: Iterable[tuple[str, str]] = ()) -> Refused:
    """429: come back at ``until`` (UTC)."""
    seconds = max(1, math.ceil((until - request.now).total_seconds()))
    minutes = math.ceil(seconds / 60)
    text = request.texts.ngettext(
        "Too much was sent from here in a short time. Please try again in %(num)s minute.",
        "Too much was sent from here in a short time. Please try again in %(num)s minutes.",
        minutes,
        num=minutes,
    )
    return Refused(
        HTTPStatus.TOO_MANY_REQUESTS,
        request.texts.gettext("Please wait a little"),
        text,
        ways=ways,
        headers={"Retry-After": str(seconds)},
        texts=request.texts,
    )


def busy(request: Request) -> Refused:
    """503: what is asked for may be there in a moment."""
    _ = request.texts.gettext
    return Refused(
        HTTPStatus.SERVICE_UNAVAILABLE,
        _("Not just now"),
        _("Too many people are doing the same at this moment. Nothing was changed. Please try again in a few seconds."),
        headers={"Retry-After": "2"},
        texts=request.texts,
    )


def failed(request: Request) -> Refused:
    """500: a fault of ours."""
    _ = request.texts.gettext
    return Refused(
        HTTPStatus.INTERNAL_SERVER_ERROR,
        _("Something went wrong"),
        _(
            "The fault is ours, and it was noted. Please try again in a few minutes. If it happens again, write to "
            "whoever invited you."
        ),
        texts=request.texts,
    )


def unreadable(request: Request, status: HTTPStatus = HTTPStatus.BAD_REQUEST) -> Refused:
    """400, 413 or 415: a form that does not come from our pages, or is too long."""
    _ = request.texts.gettext
    return Refused(
        status,
        _("That could not be read"),
        _(
            "What was sent is not a form of this site, or it is too long. Go back, shorten what you wrote, and send it "
            "again."
        ),
        texts=request.texts,
    )


def _not_allowed(request: Request, there: set[str]) -> Refused:
    _ = request.texts.gettext
    return Refused(
        HTTPStatus.METHOD_NOT_ALLOWED,
        _("That is not possible here"),
        _("This page cannot be asked for in this way. Open its link in a browser."),
        headers={"Allow": ", ".join(sorted(there | ({"HEAD"} if "GET" in there else set())))},
        texts=request.texts,
    )


# --- answers ------------------------------------------------------------------------------------------------------


def page(
    request: Request,
    template: str,
    status: int | None = None,
    headers: Mapping[str, str] | None = None,
    *,
    errors: Errors = (),
    account: AccountSettings | None = None,
    logged: Mapping[str, str] | None = None,
    **values: Any,
) -> Answer:
    """A page made of ``template``, whose values are ``errors``, ``values`` and those that every template has (see
    ``templating``): 422 with errors, unless ``status`` says otherwise.

    ``account`` is whose page it is: name, colour, logo and links stand in its frame. Headers are as in :func:`content`.
    """
    body = templating.rendered(template, request, account or AccountSettings(), {"errors": errors, **values})
    status = status or (HTTPStatus.UNPROCESSABLE_ENTITY if errors else HTTPStatus.OK)
    language = {"Content-Language": request.texts.tag}
    return content(body, "text/html; charset=utf-8", status, {**language, **(headers or {})}, logged=logged)


def content(
    body: str | bytes,
    media_type: str,
    status: int = HTTPStatus.OK,
    headers: Mapping[str, str] | None = None,
    *,
    logged: Mapping[str, str] | None = None,
) -> Answer:
    """An answer with a body. Unless ``headers`` say otherwise it is for one person: never stored, never indexed. An
    empty value takes a header away.
    """
    said = {"Content-Type": media_type, **SECURITY, **PERSONAL, **(headers or {})}
    said = {name: text for name, text in said.items() if text}
    return Answer(status=int(status), body=body, headers=said, logged=logged or {})


def see_other(
    request: Request, path: str, *, logged: Mapping[str, str] | None = None, cookies: tuple[str, ...] = ()
) -> Answer:
    """After a POST: go to ``path``, as ``/r/…``, with a GET, so that reloading repeats nothing."""
    headers = {"Location": request.link(path), **SECURITY, **PERSONAL}
    return Answer(status=HTTPStatus.SEE_OTHER.value, headers=headers, logged=logged or {}, cookies=cookies)


def refusal(request: Request, refused: Refused) -> Answer:
    """The page of a refusal."""
    return page(
        replace(request, texts=refused.texts),
        "refusal.html",
        refused.status,
        refused.headers,
        account=refused.account,
        title=refused.title,
        text=refused.text,
        ways=refused.ways,
    )


def tagged(request: Request, answer: Answer) -> Answer:
    """``answer`` with an ETag of its content, or 304 where the visitor's browser has it (RFC 9110, section 13.1.2)."""
    content = answer.body if isinstance(answer.body, bytes) else answer.body.encode()
    etag = f'W/"{hashlib.sha256(content).hexdigest()[:32]}"'
    headers = {**answer.headers, "ETag": etag}
    if answer.status == HTTPStatus.OK and files.is_known(request.headers.get("if-none-match", ""), etag):
        headers = {name: value for name, value in headers.items() if name != "Content-Type"}
        return replace(answer, status=HTTPStatus.NOT_MODIFIED.value, body="", headers=headers)
    return replace(answer, headers=headers)


# --- routes -------------------------------------------------------------------------------------------------------

Page = Callable[..., Answer]
PARAMETERS = {
    "event_id": "[0-9a-z]{1,64}",
    "token": "[A-Za-z0-9_-]{1,1000}",
    "action": "[a-z][a-z-]{0,39}",
    "name": "[A-Za-z0-9._-]{1,100}",
}
"""What a parameter of a path may be. What has another form is answered as a page that there is not."""


class Routes:
    """The table of routes of one function: each page's method, path as it is written, pattern of that path, and
    function. Called with a method (GET or POST) and a path that has some of ``parameters`` in it, ``{event_id}``, it
    makes a function the page of these, which it gets by their names.
    """

    def __init__(self, parameters: Mapping[str, str]) -> None:
        self._parameters = parameters
        self.all: list[tuple[str, str, re.Pattern[str], Page]] = []

    def __call__(self, method: str, path: str) -> Callable[[Page], Page]:
        parts = re.split(r"{(\w+)}", path)
        known = self._parameters
        written = [f"(?P<{part}>{known[part]})" if odd % 2 else re.escape(part) for odd, part in enumerate(parts)]
        pattern = re.compile("".join(written), re.ASCII)

        def register(function: Page) -> Page:
            self.all.append((method, path, pattern, function))
            return function

        return register

    def respond(self, request: Request) -> tuple[str, Answer]:
        """The route that a request has, for the log, and its answer. Exceptions that nobody expected propagate."""
        there: dict[str, tuple[str, Page, dict[str, str]]] = {}
        if len(request.path) <= LONGEST_PATH:
            for method, path, pattern, function in self.all:
                if match := pattern.fullmatch(request.path):
                    there.setdefault(method, (path, function, match.groupdict()))
        route = next(iter(there.values()))[0] if there else ""
        try:
            if not there:
                raise missing(request)
            if request.method not in there:
                raise _not_allowed(request, set(there))
            route, function, parameters = there[request.method]
            answer = function(request, **parameters)
        except Refused as refused:
            answer = refusal(request, refused)
        return route, answer


route = Routes(PARAMETERS)


def request_of(event: Mapping[str, Any], *, store: Store, now: datetime) -> Request:
    """The request that API Gateway sent (payload format 2.0) for one of the template's routes.

    The path is put together from the route and its parameters: ``rawPath`` may begin with the stage, or with what a
    domain of one's own has before it.
    """
    context = event["requestContext"]
    prefix = event["routeKey"].partition(" ")[2].partition("{")[0]
    (rest,) = (event.get("pathParameters") or {"": ""}).values()
    headers = {name.lower(): value for name, value in (event.get("headers") or {}).items()}
    query: dict[str, str] = {}
    for name, value in parse_qsl(event.get("rawQueryString", "")[:2_000], keep_blank_values=True):
        query.setdefault(name, value)
    languages = (query.get("lang", ""), accepted(headers.get("accept-language", "")))
    stage = "" if context["stage"] == "$default" else f"/{context['stage']}"
    return Request(
        method="GET" if context["http"]["method"] == "HEAD" else context["http"]["method"],
        path=prefix + rest,
        query=query,
        headers=headers,
        body=(event.get("body") or "", bool(event.get("isBase64Encoded"))),
        source_ip=context["http"].get("sourceIp", ""),
        now=now,
        urls=Urls(store.settings.public_url or f"https://{context.get('domainName', '')}{stage}"),
        store=store,
        keys=lambda: store.link_keys.at(now),
        languages=languages,
        texts=texts(*languages),
        cookies=cookies_of(event),
    )


def cookies_of(event: Mapping[str, Any]) -> Mapping[str, str]:
    """The cookies of a request, the first of each name. API Gateway takes them out of the headers; what stands in for
    it on one's own machine leaves them there.
    """
    found: dict[str, str] = {}
    left = [value for name, value in (event.get("headers") or {}).items() if name.lower() == "cookie"]
    for part in "; ".join(event.get("cookies") or left).split(";"):
        name, _, value = part.strip().partition("=")
        found.setdefault(name, value)
    return found


@route("GET", "/assets/{name}")
def asset(request: Request, name: str) -> Answer:
    """A stylesheet, a script, or the image of an account."""
    file, cached = assets.find(name, request.store)
    if file is None:
        raise missing(request)
    policy = {"Content-Security-Policy": "default-src 'none'", "Cache-Control": cached}
    status, headers, body = files.answered(request.headers, file, policy)
    return Answer(status=status, body=body or "", headers=headers)
