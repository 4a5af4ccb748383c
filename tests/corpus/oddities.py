"""Bo's own answers with something odd in them that does not matter: each counts, and says what the plain one says.

Most were reported to somebody who writes a calendar server or a library; what each is like is in its name.
"""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Iterator
from quopri import encodestring

from convoke.inbound import Verdict
from tests import factories
from tests.corpus import asked
from tests.corpus.case import Case
from tests.corpus.replies import HELLO, REPLY, SAID, calendar, inner, mail, packed, part

PLAIN = "ATTENDEE;PARTSTAT=ACCEPTED"
ORGANIZER = "events@convoke.example.com"
DATE = "Date: Fri, 15 Jan 2027 13:15:00 +0100"
INVITATION = calendar(method="METHOD:REQUEST", attendee=SAID.replace("ACCEPTED", "NEEDS-ACTION"))
PUBLISHED = calendar(method="METHOD:PUBLISH", attendee="")
KIND = "text/calendar; method=REPLY"
STREAM = "application/octet-stream"
OTHERS = "\n".join(f"ATTENDEE;PARTSTAT=NEEDS-ACTION:mailto:{name}@example.com" for name in ("cleo", "dora", "eve"))
DIRECTORY = "IMCEAEX-_O=EXCHANGELABS_OU=EXCHANGE+20ADMINISTRATIVE+20GROUP_CN=RECIPIENTS_CN=0A1B-BO@EURPRD05.EXAMPLE"


def odd(name: str, raw: bytes) -> Case:
    return Case(name=f"odd: {name}", raw=raw, receipt=factories.receipt(), expected=(Verdict.APPLY,))


def oddities() -> Iterator[Case]:
    for name, raw in (*lines(), *structures(), *people(), *missing(), *charsets(), *parts(), *senders(), *headers()):
        yield odd(name, raw)
    for name, raw in counters():
        yield odd(name, raw)


def lines() -> Iterator[tuple[str, bytes]]:
    """Lines that nobody needs, and are none."""
    for name, more in (
        ("a name with an underscore", "X-ENTOURAGE_UUID:F0745CC0-B278-400C-8185-11DBAF63E98D"),
        ("a status with an exception", "REQUEST-STATUS:3.7;Invalid calendar user;ATTENDEE:mailto:x@example.org"),
        ("a word before the name", "SET X-MICROSOFT-DISALLOW-COUNTER:TRUE"),
        ("line breaks in a place", "LOCATION:Haus 3\nHinterhof\n2. Stock"),
        ("a vertical tab in a remark", "COMMENT:komme\x0bspäter"),
        ("a backspace in a remark", "COMMENT:a\x08"),
        ("a delete in a remark", "COMMENT:a\x7f"),
        ("a null in a remark", "COMMENT:a\x00b"),
        ("a name without a colon", "no line at all"),
        ("a line that begins with a colon", ":x"),
        ("a line that begins with a semicolon", ";X=Y:z"),
        ("a quote that does not end", 'X-A;B="c:d'),
        ("an alarm left over", "BEGIN:VALARM\nTRIGGER:-PT15M\nACTION:DISPLAY\nEND:VALARM"),
        ("a component as a property", "VEVENT:62"),
        ("a zone's name with nulls", "DTSTART;TZID=W. Europe Standard Time\x00\x00:20270312T090000"),
        ("CR in a remark", "COMMENT:a\rMETHOD:CANCEL"),
        ("a line of 20 KB", "X-ALT-DESC;FMTTYPE=text/html:" + "a" * 20_000),
    ):
        yield name, mail(calendar(more=more))
    yield "a space behind the method's name", mail(calendar(method="METHOD :REPLY"))
    yield "the method in full-width letters, and right in the mail", mail(calendar(method="ＭＥＴＨＯＤ:REPLY"))
    yield "CR CR LF", mail(REPLY.replace(b"\r\n", b"\r\r\n"))
    yield "CR alone", mail(REPLY.replace(b"\r\n", b"\r"))
    yield "LF alone in the calendar", mail(REPLY.replace(b"\r\n", b"\n"))
    yield "an empty line after each", mail(REPLY.replace(b"\r\n", b"\r\n\r\n"))
    folded = calendar(more="SUMMARY:Kö\nln").replace("ö\r\nln".encode(), b"\xc3\r\n \xb6ln")
    yield "a fold inside a character", mail(folded)
    yield "a fold inside the UID", mail(REPLY.replace(b".1@", b".1\r\n\t@"))
    yield "a fold of CR CR LF", mail(REPLY.replace(b"ACCEPTED", b"ACC\r\r\n EPTED"))
    yield "a fold by an empty line", mail(REPLY.replace(b"ACCEPTED", b"ACC\r\n\r\n EPTED"))
    yield "the UID twice", mail(calendar(uid=f"UID:{asked.MEETING}\nUID:{asked.MEETING}"))
    yield "spaces behind a value", mail(calendar(sequence="SEQUENCE:1  ", dtstamp="DTSTAMP:20270115T121500Z "))


def structures() -> Iterator[tuple[str, bytes]]:
    end, begin = b"END:VCALENDAR\r\n", b"BEGIN:VCALENDAR\r\n"
    footer = b"\r\n-- \r\nThis message and its attachments are confidential.\r\n"
    wrapped = REPLY.replace(b"BEGIN:VEVENT", b"BEGIN:X-A\r\nBEGIN:VEVENT")
    for name, body in (
        ("no end", REPLY.removesuffix(end)),
        ("no end of the event", REPLY.replace(b"END:VEVENT\r\n", b"")),
        ("two ends", REPLY + end),
        ("the end in small letters", REPLY.replace(b"END:V", b"end:v")),
        ("an end of something else", REPLY.replace(b"END:VEVENT", b"END:VALARM")),
        ("ends crossed", REPLY.replace(b"END:VEVENT\r\nEND:VCALENDAR", b"END:VCALENDAR\r\nEND:VEVENT")),
        ("an end first", end + REPLY),
        ("no calendar around it", REPLY.removeprefix(begin)),
        ("a vCard around it", REPLY.replace(b"VCALENDAR", b"VCARD")),
        ("something else around the event", wrapped.replace(b"END:VEVENT", b"END:VEVENT\r\nEND:X-A")),
        ("words before it", b"Hello,\r\n\r\n" + REPLY),
        ("words behind it", REPLY + footer),
        ("the same calendar twice", REPLY * 2),
        ("a byte order mark", b"\xef\xbb\xbf" + REPLY),
        ("200 KB of description", calendar(more="DESCRIPTION:" + "\n ".join(["d" * 70] * 2_900))),
    ):
        yield name, mail(body)


def people() -> Iterator[tuple[str, bytes]]:
    given = 'ATTENDEE;PARTSTAT=NEEDS-ACTION;RSVP=TRUE;DELEGATED-FROM="mailto:bo@example.net":mailto:cleo@example.org'
    for name, attendee in (
        ("quotes behind backslashes in the name", SAID.replace("Bo Ek", r'"Bo \"Bobby\" Ek"')),
        ("quotes in the name", SAID.replace("Bo Ek", 'Bo "the man" Ek')),
        ("a quote that does not end in the name", SAID.replace("Bo Ek", '"Bo')),
        ("a line break in the name", SAID.replace("Bo Ek", '"Bo\nEk"')),
        ("a comma in the name", SAID.replace("Bo Ek", "Ek, Bo")),
        ("a semicolon behind a backslash in the name", SAID.replace("Bo Ek", r"Ek\; Bo")),
        ("half a status in quotes", SAID.replace("CN=Bo Ek", 'SCHEDULE-STATUS="3.7;Invalid";INVALID USER"')),
        ("SENT-BY without quotes", SAID.replace("CN=Bo Ek", "SENT-BY=mailto:bo@example.net")),
        ("spaces behind the semicolons", "ATTENDEE; PARTSTAT=ACCEPTED; CN=Bo Ek:mailto:bo@example.net"),
        ("spaces around the equals signs", "ATTENDEE;PARTSTAT = ACCEPTED;CN = Bo Ek:mailto:bo@example.net"),
        (
            "a space in the answer",
            f"{PLAIN.replace('ACCEPTED', chr(34) + 'ACCEPTED ' + chr(34))}:mailto:bo@example.net",
        ),
        ("a parameter without a value", f"{PLAIN};RSVP;CN=Bo:mailto:bo@example.net"),
        ("the organizer before him", f"ATTENDEE;ROLE=CHAIR;PARTSTAT=ACCEPTED:mailto:{ORGANIZER}\n{SAID}"),
        ("the organizer behind him", f"{SAID}\nATTENDEE;CN=Us;PARTSTAT=NEEDS-ACTION:MAILTO:{ORGANIZER.upper()}"),
        ("no scheme", f"{PLAIN}:bo@example.net"),
        ("no scheme, in brackets", f"{PLAIN}:<bo@example.net>"),
        ("a space behind the scheme", f"{PLAIN};CN=Bo Ek:mailto: bo@example.net"),
        ("the scheme twice", f"{PLAIN}:mailto:mailto:bo@example.net"),
        ("a scheme in brackets", f"{PLAIN}:mailto:<bo@example.net>"),
        ("quotes around the address", f'{PLAIN}:"mailto:bo@example.net"'),
        ("EMAIL beside a number", f"{PLAIN};EMAIL=bo@example.net:urn:uuid:10e51b18-ade7-5448-8033-b658d5dbbbbd"),
        ("EMAIL beside a principal", f'{PLAIN};EMAIL="bo@example.net":/aMTg5MzE0/principal/'),
        ("EMAIL beside nothing", f"{PLAIN};EMAIL=bo@example.net:invalid:nomail"),
        ("a line break between the parameters", f"{PLAIN}\n ;CN=Bo\n :mailto:bo@example.net"),
        ("the same line twice", f"{SAID}\n{SAID}"),
        ("the line of the invitation, too", f"ATTENDEE;RSVP=TRUE;PARTSTAT=NEEDS-ACTION:MAILTO:bo@example.net\n{SAID}"),
        ("the line of the invitation, too, without a status", f"{SAID}\nATTENDEE;RSVP=TRUE:mailto:bo@example.net"),
        ("his line in two spellings", f"{SAID}\n{PLAIN}:MAILTO:Bo@Example.NET"),
        ("two hundred times", "\n".join([SAID] * 200)),
        ("another address of his beside", f"{SAID}\n{PLAIN}:mailto:bo@work.example"),
        ("another address of his before", f"{PLAIN}:mailto:bo@work.example\n{SAID}"),
        ("a mailing list beside", f"ATTENDEE;CUTYPE=GROUP;PARTSTAT=NEEDS-ACTION:mailto:all@example.net\n{SAID}"),
        ("what others said beside", f"ATTENDEE;PARTSTAT=DECLINED:mailto:cleo@example.com\n{SAID}"),
        ("all who are asked", f"ATTENDEE;ROLE=CHAIR;PARTSTAT=ACCEPTED:mailto:{ORGANIZER}\n{OTHERS}\n{SAID}"),
        ("a line of nobody before", f'ATTENDEE;CN="Bo\n{SAID}'),
        ("a directory's name in an address", f"{PLAIN};CN=Bo Ek:MAILTO:{DIRECTORY}"),
        ("EMAIL beside a directory's name", f"{PLAIN};EMAIL=bo@example.net:MAILTO:{DIRECTORY}"),
        ("apostrophes around the address", f"{PLAIN};CN=\"'bo@example.net'\":MAILTO:'bo@example.net'"),
        ("quotes in a remark", f'{PLAIN};X-RESPONSE-COMMENT="I "may" be late; sorry":mailto:bo@example.net'),
        ("a line break in a remark", f'{PLAIN};X-RESPONSE-COMMENT="one thing\nnote: parking?":mailto:bo@example.net'),
        ("a link in a remark", f'{PLAIN};X-RESPONSE-COMMENT="See: https://example.com/test":mailto:bo@example.net'),
        ("a remark in HTML", f'{PLAIN};X-RESPONSE-COMMENT="au&szlig\\;er Haus":mailto:bo@example.net'),
        ("carets in the name", SAID.replace("Bo Ek", "Bo ^'Bobby^' Ek")),
        ("a colon in the name", SAID.replace("Bo Ek", "Bo (Sales: EMEA)")),
        ("a status of delivery without its end", SAID.replace("CN=Bo Ek", "SCHEDULE-STATUS=3.7\\\\;INVALID=")),
    ):
        yield name, mail(calendar(attendee=attendee))
    delegated = f'ATTENDEE;PARTSTAT=DELEGATED;DELEGATED-TO="mailto:cleo@example.org":mailto:bo@example.net\n{given}'
    yield "to whom it was handed on, beside", mail(calendar(attendee=delegated))


def missing() -> Iterator[tuple[str, bytes]]:
    """What is needed and not there, or not right, and stands elsewhere."""
    yield "METHOD in the mail alone", mail(calendar(method=""))
    yield "METHOD without a value", mail(calendar(method="METHOD:"))
    yield "METHOD twice", mail(calendar(method="METHOD:REPLY\nMETHOD:REPLY"))
    yield "METHOD in the event as well", mail(calendar(more="METHOD:REPLY"))
    in_event = calendar(method="", more="METHOD:REPLY")
    yield "METHOD in the event alone", mail(in_event, kind="text/calendar; charset=utf-8")
    yield "METHOD in the event and in the mail", mail(in_event)
    yield "the method of the invitation in the event", mail(calendar(more="METHOD:REQUEST"))
    yield "a date of what has one alone", mail(calendar(more="RECURRENCE-ID;TZID=Europe/Berlin:20270312T090000"))
    yield "a day of what has one alone", mail(calendar(more="RECURRENCE-ID;VALUE=DATE:20270312"))
    yield "a SEQUENCE of a date and time", mail(calendar(sequence="SEQUENCE:2302221158"))
    for name, dtstamp in (
        ("missing", ""),
        ("twice", "DTSTAMP:20270115T121500Z\nDTSTAMP:20270115T121600Z"),
        ("a day", "DTSTAMP;VALUE=DATE:20270115"),
        ("of a thirteenth month", "DTSTAMP:20271301T000000Z"),
        ("of no moment", "DTSTAMP:now"),
    ):
        yield f"DTSTAMP {name}, and a Date", mail(calendar(dtstamp=dtstamp), more=DATE)
    for name, dtstamp in (
        ("without seconds", "20270115T1215Z"),
        ("without Z", "20270115T121500"),
        ("with two Zs", "20270115T121500ZZ"),
        ("in the long spelling", "2027-01-15T12:15:00Z"),
        ("in small letters", "20270115t121500z"),
    ):
        yield f"DTSTAMP {name}", mail(calendar(dtstamp=f"DTSTAMP:{dtstamp}"))
    yield "DTSTAMP in a zone", mail(calendar(dtstamp="DTSTAMP;TZID=Europe/Berlin:20270115T131500"))


def charsets() -> Iterator[tuple[str, bytes]]:
    """What matters is ASCII in all of them."""
    for charset in (
        *("utf-7", "x-unknown", "punycode", "idna", "unicode_escape", "rot13", "hex", "zlib", "bz2", "base64", "uu"),
        *("undefined", "mbcs", "charmap", "utf-32", "hz", "iso-8859-99", "../utf-8", "cp037", "utf-16", "8859_1", ""),
    ):
        yield f"charset {charset!r}, and ASCII", mail(kind=f'{KIND}; charset="{charset}"')
    name = "PRODID:-//Example//Köln//EN".encode()
    for charset, line in (
        ("us-ascii", name),
        ("utf-8", name.decode().encode("latin-1")),
        ("utf-8", name + b"\xc3"),
        ("utf-8", b"PRODID:\xed\xa0\x80"),
        ("ks_c_5601-1987", b"PRODID:\xb1\xe8\xba\xb8"),
        ("iso-8859-8-i", b"PRODID:\xe1\xe5"),
        ("x-sjis", b"PRODID:\x93\xfa\x96{"),
        ("iso-2022-jp", b"PRODID:\x1b$B"),
        ("gb2312", "PRODID:朱镕基".encode("gbk")),
    ):
        body = REPLY.replace(b"PRODID:-//Example//EN", line)
        yield f"charset {charset}, and {line!r}", mail(body, kind=f"{KIND}; charset={charset}")
    wide = REPLY.decode()
    for what, body, charset in (
        ("UTF-16 that says UTF-8", wide.encode("utf-16"), "utf-8"),
        ("UTF-16 the wrong way round", wide.encode("utf-16-be"), "utf-16le"),
        ("UTF-16 without its mark", wide.encode("utf-16-be"), "utf-16"),
        ("half a character of UTF-16", wide.encode("utf-16-le")[:-1], "utf-16le"),
    ):
        yield what, mail(b64encode(body), kind=f"{KIND}; charset={charset}", encoding="base64")
    wide_16 = b64encode(wide.encode("utf-16-le"))
    yield "UTF-16 in base64 that says nothing", mail(wide_16, kind="text/calendar; method=REPLY", encoding="base64")
    yield "two charsets", mail(kind=f"{KIND}; charset=utf-8; charset=utf-16")


def parts() -> Iterator[tuple[str, bytes]]:
    boundary = "=7ea0b6022f2f24b72b654878=10e51b18-ade7-5448-8033-b658d5dbbbbd_="
    whole = packed(HELLO, part(), boundary=boundary)
    plain = f'boundary="{boundary}"'.encode()
    pieces = b"boundary*0*=us-ascii''%3D7ea0b6022f2f24b72b654878%3D10e51b18-ade7-5448-803;\r\n boundary*1*=3-"
    logo = part(b64encode(bytes(230_000)), kind="image/png; name=logo.png", encoding="base64")

    def as_file(body: bytes) -> bytes:
        return part(body, kind='application/ics; name="invite.ics"')

    deep = part()
    for level in range(7):
        deep = inner(deep, boundary=f"b{level + 1}")
    yield from (
        ("a boundary in pieces", whole.replace(plain, pieces + b"b658d5dbbbbd_%3D")),
        (
            "a boundary in escaped pieces",
            whole.replace(plain, b"boundary*=us-ascii''" + boundary.replace("=", "%3D").encode()),
        ),
        ("the invitation beside it", packed(HELLO, part(), part(INVITATION, kind="application/ics"))),
        ("the invitation before it", packed(part(INVITATION, kind="application/ics"), part())),
        ("the invitation as text/calendar", packed(part(INVITATION, kind="text/calendar; method=REQUEST"), part())),
        ("the same calendar with other line ends", packed(part(), part(REPLY.replace(b"\r\n", b"\n")))),
        (
            "the same calendar in base64",
            packed(part(), part(b64encode(REPLY), kind="application/ics", encoding="base64")),
        ),
        ("a gateway's words behind one of two calendars", packed(part(REPLY + b"-- \r\nscanned\r\n"), as_file(REPLY))),
        ("a line more in one of two calendars", packed(part(), as_file(calendar(more="X-A:1")))),
        ("letters lost in one of two calendars", packed(part(calendar(more="SUMMARY:ö")), as_file(REPLY))),
        ("two calendars of two seconds", packed(part(), as_file(calendar(dtstamp="DTSTAMP:20270115T121501Z")))),
        ("a logo of 300 KB", packed(part(), logo)),
        (
            "an attachment of 4 MB",
            packed(part(), part(b"QUFB\r\n" * 700_000, kind="application/pdf", encoding="base64")),
        ),
        ("thirty pictures", packed(part(), *[part(b"AAAA", kind="image/png", encoding="base64")] * 30)),
        ("eight levels", packed(deep)),
        ("a part without a body", packed(b"Content-Type: text/plain", part())),
        ("an octet stream by the name of a calendar", mail(kind='application/octet-stream; name="invite.ics"')),
        ("plain text by the name of a calendar", packed(HELLO, part(kind='text/plain; name="invite.ics"'))),
        (
            "a name in an encoded word",
            packed(HELLO, part(kind='application/octet-stream; name="=?utf-8?B?QW50d29ydC5pY3M=?="')),
        ),
        ("an octet stream without a name", packed(HELLO, part(b64encode(REPLY), kind=STREAM, encoding="base64"))),
        ("an octet stream by a name of two words", packed(HELLO, part(kind=f"{STREAM}; name=My answer.ics"))),
        ("an octet stream with a mark", mail(b64encode(b"\xef\xbb\xbf" + REPLY), kind=STREAM, encoding="base64")),
        (
            "a name in pieces",
            packed(HELLO, part(kind="application/octet-stream; name*0*=utf-8''r%C3%A9ponse; name*1*=.ics")),
        ),
        (
            "an octet stream by the older name",
            packed(HELLO, part(kind='application/octet-stream; name="calendar.vcs"')),
        ),
        (
            "a signature beside",
            packed(
                inner(HELLO, part(), boundary="b1"), part(b"MIAG", kind="application/pkcs7-signature"), kind="signed"
            ),
        ),
        ("the invitation as a mail", packed(HELLO, part(), part(mail(INVITATION), kind="message/rfc822"))),
        ("what is published beside", packed(part(), part(PUBLISHED, kind="text/calendar; method=PUBLISH"))),
        ("a copy without METHOD", packed(part(), part(calendar(method="", more="X-A:1"), kind="application/ics"))),
        ("a component in Content-Type", mail(kind="text/calendar; component=VEVENT; METHOD=Reply; charset=UTF-8")),
        ("a kind of calendar that there is not", packed(HELLO, part(kind='application/x-ics; name="Invite.ICS"'))),
        ("a comment in Content-Type", mail(kind="text/calendar (a calendar); method=REPLY")),
        ("spaces in Content-Type", mail(kind='text/calendar ; charset = "utf-8" ; method = REPLY')),
        ("a Content-Type twice", mail(more="Content-Type: text/calendar; charset=utf-8; method=REPLY")),
        ("base64 without its end", mail(b64encode(REPLY)[:-3], encoding="base64")),
        ("base64 with words behind it", mail(b64encode(REPLY + b" ") + b"=\r\n-- \r\nconfidential", encoding="base64")),
        ("plain text that says base64", mail(encoding="base64")),
        ("an encoding in quotes", mail(b64encode(REPLY), encoding='"base64"')),
        ("quoted-printable", mail(encodestring(REPLY), encoding="Quoted-Printable")),
        (
            "quoted-printable, with a space behind each break",
            mail(encodestring(REPLY).replace(b"=\n", b"= \r\n"), encoding="quoted-printable"),
        ),
        (
            "quoted-printable, with its line ends encoded",
            mail(REPLY.replace(b"=", b"=3D").replace(b"\r\n", b"=0D=0A=\r\n"), encoding="quoted-printable"),
        ),
        ("no encoding that there is", mail(encoding="8-bit")),
        ("uuencode in name alone", mail(encoding="x-uuencode")),
        ("a line of 300 KB", packed(part(), part(b"<p>" + b"a" * 300_000, kind="text/html"))),
    )


def counters() -> Iterator[tuple[str, bytes]]:
    """A COUNTER in place of a REPLY: nothing is proposed."""
    kind = "text/calendar; charset=utf-8; method=COUNTER"
    for name, attendee, times in (
        ("the same time", SAID, "DTSTART;TZID=Europe/Berlin:20270312T090000\nDTEND;TZID=Europe/Berlin:20270312T103000"),
        ("the same time in UTC", SAID, "DTSTART:20270312T080000Z\nDURATION:PT1H30M"),
        ("the moment of the answer", SAID, "DTSTART:20270115T121500Z\nDTEND:20270115T124500Z"),
        ("the same time, with all who are asked", f"{OTHERS}\n{SAID}", "DTSTART:20270312T080000Z\nDURATION:PT1H30M"),
    ):
        counter = calendar(method="METHOD:COUNTER", attendee=attendee, more=times)
        yield f"a proposal of {name}", mail(counter, kind=kind)


def senders() -> Iterator[tuple[str, bytes]]:
    """One reading of From, though a name in it lacks its quotes."""
    for name, sender in (
        ("his own address as the name", "bo@example.net <bo@example.net>"),
        ("his own address as the name, in capitals", "Bo@Example.NET <bo@example.net>"),
        ("a comma in the name", "Ek, Bo <bo@example.net>"),
        ("brackets in the name", "[Sales] Bo Ek <bo@example.net>"),
        ("a comment in a comment", "Bo Ek (Sales (EMEA)) <bo@example.net>"),
        ("a comment behind", "bo@example.net (Bo Ek (Sales))"),
        ("a name and a comment behind", "Bo Ek <bo@example.net> (Sales)"),
    ):
        yield f"From: {name}", mail(sender=f"From: {sender}")


def headers() -> Iterator[tuple[str, bytes]]:
    yield "40 KB of headers", mail(more="X-Anti-Spam:\r\n " + "\r\n ".join(["=?utf-8?B?QUFB?=" * 4] * 600))
    yield "a header of 9 KB", mail(more="X-Anti-Spam: " + "a" * 9_000)
    yield "a Date that is none", mail(more="Date: yesterday")
