"""Carries a change out."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from ..model import frozen
from ..pages.site import Answer
from .client import Errors
from .visit import Visit


@frozen
class Change:
    """One change of an event: the call of the API that makes it, and the body of its preview. ``version`` is that of
    the event which the form was made from. ``title`` is the heading of the preview, ``send`` its button's label.
    """

    method: str
    path: str
    at: Mapping[str, str]
    body: Mapping[str, Any]
    previewed: Mapping[str, Any]
    version: int | None
    title: str
    send: str


def settle(
    visit: Visit, event: Mapping[str, Any], change: Change, *, again: Callable[[Errors], Answer], then: str
) -> Answer:
    """Make the ``change`` of ``event``, and go to the path ``then``; ``again`` shows the form as it was typed."""
    del event
    if visit.form.text("step") == "edit":
        return again(())
    reply = visit.api.call(change.method, change.path, change.at, change.body, version=change.version)
    if reply.status == 412:
        _ = visit.request.texts.gettext
        return again((("", _("Somebody else changed this event meanwhile. Look at it, and save once more.")),))
    return visit.go(then, "saved") if reply.ok else again(reply.errors)
