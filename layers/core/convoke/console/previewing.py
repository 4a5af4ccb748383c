"""What a change would mail to whom, shown before it is made; then the change itself.

The preview is a page of its own. It repeats everything that was typed in hidden fields, so that its form is sent to the
same path, with one field more: ``step``, what the form's handler is to do (:func:`settle`).
"""

from __future__ import annotations

import json
import re
import time
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from ..mail.placeholders import PERSONAL
from ..model import frozen
from ..pages import forms, site
from ..pages.forms import Errors
from . import words
from .client import Reply
from .refusals import STALE, in_words
from .visit import Again, Then, Visit

KINDS = ("ask_again", "update", "invite", "cancel", "waits", "none")
"""What becomes of somebody, as in the API's preview, in the order in which it is said."""
SECONDS = 4.0
"""For how long parts are added up; the last one takes up to two seconds more."""
SHOWN = 3
"""As many people's mails are shown, or more: of each kind that there is, the first."""
DONE = {"send": "telling", "quiet": "saved"}
"""What is said after a button of the preview, by its ``step``; also where it was pressed twice, and the first time made
the change, so that nothing is left of it.
"""
OUR_FIELDS = frozenset({"token", "step", "once", "looked", "part", forms.TRAP})
"""The fields of a form that nobody typed."""
MOST_PEOPLE = 10_000_000
"""More than any number that a form may say to have looked at."""


@frozen
class Change:
    """A change to be made by the API call ``method``, ``path``, ``at`` (the parameters of the path) and ``body``.

    ``previewed`` is the body of ``POST /events/{event_id}/preview`` for it. ``version`` is that of the event which the
    form was made from; ``None`` where it does not matter. ``title`` is the heading of the preview, ``send`` the label
    of the button by which people are mailed.
    """

    method: str
    path: str
    at: Mapping[str, str]
    body: Mapping[str, Any]
    previewed: Mapping[str, Any]
    version: int | None
    title: str
    send: str


@frozen
class Looked:
    """How many people were looked at so far, by kind; how many ``messages`` they would be sent; and the cursor of those
    who are left, ``None`` if nobody is.
    """

    counts: Mapping[str, int]
    messages: int
    next: str | None

    @property
    def people(self) -> int:
        return sum(self.counts.values())

    def and_then(self, part: Mapping[str, Any]) -> Looked:
        """Together with the next ``part`` of the API's preview."""
        counts = {kind: self.counts[kind] + part[kind] for kind in KINDS}
        return Looked(counts=counts, messages=self.messages + part["messages"], next=part["next"])

    def written(self) -> str:
        """As a field of a form."""
        return json.dumps({**self.counts, "messages": self.messages, "next": self.next})


NOBODY = Looked(counts=dict.fromkeys(KINDS, 0), messages=0, next=None)


def settle(visit: Visit, event: Mapping[str, Any], change: Change, *, again: Again, then: Then) -> site.Answer:
    """Answer a form that makes ``change`` to ``event``, as the API has it: show what it would mail, or make it.

    ``again`` shows the form as it was typed, with the present version of the event; ``then`` is the path of the page
    after the change, or makes it of what the API answered. The field ``step`` says what to do: nothing, a preview, upon
    which what mails nobody is done at once; ``send``, ``quiet`` (informing nobody), ``edit`` (the form again), ``more``
    (look at further people).
    """
    step = visit.form.text("step")
    if visit.objections:
        return again(visit.objections)
    if step == "edit":
        return again(())
    if step == "send":
        return _make(visit, change, again, then, done="telling")
    if step == "quiet":
        quiet = replace(change, body={**change.body, "notify": "none"})
        return _make(visit, quiet, again, then, done="saved")
    if change.version is not None and change.version != event["version"]:
        return again((("", visit.request.texts.gettext(STALE)),))
    if step == "more" and visit.form.text("part"):
        return _next_part(visit, event, change)
    return _preview(visit, event, change, again, then)


def version_of(visit: Visit) -> int | None:
    """The version of the event that the form was made from, in its field ``version``; ``None`` where it has none."""
    said = visit.form.text("version")
    return int(said) if re.fullmatch("[0-9]{1,9}", said, re.ASCII) else None


def _make(visit: Visit, change: Change, again: Again, then: Then, *, done: str) -> site.Answer:
    made = (change.method, change.path, change.at, change.body)
    return visit.do(*made, version=change.version, again=again, then=then, done=done)


# --- the preview ----------------------------------------------------------------------------------------------------


def _preview(visit: Visit, event: Mapping[str, Any], change: Change, again: Again, then: Then) -> site.Answer:
    until = time.monotonic() + SECONDS
    first = _look(visit, event, change)
    if not first.ok:
        return again(_of_the_form(in_words(visit.request.texts, first)))
    if first.data["messages"] == 0 and first.data["next"] is None:
        return _make(visit, change, again, then, done="saved")
    before = looked_before(visit.form.text("looked")) if visit.form.text("step") == "more" else None
    looked = _rest(visit, event, change, before or NOBODY.and_then(first.data), until)
    return visit.show(
        "previewing.html",
        event=event,
        change=change,
        typed=[(name, value) for name, values in typed(visit).items() for value in values],
        examples=[_example(one) for one in shown_first(first.data["examples"])],
        told=words.clock(visit.request.texts, first.data["told_at"], event["time_zone"]),
        quiet=first.data["quiet"] and change.method == "PATCH" and "notify" not in change.body,
        danger=bool(change.previewed.get("cancel")),
        **_counts(looked, event, change),
    )


def _next_part(visit: Visit, event: Mapping[str, Any], change: Change) -> site.Answer:
    """The counts alone, with the next people, for a script that puts them into the page."""
    looked = looked_before(visit.form.text("looked"))
    if looked is None:
        raise site.unreadable(visit.request)
    looked = _rest(visit, event, change, looked, time.monotonic())
    return visit.show("previewing_counts.html", **_counts(looked, event, change))


def _look(visit: Visit, event: Mapping[str, Any], change: Change, cursor: str | None = None) -> Reply:
    at = {"event_id": event["event_id"]}
    return visit.api.call("POST", "/events/{event_id}/preview", at, change.previewed, query={"cursor": cursor})


def _rest(visit: Visit, event: Mapping[str, Any], change: Change, looked: Looked, until: float) -> Looked:
    """``looked`` with at least one part more if there is one, and with further ones ``until`` (of the monotonic clock).
    Where one cannot be had now it ends before that.
    """
    began = False
    while looked.next is not None and not (began and time.monotonic() > until):
        part = _look(visit, event, change, looked.next)
        if not part.ok:
            break
        looked, began = looked.and_then(part.data), True
    return looked


def _of_the_form(errors: Errors) -> Errors:
    """``errors`` of a preview's body with the names that the fields have in the change itself."""
    return tuple((re.sub(r"^(add|split|reopen)\.", "", name), said) for name, said in errors)


def looked_before(text: str) -> Looked | None:
    """What a form says was looked at (:meth:`Looked.written`); ``None`` for anything else. Somebody may write numbers
    of their own there, which they alone are shown.
    """
    try:
        read = json.loads(text)
        counts = {kind: _number(read[kind]) for kind in KINDS}
        cursor = read["next"]
        looked = Looked(counts=counts, messages=_number(read["messages"]), next=cursor)
    except (ValueError, KeyError, TypeError, RecursionError):
        return None
    return looked if cursor is None or (isinstance(cursor, str) and cursor.isascii()) else None


def _number(value: object) -> int:
    if type(value) is not int or not 0 <= value <= MOST_PEOPLE:
        raise ValueError("no number of people")
    return value


# --- what the page shows --------------------------------------------------------------------------------------------


def typed(visit: Visit) -> dict[str, tuple[str, ...]]:
    """What was typed and chosen in the form, by field."""
    return {name: values for name, values in visit.form.fields.items() if name not in OUR_FIELDS}


def _counts(looked: Looked, event: Mapping[str, Any], change: Change) -> dict[str, Any]:
    """The values of ``previewing_counts.html``. ``left`` is about how many people were not looked at, 0 for unknown:
    events count those who come, and not those who have withdrawn, who are looked at, too. ``one_off`` says that one
    date alone is cancelled, of which the others in a series are informed as of a change.
    """
    come = event["registered"] + event["waiting"]
    one_off = bool(change.previewed.get("cancel")) and "occurrence" in change.previewed
    return {"looked": looked, "left": max(0, come - looked.people), "one_off": one_off}


def shown_first(examples: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Of those who would be mailed the first of each kind, and the first of all, in their order."""
    kinds = [one["kind"] for one in examples]
    chosen = {kinds.index(kind) for kind in kinds}
    others = [number for number in range(len(examples)) if number not in chosen]
    return [examples[number] for number in sorted(chosen | set(others[: max(0, SHOWN - len(chosen))]))]


def _example(one: Mapping[str, Any]) -> dict[str, Any]:
    """One person with their mails, each taken apart where the personal link will stand."""
    mails = [{**mail, "around": around_link(mail["text"])} for mail in one["mails"]]
    return {**one, "mails": mails, "left_out": len(one["messages"]) - len(mails)}


def around_link(text: str) -> tuple[str, str]:
    """The text of a mail before and after the placeholder of the personal link, which has the last line that reads like
    it; what somebody typed may read so, too.
    """
    before, line, after = text.rpartition(f"\n{PERSONAL}\n")
    return (f"{before}\n", f"\n{after}") if line else (text, "")
