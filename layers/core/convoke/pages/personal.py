"""The personal page: what somebody who registered holds, and everything that they can do with it by themselves.

A GET shows; a form on each page says what will happen, and its POST does it and leads back here. What a mail that was
forwarded must not open (another address, what is stored, erasing) needs a link that was mailed within the hour.
"""

from __future__ import annotations

import json
import secrets
from collections.abc import Callable, Mapping
from datetime import datetime
from http import HTTPStatus
from typing import Any
from zoneinfo import ZoneInfo

from ..decision.decide import over, participation
from ..decision.plan import calendar_state_of
from ..decision.shown import shown
from ..languages import LANGUAGES
from ..links.tokens import Purpose
from ..model import (
    InvalidField,
    LocalTime,
    Occurrence,
    Participation,
    Question,
    QuestionKind,
    RegistrationStatus,
    folded,
    frozen,
)
from ..registrations import (
    addresses,
    answering,
    erasure,
    registry,
    responses,
    returning,
    stored_data,
    typed_text,
    waitlist,
)
from ..registrations.registry import Obstacle, TooMany
from ..registrations.responses import NO, YES
from ..schedule import series
from ..store import dynamo
from . import forms, hints
from .forms import Form
from .opening import Opened, State, again, answered, feed_token, opened
from .registering import (
    LONGEST_ADDRESS,
    LONGEST_NAME,
    guest_options,
    most_guests,
    read_guests,
    wrong_address,
    wrong_guests,
    wrong_response,
)
from .site import PERSONAL, SECURITY, Answer, Refused, Request, missing, page, route, see_other, too_many

LONGEST_DATE = 32
MOST_DATES = 60
"""Of a series so many dates to come are listed; the calendar has all."""
FEW_CHOICES = 6

Errors = tuple[tuple[str, str], ...]
"""Names of fields, empty for the whole form, each with what is wrong."""


def open_page(request: Request, token: str) -> Opened:
    return opened(request, token, Purpose.PERSONAL, Purpose.RECENT)


# --- the page -----------------------------------------------------------------------------------------------------


@frozen
class ShownDate:
    """One date that the person comes to. ``name`` is how it is answered; ``answer`` is empty where it cannot be."""

    name: str
    text: str
    starts: str
    cancelled: bool
    reason: str
    answer: str


@route("GET", "/r/{token}")
def show(request: Request, token: str) -> Answer:
    seen = open_page(request, token)
    event, person, texts, state = seen.event, seen.person, seen.request.texts, seen.state
    waits = state is State.WAITING
    return _page(
        seen,
        "personal.html",
        state=state,
        place=request.store.reads.waiting_before(event.event_id, person.registration_id) + 1 if waits else 0,
        kept=kept_until(seen),
        when=texts.when(series.when_next(event, request.now)),
        answer=participation(person, seen.invitation),
        answer_text=answered(participation(person, seen.invitation), seen.request),
        answers=_answers(seen),
        dates=_dates(seen),
        entries=_entries(seen),
        managed=seen.managed,
        sent=seen.invitation.highest_possibly_sent is not None,
        # Whoever declined is sent nothing more: what their calendar does with the entry is not known.
        entry=state is State.REGISTERED
        or (seen.invitation.highest_possibly_sent is not None and person.status is not RegistrationStatus.DECLINED),
        notice=_notice(seen, request.query.get("done", "")),
        webcal=_webcal(request.urls.feed(feed_token(seen))),
        language=LANGUAGES.get(person.language.partition("-")[0], person.language),
        events_page=seen.events_page,
    )


def kept_until(seen: Opened) -> str:
    """Until when the seat of somebody who withdrew by one click is kept, in words; empty where it is not."""
    until = seen.person.held_until
    if seen.state is not State.WITHDRAWN or until is None or until <= seen.request.now:
        return ""
    zone = seen.event.when.time_zone
    texts = seen.request.texts
    local = _in_zone(until, zone)
    return texts.gettext("%(when)s (%(zone)s)", when=texts.day_and_time(texts.day(local), local), zone=zone or "UTC")


def _in_zone(at: datetime, zone: str | None) -> datetime:
    """An instant as the local time of ``zone``, or of UTC."""
    return at.astimezone(ZoneInfo(zone or "UTC")).replace(tzinfo=None)


def _webcal(url: str) -> str:
    return "webcal:" + url.partition(":")[2]


def _answers(seen: Opened) -> list[tuple[str, str]]:
    """The values and labels of the buttons by which the whole event is answered; none where it cannot be."""
    if seen.state not in (State.REGISTERED, State.DECLINED):
        return []
    _ = seen.request.texts.gettext
    labels = {
        Participation.ACCEPTED: _("I come"),
        Participation.TENTATIVE: _("I may come"),
        Participation.DECLINED: _("I do not come"),
    }
    return [(one.value, labels[one]) for one in answering.ANSWERS]


@frozen
class ShownEntry:
    """One entry of the person's calendar, by what was mailed. ``state`` is as in :class:`Showing`; not ``true``: it is
    not as things are now.
    """

    title: str
    text: str
    location: str
    state: str
    true: bool


def _entries(seen: Opened) -> list[ShownEntry]:
    """What their calendar should show now of what is not over."""
    texts = seen.request.texts
    entries = [one for one in shown(seen.invitation, seen.event, seen.person, seen.request.now) if not one.over]
    return [
        ShownEntry(
            title=one.title,
            text=texts.when(one.when),
            location=one.location,
            state=one.state.value,
            true=one.true,
        )
        for one in entries[:MOST_DATES]
        if one.when is not None
    ]


def _dates(seen: Opened) -> list[ShownDate]:
    if not seen.event.recurs:
        return []
    coming = [
        item for item in answering.dates(seen.event, seen.person).items() if item[1].when.ends_at > seen.request.now
    ]
    return [
        _date(seen, name, one) for name, one in sorted(coming, key=lambda item: item[1].when.starts_at)[:MOST_DATES]
    ]


def _date(seen: Opened, name: LocalTime, one: Occurrence) -> ShownDate:
    can = bool(_answers(seen)) and not one.cancelled
    said = participation(seen.person, seen.invitation, name)
    return ShownDate(
        name=name.isoformat(),
        text=seen.request.texts.when(one.when),
        starts=one.when.starts_at.isoformat(),
        cancelled=one.cancelled,
        reason=one.reason,
        answer=answered(said, seen.request) if can else "",
    )


def _notice(seen: Opened, done: str) -> str:
    """What was just done, in a sentence; nothing that is not so."""
    _, state = seen.request.texts.gettext, seen.state
    if done == "withdrawn" and state is State.WITHDRAWN:
        return _("You have withdrawn. The entry in your calendar is removed by a mail.")
    if done == "returned" and state is State.REGISTERED:
        return _("You are registered again. A new invitation is on its way to you.")
    if done == "returned" and state is State.WAITING:
        return _("You are on the waitlist: all seats are taken.")
    if done == "answered" and state in (State.REGISTERED, State.DECLINED, State.WAITING):
        return _("Your answer was saved.")
    if done == "changed":
        return _("Your changes were saved.")
    if done == "sent":
        return _("The invitation is on its way to you once more.")
    if done == "fresh":
        return _("A link was mailed to the address of this registration. It is valid for one hour.")
    if done == "erased" and state in (State.WITHDRAWN, State.CANCELLED, State.OVER):
        return _erased_soon(seen)
    if done == "moved":
        return _("Your address was changed. A new invitation is on its way to it.")
    if done == "asked":
        return _("A mail was sent to the new address. The address changes once it is confirmed there.")
    return ""


def _erased_soon(seen: Opened) -> str:
    _ = seen.request.texts.gettext
    return _("Everything about you is erased as soon as the mail that removes the entry has left.")


# --- what can be done ---------------------------------------------------------------------------------------------


@route("GET", "/r/{token}/{action}")
def ask(request: Request, token: str, action: str) -> Answer:
    """The page that says what an action does, with the form that does it."""
    seen = open_page(request, token)
    if action not in ACTIONS:
        raise missing(seen.request)
    shows, _ = ACTIONS[action]
    return shows(seen, Form(fields={}), ())


@route("POST", "/r/{token}/{action}")
def do(request: Request, token: str, action: str) -> Answer:
    """Do it. A form that cannot be believed is shown again, and nothing was done."""
    seen = open_page(request, token)
    if action not in ACTIONS:
        raise missing(seen.request)
    shows, does = ACTIONS[action]
    form = forms.read(seen.request)
    objection = forms.objection(seen.request, form)
    return shows(seen, form, (("", objection),)) if objection else does(seen, form)


def _done(seen: Opened, what: str) -> Answer:
    return see_other(seen.request, f"{seen.path}?done={what}", logged=seen.logged)


def _page(
    seen: Opened,
    template: str,
    errors: Errors = (),
    headers: Mapping[str, str] | None = None,
    **values: Any,
) -> Answer:
    return page(
        seen.request,
        template,
        HTTPStatus.UNPROCESSABLE_ENTITY if errors else HTTPStatus.OK,
        headers,
        account=seen.account,
        logged=seen.logged,
        event=seen.event,
        person=seen.person,
        path=seen.path,
        recent=seen.recent,
        errors=errors,
        **values,
    )


def _step(
    seen: Opened,
    action: str,
    errors: Errors,
    *,
    title: str,
    text: tuple[str, ...],
    button: str,
    kind: str = "",
    hidden: Mapping[str, str] | None = None,
) -> Answer:
    """A page that says what will happen, with one button that does it."""
    return _page(
        seen,
        "personal_step.html",
        errors,
        action=f"{seen.path}/{action}",
        title=title,
        text=text,
        button=button,
        kind=kind,
        hidden=hidden or {},
    )


def _back(seen: Opened) -> list[tuple[str, str]]:
    return [(seen.request.texts.gettext("Back to your registration"), seen.path)]


def _cannot(seen: Opened, text: str, status: HTTPStatus = HTTPStatus.CONFLICT) -> Refused:
    """409: it cannot be done as things are now."""
    title = seen.request.texts.gettext("That cannot be done now")
    return Refused(status, title, text, ways=_back(seen), account=seen.account)


def _require(seen: Opened, *states: State) -> None:
    """Raise ``site.Refused`` (409) unless the person is in one of ``states``."""
    _, state = seen.request.texts.gettext, seen.state
    if state in states:
        return
    if state is State.CANCELLED:
        raise _cannot(seen, _("This event is cancelled."))
    if state is State.OVER:
        raise _cannot(seen, _("This event is over."))
    if state is State.WITHDRAWN:
        raise _cannot(seen, _("You have withdrawn."))
    if state is State.ERASING:
        raise _cannot(seen, _erased_soon(seen))
    raise _cannot(seen, _("Your registration has changed meanwhile. Look at it again."))


def _require_unmanaged(seen: Opened) -> None:
    if seen.managed:
        raise _cannot(seen, managed_text(seen))


def managed_text(seen: Opened) -> str:
    """What is said where only the organizer, or their own table, can change something."""
    _ = seen.request.texts.gettext
    if not seen.managed:
        return _("The organizer has withdrawn your registration. Please write to them if you want to come.")
    return _("The organizer has your data in a list of their own. Please write to them to change it.")


def obstacle(seen: Opened, why: Obstacle | TooMany) -> Refused:
    """The page that says why nothing was done."""
    _ = seen.request.texts.gettext
    match why:
        case TooMany(until=until):
            return too_many(seen.request, until, _back(seen))
        case Obstacle.ABSENT:
            return missing(seen.request)
        case Obstacle.TAKEN:
            return _cannot(
                seen, _("This address is registered a second time, under another link. Use the newest mail.")
            )
        case Obstacle.REPLACED:
            return _cannot(
                seen, _("Another registration has taken the place of this one. Please write to the organizer.")
            )
        case Obstacle.REMOVED:
            return _cannot(seen, managed_text(seen))
        case Obstacle.CLOSED | Obstacle.NOT_YET:
            return _cannot(seen, _("The event takes no registrations at this moment."))
        case Obstacle.NEVER_SENT:
            return _cannot(seen, _("Nothing was sent to you yet. Your invitation is on its way."))
        case Obstacle.STOPPED:
            return _cannot(
                seen, _("Mail to your address came back, or was marked as spam, so nothing is sent there any more.")
            )
        case _:
            return _cannot(seen, _("Your registration has changed meanwhile. Look at it again."))


# --- answering ----------------------------------------------------------------------------------------------------


def _show_answer(seen: Opened, form: Form, errors: Errors) -> Answer:
    _require(seen, State.REGISTERED, State.DECLINED)
    name = form.text("date") or seen.request.query.get("date", "")
    one = _named(seen, name) if name else None
    if name and one is None:
        raise missing(seen.request)
    _ = seen.request.texts.gettext
    date = one[0] if one else None
    return _page(
        seen,
        "personal_answer.html",
        errors,
        when=seen.request.texts.when(one[1].when if one else series.when_next(seen.event, seen.request.now)),
        date=name,
        answer_text=answered(participation(seen.person, seen.invitation, date), seen.request),
        answers=_answers(seen),
    )


def _named(seen: Opened, name: str) -> tuple[LocalTime, Occurrence] | None:
    """The date of the person that a form names, if it can be answered."""
    dates = {date.isoformat(): (date, one) for date, one in answering.dates(seen.event, seen.person).items()}
    found = dates.get(name) if len(name) <= LONGEST_DATE and seen.event.recurs else None
    return found if found is not None and not found[1].cancelled and found[1].when.ends_at > seen.request.now else None


def _answer(seen: Opened, form: Form) -> Answer:
    name, said = form.text("date"), form.text("answer")
    chosen = next((one for one in answering.ANSWERS if one.value == said), None)
    if chosen is None:
        wrong = seen.request.texts.gettext("Choose one of the answers.")
        return _show_answer(seen, form, (("", wrong),))
    date = _named(seen, name) if name else None
    if name and date is None:
        raise missing(seen.request)
    done = answering.answer(
        seen.request.store,
        seen.event.event_id,
        seen.person.registration_id,
        chosen,
        date=date[0] if date else None,
        now=seen.request.now,
    )
    if isinstance(done, Obstacle):
        _require(again(seen), State.REGISTERED, State.DECLINED)
        raise obstacle(seen, done)
    return _done(seen, "answered")


# --- withdrawing, and coming back ---------------------------------------------------------------------------------

STANDING = (State.REGISTERED, State.WAITING, State.DECLINED)


def _show_withdraw(seen: Opened, _form: Form, errors: Errors) -> Answer:
    _ = seen.request.texts.gettext
    _require(seen, *STANDING)
    return _step(
        seen,
        "withdraw",
        errors,
        title=_("Withdraw?"),
        text=(
            what_withdrawing_does(seen),
            _("You can come back by the same link; then you get a seat only if one is free."),
        ),
        button=_("Withdraw"),
        kind="danger",
    )


def what_withdrawing_does(seen: Opened) -> str:
    """What becomes of the seat or the place of somebody who withdraws, where it is not kept."""
    _ = seen.request.texts.gettext
    if seen.state is State.WAITING:
        return _("You lose your place on the waitlist.")
    return _("Your seat is free for somebody else at once, and a mail removes the entry from your calendar.")


def _withdraw(seen: Opened, _form: Form) -> Answer:
    if seen.state not in (State.WITHDRAWN, State.ERASING):
        _require(seen, *STANDING)
        withdraw(seen)
    return _done(seen, "withdrawn")


def withdraw(seen: Opened, *, by_one_click: bool = False) -> None:
    """Withdraw; ``by_one_click`` the seats are kept for a while, those of one registration of a mailbox at a time. Does
    nothing where it was done.
    """
    request, event, person = seen.request, seen.event, seen.person
    ids, until = (event.event_id, person.registration_id), request.now + returning.HELD
    kept = by_one_click and request.store.brakes.may_hold(*ids, person.email, until, request.now)
    left = registry.withdraw(
        request.store,
        event.event_id,
        person.registration_id,
        now=request.now,
        account=event.account,
        sends=not over(event, request.now, calendar_state_of(seen.invitation)),
        held_until=until if kept else None,
    )
    if isinstance(left, Obstacle):
        raise obstacle(seen, left)
    if left.held_until is None:
        promote(seen)


def promote(seen: Opened) -> None:
    """Give free seats to the waitlist at once. Where that does not succeed they stay due, and the sweep gives them."""
    try:
        waitlist.promote(seen.request.store, seen.event.event_id, now=seen.request.now)
    except dynamo.Contention:
        return


def _show_return(seen: Opened, _form: Form, errors: Errors) -> Answer:
    _ = seen.request.texts.gettext
    _require(seen, State.WITHDRAWN, State.DECLINED)
    if seen.person.removed:
        raise obstacle(seen, Obstacle.REMOVED)
    kept = kept_until(seen)
    seats = (
        _("Your seat is kept for you until %(when)s.", when=kept)
        if kept
        else _("You get a seat if one is free, and otherwise a place on the waitlist.")
    )
    return _step(
        seen,
        "return",
        errors,
        title=_("Come back?"),
        text=(seats, _("A new invitation is mailed to you.")),
        button=_("Come back"),
    )


def _return(seen: Opened, _form: Form) -> Answer:
    if seen.state not in (State.REGISTERED, State.WAITING):
        _require(seen, State.WITHDRAWN, State.DECLINED)
        come_back(seen)
    return _done(seen, "returned")


def come_back(seen: Opened) -> None:
    """Take the registration up again. Does nothing where that was done."""
    request, event, person = seen.request, seen.event, seen.person
    _require_mails(seen)
    back = returning.come_back(
        request.store,
        event.event_id,
        person.registration_id,
        now=request.now,
        charge=request.store.limits.recipient(event.account, person.email, request.now),
    )
    if isinstance(back, (Obstacle, TooMany)):
        raise obstacle(seen, back)


def _require_mails(seen: Opened) -> None:
    """Raise ``site.Refused`` (429) where the account's limit of mails is reached."""
    until = seen.request.store.reads.sending().held_until(seen.event.account, seen.request.now)
    if until is not None:
        raise too_many(seen.request, until, _back(seen))


# --- sending again ------------------------------------------------------------------------------------------------


def _show_send(seen: Opened, _form: Form, errors: Errors) -> Answer:
    _ = seen.request.texts.gettext
    _require(seen, State.REGISTERED)
    text = _("The latest mail about this event is sent to you once more. Look for it among spam, too.")
    return _step(seen, "send", errors, title=_("Send it again?"), text=(text,), button=_("Send it again"))


def _send(seen: Opened, _form: Form) -> Answer:
    _require(seen, State.REGISTERED)
    _require_mails(seen)
    request, event, person = seen.request, seen.event, seen.person
    limits = request.store.limits
    charges = (
        limits.resend(event.account, person.registration_id, request.now),
        limits.recipient(event.account, person.email, request.now, 1),
    )
    why = registry.resend(request.store, event.event_id, person.registration_id, now=request.now, charges=charges)
    if why is not None:
        raise obstacle(seen, why)
    return _done(seen, "sent")


# --- changing -----------------------------------------------------------------------------------------------------


def _show_change(seen: Opened, form: Form, errors: Errors) -> Answer:
    _require(seen, State.REGISTERED, State.WAITING)
    _require_unmanaged(seen)
    person, typed = seen.person, bool(form.fields)
    given = dict(person.responses)
    mine = answering.dates(seen.event, person).values()
    guests = form.text("guests") if typed and form.text("guests") else str(person.guests)
    return _page(
        seen,
        "personal_change.html",
        errors,
        typed_name=form.text("name") if typed else person.name,
        typed_language=form.text("language") if typed else person.language,
        typed_guests=guests,
        typed_dates=form.every("dates") if typed else [one.date.isoformat() for one in mine],
        given={
            one.question_id: form.text(_field(one)) if typed else given.get(one.question_id, "")
            for one in seen.event.questions
        },
        dates=[(one.date.isoformat(), seen.request.texts.when(one.when)) for one in _coming(seen)],
        guests=guest_options(_most_guests(seen), guests),
        languages=[("", seen.request.texts.gettext("As the event")), *_languages(person.language)],
        questions=[_question(seen, one) for one in seen.event.questions],
        longest_name=LONGEST_NAME,
    )


def _languages(present: str) -> list[tuple[str, str]]:
    """The tags and names of the languages to choose from. The ``present`` one stands in the place of the same language
    without its region, or first, where there are no texts in it: whoever changes something else keeps it.
    """
    language = present.partition("-")[0]
    choices = [(present, name) if tag == language else (tag, name) for tag, name in LANGUAGES.items()]
    return choices if not present or language in LANGUAGES else [(present, present), *choices]


def _coming(seen: Opened) -> list[Occurrence]:
    """The dates among which one can choose."""
    if not seen.event.recurs:
        return []
    return [one for one in series.occurrences(seen.event) if not one.cancelled and one.when.ends_at > seen.request.now]


def _most_guests(seen: Opened) -> int:
    """How many people may come with them: those who come already, in any case."""
    return max(most_guests(seen.event), seen.person.guests)


def _field(question: Question) -> str:
    return f"q-{question.question_id}"


def _question(seen: Opened, question: Question) -> dict[str, Any]:
    _ = seen.request.texts.gettext
    options, kind = [(choice, choice) for choice in question.choices], "area"
    if question.kind is QuestionKind.YES_NO:
        options = [(YES, _("Yes")), (NO, _("No"))]
    if question.kind is not QuestionKind.TEXT:
        kind = "choices" if len(options) <= FEW_CHOICES else "select"
    return {
        "id": question.question_id,
        "name": _field(question),
        "text": question.text,
        "kind": kind,
        "options": options,
        "optional": not question.required,
    }


def _change(seen: Opened, form: Form) -> Answer:
    _require(seen, State.REGISTERED, State.WAITING)
    _require_unmanaged(seen)
    checked = _checked(seen, form)
    if not isinstance(checked, dict):
        return _show_change(seen, form, checked)
    request, event = seen.request, seen.event
    soon = series.next_start(event.schedule, request.now) - request.now <= request.store.settings.times.soon
    done = registry.change_registration(
        request.store,
        event.event_id,
        seen.person.registration_id,
        changes=checked,
        priority=0 if soon else 1,
        now=request.now,
        account=event.account,
    )
    if done is Obstacle.FULL:
        few = seen.request.texts.gettext(
            "There are not so many free seats. Choose a smaller number, or leave it as it is."
        )
        return _show_change(seen, form, (("guests", few),))
    if isinstance(done, (Obstacle, TooMany)):
        raise obstacle(seen, done)
    if done.guests != seen.person.guests:
        promote(seen)
    return _done(seen, "changed")


def _checked(seen: Opened, form: Form) -> dict[str, Any] | Errors:
    """What is changed, by the rules that the API has, too; or what is wrong, in the order of the form."""
    _, event = seen.request.texts.gettext, seen.event
    errors: list[tuple[str, str]] = []
    changes: dict[str, Any] = {"language": form.text("language")}
    try:
        changes["name"] = typed_text.line(form.text("name")) if len(form.text("name")) <= LONGEST_NAME else ""
    except ValueError:
        changes["name"] = ""
    if not changes["name"]:
        errors.append(("name", _("Enter your name, in one line.")))
    if changes["language"] not in ("", seen.person.language, *LANGUAGES):
        errors.append(("language", _("Choose one of the languages.")))
    if event.recurs:
        changes |= _chosen(seen, form, errors)
    if typed := form.text("guests"):
        most = _most_guests(seen)
        guests = read_guests(typed, most)
        if guests is None:
            errors.append(("guests", wrong_guests(seen.request, most)))
        changes["guests"] = guests
    given = {one.question_id: form.text(_field(one)) for one in event.questions}
    found, wrong = responses.checked(event.questions, given)
    questions = {one.question_id: one for one in event.questions}
    for error in wrong:
        question = questions[error.field.removeprefix("responses.")]
        errors.append((_field(question), wrong_response(seen.request, question, given[question.question_id])))
    kept = [one for one in seen.person.responses if one[0] not in questions]
    try:
        changes["responses"] = responses.within_bytes(tuple(sorted([*kept, *found])))
    except InvalidField:
        errors.append(("", _("Your answers are too long together. Please shorten them.")))
    return tuple(errors) if errors else changes


def _chosen(seen: Opened, form: Form, errors: list[tuple[str, str]]) -> dict[str, Any]:
    """The dates as they were ticked; unchanged where they are the same, so that their names stay."""
    _ = seen.request.texts.gettext
    coming, ticked = {one.date.isoformat(): one.date for one in _coming(seen)}, set(form.every("dates"))
    mine = {one.date for one in answering.dates(seen.event, seen.person).values()}
    chosen = {coming[one] for one in ticked if one in coming}
    if not chosen:
        errors.append(("dates", _("Choose at least one date.")))
        return {}
    if ticked - coming.keys():
        errors.append(("dates", _("Choose among these dates: another one has been cancelled, or is over.")))
        return {}
    past = {one for one in mine if one.isoformat() not in coming}
    if chosen == mine - past:
        return {}
    if len(chosen) == len(coming) and seen.person.occurrences is None:
        return {}
    # Dates that are over stay theirs. Whoever had some dates keeps to some, so that their entries stay what they are.
    dates = tuple(sorted(chosen | past, key=str))
    return {"occurrences": dates, "named": len(seen.event.earlier)}


# --- a fresh link, and another address ----------------------------------------------------------------------------


def _show_fresh(seen: Opened, _form: Form, errors: Errors) -> Answer:
    _ = seen.request.texts.gettext
    return _fresh_step(seen, errors, _("Have a new link mailed to you?"))


def _fresh_step(seen: Opened, errors: Errors, title: str) -> Answer:
    _ = seen.request.texts.gettext
    first = _(
        "A mail can be forwarded, and this is for you alone. So a link is mailed to %(address)s first.",
        address=seen.person.email,
    )
    return _step(
        seen,
        "fresh",
        errors,
        title=title,
        text=(first, _("It is valid for one hour.")),
        button=_("Mail me the link"),
    )


def _fresh(seen: Opened, _form: Form) -> Answer:
    request = seen.request
    asked = addresses.send_fresh_link(
        request.store,
        seen.event,
        seen.person,
        source_ip=request.source_ip,
        now=request.now,
        entropy=secrets.token_bytes(16),
    )
    if isinstance(asked, TooMany):
        raise too_many(request, asked.until, _back(seen))
    hints.send(request.store.settings, asked.hint)
    return _done(seen, "fresh")


def _show_address(seen: Opened, form: Form, errors: Errors) -> Answer:
    _require(seen, State.REGISTERED, State.WAITING)
    _require_unmanaged(seen)
    _ = seen.request.texts.gettext
    if not seen.recent:
        return _fresh_step(seen, errors, _("Change your address?"))
    return _page(
        seen,
        "personal_address.html",
        errors,
        typed=form.text("email"),
        longest_address=LONGEST_ADDRESS,
    )


def _address(seen: Opened, form: Form) -> Answer:
    _require(seen, State.REGISTERED, State.WAITING)
    _require_unmanaged(seen)
    if not seen.recent:
        return _show_address(seen, form, ())
    request, email = seen.request, form.text("email")
    wrong = wrong_address(request, email)
    if wrong is None and folded(email) == folded(seen.person.email):
        wrong = request.texts.gettext("This is the address that you have already.")
    if wrong is not None:
        return _show_address(seen, form, (("email", wrong),))
    asked = addresses.ask(
        request.store,
        seen.event,
        seen.person,
        email,
        source_ip=request.source_ip,
        unconfirmed_mails=seen.account.unconfirmed_mails,
        now=request.now,
        entropy=secrets.token_bytes(16),
    )
    if isinstance(asked, TooMany):
        raise too_many(request, asked.until, _back(seen))
    hints.send(request.store.settings, asked.hint)
    return _done(seen, "asked")


# --- what is stored, and erasing it -------------------------------------------------------------------------------


def _show_data(seen: Opened, _form: Form, errors: Errors) -> Answer:
    _ = seen.request.texts.gettext
    return _if_recent(
        seen,
        errors,
        "data",
        title=_("What is stored about you"),
        text=(_("You get a file (JSON) with your registration, your answers, and the mails that were sent to you."),),
        button=_("Download"),
    )


def _data(seen: Opened, form: Form) -> Answer:
    if not seen.recent:
        return _show_data(seen, form, ())
    found = stored_data.about(seen.request.store, seen.event, seen.person, seen.invitation)
    headers = {
        **SECURITY,
        **PERSONAL,
        "Content-Type": "application/json; charset=utf-8",
        "Content-Disposition": 'attachment; filename="registration.json"',
    }
    body = json.dumps(found, ensure_ascii=False, indent=2)
    return Answer(status=HTTPStatus.OK.value, body=body, headers=headers, logged=seen.logged)


def _show_erase(seen: Opened, _form: Form, errors: Errors) -> Answer:
    _ = seen.request.texts.gettext
    return _if_recent(
        seen,
        errors,
        "erase",
        title=_("Erase everything about you?"),
        text=(
            _("You are withdrawn first, if you still are registered, and a mail removes the entry from your calendar."),
            _("Then your name, your address, your answers and all mails are deleted. This cannot be undone."),
        ),
        button=_("Erase"),
        kind="danger",
    )


def _erase(seen: Opened, form: Form) -> Answer:
    if not seen.recent:
        return _show_erase(seen, form, ())
    erasure.erase(
        seen.request.store,
        seen.event.event_id,
        seen.person.registration_id,
        now=seen.request.now,
        account=seen.event.account,
    )
    promote(seen)
    return _done(seen, "erased")


def _if_recent(seen: Opened, errors: Errors, action: str, **step: Any) -> Answer:
    """The page of an action that needs a link which was mailed within the hour; by another link, the page on which one
    can have such a link mailed.
    """
    if seen.recent:
        return _step(seen, action, errors, **step)
    return _fresh_step(seen, errors, step["title"])


ACTIONS: dict[str, tuple[Callable[[Opened, Form, Errors], Answer], Callable[[Opened, Form], Answer]]] = {
    "answer": (_show_answer, _answer),
    "withdraw": (_show_withdraw, _withdraw),
    "return": (_show_return, _return),
    "send": (_show_send, _send),
    "change": (_show_change, _change),
    "fresh": (_show_fresh, _fresh),
    "address": (_show_address, _address),
    "data": (_show_data, _data),
    "erase": (_show_erase, _erase),
}
"""Of each action the page that says what it does, and what does it."""
