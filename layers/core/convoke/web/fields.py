"""The types of request fields: text, addresses, links, durations. User input is checked here and nowhere
else, but for responses to an event's questions, which ``registrations.responses`` checks.

A value that has passed holds no control characters, so that it cannot end a content line of a calendar or begin a
header field of a mail. In a single line a tab becomes a space; in a description it stays. Direction marks (LRM, RLM,
ALM) belong to Hebrew and Arabic text and stay; embeddings, overrides and isolates (bidi controls) are refused.
"""

from __future__ import annotations

import re
from typing import Annotated, Any, Literal
from urllib.parse import urlsplit

from pydantic import AfterValidator, BeforeValidator, Field

from ..model import Duration, ascii_domain
from ..registrations.typed_text import CONTROL, MARK, line, lines
from . import hosts

_LOCAL_PART = re.compile(r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+(\.[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+)*", re.ASCII)
_LABEL = re.compile(r"[A-Za-z0-9]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?", re.ASCII)
# A well-formed language tag (BCP 47; RFC 5646, section 2.1) without private use: language, script, region, variants,
# extensions. Those that were registered before that grammar (i-klingon) are left out.
_LANGUAGE = re.compile(
    r"([a-z]{2,3}(-[a-z]{3}){0,3}|[a-z]{5,8})(-[a-z]{4})?(-([a-z]{2}|[0-9]{3}))?"
    r"(-([a-z0-9]{5,8}|[0-9][a-z0-9]{3}))*(-[a-wyz0-9](-[a-z0-9]{2,8})+)*",
    re.ASCII | re.IGNORECASE,
)
_NOT_IN_LINKS = re.compile(r"[\s<>\"\\]")
_TELEPHONE = re.compile(r"tel:\+?[0-9A-Za-z().*#,;=%-]+", re.ASCII)
_LONGEST_REMINDER = Duration(days=28)


def exact(text: str) -> str:
    """One line that a machine reads, without any invisible character. Raises :class:`ValueError`."""
    text = text.rstrip(" ")
    if "\t" in text or CONTROL.search(text) or MARK.search(text):
        raise ValueError("must not contain control characters or line breaks")
    return text


def address(text: str) -> str:
    """A mail address that SES can send to (it has no SMTPUTF8). Raises :class:`ValueError`."""
    text = exact(text)
    local, at, domain = text.rpartition("@")
    if not at or len(text) > 254:
        raise ValueError("must be a mail address")
    if not local.isascii():
        raise ValueError("must have only ASCII characters before the @; such an address cannot be written to yet")
    try:
        name = ascii_domain(domain)
    except UnicodeError:
        raise ValueError("must have its domain in Punycode (xn--…)") from None
    if not _LOCAL_PART.fullmatch(local) or not _is_domain(name) or len(local) > 64 or len(local) + len(name) > 253:
        raise ValueError("must be a mail address")
    return text


def _is_domain(name: str) -> bool:
    labels = name.split(".")
    return len(labels) > 1 and all(map(_LABEL.fullmatch, labels)) and not labels[-1].isdigit()


def web_link(text: str) -> str:
    """A link, or nothing. Raises :class:`ValueError`, as all of these."""
    return _link(text, "must be a link that begins with http:// or https://") if text.rstrip(" ") else ""


def join_link(text: str) -> str:
    text = exact(text)
    telephone = _TELEPHONE.fullmatch(text)
    return text if telephone else _link(text, "must be a link that begins with http://, https:// or tel:")


def secure_link(text: str) -> str:
    """A link that begins with https://, or nothing."""
    otherwise = "must be a link that begins with https://"
    text = _link(text, otherwise) if text.rstrip(" ") else ""
    if text and urlsplit(text).scheme != "https":
        raise ValueError(otherwise)
    return text


def webhook_link(text: str) -> str:
    return _link(text, "must be a link that begins with https://")


def colour(text: str) -> str:
    """A colour as ``#rrggbb``, in lower case, or nothing. Raises :class:`ValueError`."""
    if text and not re.fullmatch("#[0-9a-fA-F]{6}", text):
        raise ValueError("must be a colour such as #1a7f37")
    return text.lower()


def _link(text: str, otherwise: str) -> str:
    """An HTTP link whose host is what a reader takes it for; ``otherwise`` is the message where it is none at all."""
    text = exact(text)
    try:
        parts = urlsplit(text)
        host, _ = parts.hostname or "", parts.port
    except ValueError:
        host = ""
    if not host or parts.scheme not in ("http", "https") or _NOT_IN_LINKS.search(text):
        raise ValueError(otherwise)
    if "@" in parts.netloc:
        raise ValueError("must not have a name or password before its host: it would be taken for the host")
    hosts.require_plain(host)
    return text


def reminder(text: str) -> str:
    length = Duration.parse(text)
    if length.nominal > _LONGEST_REMINDER.nominal:
        raise ValueError("must be at most P28D")
    return str(length)


def language_tag(text: str) -> str:
    if not _LANGUAGE.fullmatch(text):
        raise ValueError("must be a language tag (BCP 47) such as en or pt-BR")
    return text


def question_id(text: str) -> str:
    if not re.fullmatch("[A-Za-z0-9_-]+", text):
        raise ValueError("must have letters, digits, _ and - only")
    return text


def whole(value: Any) -> Any:
    """An integer that JSON writes with a fraction of zero (``5.0``) is one (JSON Schema 2020-12, validation, 6.1.1)."""
    return int(value) if isinstance(value, float) and value.is_integer() else value


# The length is checked first, so that checks of each character never run over a text of any length.
Name = Annotated[str, Field(max_length=255), AfterValidator(line), Field(min_length=1)]
Email = Annotated[str, Field(max_length=254, json_schema_extra={"format": "email"}), AfterValidator(address)]
Description = Annotated[str, Field(max_length=8000), AfterValidator(lines)]
Location = Annotated[str, Field(max_length=1000), AfterValidator(line)]
Url = Annotated[str, Field(max_length=2000, description="http or https"), AfterValidator(web_link)]
Label = Annotated[str, Field(max_length=100), AfterValidator(line)]
JoinUri = Annotated[
    str,
    Field(max_length=2000, description="http, https or tel", json_schema_extra={"format": "uri"}),
    AfterValidator(join_link),
]
PageName = Annotated[str, Field(max_length=255, description="Whom the pages are by."), AfterValidator(line)]
Colour = Annotated[str, Field(max_length=7, description="#rrggbb", examples=["#1a7f37"]), AfterValidator(colour)]
SecureUrl = Annotated[str, Field(max_length=2000, description="https"), AfterValidator(secure_link)]
ImageData = Annotated[str, Field(max_length=136_000, description="Its bytes in Base64 (RFC 4648, section 4).")]
ImageType = Literal["image/png", "image/jpeg", "image/webp"]
NotifyAfter = Annotated[
    int,
    Field(
        ge=0,
        le=900,
        description="For how many seconds an ordinary change waits for the next one before people are informed.",
    ),
    BeforeValidator(whole),
]
UnconfirmedMails = Annotated[
    int,
    Field(
        ge=0,
        le=10_000,
        description="How many mails a day the pages send to addresses that are not confirmed yet.",
    ),
    BeforeValidator(whole),
]
Overlap = Annotated[
    int,
    Field(ge=0, le=604800, description="For how many seconds the old secret signs, too; a day, and at most a week."),
    BeforeValidator(whole),
]
WebhookUrl = Annotated[
    str,
    Field(max_length=2000, description="https", json_schema_extra={"format": "uri"}),
    AfterValidator(webhook_link),
]
Reminder = Annotated[str, Field(max_length=40), AfterValidator(reminder)]
Reminders = Annotated[
    list[Reminder], Field(max_length=5, description="Times before the start: ISO 8601 durations, PT0S to P28D.")
]
Capacity = Annotated[int, Field(ge=1, le=1_000_000, description="null: no limit"), BeforeValidator(whole)]
ReleaseOnDecline = Annotated[
    bool, Field(description="Whether an attendee who declines gives up their seat to the waitlist.")
]
Public = Annotated[bool, Field(description="Whether anybody may see the event's page, and register there.")]
ConfirmAddress = Annotated[
    bool, Field(description="Whether who registers on the event's page has to confirm their address first.")
]
Approval = Annotated[
    bool,
    Field(description="Whether you decide about each registration before it takes a seat: until then it is pending."),
]
Approved = Annotated[
    bool,
    Field(
        description="Register at once where the event has `approval`, and do not wait for a decision. Needs the scope"
        " `manage` there."
    ),
]
Word = Annotated[
    str,
    Field(max_length=2000, description="What you have to say about it; it is mailed to them."),
    AfterValidator(lines),
]
GuestsAllowed = Annotated[
    int,
    Field(
        ge=0,
        le=10,
        description="How many people somebody who registers on the event's page may bring; each takes a seat, too.",
    ),
]
QuestionId = Annotated[
    str,
    Field(max_length=40, description="Letters, digits, _ and -; made of the text where it is not given."),
    AfterValidator(question_id),
]
QuestionText = Annotated[str, Field(max_length=300), AfterValidator(line), Field(min_length=1)]
Choice = Annotated[str, Field(max_length=100), AfterValidator(line), Field(min_length=1)]
Choices = Annotated[list[Choice], Field(max_length=20, description="2 to 20, of a choice only.")]
Guests = Annotated[
    int,
    Field(ge=0, le=10, description="How many people come with this person; each takes a seat, too."),
    BeforeValidator(whole),
]
Responses = Annotated[
    dict[Annotated[str, Field(max_length=40)], Annotated[str, Field(max_length=1000)]],
    Field(max_length=40, description="Responses to the event's questions, by the question's id."),
]
ResponsesPatch = Annotated[
    dict[Annotated[str, Field(max_length=40)], Annotated[str, Field(max_length=1000)] | None],
    Field(max_length=40, description="What is null is removed, what is absent stays."),
]
Language = Annotated[str, Field(max_length=44), AfterValidator(language_tag)]
Moment = Annotated[
    str,
    Field(
        max_length=40,
        description="A local time of time_zone, without an offset; a date for events of whole days.",
        examples=["2027-03-12T09:00:00"],
    ),
    AfterValidator(exact),
]
Length = Annotated[
    str,
    Field(max_length=40, description="An ISO 8601 duration, instead of end.", examples=["PT1H30M"]),
    AfterValidator(exact),
]
Zone = Annotated[
    str,
    Field(max_length=64, description="An IANA name; required unless start is a date.", examples=["Europe/Berlin"]),
    AfterValidator(exact),
]
Recurrence = Annotated[
    str,
    Field(
        max_length=500,
        description=(
            "An RRULE (RFC 5545, 3.8.5.3): FREQ from DAILY to YEARLY, with COUNT or UNTIL; at most 400 dates within 2 "
            "years. It must be a pattern that Outlook can hold: every n days, weekdays of every n weeks, or one day "
            "or weekday (2TU, -1FR) of every n months."
        ),
        examples=["FREQ=WEEKLY;COUNT=4"],
    ),
    AfterValidator(exact),
    Field(min_length=1),
]
ExternalId = Annotated[
    str,
    Field(max_length=200, description="Your own id of it; no two have the same."),
    AfterValidator(exact),
    Field(min_length=1),
]
Metadata = Annotated[
    dict[
        Annotated[str, Field(max_length=40), AfterValidator(exact), Field(min_length=1)],
        Annotated[str, Field(max_length=500), AfterValidator(lines)],
    ],
    Field(max_length=20, description="Up to 20 names and values of your own, which are kept as they are."),
]
MetadataPatch = Annotated[
    dict[
        Annotated[str, Field(max_length=40)],
        Annotated[str, Field(max_length=500)] | None,
    ],
    Field(max_length=40, description="What is null is removed, what is absent stays."),
]
Reason = Annotated[str, Field(max_length=1000), AfterValidator(line)]
Status = Literal["confirmed", "tentative", "draft"]
Payload = Annotated[
    Literal["ids", "full"],
    Field(description="full: with names, addresses and the content of events, beside ids and states."),
]
WebhookEvents = Annotated[
    list[
        Literal[
            "event.created",
            "event.changed",
            "event.cancelled",
            "participation.changed",
            "registration.created",
            "registration.changed",
            "registration.cancelled",
            "registration.declined",
            "registration.pending",
            "registration.accepted",
            "registration.waitlisted",
            "registration.promoted",
            "invitation.delivered",
            "invitation.bounced",
            "invitation.complained",
            "invitation.failed",
            "notification.bounced",
            "notification.complained",
            "notification.failed",
            "source.problem",
        ]
    ],
    Field(min_length=1, max_length=20, description="The event types to post to the webhook."),
]
