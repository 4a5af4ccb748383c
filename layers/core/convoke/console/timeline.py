"""What happened with one person, in order of time, of what the API lists. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from ..languages import Texts
from ..languages import gettext_noop as noop
from ..model import frozen
from . import words
from .words import Word

Item = Mapping[str, Any]

TOLD = {
    "invitation": noop("Invited"),
    "move": noop("Told of another time or place"),
    "change": noop("Told of a change"),
    "cancellation": noop("Sent a cancellation"),
}
"""By the ``kind`` of a message."""
PROPOSALS = {
    "open": Word(text=noop("Waits for your decision"), kind="wait"),
    "accepted": Word(text=noop("Accepted"), kind="good"),
    "declined": Word(text=noop("Declined")),
}
"""By the ``status`` of a proposal."""


@frozen
class Happened:
    """``text``, a sentence's beginning, at ``at``, an instant as the API has it, shown as ``when``. ``about`` is the
    date of a series, ``said`` what somebody wrote or typed, ``tags`` what became of it, ``details`` sentences, and
    ``path`` a page with more, which is called ``more``. All of them may be empty.
    """

    at: str
    when: str
    text: str
    about: str = ""
    said: str = ""
    tags: tuple[Word, ...] = ()
    details: tuple[str, ...] = ()
    path: str = ""
    more: str = ""


def of(
    texts: Texts,
    event: Item,
    person: Item,
    dates: Mapping[str, str],
    *,
    messages: Iterable[Item],
    answers: Iterable[Item],
    proposals: Iterable[Item],
    quarantined: Iterable[Item],
    path: str,
) -> list[Happened]:
    """Everything that happened, the newest first. ``dates`` are those of the series as they are now, by their names;
    ``path`` is that of the person's page.
    """
    zone = event["time_zone"]
    found = [
        *_registered(texts, person, zone),
        *_messages(texts, messages, dates, zone, path),
        *(_answer(texts, one, dates, zone) for one in answers),
        *(_proposal(texts, one, dates, zone) for one in proposals),
        *(_quarantined(texts, one, zone) for one in quarantined),
        *_ended(texts, person, zone),
    ]
    # Of two at the same moment the one that is listed later above happened later.
    return sorted(found, key=lambda one: one.at)[::-1]


def _registered(texts: Texts, person: Item, zone: str | None) -> Iterator[Happened]:
    at = person["created_at"]
    accepted, turned_down = person["accepted_at"], person["turned_down_at"]
    asked = accepted or turned_down or person["status"] == "pending"
    text = texts.gettext("Asked to come") if asked else texts.gettext("Registered")
    yield Happened(at=at, when=words.moment(texts, at, zone), text=text)
    if accepted:
        text = texts.gettext("Accepted by the organizer")
        yield Happened(at=accepted, when=words.moment(texts, accepted, zone), text=text)
    if turned_down:
        text = texts.gettext("Not accepted by the organizer")
        yield Happened(at=turned_down, when=words.moment(texts, turned_down, zone), text=text)


def _about(texts: Texts, name: str | None, dates: Mapping[str, str]) -> str:
    """When the date of the series that has this name takes place now, as everywhere on the page; empty for none."""
    return dates.get(name) or words.date(texts, name) if name else ""


def _messages(
    texts: Texts, messages: Iterable[Item], dates: Mapping[str, str], zone: str | None, path: str
) -> Iterator[Happened]:
    """Each message, and before the first to another address that it changed."""
    known = ""
    for one in messages:
        at = one["sent_at"] or one["created_at"]
        when, to = words.moment(texts, at, zone), one["to"] or ""
        if known and to and to != known:
            changed = texts.gettext("From here on another address is used, instead of")
            yield Happened(at=at, when=when, text=changed, said=known)
        known = to or known
        failed = words.failure(texts, one["reason"])
        state = words.delivery(texts, one["state"])
        yield Happened(
            at=at,
            when=when,
            text=texts.gettext(TOLD[one["kind"]]),
            about=_about(texts, one["date"], dates),
            tags=(state,),
            details=tuple(filter(None, ("" if state.kind == words.GOOD else state.meaning, failed.text))),
            path=f"{path}/mails/{one['sequence']}",
            more=texts.gettext("The mail"),
        )


def _answer(texts: Texts, one: Item, dates: Mapping[str, str], zone: str | None) -> Happened:
    counts = Word(text=texts.gettext("Counts"), kind=words.GOOD)
    late = Word(
        text=texts.gettext("Does not count now"),
        meaning=texts.gettext("A later answer counts, or what it answered has changed since."),
    )
    about = counts if one["counts"] else late
    return Happened(
        at=one["at"],
        when=words.moment(texts, one["at"], zone),
        text=texts.gettext(
            "Answered %(how)s: %(answer)s",
            how=words.channel(texts, one["channel"]).text,
            answer=words.answer(texts, one["status"]).text,
        ),
        about=_about(texts, one["date"], dates),
        tags=(about,),
        details=(about.meaning,) if about.meaning else (),
    )


def _proposal(texts: Texts, one: Item, dates: Mapping[str, str], zone: str | None) -> Happened:
    is_open = one["status"] == "open"
    state = PROPOSALS[one["status"]]
    return Happened(
        at=one["received_at"],
        when=words.moment(texts, one["received_at"], zone),
        text=texts.gettext("Proposed another time: %(when)s", when=words.when(texts, one)),
        about=_about(texts, one["occurrence"], dates),
        said=one["comment"],
        tags=(Word(text=texts.gettext(state.text), kind=state.kind),),
        path=f"/console/events/{one['event_id']}/proposals/{one['proposal_id']}" if is_open else "",
        more=texts.gettext("Decide") if is_open else "",
    )


def _quarantined(texts: Texts, one: Item, zone: str | None) -> Happened:
    why = words.quarantine_reason(texts, one["reason"])
    return Happened(
        at=one["received_at"],
        when=words.moment(texts, one["received_at"], zone),
        text=texts.gettext("A mail in their name was put aside"),
        said=one["subject"],
        tags=(Word(text=texts.gettext("Waits for your decision"), kind=words.WAIT),),
        details=(why.text,),
        path=f"/console/events/{one['event_id']}/attention",
        more=texts.gettext("Decide"),
    )


def _ended(texts: Texts, person: Item, zone: str | None) -> Iterator[Happened]:
    """That they withdrew, or gave the seat back: nothing of theirs is changed after that. Whoever was turned down did
    not withdraw.
    """
    said = {
        "cancelled": texts.gettext("Withdrawn"),
        "declined": texts.gettext("Gave the seat back"),
        "erased": texts.gettext("Erased"),
    }
    at = person["updated_at"]
    if (text := said.get(person["status"])) is not None and person["turned_down_at"] != at:
        yield Happened(at=at, when=words.moment(texts, at, zone), text=text)
