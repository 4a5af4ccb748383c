"""Mails with titles, names and places of every length in many scripts: a plain program, so that any Python can run it.

``python -m tests.header_cases COUNT SEED`` writes one line of JSON: the Python; how many header fields and mails were
made and how many titles of each script refused; what another reader reads otherwise and what was made plainer; and a
digest over all bytes, which is to be the same on every Python. It needs the standard library and what
``convoke.mail.invitation_mail`` does.
"""

from __future__ import annotations

import hashlib
import json
import platform
import random
import sys
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from email.header import decode_header, make_header
from email.utils import parseaddr
from functools import cache
from typing import Any

from convoke.decision.calendar_state import Message, PreviousState
from convoke.mail import header_fields, invitation_mail
from convoke.mail.header_fields import Field
from convoke.model import EventStatus, Method, Participation, Person, RenderError, When

LONGEST = 255
KINDS = ("Invitation", "Moved", "Dates changed", "Updated", "Invitation (tentative)", "Cancelled")
SCRIPTS = {
    "English": "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ",
    "German": "abcdefghijklmnopqrstuvwxyzäöüßÄÖÜ",
    "Greek": "αβγδεζηθικλμνξοπρστυφχψωάέήίόύώΑΒΓΔΕ",
    "Russian": "абвгдежзийклмнопрстуфхцчшщъыьэюяАБВГД",
    "Hebrew": "אבגדהוזחטיכלמנסעפצקרשתםןףץ",
    "Arabic": "ابتثجحخدذرزسشصضطظعغفقكلمنهوي",
    "Devanagari": "कखगघचछजझटठडढतथदधनपफबभमयरलवशषसह\u093e\u093f\u0940\u094d",
    "Thai": "กขคงจฉชซญดตถทนบปผพฟมยรลวสหอ\u0e31\u0e34\u0e35",
    "Japanese": "あいうえおかきくけこさしすせそアイウエオ会議予定変更東京大阪",
    "Chinese": "的一是在不了有和人这中大为上个国我以要他时来用们",
    "Korean": "가나다라마바사아자차카타파하회의일정변경서울부산",
    "emoji": "👩\u200d\U0001f469\u200d\U0001f467🎉🎂✈️🇩🇪🏳️\u200d🌈😀",
    "marks": "=?_!\"'()<>@,;:\\[].#$%&*+-/^`{|}~ab",
}
SPACES = frozenset({"English", "German", "Greek", "Russian", "Hebrew", "Arabic", "Devanagari", "Korean", "marks"})
HOSTILE = (
    *(
        "Fwd: =?UTF-8?B?VGVzdA==?=",
        "=?utf-8?q?Ada=0D=0AX?=",
        "=?utf-8?b?4oCuZ3Bq?=",
        "=?us-ascii?q?a?= =?us-ascii?q?b?=",
    ),
    *("=?", "?=", "=?utf-8?q??=", "a=?utf-8?q?b?=c", '"Ek", Bo', '"', "\\", '\\"', "a, b <eve@example.net>", "(a) b"),
    *("   ", "\u00a0", "a\u00a0b", "\u3000", "Bo.", "@", "<>", "Bo\r\nBcc: eve@example.net", "\x00\x1b\x7f", "=" * 255),
    *(
        "x" * 255,
        '"' * 255,
        "驚" * 255,
        "\U0001f469" * 255,
        "=?" * 127,
        "a " * 127,
        "\u202e\u2066x",
        "\ud800",
        "\u2028a",
    ),
)
NOW = datetime(2027, 1, 15, 12, 0, tzinfo=UTC)
WHEN = When(start=datetime(2027, 3, 12, 9, 0), end=datetime(2027, 3, 12, 10, 30), time_zone="Europe/Berlin")
LATER = When(start=datetime(2027, 3, 12, 15, 0), end=datetime(2027, 3, 12, 16, 30), time_zone="Europe/Berlin")
INVITED = Message(
    method=Method.REQUEST,
    uid="0123456789abcdefghijklmnop.01abcdefgh0123456789abcdefghijklmnop.1@convoke.example.com",
    generation=1,
    attendee=Person(name="Bo Ek", email="bo@example.net"),
    organizer=Person(name="Ada", email="events@convoke.example.com"),
    reply_to=Person(name="Ada", email="ada@example.org"),
    title="Treffen",
    when=WHEN,
    status=EventStatus.CONFIRMED,
    participation=Participation.NEEDS_ACTION,
    fingerprint="",
    created_at=NOW,
    updated_at=NOW,
)


def phrase(chance: random.Random, script: str, length: int) -> str:
    """Exactly ``length`` characters (but for spaces at the end), in words where the script has them."""
    said = ""
    while len(said) < length:
        size = chance.randint(2, 12) if script in SPACES else length
        said += "".join(chance.choice(SCRIPTS[script]) for _ in range(size)) + (" " if script in SPACES else "")
    return said[:length].strip()


LANGUAGES = {"German": "de", "Arabic": "ar", "Japanese": "ja"}
"""Of some scripts the language in which their mails are; the others are in English."""


def every_kind(title: str, name: str, place: str, language: str = "en") -> Iterator[tuple[Message, int]]:
    """Invited, moved, brought up to date, tentative, cancelled: each with its SEQUENCE."""
    bo, ada = Person(name=name, email="bo@example.net"), Person(name=name, email="ada@example.org")
    first = replace(
        INVITED,
        title=title,
        location=place,
        attendee=bo,
        organizer=replace(INVITED.organizer, name=name),
        reply_to=ada,
        language=language,
    )
    known = PreviousState(title=title, when=WHEN, location=place)
    yield first, 0
    yield replace(first, when=LATER, before=known), 1
    yield replace(first, description=title, before=known), 2
    yield replace(first, status=EventStatus.TENTATIVE), 3
    yield replace(first, method=Method.CANCEL, status=EventStatus.CANCELLED, before=known, reason=place), 4


def phrases(count: int, chance: random.Random) -> Iterator[tuple[str, str, str, str]]:
    """Of each script ``count`` times a title, a name and a place, the lengths spread over all up to the longest."""
    for script in SCRIPTS:
        for number in range(count):
            length = 1 + (number * LONGEST) // count if count < LONGEST else 1 + number % LONGEST
            sizes = (length, chance.randint(1, LONGEST), chance.randint(1, LONGEST))
            title, name, place = (phrase(chance, script, size) for size in sizes)
            yield script, title, name, place
    for said in HOSTILE:
        yield "hostile", said, said, said


@cache
def every_field(seed: int) -> list[tuple[str, Field]]:
    """Subjects and names of every length in every script: what is said, and the field that says it."""
    return list(_every_field(random.Random(seed)))  # noqa: S311 (no secret)


def _every_field(chance: random.Random) -> Iterator[tuple[str, Field]]:
    for script in SCRIPTS:
        for length in range(1, LONGEST + 1):
            said = invitation_mail.in_a_header(phrase(chance, script, length))
            kind = KINDS[length % len(KINDS)]
            yield f"{kind}: {said}", header_fields.subject(f"{kind}: {said}", instead=kind)
            yield said, invitation_mail.mailbox("To", Person(name=said, email="bo@example.net"))
    for hostile in HOSTILE:
        said = invitation_mail.in_a_header(hostile)
        if said:
            yield said, header_fields.subject(said, instead="Invitation")
        yield said, invitation_mail.mailbox("Reply-To", Person(name=said, email="bo@example.net"))


def read_by_another(field: Field) -> str:
    """What the library's old reader finds, which does not depend on its version as the new one does."""
    unfolded = field.written.decode("ascii").removeprefix(f"{field.name}: ").removesuffix("\r\n").replace("\r\n", "")
    if field.name == "Subject":
        return str(make_header(decode_header(unfolded)))
    name, address = parseaddr(unfolded)
    assert address == "bo@example.net", unfolded
    return str(make_header(decode_header(name)))


def run(count: int, seed: int) -> dict[str, Any]:
    """All that :func:`every_field` has, and ``count`` mails of each kind in each script."""
    digest = hashlib.sha256()
    found: dict[str, Any] = {"python": platform.python_version(), "tried": {}, "refused": {}}
    found |= {"fields": 0, "mails": 0, "misread": [], "plainer": []}
    for said, field in every_field(seed):
        digest.update(field.written)
        found["fields"] += 1
        if field.plainer:
            found["plainer"].append(said)
        if read_by_another(field) != said:
            found["misread"].append(said)
    for script, title, name, place in phrases(count, random.Random(seed)):  # noqa: S311 (no secret)
        lost = False
        for message, sequence in every_kind(title, name, place, LANGUAGES.get(script, "en")):
            try:
                rendered = invitation_mail.rendered(
                    message, sequence=sequence, dtstamp=NOW + timedelta(minutes=sequence)
                )
            except RenderError:
                lost = True
                continue
            digest.update(rendered.mail)
            found["mails"] += 1
            if rendered.plainer:
                found["plainer"].append(title)
        found["tried"][script] = found["tried"].get(script, 0) + 1
        found["refused"][script] = found["refused"].get(script, 0) + lost
    return {**found, "digest": digest.hexdigest()}


if __name__ == "__main__":
    print(json.dumps(run(int(sys.argv[1]), int(sys.argv[2]))))
