"""What needs somebody: who was not reached, other times that people propose, quarantined mails. Of one event, and of
all events of whoever is signed in.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from ..languages import Texts
from ..model import frozen
from ..pages import site
from ..pages.forms import Errors
from ..registrations.registry import ACTIVE
from . import person, words
from .client import AT_A_TIME
from .visit import Visit, page

EVENT = "/events/{event_id}"
UPCOMING = 50
"""So many events that are not over are looked at, by their first dates."""
WAITING = ("waitlisted", "pending")
OF_THE_ADDRESS = ("bounced", "suppressed", "complained")
"""Reasons for which another address is what helps."""
SENT_AGAIN = ("failed", "undelivered")
"""Reasons for which it may help to send it again."""
A_FEW = 10
"""So many people of each event are shown; its own page has them all."""


@frozen
class Needing:
    """Somebody who was not reached: who, why, and what to do next. ``date`` is when the date of a series takes place
    that it is about, ``was`` a sentence where that was moved.
    """

    path: str
    name: str
    email: str
    date: str
    was: str
    since: str
    why: words.Word
    address: bool
    """Whether another address is what helps."""
    again: bool
    """Whether it may help to send it again."""


@frozen
class Unreached:
    """The people who were not reached by messages of one kind; ``what`` says in words what they do not know."""

    what: words.Word
    people: tuple[Needing, ...]


@frozen
class Proposed:
    """Another time that somebody asks for: of the whole event, or of one ``date``."""

    path: str
    who: str
    when: str
    date: str
    comment: str
    received: str


@frozen
class QuarantinedMail:
    """A quarantined mail: what is known of it, and why. ``action`` is the path that its decisions are below;
    ``path``, the page of the person that it names, may be empty.
    """

    quarantine_id: str
    action: str
    path: str
    sender: str
    subject: str
    comment: str
    received: str
    why: words.Word
    answer: str
    releases: bool


# --- one event ------------------------------------------------------------------------------------------------------


@page("GET", "/console/events/{event_id}/attention")
def show(visit: Visit, event_id: str) -> site.Answer:
    return shown(visit, event_id)


def shown(visit: Visit, event_id: str, errors: Errors = ()) -> site.Answer:
    """The page of one event, with why what was just asked for could not be done."""
    at, texts = {"event_id": event_id}, visit.request.texts
    event = visit.event(event_id)
    cursor = visit.request.query.get("cursor", "") if visit.request.method == "GET" else ""
    listed = visit.api.read(f"{EVENT}/attention", at, {"limit": AT_A_TIME, "cursor": cursor})
    mails = visit.api.read(f"{EVENT}/quarantine", at, {"limit": AT_A_TIME})
    return visit.show(
        "attention.html",
        event=event,
        kinds=kinds(texts, event, listed["items"]),
        next=listed["next"],
        proposals=_proposals(visit, event),
        mails=[
            quarantined_mail(texts, one, f"/console/events/{event_id}", event["time_zone"]) for one in mails["items"]
        ],
        more_mails=mails["next"] is not None,
        not_shown=mails["not_shown"],
        errors=errors,
    )


def kinds(texts: Texts, event: Mapping[str, Any], items: list[Mapping[str, Any]]) -> tuple[Unreached, ...]:
    """Those who were not reached, the most urgent first, as the API lists them. Answers that wait are among the
    quarantined mails.
    """
    found: dict[str, list[Needing]] = {}
    for one in items:
        if one["kind"] != "answer":
            kind = "waiting" if _lacks_a_wait_mail(one) else str(one["kind"])
            found.setdefault(kind, []).append(_needing(texts, event, one))
    return tuple(Unreached(what=words.kind(texts, kind), people=tuple(people)) for kind, people in found.items())


def _needing(texts: Texts, event: Mapping[str, Any], one: Mapping[str, Any]) -> Needing:
    why, name = one["state"], one["date"]
    moved = one["start"] not in (None, name)
    return Needing(
        path=person.path_of(event["event_id"], one["registration_id"]),
        name=person.name_of(texts, one),
        email=one["email"] or "",
        date=words.date(texts, one["start"] or name) if name else "",
        was=texts.gettext("Moved from %(day)s.", day=words.date(texts, name)) if moved else "",
        since=words.moment(texts, one["since"], event["time_zone"]),
        why=_why(texts, event, one),
        address=why in OF_THE_ADDRESS and one["status"] in ACTIVE and event["status"] != "cancelled",
        again=why in SENT_AGAIN and one["status"] not in ("declined", "erased") and not _lacks_a_wait_mail(one),
    )


def _lacks_a_wait_mail(one: Mapping[str, Any]) -> bool:
    """Whether somebody waits, and was not told so: then there is no message of a calendar."""
    return bool(one["kind"] == "invitation" and one["status"] in WAITING)


def _why(texts: Texts, event: Mapping[str, Any], one: Mapping[str, Any]) -> words.Word:
    why = words.reason(texts, one["state"])
    of_the_address = one["state"] in OF_THE_ADDRESS
    # At a cancelled event no address can be changed; of a wait mail nothing can be sent again.
    if (of_the_address and event["status"] == "cancelled") or (not of_the_address and _lacks_a_wait_mail(one)):
        return replace(why, advice=texts.gettext(words.CALL))
    if why.advice == texts.gettext(words.ANOTHER_ADDRESS) and one["status"] in WAITING:
        return replace(why, advice=texts.gettext(words.MAILED_THERE))
    return why


def _proposals(visit: Visit, event: Mapping[str, Any]) -> list[Proposed]:
    at, texts = {"event_id": event["event_id"]}, visit.request.texts
    found = visit.api.read(f"{EVENT}/proposals", at, {"limit": AT_A_TIME, "status": "open"})["items"]
    dates = person.present_dates(visit, event, [one["occurrence"] for one in found])
    names: dict[str, str] = {}
    for registration_id in {one["registration_id"] for one in found}:
        who = visit.api.read(person.PERSON, {**at, "registration_id": registration_id})
        names[registration_id] = person.name_of(texts, who)
    return [
        Proposed(
            path=f"/console/events/{event['event_id']}/proposals/{one['proposal_id']}",
            who=names[one["registration_id"]],
            when=words.when(texts, one),
            date=dates.get(name) or words.date(texts, name) if (name := one["occurrence"]) else "",
            comment=one["comment"],
            received=words.moment(texts, one["received_at"], event["time_zone"]),
        )
        for one in found
    ]


def quarantined_mail(texts: Texts, one: Mapping[str, Any], root: str, zone: str | None = None) -> QuarantinedMail:
    """``root`` is what the paths of the decisions begin with; ``zone`` by which clock it is said when it came (UTC)."""
    received = words.moment(texts, one["received_at"], zone)
    event_id, registration_id = one["event_id"], one["registration_id"]
    known = bool(event_id and registration_id)
    return QuarantinedMail(
        quarantine_id=one["quarantine_id"],
        action=f"{root}/quarantine/{one['quarantine_id']}",
        path=person.path_of(event_id, registration_id) if known else "",
        sender=one["sender"],
        subject=one["subject"],
        comment=one["comment"],
        received=received if zone else texts.gettext("%(when)s UTC", when=received),
        why=words.quarantine_reason(texts, one["reason"]),
        answer=_asks(texts, one),
        releases=known and one["method"] is not None and one["reason"] != "virus",
    )


def _asks(texts: Texts, one: Mapping[str, Any]) -> str:
    """What the mail would do; empty where it has no answer of a calendar."""
    if one["method"] == "COUNTER":
        return texts.gettext("It proposes another time.")
    if one["method"] == "REFRESH":
        return texts.gettext("It asks for the invitation once more.")
    if one["participation"]:
        return texts.gettext("It answers: %(answer)s.", answer=words.answer(texts, one["participation"]).text)
    return ""


# --- all events -----------------------------------------------------------------------------------------------------


@frozen
class OfEvent:
    """One event with what needs somebody: the ``kinds`` of the first few people, and how many there are in all.
    ``asking`` is the path of the ``pending`` people, who wait to be accepted.
    """

    title: str
    path: str
    when: str
    kinds: tuple[Unreached, ...]
    people: int
    pending: int
    asking: str
    proposals: int
    answers: int


@page("GET", "/console/attention")
def show_all(visit: Visit) -> site.Answer:
    return all_shown(visit)


def all_shown(visit: Visit, errors: Errors = ()) -> site.Answer:
    """The page of all events, with why what was just asked for could not be done."""
    events = visit.api.events(over="false", order="start", limit=UPCOMING, details="true")
    found = [of for event in events["items"] if (of := _of_event(visit, event)) is not None]
    mails: Mapping[str, Any] = {"items": [], "next": None, "not_shown": 0}
    if visit.session.account:
        cursor = visit.request.query.get("cursor", "") if visit.request.method == "GET" else ""
        mails = visit.api.read("/quarantine", query={"limit": AT_A_TIME, "cursor": cursor})
    return visit.show(
        "attention_all.html",
        found=sorted(found, key=_urgency),
        mails=[quarantined_mail(visit.request.texts, one, "/console") for one in mails["items"]],
        next=mails["next"],
        not_shown=mails["not_shown"],
        upcoming=UPCOMING if events["next"] else 0,
        errors=errors,
    )


def _of_event(visit: Visit, event: Mapping[str, Any]) -> OfEvent | None:
    """What needs somebody at one event; ``None`` where nothing does."""
    at, texts = {"event_id": event["event_id"]}, visit.request.texts
    listed = person.everything(visit, f"{EVENT}/attention", at) if event["attention_count"] else []
    asked = visit.api.read(f"{EVENT}/proposals", at, {"limit": AT_A_TIME, "status": "open"})["items"]
    if not listed and not asked and not event["pending"]:
        return None
    people = [one for one in listed if one["kind"] != "answer"]
    path = f"/console/events/{event['event_id']}"
    return OfEvent(
        title=event["title"],
        path=f"{path}/attention",
        when=words.when_short(texts, event),
        kinds=kinds(texts, event, people[:A_FEW]),
        people=event["attention_count"] - (len(listed) - len(people)),
        pending=event["pending"],
        asking=f"{path}/people?status=pending",
        proposals=len(asked),
        answers=len(listed) - len(people),
    )


def _urgency(one: OfEvent) -> int:
    """By the most urgent that is unknown to somebody; events of the same urgency stay in order of time."""
    order = [word.text for word in words.KINDS.values()]
    return min((order.index(kind.what.text) for kind in one.kinds), default=len(order))
