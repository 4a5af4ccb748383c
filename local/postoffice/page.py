"""The inbox: each person's mailbox as a web page, rendered on the server.

Everything shown comes from mail, and mail is hostile: the templates escape it, and a mail's own HTML is shown in a
frame of its own that may run nothing, load nothing and send nothing. GET changes nothing.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from functools import partial

from flask import Blueprint, Response, abort, redirect, render_template, request, url_for
from werkzeug.wrappers import Response as AnyResponse

from . import agenda, calendars, entries, replies
from .calendars import Calendar, Effect
from .connected import Console, Telling, Tellings
from .entries import Entry
from .faults import Faults
from .letters import Letter
from .records import Verdicts
from .replies import Answer, Answers
from .reports import NotConnected, Reports
from .shelf import Accepted, Shelf, same

log = logging.getLogger(__name__)

LONGEST_SOURCE = 200_000
MAIL_POLICY = "sandbox; default-src 'none'; style-src 'unsafe-inline'; img-src data:; frame-ancestors 'self'"
PARTICIPATION = {
    "NEEDS-ACTION": "not answered",
    "ACCEPTED": "answer: accepted",
    "TENTATIVE": "answer: tentative",
    "DECLINED": "answer: declined",
}


REFRESH = 2
"""Seconds after which the list of people is loaded again, while a change is being told."""


class View(StrEnum):
    """The views of a mail."""

    MESSAGE = "message"
    CALENDAR = "calendar"
    SOURCE = "source"


@dataclass(frozen=True, slots=True, kw_only=True)
class Mailbox:
    """One line of the list of people."""

    address: str
    name: str
    count: int
    subject: str
    last: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One line of a mailbox: a mail, its content, and its effect on the calendar."""

    mail: Accepted
    letter: Letter
    effect: Effect


@dataclass(frozen=True, slots=True, kw_only=True)
class ContentLine:
    """One unfolded content line in its parts; ``depth`` is the number of components around it."""

    depth: int
    name: str
    parameters: str
    value: str


def inbox(
    shelf: Shelf, faults: Faults, reports: Reports, answers: Answers, tellings: Tellings, console: Console
) -> Blueprint:
    """The routes of the page."""
    routes = Blueprint("inbox", __name__)
    for words in (entries.when, entries.hours, entries.repeats, entries.day_and_time, entries.short_day):
        routes.add_app_template_filter(words)
    routes.add_app_template_filter(content_lines)
    routes.add_app_template_filter(lambda partstat: PARTICIPATION.get(partstat, partstat.lower()), "participation")

    def mailbox(address: str) -> tuple[tuple[Row, ...], Calendar]:
        mails = shelf.mailbox(address)
        read = [shelf.letter(mail) for mail in mails]
        calendar = calendars.show(read, address)
        rows = zip(mails, read, calendar.effects, strict=True)
        return tuple(Row(mail=mail, letter=letter, effect=effect) for mail, letter, effect in rows), calendar

    @routes.get("/")
    def people() -> str:
        told, unreadable = _told(tellings)
        return render_template(
            "people.html",
            mailboxes=_mailboxes(shelf),
            faults=faults.pending(),
            tellings=told,
            unreadable=unreadable,
            console=console.origin,
            refresh=REFRESH if told or unreadable else None,
        )

    @routes.get("/mailbox/<path:address>")
    def show(address: str) -> str:
        rows, calendar = mailbox(address)
        wanted = request.args.get("mail", type=int)
        chosen = next((row for row in rows if row.mail.number == wanted), rows[-1] if rows else None)
        view = request.args.get("view", View.MESSAGE)
        return render_template(
            "mailbox.html",
            address=address,
            name=_name(address, rows),
            rows=rows[::-1],
            chosen=chosen,
            view=view if view in list(View) else View.MESSAGE,
            views=View,
            source=shelf.raw(chosen.mail)[:LONGEST_SOURCE].decode("utf-8", "replace") if chosen else "",
            items=agenda.agenda(calendar.entries),
            given=partial(answers.to, address),
            answers=Answer,
        )

    @routes.post("/mailbox/<path:address>/reply")
    def reply(address: str) -> AnyResponse:
        rows, calendar = mailbox(address)
        items = agenda.agenda(calendar.entries)
        entry = agenda.find(items, request.form.get("uid", ""), request.form.get("date_id", ""))
        answer = request.form.get("answer", "")
        if answer not in list(Answer):
            abort(422, "answer: must be ACCEPTED, TENTATIVE or DECLINED.")
        if entry is None or not entry.can_answer:
            abort(409, "This event does not stand in this calendar, or nobody is asked to answer it.")
        _send(entry, Answer(answer), _name(address, rows), reports)
        answers.give(address, entry, Answer(answer))
        return redirect(url_for("inbox.show", address=address, _anchor="calendar"), 303)

    @routes.post("/console")
    def sign_in() -> AnyResponse:
        """Leads to the console. It is a POST, since each link is good once."""
        link = console.link()
        if link is None:
            abort(503, "The stack is not up yet.")
        return redirect(link, code=303)

    @routes.get("/mail/<int:number>/html")
    def html(number: int) -> Response:
        mail = shelf.numbered(number)
        if mail is None:
            abort(404)
        return Response(shelf.letter(mail).html, mimetype="text/html", headers={"Content-Security-Policy": MAIL_POLICY})

    return routes


def _told(tellings: Tellings) -> tuple[Sequence[Telling], str]:
    """The changes that are being told or wait, and the kind of the error where the stack does not say."""
    try:
        return tellings.now(), ""
    except Exception as error:  # whatever it is, the mailboxes are shown
        log.warning("how far changes have been told could not be read: %s", type(error).__name__)
        return (), type(error).__name__


def content_lines(text: str) -> list[ContentLine]:
    """Unfold iCalendar text (RFC 5545, section 3.1) and split each line into its parts."""
    lines: list[ContentLine] = []
    depth = 0
    for line in text.replace("\r\n", "\n").replace("\n ", "").replace("\n\t", "").splitlines():
        end = _colon(line)
        name, semicolon, parameters = line[:end].partition(";")
        depth -= name == "END"
        lines.append(
            ContentLine(depth=max(depth, 0), name=name, parameters=semicolon + parameters, value=line[end + 1 :])
        )
        depth += name == "BEGIN"
    return lines


def _colon(line: str) -> int:
    """The index of the colon before the value: the first one outside quotes."""
    quoted = False
    for index, character in enumerate(line):
        quoted ^= character == '"'
        if character == ":" and not quoted:
            return index
    return len(line)


def _send(entry: Entry, answer: Answer, name: str, reports: Reports) -> None:
    try:
        raw = replies.mail(entry, answer, name=name, now=datetime.now(UTC))
    except ValueError:
        abort(422, "The calendar's organizer or attendee is not an address that mail can be sent to.")
    try:
        reports.receive(raw, recipient=entry.organizer, source=entry.attendee, verdicts=Verdicts())
    except NotConnected as not_up:
        abort(503, str(not_up))


def _mailboxes(shelf: Shelf) -> list[Mailbox]:
    """All recipients, the one with the latest mail first."""
    boxes: dict[str, list[Accepted]] = {}
    for mail in shelf.all():
        for address in dict.fromkeys(recipient.casefold() for recipient in mail.to):
            boxes.setdefault(address, []).append(mail)
    people = []
    for address, mails in boxes.items():
        letter = shelf.letter(mails[-1])
        people.append(
            Mailbox(
                address=next(recipient for recipient in mails[-1].to if same(recipient, address)),
                name=_called(address, [letter]),
                count=len(mails),
                subject=letter.subject,
                last=mails[-1].accepted_at,
            )
        )
    return sorted(people, key=lambda box: box.last, reverse=True)


def _name(address: str, rows: Iterable[Row]) -> str:
    return _called(address, (row.letter for row in rows))


def _called(address: str, mails: Iterable[Letter]) -> str:
    """The person's name in the latest of these mails, or an empty string."""
    names = [name for letter in mails for name, recipient in letter.to if name and same(recipient, address)]
    return names[-1] if names else ""
