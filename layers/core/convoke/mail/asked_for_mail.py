"""The texts of mails that somebody asked for: to confirm their address, the personal link, that they are on the
waitlist, that the organizer decides, a link to sign in. And, though nobody asked for it, that an event is cancelled for
which somebody waits, or the dates of it that they wait for.

Anybody can have the first sent to anybody. So nothing that a visitor typed is in it, neither their name nor any text:
only what the account says of its event, and one link. To open a link changes nothing; that is done by a button there.
"""

from __future__ import annotations

from .. import languages
from ..calendar.content_lines import one_line
from ..languages import Texts, gettext_noop
from ..model import Registration, RegistrationStatus, frozen
from . import subjects
from .notifications import Notification, NotificationKind
from .wording import in_full, listed

SECONDS_OF_AN_HOUR = 3600
SUBJECTS = {
    NotificationKind.CONFIRM: gettext_noop("Confirm your registration: %(title)s"),
    NotificationKind.WAITING: gettext_noop("You are on the waitlist: %(title)s"),
    NotificationKind.CANCELLED: gettext_noop("Cancelled: %(title)s"),
    NotificationKind.PENDING: gettext_noop("The organizer decides about your registration: %(title)s"),
    NotificationKind.LINK: gettext_noop("Your registration: %(title)s"),
    NotificationKind.FRESH_LINK: gettext_noop("Your registration: %(title)s"),
    NotificationKind.NEW_ADDRESS: gettext_noop("Confirm your new address: %(title)s"),
    NotificationKind.ADDRESS_CHANGED: gettext_noop("Your registration has another address: %(title)s"),
    NotificationKind.SIGN_IN: gettext_noop("Sign in to your events"),
}


@frozen
class AskedForContent:
    """What such a mail says, as it is decided when it is sent: the ``kind`` that it is sent as, its one ``link``, the
    registration that its recipient's address has (``holder``), and its ``place`` on the waitlist, 0 for none.
    ``cancelled``: it says that what they registered for does not take place: a CANCELLED, or a LINK.
    """

    kind: NotificationKind
    link: str
    holder: Registration | None = None
    place: int = 0
    cancelled: bool = False

    def texts(self, notification: Notification) -> Texts:
        """The texts to write in: in the language of the registration, or the one that was asked in."""
        return languages.texts_in(self.holder.language if self.holder else "", notification.language)


def subject(notification: Notification, content: AskedForContent) -> str:
    """The subject, with the event's title where it is about one."""
    texts, title, dates = content.texts(notification), one_line(notification.title), notification.dates
    if content.kind is NotificationKind.CANCELLED and dates:
        date = texts.when_short(dates[0])
        date = texts.gettext("from %(date)s", date=date) if len(dates) > 1 else date
        return subjects.subject(texts, texts.gettext("Cancelled: %(title)s · %(date)s"), title, date)
    return texts.gettext(SUBJECTS[content.kind], title=texts.isolated(title))


def about(notification: Notification, texts: Texts) -> dict[str, str]:
    """What most sentences name, by their placeholders: the event's title, its time and its organizer."""
    return {
        "title": texts.isolated(one_line(notification.title)),
        "when": texts.when(notification.when),
        "organizer": texts.isolated(in_full(notification.organizer)),
    }


def text(notification: Notification, content: AskedForContent) -> str:
    """The plain text, with a line break at the end."""
    texts = content.texts(notification)
    what = about(notification, texts)
    match content.kind:
        case NotificationKind.CONFIRM:
            parts = _confirm(notification, content, texts, what)
        case NotificationKind.NEW_ADDRESS:
            parts = _new_address(notification, content, texts, what)
        case NotificationKind.ADDRESS_CHANGED:
            parts = _address_changed(texts, what)
        case NotificationKind.FRESH_LINK:
            parts = _fresh_link(content, texts, what)
        case NotificationKind.SIGN_IN:
            parts = _sign_in(content, texts)
        case _:
            parts = _registered(notification, content, texts, what)
    return "\n\n".join(parts) + "\n"


def _hours(notification: Notification) -> int:
    """For how many hours the link of a mail is valid."""
    until = notification.until or notification.written_at
    return round((until - notification.written_at).total_seconds() / SECONDS_OF_AN_HOUR)


def _confirm(
    notification: Notification, content: AskedForContent, texts: Texts, what: dict[str, str]
) -> tuple[str, ...]:
    hours = _hours(notification)
    return (
        texts.gettext(
            "Somebody, probably you, wants to register this address for “%(title)s”, %(when)s, organized by "
            "%(organizer)s.",
            **what,
        ),
        texts.gettext("Confirm the registration on this page:") + f"\n{content.link}",
        texts.ngettext(
            "You are not registered until then, and no seat is kept for you. The link is valid for %(num)s hour.",
            "You are not registered until then, and no seat is kept for you. The link is valid for %(num)s hours.",
            hours,
            num=hours,
        ),
        texts.gettext("If it was not you, do nothing: nobody is registered, and the address is deleted."),
    )


def _new_address(
    notification: Notification, content: AskedForContent, texts: Texts, what: dict[str, str]
) -> tuple[str, ...]:
    hours = _hours(notification)
    return (
        texts.gettext(
            "Somebody, probably you, wants the mails about “%(title)s”, %(when)s, organized by %(organizer)s, to be "
            "sent to this address.",
            **what,
        ),
        texts.gettext("Confirm the address on this page:") + f"\n{content.link}",
        texts.ngettext(
            "Nothing changes until then. The link is valid for %(num)s hour.",
            "Nothing changes until then. The link is valid for %(num)s hours.",
            hours,
            num=hours,
        ),
        texts.gettext("If it was not you, do nothing: nothing changes, and the address is deleted."),
    )


def _address_changed(texts: Texts, what: dict[str, str]) -> tuple[str, ...]:
    return (
        texts.gettext(
            "Your registration for “%(title)s”, %(when)s, organized by %(organizer)s, has another address now. This "
            "one gets no more mails about it, and the links in earlier mails are not valid any more.",
            **what,
        ),
        texts.gettext("If it was not you who changed it, write to the organizer: %(organizer)s.", **what),
    )


def _fresh_link(content: AskedForContent, texts: Texts, what: dict[str, str]) -> tuple[str, ...]:
    return (
        texts.gettext(
            "On the page of your registration for “%(title)s”, %(when)s, somebody, probably you, asked for a link by "
            "which the address is changed, and what is stored about you is read or erased.",
            **what,
        ),
        texts.gettext("It is valid for one hour:") + f"\n{content.link}",
        texts.gettext("If it was not you, do nothing. The link is for you alone: do not forward this mail."),
    )


def _sign_in(content: AskedForContent, texts: Texts) -> tuple[str, ...]:
    """Nothing of any event: whoever typed the address may be somebody else."""
    return (
        texts.gettext("Somebody, probably you, wants to see and change the events that this address organizes."),
        texts.gettext("Sign in on this page. The link works once, within twenty minutes:") + f"\n{content.link}",
        texts.gettext("If it was not you, do nothing. The link is for you alone: do not forward this mail."),
    )


def _cancelled(notification: Notification, texts: Texts, what: dict[str, str]) -> str:
    if notification.dates:
        several = len(notification.dates) > 1
        statement = (
            texts.gettext(
                "These dates of “%(title)s”, organized by %(organizer)s, are cancelled, and you need not keep them. If "
                "one of them takes place after all, you are told by a mail.",
                **what,
            )
            if several
            else texts.gettext(
                "This date of “%(title)s”, organized by %(organizer)s, is cancelled, and you need not keep it. If it "
                "takes place after all, you are told by a mail.",
                **what,
            )
        )
        statement += "\n\n" + "\n".join(listed(texts, [texts.when(one) for one in notification.dates]))
    else:
        statement = texts.sentences(
            texts.gettext("“%(title)s”, %(when)s, organized by %(organizer)s, is cancelled.", **what),
            texts.gettext("You need not keep the date. If it takes place after all, you are told by a mail."),
        )
    if not notification.quoted:
        return statement
    label = texts.gettext("%(label)s:", label=texts.gettext("Reason"))
    return f"{statement}\n\n{label} {texts.isolated(notification.quoted)}"


def _registered(
    notification: Notification, content: AskedForContent, texts: Texts, what: dict[str, str]
) -> tuple[str, ...]:
    match content.holder.status if content.holder is not None else None:
        case _ if content.cancelled:
            state = _cancelled(notification, texts, what)
        case RegistrationStatus.WAITLISTED:
            state = texts.gettext(
                "You are on the waitlist for “%(title)s”, %(when)s, organized by %(organizer)s, at place %(place)s. As "
                "soon as a seat is free for you, you are sent an invitation.",
                place=content.place,
                **what,
            )
        case RegistrationStatus.PENDING:
            state = texts.gettext(
                "You have asked to come to “%(title)s”, %(when)s, organized by %(organizer)s. The organizer decides "
                "who comes, and you are told by a mail. Until then you have no seat.",
                **what,
            )
        case RegistrationStatus.DECLINED:
            state = texts.gettext(
                "You were registered for “%(title)s”, %(when)s, organized by %(organizer)s, and declined. If you want "
                "to come after all, you can say so on your page.",
                **what,
            )
        case _:
            state = texts.gettext("You are registered for “%(title)s”, %(when)s, organized by %(organizer)s.", **what)
    return (
        state,
        texts.gettext("See or change your registration:") + f"\n{content.link}",
        texts.gettext("The link is for you alone: whoever has it can change your registration."),
        _why(content.kind, texts, what),
    )


def _why(kind: NotificationKind, texts: Texts, what: dict[str, str]) -> str:
    if kind is NotificationKind.CANCELLED:
        return texts.gettext(
            "You get this mail because this address was registered for “%(title)s”, organized by %(organizer)s.", **what
        )
    if kind is NotificationKind.PENDING:
        return texts.gettext("You get this mail because somebody, probably you, wants to register this address.")
    return texts.gettext(
        "You get this mail because somebody, probably you, gave this address on the page of the event."
    )
