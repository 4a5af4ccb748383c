"""What only who reads the registration's mail may do: another address, a copy of what is stored, and erasing it.

A mail that was forwarded must not open these. They need a link that was mailed within the hour.
"""

from __future__ import annotations

import json
import secrets
from typing import Any

from ..model import folded
from ..registrations import addresses, erasure, stored_data
from ..registrations.asking import Asked
from ..registrations.registry import TooMany
from . import hints
from .coming import promote
from .forms import Errors, Form
from .opening import Opened
from .personal_steps import ACTIVE, Actions, back, personal_page, redirect, require, require_unmanaged, step
from .registration_fields import LONGEST_ADDRESS, wrong_address
from .site import Answer, content, too_many

# --- a fresh link, and another address ----------------------------------------------------------------------------


def _show_fresh(seen: Opened, _form: Form, errors: Errors) -> Answer:
    _ = seen.request.texts.gettext
    return _fresh_step(seen, errors, _("Have a new link mailed to you?"))


def _fresh_step(seen: Opened, errors: Errors, title: str) -> Answer:
    _ = seen.request.texts.gettext
    first = _(
        "A mail can be forwarded, and this is for you alone. So a link is mailed to %(address)s first.",
        address=seen.person.email,
    )
    return step(
        seen,
        "fresh",
        errors,
        title=title,
        text=(first, _("It is valid for one hour.")),
        button=_("Mail me the link"),
    )


def _fresh(seen: Opened, _form: Form) -> Answer:
    request = seen.request
    asked = addresses.send_fresh_link(
        request.store,
        seen.event,
        seen.person,
        source_ip=request.source_ip,
        now=request.now,
        entropy=secrets.token_bytes(16),
    )
    return _mailed(seen, asked, "fresh")


def _mailed(seen: Opened, asked: Asked | TooMany, done: str) -> Answer:
    """Have the mail sent at once that somebody ``asked`` for, and lead back, where that says what was ``done``."""
    if isinstance(asked, TooMany):
        raise too_many(seen.request, asked.until, back(seen))
    hints.send(seen.request.store.settings, asked.hint)
    return redirect(seen, done)


def _show_address(seen: Opened, form: Form, errors: Errors) -> Answer:
    require(seen, *ACTIVE)
    require_unmanaged(seen)
    _ = seen.request.texts.gettext
    if not seen.recent:
        return _fresh_step(seen, errors, _("Change your address?"))
    typed = form.text("email")
    return personal_page(seen, "personal_address.html", errors, typed=typed, longest_address=LONGEST_ADDRESS)


def _address(seen: Opened, form: Form) -> Answer:
    require(seen, *ACTIVE)
    require_unmanaged(seen)
    if not seen.recent:
        return _show_address(seen, form, ())
    request, email = seen.request, form.text("email")
    wrong = wrong_address(request, email)
    if not wrong and folded(email) == folded(seen.person.email):
        wrong = (("email", request.texts.gettext("This is the address that you have already.")),)
    if wrong:
        return _show_address(seen, form, wrong)
    asked = addresses.ask(
        request.store,
        seen.event,
        seen.person,
        email,
        source_ip=request.source_ip,
        unconfirmed_mails=seen.account.unconfirmed_mails,
        now=request.now,
        entropy=secrets.token_bytes(16),
    )
    return _mailed(seen, asked, "asked")


# --- what is stored, and erasing it -------------------------------------------------------------------------------


def _show_data(seen: Opened, _form: Form, errors: Errors) -> Answer:
    _ = seen.request.texts.gettext
    return _if_recent(
        seen,
        errors,
        "data",
        title=_("What is stored about you"),
        text=(_("You get a file (JSON) with your registration, your answers, and the mails that were sent to you."),),
        button=_("Download"),
    )


def _data(seen: Opened, form: Form) -> Answer:
    if not seen.recent:
        return _show_data(seen, form, ())
    found = stored_data.about(seen.request.store, seen.event, seen.person, seen.invitation)
    body = json.dumps(found, ensure_ascii=False, indent=2)
    headers = {"Content-Disposition": 'attachment; filename="registration.json"'}
    return content(body, "application/json; charset=utf-8", headers=headers, logged=seen.logged)


def _show_erase(seen: Opened, _form: Form, errors: Errors) -> Answer:
    _ = seen.request.texts.gettext
    return _if_recent(
        seen,
        errors,
        "erase",
        title=_("Erase everything about you?"),
        text=(
            _("You are withdrawn first, if you still are registered, and a mail removes the entry from your calendar."),
            _("Then your name, your address, your answers and all mails are deleted. This cannot be undone."),
        ),
        button=_("Erase"),
        kind="danger",
    )


def _erase(seen: Opened, form: Form) -> Answer:
    if not seen.recent:
        return _show_erase(seen, form, ())
    erasure.erase(
        seen.request.store,
        seen.event.event_id,
        seen.person.registration_id,
        now=seen.request.now,
        account=seen.event.account,
    )
    promote(seen)
    return redirect(seen, "erased")


def _if_recent(seen: Opened, errors: Errors, action: str, **said: Any) -> Answer:
    """The page of an action that needs a link which was mailed within the hour; by another link, the page on which one
    can have such a link mailed.
    """
    if seen.recent:
        return step(seen, action, errors, **said)
    return _fresh_step(seen, errors, said["title"])


ACTIONS: Actions = {
    "fresh": (_show_fresh, _fresh),
    "address": (_show_address, _address),
    "data": (_show_data, _data),
    "erase": (_show_erase, _erase),
}
