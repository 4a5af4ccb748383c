"""What two programs read in two ways, and what nobody can read.

SES gives its verdict on the From that it reads. Where our reader can be brought to another one, the verdict is
Mallory's and the answer Bo's. What is about From comes from Mallory, with SES's blessing for her domain; the rest from
Bo himself.
"""

from __future__ import annotations

from base64 import b64encode, encodebytes
from collections.abc import Iterator

from tests.corpus import asked
from tests.corpus.case import Case, hostile
from tests.corpus.replies import HELLO, MALLORY, REPLY, SAID, calendar, inner, mail, packed, part

QUOTED = REPLY.replace(b"=", b"=3D")
OTHER = calendar(attendee=SAID.replace("ACCEPTED", "DECLINED"))


def misreadings() -> Iterator[Case]:
    yield from headers()
    yield from line_ends()
    yield from parts()
    yield from encodings()
    yield from charsets()
    yield from structures()
    yield from lines()


def headers() -> Iterator[Case]:
    """Two Froms, one of which some reader does not see."""
    his, hers = "From: bo@example.net", f"From: {MALLORY}"
    for name, sender in (
        ("a space before the colon", f"From : {MALLORY}\r\n{his}"),
        ("a tab before the colon", f"From\t: {MALLORY}\r\n{his}"),
        ("a space before the colon, his", f"{hers}\r\nFrom : bo@example.net"),
        ("a line that is no field, then hers", f"{his}\r\nno field at all\r\n{hers}"),
        ("a line that is no field, then his", f"{hers}\r\nno field at all\r\n{his}"),
        ("an mbox line", f"From bo@example.net Fri Jan 15 12:15:00 2027\r\n{his}"),
        ("an mbox line in the middle", f"{his}\r\nFrom mallory@example.org Fri Jan 15\r\nX: y"),
        ("a field without a name", f"{his}\r\n: {MALLORY}"),
        ("a name in letters that look alike", f"{his}\r\nFrоm: {MALLORY}"),
        ("a name with an invisible space", f"{his}\r\nFrom\u200b: {MALLORY}"),
        ("a null in the name", f"{his}\r\nFrom\x00: {MALLORY}"),
        ("a null line", f"{his}\r\n\x00\r\n{hers}"),
        ("a backspace", f"From: {MALLORY}" + "\x08" * 19 + "bo@example.net"),
    ):
        yield hostile(f"two readings: {name}", mail(sender=sender), "header", "from", envelope_sender=MALLORY)
    many = "x:\r\n" * 5_100
    for name, behind, reason in (("From", hers, "header"), ("Sender", "Sender: cleo@example.net", "header")):
        flooded = mail(
            more=f"MIME-Version: 1.0\r\nContent-Type: text/calendar; method=REPLY\r\n{many}{behind}", kind=""
        )
        yield hostile(f"two readings: {name} behind 5,100 fields", flooded, reason, envelope_sender=MALLORY)
    for name, like in (("k, the sign for kelvin", "\u212a"), ("s, a long one", "\u017f")):
        letter = name[0]
        person = f"{letter}im@{letter}ite.example"
        look = asked.addressed(person)
        answer = calendar(attendee=SAID.replace("bo@example.net", person))
        for spelled in (person.replace(f"{letter}im", f"{like}im"), person.replace(f"@{letter}", f"@{like}")):
            raw = mail(answer, sender=f"From: <{spelled}>")
            yield hostile(f"two readings: {spelled!a} for {name}", raw, "from", look=look, envelope_sender=person)
    begun = b" X: y\r\n" + mail()
    yield hostile("two readings: the first line goes on with nothing", begun, "header", envelope_sender=MALLORY)
    yield hostile("two readings: an empty line first", b"\r\n" + mail(), "from", envelope_sender=MALLORY)
    yield hostile("two readings: spaces, then From", b"  \r\n" + mail(), "header", envelope_sender=MALLORY)
    late = mail(sender="", more="") + b"\r\n" + his.encode() + b"\r\n\r\n" + REPLY
    yield hostile("two readings: From in the body", late, "from", envelope_sender=MALLORY)
    in_part = packed(his.encode() + b"\r\n" + part(), sender=hers)
    yield hostile("two readings: From in a part", in_part, "stranger", envelope_sender=MALLORY)


def line_ends() -> Iterator[Case]:
    """A line that ends for one and not for the other."""
    for name, sender in (
        ("CR, then his", f"X-Note: a\rFrom: bo@example.net\r\nFrom: {MALLORY}"),
        ("CR, then his, alone", "X-Note: a\rFrom: bo@example.net"),
        ("CR in From", f"From: {MALLORY}\r bo@example.net"),
        ("CR CR LF", f"From: bo@example.net\r\r\nFrom: {MALLORY}"),
        ("LF, then his", f"X-Note: a\nFrom: bo@example.net\r\nFrom: {MALLORY}"),
        ("LF, then his, alone", "X-Note: a\nFrom: bo@example.net"),
        ("LF LF, then hers", f"From: bo@example.net\n\nFrom: {MALLORY}"),
        ("LF CR LF, then hers", f"From: bo@example.net\n\r\nFrom: {MALLORY}"),
        ("a vertical tab", f"X-Note: a\x0bFrom: bo@example.net\r\nFrom: {MALLORY}"),
        ("a form feed", f"X-Note: a\x0cFrom: bo@example.net\r\nFrom: {MALLORY}"),
        ("a group separator", f"X-Note: a\x1dFrom: bo@example.net\r\nFrom: {MALLORY}"),
        ("NEL", f"X-Note: a\x85From: bo@example.net\r\nFrom: {MALLORY}"),
        ("a line separator", f"X-Note: a\u2028From: bo@example.net\r\nFrom: {MALLORY}"),
    ):
        raw = mail(sender=sender)
        yield hostile(f"line ends: {name}", raw, "header", "from", "stranger", envelope_sender=MALLORY)
    yield hostile("line ends: LF in the headers, CRLF in the body", mail(REPLY).replace(b"\r\n", b"\n", 6), "header")
    yield hostile("line ends: CR alone", mail().replace(b"\r\n", b"\r"), "from", "header", "line")


def parts() -> Iterator[Case]:
    """Which calendar is the one? From Bo himself, and none is one answer of his."""
    zipped = b64encode(b"PK\x03\x04\x14\x00\x00\x00\x08\x00" + bytes(range(256)) * 4)
    other = part(OTHER)
    for name, raw, *reasons in (
        ("two calendars that differ", packed(part(), other), "calendar"),
        ("two calendars that differ in one letter", packed(part(), part(REPLY.replace(b"EN", b"DE"))), "calendar"),
        ("a calendar, and another as application/ics", packed(part(), part(OTHER, kind="application/ics")), "calendar"),
        ("a calendar, and an empty one", packed(part(), part(b"")), "calendar"),
        ("a calendar, and another deeper", packed(part(), inner(other, boundary="b1")), "calendar"),
        ("two calendars in one part", mail(REPLY + OTHER), "several"),
        ("a calendar in a mail in the mail", packed(part(mail(), kind="message/rfc822")), "calendar"),
        ("a calendar in a mail, as a file", packed(HELLO, part(mail(), kind="application/octet-stream")), "calendar"),
        ("a calendar as plain text", mail(kind="text/plain"), "calendar"),
        ("a calendar as HTML", mail(kind="text/html"), "calendar"),
        ("a calendar in a zip", packed(part(zipped, kind="application/zip", encoding="base64")), "calendar"),
        ("a calendar in gzip", packed(part(zipped, kind="application/gzip", encoding="base64")), "calendar"),
        ("xCal", mail(b"<icalendar><vcalendar/></icalendar>", kind="application/calendar+xml"), "calendar"),
        ("jCal", mail(b'["vcalendar", [], []]', kind="application/calendar+json"), "calendar"),
        (
            "an external body",
            mail(b"", kind='message/external-body; access-type=URL; URL="https://example.org/"'),
            "calendar",
        ),
        ("a partial mail", mail(kind="message/partial; number=1; total=2; id=x"), "calendar"),
        ("a signed blob", mail(kind="application/pkcs7-mime; smime-type=signed-data"), "calendar"),
        (
            "an encrypted mail",
            packed(part(b"-----BEGIN PGP MESSAGE-----", kind="application/octet-stream"), kind="encrypted"),
            "calendar",
        ),
        (
            "winmail.dat",
            packed(HELLO, part(b64encode(b"\x78\x9f\x3e\x22" * 20), kind="application/ms-tnef", encoding="base64")),
            "tnef",
        ),
        (
            "winmail.dat by another name",
            packed(HELLO, part(b"\x78\x9f\x3e\x22", kind="application/vnd.ms-tnef")),
            "calendar",
            "tnef",
        ),
        ("two Content-Types", mail(more="Content-Type: text/plain"), "header"),
        ("two encodings", mail(more="Content-Transfer-Encoding: base64"), "header"),
        ("no Content-Type", mail(kind=""), "calendar"),
        ("Content-Type without a slash", mail(kind="textcalendar"), "calendar"),
        ("no boundary", mail(kind="multipart/mixed"), "unreadable"),
        ("an empty boundary", mail(kind='multipart/mixed; boundary=""'), "unreadable"),
        ("a boundary that never comes", mail(kind="multipart/mixed; boundary=never"), "calendar"),
        ("a boundary of other letters", mail(kind="multipart/mixed; boundary=é"), "unreadable"),
        (
            "two boundaries",
            packed(part(), kind='mixed; boundary="b9"').replace(b'boundary="b0"', b'boundary="b8"'),
            "calendar",
        ),
        ("a part after the end", packed(HELLO) + b"--b0\r\n" + part() + b"\r\n--b0--\r\n", "calendar"),
        (
            "a part before the beginning",
            mail(part() + b"\r\n--b0--\r\n", kind="multipart/mixed; boundary=b0"),
            "calendar",
        ),
    ):
        yield hostile(f"parts: {name}", raw, *reasons)


def encodings() -> Iterator[Case]:
    for name, raw, *reasons in (
        ("base64 of noise", mail(encodebytes(bytes(range(256)) * 40), encoding="base64"), "unreadable"),
        ("base64 that is none", mail(b"\x00\xff*** " * 500, encoding="base64"), "unreadable"),
        ("base64 that says 7bit", mail(b64encode(REPLY), encoding="7bit"), "unreadable"),
        ("base64 of base64", mail(b64encode(b64encode(REPLY)), encoding="base64"), "unreadable"),
        ("an encoding of 3,000 letters", mail(encoding="8" * 3_000), "header"),
        (
            "quoted-printable that hides a method",
            mail(QUOTED.replace(b"REPLY", b"=43ANCEL"), encoding="quoted-printable"),
            "method",
        ),
        (
            "quoted-printable that hides a line",
            mail(QUOTED.replace(b"VERSION:2.0", b"VERSION:2.0=0D=0AMETHOD:CANCEL"), encoding="quoted-printable"),
            "method",
        ),
        (
            "quoted-printable that hides an attendee",
            mail(QUOTED.replace(b"bo@", b"mallory=40example.org=0D=0AX:"), encoding="quoted-printable"),
            "attendee",
        ),
        ("UTF-8 longer than need be", mail(REPLY.replace(b"bo@", b"b\xc1\xaf@")), "attendees"),
    ):
        yield hostile(f"encodings: {name}", raw, *reasons)


def charsets() -> Iterator[Case]:
    """An address that is another one in the charset that the mail names."""
    for name, body, charset in (
        ("escaped in ISO-2022-JP", REPLY.replace(b"bo@", b"b\x1b(Io@"), "iso-2022-jp"),
        ("in UTF-7", REPLY.replace(b"bo@", b"b+AG8-@"), "utf-7"),
        ("in EBCDIC", REPLY.replace(b"bo@", "bo@".encode("cp037")), "cp037"),
    ):
        encoded = mail(b64encode(body), kind=f"text/calendar; method=REPLY; charset={charset}", encoding="base64")
        yield hostile(f"charset: an address {name}", encoded, "attendees", "attendee")


def structures() -> Iterator[Case]:
    """Components in which there is no one event."""
    event = "BEGIN:VEVENT\nUID:x\nEND:VEVENT"
    for name, body, *reasons in (
        ("no event", REPLY.replace(b"VEVENT", b"VTODO"), "unreadable"),
        ("a journal", REPLY.replace(b"VEVENT", b"VJOURNAL"), "unreadable"),
        ("free and busy", REPLY.replace(b"VEVENT", b"VFREEBUSY"), "unreadable"),
        ("two events", calendar(after=event), "several"),
        ("an event in an event", calendar(more=event), "several"),
        (
            "a calendar in a calendar",
            calendar(
                more="BEGIN:VCALENDAR\nEND:VCALENDAR",
                after="BEGIN:VCALENDAR\nMETHOD:CANCEL\nEND:VCALENDAR\nMETHOD:CANCEL",
            ),
            "method",
        ),
        ("another method behind it", REPLY + b"METHOD:CANCEL\r\n", "method"),
        ("twenty levels", calendar(more="BEGIN:X\n" * 20), "unreadable"),
        ("nothing", b"", "unreadable"),
        ("one letter", b"B", "unreadable"),
        ("the beginning alone", b"BEGIN:VCALENDAR", "unreadable"),
        ("BEGIN without a name", REPLY.replace(b"BEGIN:VEVENT", b"BEGIN:"), "unreadable"),
    ):
        yield hostile(f"structure: {name}", mail(body), *reasons)


def lines() -> Iterator[Case]:
    """Content lines that a careless reader takes for others."""
    hers = f"mailto:{MALLORY}"
    for name, body in (
        ("a fold by a no-break space", calendar(method="METHOD:REP\n\u00a0LY")),
        ("a fold that makes another method", calendar(method="METHOD:REPLY\n X")),
        ("a fold that makes another attendee", calendar(attendee=f"{SAID}\n .example.org")),
        ("a fold that takes in the attendee", calendar(attendee=f"X-A:b\n {SAID}")),
        ("a group before the name", calendar(attendee=f"a.{SAID}")),
        ("an attendee behind a line separator", calendar(attendee=f"X-A:b\u2028{SAID}")),
        ("an attendee behind an escaped line break", calendar(attendee=f"X-A:b\\n{SAID}")),
        ("an attendee behind NEL", calendar(attendee=f"X-A:b\x85{SAID}")),
        ("an attendee in a parameter", calendar(attendee=f'X-A;B="{SAID}":c')),
        ("a parameter without a value", calendar(attendee=SAID.replace("PARTSTAT=ACCEPTED", "PARTSTAT"))),
        ("a parameter without a name", calendar(attendee=SAID.replace("PARTSTAT=", "="))),
        (
            "his address in a parameter, hers behind it",
            calendar(attendee=f'ATTENDEE;PARTSTAT=ACCEPTED;X=":mailto:bo@example.net":{hers}'),
        ),
        ("lines without an end", b"BEGIN:VCALENDAR METHOD:REPLY BEGIN:VEVENT UID:" + asked.MEETING.encode()),
        ("lines that end in a backslash n", REPLY.replace(b"\r\n", b"\\n")),
    ):
        yield hostile(f"lines: {name}", mail(body))
