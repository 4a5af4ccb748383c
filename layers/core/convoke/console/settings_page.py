"""The settings of an account: how its pages look, and when changes are announced. For whoever acts for the account."""

from __future__ import annotations

from collections.abc import Mapping
from http import HTTPStatus
from typing import Any

from ..pages import site
from ..pages.forms import Errors
from .event_fields import number
from .previewing import version_of
from .visit import Visit, page

PATH = "/console/settings"
TEXTS = ("name", "colour", "imprint", "privacy")
NUMBERS = ("notify_after", "unconfirmed_mails")
MEANWHILE = (
    "Somebody changed these settings while you did. This is what you typed: look whether it still fits, and save it "
    "again."
)


@page("GET", PATH)
def show(visit: Visit) -> site.Answer:
    account, version = _read(visit)
    return _page(visit, account, account, version)


@page("POST", PATH)
def save(visit: Visit) -> site.Answer:
    account, version = _read(visit)
    form = visit.form
    typed = {name: form.text(name) for name in (*TEXTS, *NUMBERS)}
    if visit.objections:
        return _page(visit, account, typed, version, visit.objections)
    # null resets a field to its default. What is no number is for the API to refuse.
    body: dict[str, Any] = {name: typed[name] or None for name in TEXTS}
    body |= {name: number(typed[name]) for name in NUMBERS}
    if form.text("remove_logo"):
        body["logo"] = None
    seen = version_of(visit)
    reply = visit.api.call("PATCH", "/account", body=body, version=version if seen is None else seen)
    if reply.ok:
        return visit.go(PATH, "settings")
    meanwhile = reply.status == HTTPStatus.PRECONDITION_FAILED
    return _page(visit, account, typed, version, (("", MEANWHILE),) if meanwhile else reply.errors)


def _read(visit: Visit) -> tuple[Mapping[str, Any], int]:
    """The settings, and their version. Raises ``site.Refused`` (404) for an organizer, who has no account."""
    reply = visit.api.call("GET", "/account")
    return visit.api.data_of(reply), int(reply.headers["etag"].strip('"'))


def _page(
    visit: Visit, account: Mapping[str, Any], typed: Mapping[str, Any], version: int, errors: Errors = ()
) -> site.Answer:
    return visit.show("settings.html", account_now=account, typed=typed, version=version, errors=errors)
