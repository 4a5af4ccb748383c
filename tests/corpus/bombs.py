"""What costs whoever reads it: time, memory, or the stack.

All is from Mallory, with SES's blessing for her domain. What a calendar holds besides its answer is in :data:`CARGO`,
for Bo himself may send such a calendar: nobody looks at it.
"""

from __future__ import annotations

from base64 import encodebytes
from collections.abc import Iterator

from tests.corpus import asked
from tests.corpus.case import Case, hostile
from tests.corpus.replies import HELLO, MALLORY, REPLY, SAID, calendar, inner, mail, packed, part

HERS = f"From: {MALLORY}"


def bomb(name: str, raw: bytes, *reasons: str) -> Case:
    return hostile(f"bomb: {name}", raw, *reasons, envelope_sender=MALLORY)


def bombs() -> Iterator[Case]:
    yield from headers()
    yield from parts()
    yield from sizes()
    for name, more in CARGO.items():
        yield bomb(name, mail(calendar(more=more), sender=HERS), "stranger", "line", "size", "unreadable")
    for name, body in calendars():
        yield bomb(name, mail(body, sender=HERS), "unreadable", "line", "several", "attendees", "stranger", "date")


def headers() -> Iterator[Case]:
    folded = "\r\n ".join
    for name, kind, reason in (
        ("200 KB of Content-Type", "text/calendar; " + "a" * 200_000, "header"),
        ("30 KB of Content-Type, folded", folded(["text/calendar;"] + ["a" * 900 + ";"] * 33), "header"),
        ("parameters in Content-Type", "text/calendar" + ";a=b" * 7_000, "header"),
        ("parameters in pieces", "text/calendar" + "".join(f';\r\n name*{n}*="a"' for n in range(1_500)), "header"),
        ("parameters in percents", "text/calendar; name*=utf-8''" + "%41" * 2_500, "header"),
        ("quotes in Content-Type", 'text/calendar;a="' + '\\"' * 3_900, "header"),
        ("quotes that do not end", "text/calendar" + ';a="b' * 400, "stranger"),
        ("semicolons in Content-Type", "text/calendar" + ";" * 1_900, "stranger"),
        ("spaces in Content-Type", "text/calendar" + " " * 1_900 + ";", "stranger"),
        ("brackets in Content-Type", "text/calendar" + "(" * 1_900, "stranger"),
    ):
        yield bomb(name, mail(sender=HERS, kind=kind), reason)
    for name, sender, reason in (
        ("20,000 brackets in From", "(" * 20_000, "header"),
        ("20,000 brackets in From, folded", folded(["(" * 900] * 22), "header"),
        ("2,000 brackets in From", "(" * 2_000, "from"),
        ("quotes in From", '"a" ' * 500, "from"),
        ("quotes in From, then an address", '"a" ' * 400 + f"<{MALLORY}>", "stranger"),
        ("backslashes in From", '"' + "\\" * 1_999, "from"),
        ("comments in From", "(a)" * 600 + "<", "from"),
        ("half comments in From", "(a" * 1_000, "from"),
        ("addresses in From", ",".join(f"a{n}@example.org" for n in range(120)), "from"),
        ("at signs in From", "@" * 2_000, "from"),
        ("dots in From", "bo@" + "." * 2_000, "from"),
        ("a long local part", "b" * 2_000 + "@example.org", "from"),
        ("brackets of both kinds in From", "<>" * 1_000, "from"),
        ("encoded words in From", "=?utf-8?q?a?= " * 140 + f"<{MALLORY}>", "stranger"),
        ("spaces in From", " " * 1_900 + MALLORY, "stranger"),
        ("groups in From", "a:" * 1_000, "from"),
    ):
        yield bomb(name, mail(sender=f"From: {sender}"), reason)
    for name, more, *reasons in (
        ("100,000 headers", "\r\n".join(["X: y"] * 100_000), "header"),
        ("12,000 Froms", "\r\n".join([HERS] * 12_000), "header", "from"),
        ("1,000 Froms", "\r\n".join([HERS] * 1_000), "from"),
        ("1,000 Received", "\r\n".join(["Received: from a by b"] * 1_000), "stranger"),
        ("a header of 30 KB, folded", "X-Long: " + folded(["a" * 900] * 33), "stranger"),
        ("a header of 7 KB", "X-Long: " + "a" * 7_000, "stranger"),
        ("a header of 300 KB", "X-Long: " + "a" * 300_000, "header"),
        ("a header folded 80,000 times", "X-Long: " + "a\r\n " * 80_000, "header"),
        ("a Subject of encoded words", "Subject: " + "=?utf-8?q?a?= " * 500, "stranger"),
        ("a Subject in base64 without an end", "Subject: " + "=?utf-8?b?" + "A" * 7_001 + "?=", "stranger"),
        ("a Subject of question marks", "Subject: " + "=?" * 3_900, "stranger"),
        ("a Subject in a slow charset", "Subject: =?punycode?q?" + "a" * 7_000 + "?=", "stranger"),
        ("References without an end", "References: " + "<" * 7_900, "stranger"),
        ("3,000 References", "References: " + folded(["<a@b>"] * 3_000), "stranger"),
        ("a Date of digits", "Date: " + "9" * 7_000, "stranger"),
    ):
        yield bomb(name, mail(sender=HERS, more=more), *reasons)


def parts() -> Iterator[Case]:
    deep = part()
    for level in range(1_000):
        deep = inner(deep, boundary=f"b{level}")
    chain = part()
    for _ in range(300):
        chain = part(mail(chain, kind="message/rfc822", sender=HERS), kind="message/rfc822")
    eleven = part()
    for level in range(10):
        eleven = inner(eleven, boundary=f"b{level + 1}")
    yield bomb("101 parts", packed(*[HELLO] * 101, sender=HERS), "parts")
    yield bomb("1,000 parts", packed(*[HELLO] * 1_000, sender=HERS), "parts")
    yield bomb("20,000 empty parts", packed(*[b""] * 20_000, sender=HERS), "parts")
    yield bomb("parts in parts", packed(*[inner(*[HELLO] * 12, boundary="b1")] * 12, sender=HERS), "parts")
    yield bomb("eleven levels", packed(eleven, sender=HERS), "depth")
    yield bomb("a thousand levels", packed(deep, sender=HERS), "depth", "size")
    yield bomb("300 mails in mails", mail(chain, kind="message/rfc822", sender=HERS), "size", "calendar")
    yield bomb("60 mails in mails", mail(_nested_mails(60), kind="message/rfc822", sender=HERS), "calendar")
    yield bomb(
        "digests in digests",
        packed(
            inner(inner(HELLO, boundary="b2", kind="digest"), boundary="b1", kind="digest"), kind="digest", sender=HERS
        ),
        "calendar",
    )
    yield bomb(
        "the same boundary at every level",
        packed(inner(inner(HELLO, boundary="b0"), boundary="b0"), sender=HERS),
        "calendar",
        "unreadable",
    )
    yield bomb(
        "boundaries that begin alike", packed(inner(HELLO, boundary="b0b0"), boundary="b0", sender=HERS), "calendar"
    )
    yield bomb("a boundary of 1,900 letters", packed(part(), boundary="b" * 1_900, sender=HERS), "unreadable")
    yield bomb(
        "a boundary of special letters", packed(part(), boundary="(.*)+[a-z]?^$|", sender=HERS), "stranger", "calendar"
    )
    yield bomb(
        "boundaries with spaces behind",
        mail((b"--b0" + b" " * 8_000 + b"x\r\n") * 30, kind="multipart/mixed; boundary=b0", sender=HERS),
        "calendar",
    )
    yield bomb("dashes", mail(b"--\r\n" * 1_300_000, kind="multipart/mixed; boundary=b0", sender=HERS), "parts")
    yield bomb("fields of parts", packed(*[b"X: y\r\n" * 5_000] * 99, sender=HERS), "calendar")
    yield bomb("empty lines", mail(b"\r\n" * 120_000, kind="multipart/mixed; boundary=b0", sender=HERS), "calendar")
    yield bomb(
        "18 calendars of 200 KB", packed(*[part(calendar(more="X-A:b\n" * 28_000))] * 18, sender=HERS), "calendar"
    )
    yield bomb(
        "20 calendars that differ",
        packed(*[part(calendar(more=f"X-A:{n}")) for n in range(18)], sender=HERS),
        "calendar",
    )


def _nested_mails(depth: int) -> bytes:
    found = REPLY
    for _ in range(depth):
        found = HERS.encode() + b"\r\nContent-Type: message/rfc822\r\n\r\n" + found
    return found


def sizes() -> Iterator[Case]:
    page = b"<p>" * 70_000
    yield bomb("a mail of 5 MB", mail(b"x\r\n" * 1_800_000, sender=HERS), "size")
    yield bomb("a mail of 40 MB", mail(b"x\r\n" * 14_000_000, sender=HERS), "size")
    yield bomb("a line of 200 KB", mail(b"x" * 200_000, sender=HERS), "unreadable")
    yield bomb("a line of 5 MB", mail(b"x" * 5_000_000, sender=HERS), "size")
    yield bomb("a calendar of 270 KB", mail(calendar(more="X-A:b\n" * 40_000), sender=HERS), "size")
    yield bomb("a calendar of 5 MB", mail(calendar(more="X-A:b\n" * 700_000), sender=HERS), "size")
    yield bomb(
        "a calendar of 3 MB in base64",
        mail(encodebytes(calendar(more="X-A:b\n" * 400_000)), encoding="base64", sender=HERS),
        "size",
    )
    yield bomb(
        "a calendar of 400 KB in UTF-16, of long letters",
        mail(
            encodebytes(("\u20ac" * 200_000).encode("utf-16")),
            kind="text/calendar; charset=utf-16",
            encoding="base64",
            sender=HERS,
        ),
        "size",
    )
    yield bomb(
        "quoted-printable soft breaks", mail(b"=\r\n" * 80_000, encoding="quoted-printable", sender=HERS), "unreadable"
    )
    yield bomb(
        "quoted-printable equal signs",
        mail(b"=" * 70 + (b"\r\n" + b"=" * 70) * 3_000, encoding="quoted-printable", sender=HERS),
        "unreadable",
        "size",
    )
    yield bomb("base64 of padding", mail(b"====\r\n" * 40_000, encoding="base64", sender=HERS), "unreadable")
    yield bomb("a page of tags", mail(page[:8_000] + b"\r\n" + page[:8_000], kind="text/html", sender=HERS), "calendar")
    yield bomb("a page of open tags", mail(b"<\r\n" * 80_000, kind="text/html", sender=HERS), "calendar")
    yield bomb("a page of entities", mail(b"&amp\r\n" * 40_000, kind="text/html", sender=HERS), "calendar")
    yield bomb("a page of comments", mail(b"<!--\r\n" * 40_000, kind="text/html", sender=HERS), "calendar")
    yield bomb("a page of scripts", mail(b"<script>\r\n" * 24_000, kind="text/html", sender=HERS), "calendar")
    yield bomb("a text of nulls", mail(b"\x00" * 8_000 + b"\r\n", kind="text/plain", sender=HERS), "calendar")


CARGO = {
    "an event every second, for ever": "RRULE:FREQ=SECONDLY",
    "a rule that never matches": "RRULE:FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=30",
    "a rule of a milliard": "RRULE:FREQ=SECONDLY;COUNT=999999999;INTERVAL=999999999",
    "a rule of every part": "RRULE:FREQ=SECONDLY;BYSECOND=" + ",".join(map(str, range(60))) + ";BYSETPOS=-1",
    "a rule of long lists": "RRULE:FREQ=YEARLY;BYYEARDAY=" + ",".join(str(n % 366 + 1) for n in range(1_800)),
    "5,000 rules": "\n".join(["RRULE:FREQ=SECONDLY"] * 3_000),
    "a rule until the year 9999": "RRULE:FREQ=MINUTELY;UNTIL=99991231T235959Z",
    "3,000 dates": "RDATE:" + "\n ".join(["20270312T080000Z,"] * 3_000),
    "3,000 exceptions": "\n".join(["EXDATE:20270312T080000Z"] * 2_000),
    "a period of ages": "RDATE;VALUE=PERIOD:19700101T000000Z/P999999999D",
    "a duration of ages": "DURATION:P99999999999999999999W",
    "a zone with a rule every second": "BEGIN:X-ZONE\nTZID:Europe/Berlin\nRRULE:FREQ=SECONDLY\nEND:X-ZONE",
    "2,000 alarms": "BEGIN:VALARM\nEND:VALARM\n" * 1_900,
    "an alarm repeated a milliard times": "BEGIN:VALARM\nTRIGGER:-PT1S\nREPEAT:999999999\nDURATION:PT1S\nEND:VALARM",
    "components in components": "BEGIN:A\n" * 3_000,
    "an attachment of 40 KB": "ATTACH;ENCODING=BASE64;VALUE=BINARY:" + "\n ".join(["QUFB" * 18] * 550),
    "7,000 parameters": "X-A" + ";B=C" * 1_800 + ":d",
    "a parameter of quotes": "X-A;B=" + '"' * 7_000 + ":d",
    "a parameter of quoted commas": "X-A;B=" + '"",' * 2_400 + ":d",
    "a parameter of commas": "X-A;B=" + "," * 7_000,
    "a parameter of carets": "X-A;B=" + "^" * 7_000 + ":d",
    "a value of backslashes": "SUMMARY:" + "\\" * 7_001,
    "a line folded 15,000 times": "X-A:" + "\n ".join(["b"] * 15_000),
    "a line folded into spaces": "X-A:" + "\n  " * 12_000,
    "a comment of 60 KB": "COMMENT:" + "\n ".join(["c" * 70] * 800),
    "4,000 comments": "COMMENT:c\n" * 4_000,
    "a name of 7,000 letters": "X-" + "A" * 7_000 + ":b",
    "colons": "X-A:" + ":" * 7_000,
    "a date of 5,000 digits": "DTSTART:" + "9" * 5_000,
    "a place in very many zones": "DTSTART;TZID=" + "a/" * 49 + "b:20270312T090000",
    "a zone that climbs": "DTSTART;TZID=../../../../dev/zero:20270312T090000",
    "a zone that is a folder": "DTSTART;TZID=Europe:20270312T090000",
    "a link to everywhere": 'ATTACH:file:///dev/zero\nX-ALT-DESC;ALTREP="http://169.254.169.254/":x',
}
"""Lines of an event that nobody looks at."""


def calendars() -> Iterator[tuple[str, bytes]]:
    yield "20,000 beginnings", b"BEGIN:VCALENDAR\r\n" * 3_800
    yield "20,000 ends", b"END:VCALENDAR\r\n" * 4_000
    yield "3,000 events", calendar(after="BEGIN:VEVENT\nUID:x\nEND:VEVENT\n" * 1_500)
    yield "1,000 attendees", calendar(attendee="\n".join([SAID] * 1_000))
    yield "an attendee of 7 KB", calendar(attendee="ATTENDEE;PARTSTAT=ACCEPTED:mailto:" + "%" * 7_000)
    yield "an attendee of percents", calendar(attendee="ATTENDEE;PARTSTAT=ACCEPTED:mailto:" + "%41" * 2_400)
    yield "letters that fold to many", calendar(attendee="ATTENDEE;PARTSTAT=ACCEPTED:mailto:" + "ﷺ" * 2_000)
    yield "a domain of many labels", calendar(attendee="ATTENDEE;PARTSTAT=ACCEPTED:mailto:bo@" + "a." * 150 + "net")
    yield from zones()


def zones() -> Iterator[tuple[str, bytes]]:
    """Very many times, each in a zone that takes long to find, or to look into."""

    def starts(tzid: str, number: int) -> str:
        return "\n".join(f"DTSTART;TZID={tzid}:{2000 + each}0101T000000" for each in range(number))

    def answers(tzid: str, number: int, zone: str = "") -> bytes:
        """To 24 dates, each of which has as many starts."""
        event = f"END:VEVENT\nBEGIN:VEVENT\nUID:{asked.WEEKLY}\nDTSTAMP:20270115T121500Z\n{SAID}\n"
        event += "RECURRENCE-ID:20270312T08{:02}00Z\n"
        more = "\n".join(event.format(each) + starts(tzid, number) for each in range(24))
        return calendar(uid=f"UID:{asked.WEEKLY}", more=more, after=zone)

    rule = "RRULE:FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=30"
    offsets = "TZOFFSETFROM:+0100\nTZOFFSETTO:+0200"
    rules = "".join(
        f"BEGIN:STANDARD\nDTSTART:{1600 + each}0101T000000\n{offsets}\n{rule}\nEND:STANDARD\n" for each in range(299)
    )
    yield "2,400 times in a zone of 299 rules", answers("Z", 100, f"BEGIN:VTIMEZONE\nTZID:Z\n{rules}END:VTIMEZONE")
    broken = f"BEGIN:VTIMEZONE\nTZID:Z\n{rules}BEGIN:STANDARD\nDTSTART:x\nEND:STANDARD\nEND:VTIMEZONE"
    yield "2,400 times in a zone that cannot be read", answers("Z", 100, broken)
    yield "1,400 times in a zone of many parts", answers("a/" * 49 + "b", 60)
    others = "\n".join(f"DTSTAMP;TZID={'a/' * 48}{each}:20270312T090000" for each in range(490))
    yield "490 times in as many zones of many parts", calendar(uid=f"UID:{asked.WEEKLY}", more=others)
