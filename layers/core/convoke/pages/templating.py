"""The templates (Jinja2), compiled once per process. Everything that is put into one is escaped.

Every template has ``request``, ``texts`` (language and direction), ``account``, ``colour`` (a stylesheet's name, or
empty), and the functions ``link(path)``, ``asset(name)`` and ``form_token(path)``. Texts are marked ``_("…")`` or
``gettext("…")``, with values by name: ``_("Written by %(name)s", name=…)``; ``ngettext("…", "…", number)`` has ``num``
as a value. What a template imports macros from, it imports ``with context``.
"""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from jinja2 import Environment, FileSystemLoader, StrictUndefined, pass_context
from jinja2.runtime import Context

from ..model import AccountSettings
from . import assets, forms

if TYPE_CHECKING:
    from .site import Request


FOLDERS = [Path(__file__).parent.parent / room / "templates" for room in ("pages", "console")]
"""Where templates are. Those of the console are in a folder ``console`` there."""


@cache
def environment() -> Environment:
    made = Environment(
        loader=FileSystemLoader(FOLDERS),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        auto_reload=False,
        extensions=["jinja2.ext.i18n"],
    )
    install: Any = made
    install.install_gettext_callables(_gettext, _ngettext, newstyle=True, pgettext=_pgettext, npgettext=_npgettext)
    return made


@pass_context
def _gettext(context: Context, message: str) -> str:
    return cast(str, context["texts"].gettext(message))


@pass_context
def _ngettext(context: Context, one: str, several: str, number: int) -> str:
    return cast(str, context["texts"].ngettext(one, several, number))


@pass_context
def _pgettext(context: Context, of: str, message: str) -> str:
    return cast(str, context["texts"].pgettext(of, message))


@pass_context
def _npgettext(context: Context, of: str, one: str, several: str, number: int) -> str:
    return cast(str, context["texts"].npgettext(of, one, several, number))


def rendered(template: str, request: Request, account: AccountSettings, values: dict[str, Any]) -> str:
    """The page as text. Raises :class:`jinja2.UndefinedError` for a value that is missing."""
    return (
        environment()
        .get_template(template)
        .render(
            request=request,
            texts=request.texts,
            account=account,
            colour=assets.colour(account.colour),
            link=request.link,
            asset=lambda name: request.link(f"/assets/{assets.named(name)}"),
            form_token=lambda path: forms.token(request, path),
            trap=forms.TRAP,
            **values,
        )
    )
