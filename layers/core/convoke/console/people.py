"""The people of an event: searched by name or address, filtered, in the order of names or from the latest on."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any
from urllib.parse import urlencode

from ..languages import Texts
from ..model import frozen
from ..pages import site
from . import words
from .client import Reply
from .person import present_dates
from .visit import Visit, page
from .words import Word

PATH = "/events/{event_id}/registrations"
PAGE = 50
"""People on a page."""
MOST_DATES = 3
"""Of a series, so many of a person's dates are named."""
ORDERS = ("name", "-created")
"""The API's orders that can be chosen; the first is that where nothing is."""
LONGEST_SEARCH = 200
NO_WORD = "search"
"""The field of the API that says that there is nothing to be searched for."""


@frozen
class Asked:
    """Which people are to be shown: what somebody typed, and the API's names of a status, an answer and a delivery
    state, empty for all; the API's name of the order.
    """

    search: str = ""
    status: str = ""
    participation: str = ""
    delivery: str = ""
    order: str = ORDERS[0]

    @property
    def narrow(self) -> bool:
        """Whether these are not simply all people."""
        return bool(self.search or self.status or self.participation or self.delivery)

    def query(self, **more: str) -> str:
        """What stands behind the ``?`` of the address of this list; empty where nothing has to."""
        known = {"q": self.search, "status": self.status, "answer": self.participation, "delivery": self.delivery}
        order = "" if self.search or self.order == ORDERS[0] else self.order
        return urlencode({name: value for name, value in {**known, "order": order, **more}.items() if value})


@frozen
class Row:
    """A person as a line of the list: ``name`` and ``email`` are empty of whoever is erased; ``dates`` are those of a
    series that they come to, ``more_dates`` the number of further ones, ``every_date`` whether these are all.
    """

    path: str
    name: str
    email: str
    status: Word
    answer: Word
    delivery: Word
    guests: int
    dates: tuple[str, ...]
    more_dates: int
    every_date: bool
    since: str


@page("GET", "/console/events/{event_id}/people")
def show(visit: Visit, event_id: str) -> site.Answer:
    event = visit.event(event_id)
    asked = read_asked(visit.request.query)
    listed = visit.api.call(
        "GET",
        PATH,
        {"event_id": event_id},
        query={
            "limit": PAGE,
            "cursor": visit.request.query.get("cursor", ""),
            "search": asked.search,
            "order": "" if asked.search else asked.order,
            "status": asked.status,
            "participation": asked.participation,
            "delivery": asked.delivery,
        },
    )
    return list_page(visit, event, asked, listed)


def list_page(visit: Visit, event: Mapping[str, Any], asked: Asked, listed: Reply) -> site.Answer:
    """The page of what the API answered. A cursor that does not belong to the list leads to its beginning."""
    path = f"/console/events/{event['event_id']}/people"
    found: Mapping[str, Any] = {"items": (), "next": None}
    if not any(name == NO_WORD for name, _ in listed.errors):
        if listed.status == 422 and "cursor" in visit.request.query:
            return visit.go(f"{path}?{asked.query()}")
        found = visit.api.data_of(listed)
    chosen = (name for person in found["items"] for name in person["occurrences"] or ())
    texts, dates = visit.request.texts, present_dates(visit, event, chosen)
    return visit.show(
        "people.html",
        422 if listed.errors else 200,
        logged={"event_id": str(event["event_id"])},
        event=event,
        asked=asked,
        path=path,
        rows=[row(texts, event, person, dates) for person in found["items"]],
        page_size=PAGE,
        begun="cursor" in visit.request.query,
        first=f"{path}?{asked.query()}",
        following=f"{path}?{asked.query(cursor=found['next'])}" if found["next"] else "",
        errors=[("q", texts.gettext("Type at least one letter or number to search for."))] if listed.errors else [],
        statuses=options(texts, words.STATUSES, texts.gettext("All")),
        answers=options(texts, words.ANSWERS, texts.gettext("All")),
        deliveries=options(texts, words.DELIVERIES, texts.gettext("All")),
        orders=list(zip(ORDERS, (texts.gettext("By name"), texts.gettext("The latest first")), strict=True)),
    )


def read_asked(query: Mapping[str, str]) -> Asked:
    """What an address asks for. What is not known there is left out, so that an old link still shows something."""

    def known(name: str, values: Iterable[str]) -> str:
        value = query.get(name, "")
        return value if value in values else ""

    return Asked(
        search=query.get("q", "").strip()[:LONGEST_SEARCH],
        status=known("status", words.STATUSES),
        participation=known("answer", words.ANSWERS),
        delivery=known("delivery", words.DELIVERIES),
        order=known("order", ORDERS) or ORDERS[0],
    )


def options(texts: Texts, known: words.Words, every: str) -> list[tuple[str, str]]:
    """The values and labels of a list to choose from, with the empty one for ``every``."""
    return [("", every), *((value, texts.gettext(word.text)) for value, word in known.items())]


def row(texts: Texts, event: Mapping[str, Any], person: Mapping[str, Any], present: Mapping[str, str]) -> Row:
    dates = person["occurrences"] or ()
    return Row(
        path=f"/console/events/{event['event_id']}/people/{person['registration_id']}",
        name=person["name"] or "",
        email=person["email"] or "",
        status=words.status(texts, person["status"]),
        answer=words.answer(texts, person["participation"]),
        delivery=words.delivery(texts, person["invitation"]["state"]),
        guests=person["guests"],
        dates=tuple(present.get(date) or words.date(texts, date) for date in dates[:MOST_DATES]),
        more_dates=max(0, len(dates) - MOST_DATES),
        every_date=person["occurrences"] is None,
        since=words.moment(texts, person["created_at"], event["time_zone"]),
    )
