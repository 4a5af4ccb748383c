"""One-click unsubscribing (RFC 8058): what the button of a mail program does, and the same as a page with one button.

A mail program posts ``List-Unsubscribe=One-Click``, shows no page, and follows no redirect. Programs that follow links,
and readers of a forwarded mail, can do so as well; so the seats are kept for a while (``registrations.returning``), and
whoever opens the same link finds a button to come back. It opens nothing else: not the personal page.
"""

from __future__ import annotations

import base64
import binascii
import re

from ..links.tokens import Purpose
from ..schedule import series
from . import forms
from .coming import come_back, what_coming_back_does, what_withdrawing_does, withdraw
from .forms import Errors
from .opening import Opened, State, opened
from .personal_steps import STANDING, erased_soon, managed_text
from .site import Answer, Request, content, page, route, see_other

# In a form of either type: "x=1&List-Unsubscribe=One-Click", or a part of multipart/form-data.
_ONE_CLICK = re.compile(
    r'(?:^|&)List-Unsubscribe=One-Click(?:&|$)|name="?List-Unsubscribe"?[^\r\n]*(?:\r?\n[^\r\n]+)*\r?\n\r?\nOne-Click',
    re.IGNORECASE,
)
LONGEST_CLICK = 2_000
"""Characters of a body that may be a click, of some two hundred: to look for one takes the square of its length."""


@route("GET", "/u/{token}")
def show(request: Request, token: str) -> Answer:
    return _show(opened(request, token, Purpose.WITHDRAW))


@route("POST", "/u/{token}")
def unsubscribe(request: Request, token: str) -> Answer:
    seen = opened(request, token, Purpose.WITHDRAW)
    if _is_one_click(request):
        if seen.state in STANDING:
            withdraw(seen, by_one_click=True)
        return content("OK\n", "text/plain; charset=utf-8", logged=seen.logged)
    form = forms.read(seen.request)
    if objections := forms.objections(seen.request, form):
        return _show(seen, objections)
    if form.text("do") == "return" and seen.state is State.WITHDRAWN:
        come_back(seen)
    elif form.text("do") == "withdraw" and seen.state in STANDING:
        withdraw(seen, by_one_click=True)
    return see_other(seen.request, f"/u/{token}", logged=seen.logged)


def _is_one_click(request: Request) -> bool:
    text, encoded = request.body
    if len(text) > LONGEST_CLICK:
        return False
    try:
        body = base64.b64decode(text, validate=True).decode("ascii") if encoded else text
    except (ValueError, binascii.Error):
        return False
    return _ONE_CLICK.search(body.strip()) is not None


def _show(seen: Opened, errors: Errors = ()) -> Answer:
    _, state = seen.request.texts.gettext, seen.state
    text: tuple[str, ...] = ()
    title, button, hidden, kind = _("You have withdrawn"), "", "", ""
    if state in STANDING:
        title, button, hidden, kind = _("Withdraw?"), _("Withdraw"), "withdraw", "danger"
        text = (
            _("A mail removes the entry from your calendar. For 24 hours your seat is kept, and you can come back.")
            if state is State.REGISTERED
            else what_withdrawing_does(seen),
        )
    elif state is State.WITHDRAWN and seen.person.removed:
        text = (managed_text(seen),)
    elif state is State.WITHDRAWN:
        button, hidden = _("Come back"), "return"
        text = (what_coming_back_does(seen),)
    elif state is State.ERASING:
        text = (erased_soon(seen),)
    elif state is State.CANCELLED:
        title = _("This event is cancelled.")
    else:
        title = _("This event is over.")
    return page(
        seen.request,
        "one_click.html",
        account=seen.account,
        logged=seen.logged,
        event=seen.event,
        when=seen.request.texts.when(series.when_next(seen.event, seen.request.now)),
        path=f"/u/{seen.token}",
        errors=errors,
        title=title,
        text=text,
        button=button,
        kind=kind,
        hidden={"do": hidden},
    )
