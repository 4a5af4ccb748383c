"""One person's page: who it is, what their calendar shows now, and everything that happened, the newest first."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from ..languages import LANGUAGES, Texts
from ..model import frozen
from ..pages import site
from ..pages.forms import Errors
from ..registrations.registry import ACTIVE, STANDING
from . import timeline, words
from .visit import Visit, pages_of

PERSON = "/events/{event_id}/registrations/{registration_id}"
MOST_PARTS = 5
"""Of more than so many parts of a list only the first are read; nobody was sent so much."""


@frozen
class Seen:
    """An event and a registration at it, as the API shows them."""

    event: Mapping[str, Any]
    person: Mapping[str, Any]

    @property
    def at(self) -> dict[str, str]:
        return {"event_id": self.event["event_id"], "registration_id": self.person["registration_id"]}

    @property
    def path(self) -> str:
        return path_of(self.event["event_id"], self.person["registration_id"])

    def show(self, visit: Visit, template: str, **values: Any) -> site.Answer:
        """A page about the person, which has ``event``, ``person``, ``path`` and ``name`` beside ``values``."""
        name = name_of(visit.request.texts, self.person)
        return visit.show(template, event=self.event, person=self.person, path=self.path, name=name, **values)


def path_of(event_id: str, registration_id: str) -> str:
    """The path of somebody's page."""
    return f"/console/events/{event_id}/people/{registration_id}"


def name_of(texts: Texts, person: Mapping[str, Any]) -> str:
    return person["name"] or texts.gettext("An erased person")


def read(visit: Visit, event_id: str, registration_id: str) -> Seen:
    """Raises ``site.Refused`` (404) where there is none, or it may not be seen."""
    at = {"event_id": event_id, "registration_id": registration_id}
    return Seen(event=visit.event(event_id), person=visit.api.read(PERSON, at))


page_of_person = pages_of(
    lambda visit, **at: (read(visit, **at),), "/console/events/{event_id}/people/{registration_id}"
)
"""The function is given :class:`Seen`."""


def everything(visit: Visit, path: str, at: Mapping[str, str], **query: Any) -> list[Any]:
    """The items of the first parts of a list."""
    return list(visit.api.every(path, at, MOST_PARTS, query))


def present_dates(visit: Visit, event: Mapping[str, Any], names: Iterable[str | None]) -> dict[str, str]:
    """When the dates of the event take place, by their names, as text; none where no date is among ``names``."""
    if not any(names):
        return {}
    every = everything(visit, "/events/{event_id}/occurrences", {"event_id": event["event_id"]})
    return {
        one["occurrence"]: words.when_short(visit.request.texts, one) for one in every if one["status"] != "skipped"
    }


@page_of_person("GET", "")
def shown(visit: Visit, seen: Seen, errors: Errors = ()) -> site.Answer:
    """The page of a person, with why what was just asked for could not be done."""
    texts, person, event = visit.request.texts, seen.person, seen.event
    here = {"event_id": event["event_id"]}
    theirs = {"registration_id": person["registration_id"]}
    entries = visit.api.read(f"{PERSON}/calendar", seen.at)["items"]
    quarantined = everything(visit, "/events/{event_id}/quarantine", here, **theirs)
    messages, answers = (everything(visit, f"{PERSON}/{what}", seen.at) for what in ("messages", "answers"))
    proposals = everything(visit, "/events/{event_id}/proposals", here, **theirs)
    chosen, about = person["occurrences"] or (), [one["date"] for one in (*messages, *answers)]
    dates = present_dates(visit, event, [*chosen, *about, *(one["occurrence"] for one in proposals)])
    happened = timeline.of(
        texts,
        seen.event,
        person,
        dates,
        messages=messages,
        answers=answers,
        proposals=proposals,
        quarantined=quarantined,
        path=seen.path,
    )
    return seen.show(
        visit,
        "person.html",
        errors=errors,
        state=words.status(texts, person["status"]),
        answer=words.answer(texts, person["participation"]),
        delivery=words.delivery(texts, person["invitation"]["state"]),
        failure=words.failure(texts, person["invitation"]["reason"]),
        language=language(person["language"] or ""),
        responses=responses(seen),
        dates=[dates.get(name) or words.date(texts, name) for name in chosen],
        calendar=calendar(visit, event, entries),
        verdict=verdict(person, entries),
        timeline=happened,
        quarantined=len(quarantined),
        active=person["status"] in ACTIVE and person["source"] is None,
        standing=person["status"] in STANDING and person["source"] is None,
        resends=person["invitation"]["method"] is not None or person["invitation"]["state"] == "failed",
        decides=decides(seen),
    )


def decides(seen: Seen) -> str:
    """The path of the page where it is decided whether they may come; empty where there is nothing to decide."""
    return f"{seen.path}/decide" if seen.person["status"] == "pending" else ""


def language(tag: str) -> str:
    """The name of a language in itself; of one that there are no texts in its tag."""
    return LANGUAGES.get(tag.partition("-")[0], tag)


def responses(seen: Seen) -> list[tuple[str, str]]:
    """What was asked, and what they said; to a question that was removed its id."""
    texts = {one["question_id"]: one["text"] for one in seen.event["questions"]}
    return [(texts.get(name, name), said) for name, said in seen.person["responses"].items()]


# --- the calendar ---------------------------------------------------------------------------------------------------


@frozen
class ShownEntry:
    """One entry of their calendar, or one date of a series in it. ``title`` is empty where it is that of the event."""

    when: str
    title: str
    location: str
    state: words.Word
    true: bool
    delivered: bool
    over: bool


def calendar(visit: Visit, event: Mapping[str, Any], entries: list[Mapping[str, Any]]) -> list[ShownEntry]:
    texts = visit.request.texts
    return [
        ShownEntry(
            when=words.when(texts, one) if one["start"] else words.date(texts, one["date"]) if one["date"] else "",
            title="" if one["title"] == event["title"] else one["title"],
            location=one["location"],
            state=words.showing(texts, one["state"]),
            true=one["true"],
            delivered=one["delivery"] == "delivered",
            over=one["over"],
        )
        for one in entries
    ]


def verdict(person: Mapping[str, Any], entries: list[Mapping[str, Any]]) -> str:
    """What is said of all entries to come: ``nothing`` was sent, it is not ``known``, it is ``true``, or ``false``: a
    mail is still to be sent, or to be sent again.
    """
    coming = [one for one in entries if not one["over"]]
    if not entries:
        return "nothing"
    if any(one["state"] == "unknown" for one in coming):
        return "unknown"
    waits = person["invitation"]["state"] == "pending"
    return "false" if waits or not all(one["true"] for one in coming) else "true"
