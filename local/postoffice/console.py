"""The way to the organizer's console. Who may sign in there is decided by the stack, which makes the link, once the
office is connected.
"""

from __future__ import annotations

from collections.abc import Callable

from flask import Blueprint, abort, redirect
from werkzeug.wrappers import Response

Link = Callable[[], str]


class Console:
    """Makes links to sign in with by the function that was connected; there is none before. ``origin`` is where they
    lead to.
    """

    def __init__(self) -> None:
        self.origin = ""
        self._link: Link | None = None

    def connect(self, origin: str, link: Link) -> None:
        self.origin, self._link = origin, link

    def link(self) -> str | None:
        """A new link. Raises whatever the stack answers that with."""
        return None if self._link is None else self._link()


def console_routes(console: Console) -> Blueprint:
    """The route that leads to the console. It is a POST, since each link is good once."""
    routes = Blueprint("console", __name__)

    @routes.post("/console")
    def sign_in() -> Response:
        link = console.link()
        if link is None:
            abort(503, "The stack is not up yet.")
        return redirect(link, code=303)

    return routes
