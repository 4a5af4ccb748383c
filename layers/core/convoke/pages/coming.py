"""Whether somebody comes: answering, withdrawing, coming back, and having the invitation sent again."""

from __future__ import annotations

from ..aws.best_effort import best_effort
from ..decision.decide import calendar_state_of, over
from ..model import LocalTime, Occurrence
from ..registrations import answering, registry, returning, waitlist
from ..registrations.registry import Obstacle, TooMany
from ..schedule import series
from .forms import Errors, Form
from .opening import Opened, State, again, answered, present_answer
from .personal_steps import (
    ACTIVE,
    STANDING,
    Actions,
    answer_buttons,
    kept_until,
    obstacle,
    personal_page,
    question,
    redirect,
    require,
    require_mails,
    step,
)
from .site import Answer, missing

LONGEST_DATE = 32
"""Characters of a date that a form names."""


# --- answering ----------------------------------------------------------------------------------------------------


def _show_answer(seen: Opened, form: Form, errors: Errors) -> Answer:
    require(seen, State.REGISTERED, State.DECLINED)
    name = form.text("date") or seen.request.query.get("date", "")
    one = _named(seen, name) if name else None
    if name and one is None:
        raise missing(seen.request)
    _ = seen.request.texts.gettext
    date = one[0] if one else None
    return personal_page(
        seen,
        "personal_answer.html",
        errors,
        when=seen.request.texts.when(one[1].when if one else series.when_next(seen.event, seen.request.now)),
        date=name,
        answer_text=answered(present_answer(seen, date), seen.request),
        answers=answer_buttons(seen),
        question=question(seen, date),
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
    if form.text("question") not in ("", question(seen, date[0] if date else None)):
        changed = seen.request.texts.gettext("Your registration has changed meanwhile. Look at it again.")
        return _show_answer(seen, form, (("", changed),))
    done = answering.answer(
        seen.request.store,
        seen.event.event_id,
        seen.person.registration_id,
        chosen,
        date=date[0] if date else None,
        now=seen.request.now,
    )
    if isinstance(done, Obstacle):
        require(again(seen), State.REGISTERED, State.DECLINED)
        raise obstacle(seen, done)
    return redirect(seen, "answered")


# --- withdrawing, and coming back ---------------------------------------------------------------------------------


def _show_withdraw(seen: Opened, _form: Form, errors: Errors) -> Answer:
    _ = seen.request.texts.gettext
    require(seen, *STANDING)
    return step(
        seen,
        "withdraw",
        errors,
        title=_("Withdraw?"),
        text=(
            what_withdrawing_does(seen),
            _("You can come back by the same link; then the organizer decides again.")
            if seen.event.approval
            else _("You can come back by the same link; then you get a seat only if one is free."),
        ),
        button=_("Withdraw"),
        kind="danger",
    )


def what_withdrawing_does(seen: Opened) -> str:
    """What becomes of the seat or the place of somebody who withdraws, where it is not kept."""
    _ = seen.request.texts.gettext
    if seen.state is State.WAITING:
        return _("You lose your place on the waitlist.")
    if seen.state is State.PENDING:
        return _("Your registration is taken back before the organizer has decided about it.")
    return _("Your seat is free for somebody else at once, and a mail removes the entry from your calendar.")


def _withdraw(seen: Opened, _form: Form) -> Answer:
    if seen.state not in (State.WITHDRAWN, State.ERASING):
        require(seen, *STANDING)
        withdraw(seen)
    return redirect(seen, "withdrawn")


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
    """Give free seats to the waitlist at once. Where that fails they stay due, and the sweep gives them."""
    with best_effort(seen.event.event_id):
        waitlist.promote(seen.request.store, seen.event.event_id, now=seen.request.now)


def _show_return(seen: Opened, _form: Form, errors: Errors) -> Answer:
    _ = seen.request.texts.gettext
    require(seen, State.WITHDRAWN, State.DECLINED)
    if seen.person.removed:
        raise obstacle(seen, Obstacle.REMOVED)
    does = what_coming_back_does(seen)
    text = (does,) if asks_again(seen) else (does, _("A new invitation is mailed to you."))
    return step(seen, "return", errors, title=_("Come back?"), text=text, button=_("Come back"))


def asks_again(seen: Opened) -> bool:
    """Whether the organizer decides once more about somebody who comes back; not where they only declined."""
    return seen.event.approval and seen.state is State.WITHDRAWN and not kept_until(seen)


def what_coming_back_does(seen: Opened) -> str:
    """What somebody who comes back gets."""
    _ = seen.request.texts.gettext
    if kept := kept_until(seen):
        return _("Your seat is kept for you until %(when)s.", when=kept)
    if asks_again(seen):
        return _("The organizer decides again whether you come, and you are told by a mail.")
    return _("You get a seat if one is free, and otherwise a place on the waitlist.")


def _return(seen: Opened, _form: Form) -> Answer:
    if seen.state not in ACTIVE:
        require(seen, State.WITHDRAWN, State.DECLINED)
        come_back(seen)
    return redirect(seen, "returned")


def come_back(seen: Opened) -> None:
    """Take the registration up again. Does nothing where that was done."""
    request, event, person = seen.request, seen.event, seen.person
    require_mails(seen)
    back = returning.come_back(
        request.store,
        event.event_id,
        person.registration_id,
        now=request.now,
        charge=request.store.limits.recipient(event.account, person.email, request.now),
    )
    if isinstance(back, (Obstacle, TooMany)):
        raise obstacle(seen, back)


# --- sending again ------------------------------------------------------------------------------------------------


def _show_send(seen: Opened, _form: Form, errors: Errors) -> Answer:
    _ = seen.request.texts.gettext
    require(seen, State.REGISTERED)
    text = _("The latest mail about this event is sent to you once more. Look for it among spam, too.")
    return step(seen, "send", errors, title=_("Send it again?"), text=(text,), button=_("Send it again"))


def _send(seen: Opened, _form: Form) -> Answer:
    require(seen, State.REGISTERED)
    require_mails(seen)
    request, event, person = seen.request, seen.event, seen.person
    limits = request.store.limits
    charges = (
        limits.resend(event.account, person.registration_id, request.now),
        limits.recipient(event.account, person.email, request.now, 1),
    )
    why = registry.resend(request.store, event.event_id, person.registration_id, now=request.now, charges=charges)
    if why is not None:
        raise obstacle(seen, why)
    return redirect(seen, "sent")


ACTIONS: Actions = {
    "answer": (_show_answer, _answer),
    "withdraw": (_show_withdraw, _withdraw),
    "return": (_show_return, _return),
    "send": (_show_send, _send),
}
