"""Signing in, with an API key or by a mailed link, and signing out."""

from __future__ import annotations

from ..pages import site
from .visit import ROUTES, in_english


@ROUTES("GET", "/console/sign-in")
def show(request: site.Request) -> site.Answer:
    return site.page(in_english(request), "console/sign_in.html", session=None, notice="", errors=())
