"""Signing in, with an API key or by a link, and signing out.

A link was mailed to an organizer, or made by an operator for an account. Mail servers open links, so opening one
changes nothing: a button there signs in, once. Whatever signs somebody in gives their browser a new secret.
"""

from __future__ import annotations

import re
import secrets
from dataclasses import replace

from ..decision.brakes import Purpose
from ..links import signing_in as links
from ..links import tokens
from ..model import frozen
from ..pages import forms, hints, site
from ..pages.forms import Errors
from ..pages.registration_fields import LONGEST_ADDRESS, wrong_address
from ..registrations import asking
from ..registrations.registry import TooMany
from ..store.accounts import Scope, key_hash
from ..store.sessions import LASTS, Session
from .visit import ROUTES, Visit, cookie, in_english, new_secret, page, signed_in, unsigned, visit_of

HOME = "/console"
WITH_KEY, BY_MAIL, SENT = "/console/sign-in", "/console/sign-in/mail", "/console/sign-in/sent"
OPERATOR = "operator"
"""What whoever signs in by an operator's link is called."""
# A page of the console: nothing that a browser could take for another site, or for a file of another kind.
_LOCAL = re.compile(r"/console(?:/[A-Za-z0-9_-]{1,1000}){0,12}")


@ROUTES("GET", WITH_KEY)
def show(request: site.Request) -> site.Answer:
    request = in_english(request)
    path = _next(request.query.get("next", ""))
    return _page(request, path) if visit_of(request) is None else site.see_other(request, path)


def _page(request: site.Request, path: str, errors: Errors = (), email: str = "") -> site.Answer:
    """The page with both forms. A key that was typed is never shown again."""
    most = LONGEST_ADDRESS
    return unsigned(request, "sign_in.html", errors=errors, email=email, next=path, longest_address=most)


def _next(path: str) -> str:
    """Where to go on to: a page of the console, the first one for whatever is none."""
    return path if _LOCAL.fullmatch(path) else HOME


@ROUTES("POST", WITH_KEY)
def with_key(request: site.Request) -> site.Answer:
    request = in_english(request)
    form = forms.read(request)
    path = _next(form.text("next"))
    if objections := forms.objections(request, form):
        return _page(request, path, objections)
    if not form.text("key"):
        return _page(request, path, (("key", "Enter the API key."),))
    until = request.store.brakes.count(Purpose.KEY, source_ip=request.source_ip, now=request.now)
    if until is not None:
        raise site.too_many(request, until, ways=[("Back", WITH_KEY)])
    known = key_hash(form.text("key"))
    holder = None if known is None else request.store.accounts.holder(known, request.now)
    if known is None or holder is None:
        wrong = "This is no API key that works. It begins with cvk_, and may have expired, or have been revoked."
        return _page(request, path, (("key", wrong),))
    scopes = tuple(scope for scope in Scope if scope in holder.scopes)
    session = _session(request, name=holder.key, account=holder.account, key_hash=known, scopes=scopes)
    secret = new_secret()
    request.store.sessions.create(session, secret)
    return replace(signed_in(request, secret, path), logged={"account": holder.account, "key": holder.key_id})


def _session(request: site.Request, **who: object) -> Session:
    return Session(**who, created_at=request.now, valid_until=request.now + LASTS)  # type: ignore[arg-type]


@page("POST", "/console/sign-out")
def sign_out(visit: Visit) -> site.Answer:
    if visit.objections:
        return visit.show("sign_out.html", errors=visit.objections)
    visit.request.store.sessions.end(visit.request.session)
    removed = cookie(visit.request, "", 0)
    return site.see_other(visit.request, WITH_KEY, cookies=(removed,))


# --- by a link that is mailed -------------------------------------------------------------------------------------


@ROUTES("POST", BY_MAIL)
def by_mail(request: site.Request) -> site.Answer:
    spoken = request.texts.tag
    request = in_english(request)
    form = forms.read(request)
    email = form.text("email")
    if errors := forms.objections(request, form) or wrong_address(request, email):
        return _page(request, HOME, errors, email)
    asked = asking.send_sign_in_link(
        request.store,
        email,
        source_ip=request.source_ip,
        language=spoken,
        now=request.now,
        entropy=secrets.token_bytes(16),
    )
    if isinstance(asked, TooMany):
        raise site.too_many(request, asked.until, ways=[("Back", WITH_KEY)])
    hints.send(request.store.settings, asked.hint)
    return site.see_other(request, SENT)


@ROUTES("GET", SENT)
def sent(request: site.Request) -> site.Answer:
    return unsigned(in_english(request), "sign_in_sent.html")


# --- by a link ----------------------------------------------------------------------------------------------------


@frozen
class Whom:
    """The organizer with this address, or whoever acts for this account."""

    organizer: str = ""
    account: str = ""


@ROUTES("GET", "/console/link/{token}")
def show_link(request: site.Request, token: str) -> site.Answer:
    request = in_english(request)
    return _link_page(request, token, _opened(request, token))


@ROUTES("POST", "/console/link/{token}")
def by_link(request: site.Request, token: str) -> site.Answer:
    request = in_english(request)
    whom = _opened(request, token)
    if objections := forms.objections(request, forms.read(request)):
        return _link_page(request, token, whom, objections)
    session = _session(request, name=whom.organizer or OPERATOR, account=whom.account, organizer=whom.organizer)
    secret = new_secret()
    if not request.store.sessions.create_by_link(session, secret, token):
        raise _gone(request)
    return replace(signed_in(request, secret, HOME), logged={"account": whom.account} if whom.account else {})


def _link_page(request: site.Request, token: str, whom: Whom, errors: Errors = ()) -> site.Answer:
    return unsigned(request, "link.html", errors=errors, whom=whom, path=f"/console/link/{token}")


def _opened(request: site.Request, token: str) -> Whom:
    """Whom the link signs in. Raises ``site.Refused``: 404 for what was never valid, 410 for what is not any more."""
    link = request.store.sessions.link(token)
    if link is not None and (link.used or link.valid_until is None or link.valid_until <= request.now):
        raise _gone(request)
    if link is not None:
        return Whom(account=link.account)
    try:
        return Whom(organizer=links.opened(request.keys(), token, request.now))
    except tokens.ExpiredLink:
        raise _gone(request) from None
    except tokens.InvalidLink:
        raise site.missing(request) from None


def _gone(request: site.Request) -> site.Refused:
    text = "A link to sign in with is valid for twenty minutes, and once."
    return site.gone(request, text, ways=[("Ask for a new one", WITH_KEY)])
