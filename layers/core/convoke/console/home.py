"""The events of whoever is signed in."""

from __future__ import annotations

from ..pages import site
from .visit import Visit, page


@page("GET", "/console")
def show(visit: Visit) -> site.Answer:
    return visit.show("home.html")
