"""What somebody writes who counts on our leniency: what we pass over, put right, or take for the same.

Where nothing else is said they come from Mallory, whose own domain passes every check of SES's, or, as she would have
it, from Bo; she knows the UID. What a mail of Bo's own holds that somebody else put there is here, too.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from tests.corpus import asked
from tests.corpus.case import Case, hostile
from tests.corpus.replies import HELLO, MALLORY, REPLY, SAID, calendar, inner, mail, packed, part

HERS = f"From: Mallory <{MALLORY}>"
DECLINED = SAID.replace("ACCEPTED", "DECLINED")
NO = calendar(attendee=DECLINED)
BY_ORGANIZER = "ATTENDEE;PARTSTAT=ACCEPTED:mailto:events@convoke.example.com"
BY_MALLORY = f"ATTENDEE;PARTSTAT=ACCEPTED:mailto:{MALLORY}"


def leniencies() -> Iterator[Case]:
    yield from names()
    yield from spellings()
    yield from attendees()
    yield from together()
    yield from proxies()
    yield from google()
    yield from calendars()
    yield from attached()
    yield from zones()


# --- From, of which a name may lack its quotes --------------------------------------------------------------------

LOOSE = {
    "his address as the name": f"bo@example.net <{MALLORY}>",
    "his address and a comma": f"bo@example.net, <{MALLORY}>",
    "a comma, then his address": f"Ek, bo@example.net <{MALLORY}>",
    "his address with a tag as the name": f"bo+x@example.net <{MALLORY}>",
    "hers as the name of his": f"{MALLORY} <bo@example.net>",
    "hers behind a comma": f"Ek, {MALLORY} <bo@example.net>",
    "hers in a comment in a comment": f"Bo (a ({MALLORY})) <{MALLORY}>",
    "his in a comment in a comment": f"Mallory (a (<bo@example.net>)) <{MALLORY}>",
    "a comment that ends too soon": f"Bo (a (b) <bo@example.net>) <{MALLORY}>)",
    "a comment that ends too late": f"(Bo (a) <bo@example.net> <{MALLORY}>",
    "his address in brackets as the name": f"[bo@example.net] <{MALLORY}>",
    "his address in square brackets alone": "Bo [Sales] <bo@example.net> <x@example.org>",
    "two in brackets and a comma": f"Ek, Bo <bo@example.net>, <{MALLORY}>",
    "a quote in the middle": f'Bo " <bo@example.net> " <{MALLORY}>',
    "a quote that opens alone": f'Bo " <bo@example.net> <{MALLORY}>',
    "a backslash before the bracket": f"Bo \\<bo@example.net\\> <{MALLORY}>",
    "a bracket behind": f"<{MALLORY}> <bo@example.net",
    "words behind": f"<{MALLORY}> bo@example.net",
    "his behind in a comment": f"<{MALLORY}> (<bo@example.net>)",
    "hers behind in a comment": f"Bo <bo@example.net> ({MALLORY})",
    "hers behind in a comment in brackets": f"Bo <bo@example.net> (x\\<{MALLORY}>)",
    "two comments behind": "Bo <bo@example.net> (a) (b)",
    "a semicolon": f"bo@example.net; {MALLORY}",
    "a colon": f"bo@example.net: {MALLORY}",
    "folded between": f"bo@example.net\r\n <{MALLORY}>",
    "folded in the address": "Bo <bo@exam\r\n ple.net>, <x@example.org>",
    "a name of another in an encoded word": f"=?utf-8?q?Ek=2C?= bo@example.net <{MALLORY}>",
}


def names() -> Iterator[Case]:
    for name, value in LOOSE.items():
        yield hostile(f"leniency, From: {name}", mail(sender=f"From: {value}"), envelope_sender=MALLORY, dmarc="GRAY")
        if MALLORY in value:
            raw = mail(calendar(attendee=BY_MALLORY), sender=f"From: {value}")
            yield hostile(f"leniency, From: {name}, for herself", raw, envelope_sender=MALLORY)


# --- addresses that are nearly the same ---------------------------------------------------------------------------

NEARLY = (
    "b.o@example.net",
    "bo.@example.net",
    ".bo@example.net",
    "bo+@example.org",
    "bo+example.net@example.org",
    "bo+x@mail.example.net",
    "bo+x@example.net.example.org",
    "bo+x@notexample.net",
    "+bo@example.net",
    "+@example.net",
    "bo-x@example.net",
    "bo=x@example.net",
    "bo_x@example.net",
    "x+bo@example.net",
    "bo%2bx@example.net",
    "bo@gmail.com",
    "bo@googlemail.com",
    "bo@example.net+x",
)


def spellings() -> Iterator[Case]:
    for address in NEARLY:
        for whose, attendee in (("his", SAID), ("its own", f"ATTENDEE;PARTSTAT=ACCEPTED:mailto:{address}")):
            raw = mail(calendar(attendee=attendee), sender=f"From: <{address}>")
            yield hostile(f"leniency, {address}, ATTENDEE {whose}", raw, envelope_sender=address)
    tag = "bo+x@example.net"
    tagged: tuple[tuple[str, dict[str, Any]], ...] = (
        ("no DMARC policy", {"dmarc": "GRAY"}),
        ("DMARC fails", {"dmarc": "FAIL"}),
        ("another passed it on", {"envelope_sender": MALLORY}),
        ("a host of its domain passed it on", {"envelope_sender": "bo@mail.example.net"}),
        ("SPF alone, of another domain", {"dmarc": "GRAY", "envelope_sender": MALLORY}),
    )
    for name, said in tagged:
        yield hostile(f"leniency, a tag: {name}", mail(sender=f"From: {tag}"), **({"envelope_sender": tag} | said))
    other = f"ATTENDEE;PARTSTAT=DECLINED;EMAIL=bo@example.net:mailto:{tag}x"
    yield hostile("leniency, a tag of another domain as ATTENDEE", mail(calendar(attendee=other)), "attendee")


# --- ATTENDEE, which may be written oddly or be left out ----------------------------------------------------------

ODDLY = {
    "without a scheme": "ATTENDEE;PARTSTAT=ACCEPTED:bo@example.net",
    "with EMAIL": "ATTENDEE;PARTSTAT=ACCEPTED;EMAIL=bo@example.net:urn:uuid:272c501f",
    "EMAIL against its own": f"ATTENDEE;PARTSTAT=ACCEPTED;EMAIL=bo@example.net:mailto:{MALLORY}",
    "with a delegate beside": f"{SAID.replace('ACCEPTED', 'DELEGATED')}\nATTENDEE;DELEGATED-FROM=x:mailto:{MALLORY}",
    "as the delegate": f'ATTENDEE;PARTSTAT=ACCEPTED;DELEGATED-FROM="mailto:bo@example.net":mailto:{MALLORY}',
    "as the delegate beside": f"{SAID}\nATTENDEE;PARTSTAT=ACCEPTED;DELEGATED-FROM=x:mailto:{MALLORY}",
    "both, hers a delegate's": f"{DECLINED}\nATTENDEE;PARTSTAT=DELEGATED;DELEGATED-FROM=x:mailto:{MALLORY}",
    "left out": "",
    "in a broken line": "ATTENDEE PARTSTAT=ACCEPTED:mailto:bo@example.net",
    "with a broken parameter": 'ATTENDEE;PARTSTAT=ACCEPTED;CN="Bo:mailto:bo@example.net',
    "cut by a raw line break": "ATTENDEE;PARTSTAT=ACCEPTED;CN=Bo\nEk:mailto:bo@example.net",
    "in angle brackets": "ATTENDEE;PARTSTAT=ACCEPTED:<bo@example.net>",
    "twice, one broken": f"{BY_MALLORY}\nATTENDEE_X;PARTSTAT=ACCEPTED:mailto:bo@example.net",
}


def attendees() -> Iterator[Case]:
    for name, attendee in ODDLY.items():
        yield hostile(
            f"leniency, ATTENDEE: {name}",
            mail(calendar(attendee=attendee), sender=HERS),
            envelope_sender=MALLORY,
        )


OF_HIS_HOUSE = "ATTENDEE;PARTSTAT=ACCEPTED:mailto:bo@work.example"
DIRECTORY = "MAILTO:IMCEAEX-_O=X_CN=BO@EURPRD05.EXAMPLE"
SAME_TIME = "DTSTART:20270312T080000Z\nDURATION:PT1H30M"


def together() -> Iterator[Case]:
    """She is named beside him, or nobody is, or nothing is proposed: it is an answer of whoever sends it, not his."""
    hers: dict[str, Any] = {"sender": HERS}
    counter = {"kind": "text/calendar; method=COUNTER"}
    for name, raw in (
        ("his and hers", mail(calendar(attendee=f"{SAID}\n{BY_MALLORY}"), **hers)),
        ("hers and his", mail(calendar(attendee=f"{BY_MALLORY}\n{SAID}"), **hers)),
        ("his twice", mail(calendar(attendee=f"{SAID}\n{SAID}"), **hers)),
        ("his, and hers says nothing", mail(calendar(attendee=f"{SAID}\nATTENDEE:mailto:{MALLORY}"), **hers)),
        ("his two addresses", mail(calendar(attendee=f"{SAID}\n{OF_HIS_HOUSE}"), **hers)),
        ("a directory's name", mail(calendar(attendee=f"ATTENDEE;PARTSTAT=ACCEPTED:{DIRECTORY}"), **hers)),
        ("his in apostrophes", mail(calendar(attendee="ATTENDEE;PARTSTAT=ACCEPTED:'bo@example.net'"), **hers)),
        (
            "hers in apostrophes, his behind",
            mail(calendar(attendee=f"ATTENDEE;PARTSTAT=ACCEPTED:mailto:'{MALLORY}'bo@example.net"), **hers),
        ),
        ("METHOD in the event", mail(calendar(method="", more="METHOD:REPLY"), kind="text/calendar", **hers)),
        ("a proposal of the same time", mail(calendar(method="METHOD:COUNTER", more=SAME_TIME), **counter, **hers)),
        (
            "a proposal of the same time, for both",
            mail(
                calendar(method="METHOD:COUNTER", attendee=f"{SAID}\n{BY_MALLORY}", more=SAME_TIME), **counter, **hers
            ),
        ),
        ("the one date", mail(calendar(more="RECURRENCE-ID:20270312T080000Z"), **hers)),
        ("no SEQUENCE that there is", mail(calendar(sequence="SEQUENCE:-1"), **hers)),
        ("an octet stream", mail(kind="application/octet-stream", **hers)),
        ("a broken name that takes his", mail(calendar(attendee=f'ATTENDEE;CN="Eve\nX-A;{SAID[9:]}'), **hers)),
    ):
        yield hostile(f"leniency, together: {name}", raw, envelope_sender=MALLORY)
    for name, attendee, *reasons in (
        (
            "a no in a remark",
            f'{SAID[:-22]};X-RESPONSE-COMMENT="a";PARTSTAT=DECLINED;X="b":mailto:bo@example.net',
            "partstat",
        ),
        ("hers alone in apostrophes", f"ATTENDEE;PARTSTAT=ACCEPTED:'{MALLORY}'", "attendee"),
        ("an apostrophe in front", "ATTENDEE;PARTSTAT=ACCEPTED:mailto:'bo@example.net", "attendee"),
        ("a mailbox whose name begins so", f"ATTENDEE;PARTSTAT=ACCEPTED:mailto:imceaex-bo@{MALLORY[8:]}", "attendee"),
        ("hers beside a directory's name", f"{BY_MALLORY}\nATTENDEE;PARTSTAT=ACCEPTED:{DIRECTORY}", "attendees"),
    ):
        yield hostile(f"leniency, together, from Bo: {name}", mail(calendar(attendee=attendee)), *reasons)


# --- in his name ----------------------------------------------------------------------------------------------------


def proxies() -> Iterator[Case]:
    """Another of his house, or one who says so."""

    def said(by: str, partstat: str = "ACCEPTED", more: str = "") -> str:
        return f'ATTENDEE;PARTSTAT={partstat};SENT-BY="mailto:{by}"{more}:mailto:bo@example.net'

    cleo = "cleo@example.net"
    for name, submitter, attendee in (
        ("nobody named", cleo, SAID),
        ("a no", cleo, said(cleo, "DECLINED")),
        ("perhaps", cleo, said(cleo, "TENTATIVE")),
        ("handed on", cleo, said(cleo, "DELEGATED")),
        ("another named", cleo, said("dora@example.net")),
        ("himself named", cleo, said("bo@example.net")),
        ("named of another domain", cleo, said("cleo@example.org")),
        ("named with a tag", cleo, said("cleo+x@example.net")),
        ("named in a name", cleo, SAID.replace("CN=Bo Ek", f'CN="SENT-BY=mailto:{cleo}"')),
        ("named in a parameter of another name", cleo, SAID.replace("CN=", f'X-SENT-BY="mailto:{cleo}";CN=')),
        ("named as the organizer's", cleo, f'{SAID}\nX-ORGANIZER;SENT-BY="mailto:{cleo}":mailto:bo@example.net'),
        ("for somebody else", cleo, said(cleo).replace("mailto:bo@", "mailto:dora@")),
        ("for nobody", cleo, ""),
        ("for his other address", cleo, said(cleo).replace("mailto:bo@", "mailto:bo+x@")),
        ("two submitters", f"{cleo}, bo@example.net", said(cleo)),
        ("a submitter with a loose name", f"bo@example.net <{cleo}>", said("bo@example.net")),
    ):
        raw = mail(calendar(attendee=attendee), more=f"Sender: {submitter}")
        yield hostile(f"leniency, in his name: {name}", raw, envelope_sender=cleo)
    unproven: tuple[tuple[str, dict[str, Any]], ...] = (
        ("DMARC fails", {"dmarc": "FAIL"}),
        ("no policy, from elsewhere", {"dmarc": "GRAY", "envelope_sender": MALLORY}),
    )
    for name, verdicts in unproven:
        raw = mail(calendar(attendee=said(cleo)), more=f"Sender: {cleo}")
        yield hostile(f"leniency, in his name: {name}", raw, **verdicts)
    counter = calendar(method="METHOD:COUNTER", attendee=said(cleo), more="DTSTART:20270312T140000Z\nDURATION:PT1H")
    raw = mail(counter, more=f"Sender: {cleo}", kind="text/calendar; method=COUNTER")
    yield hostile("leniency, in his name: another time", raw, "sender")
    same = calendar(method="METHOD:COUNTER", attendee=said(cleo), more=SAME_TIME)
    raw = mail(same, more=f"Sender: {cleo}", kind="text/calendar; method=COUNTER")
    yield hostile("leniency, in his name: the same time", raw, "sender")
    for name, attendee in (
        ("once in two lines", f"{said(cleo)}\n{SAID}"),
        ("a no beside her own yes", f"{said(cleo, 'DECLINED')}\nATTENDEE;PARTSTAT=ACCEPTED:mailto:{cleo}"),
    ):
        raw = mail(calendar(attendee=attendee), more=f"Sender: {cleo}")
        yield hostile(f"leniency, in his name: {name}", raw, envelope_sender=cleo)
    hers = mail(calendar(attendee=said(MALLORY)), sender=HERS, more=f"Sender: {MALLORY}")
    yield hostile("leniency, in his name: from her own domain", hers, "stranger", envelope_sender=MALLORY)


# --- as if by Google ------------------------------------------------------------------------------------------------

ENVELOPE = "3xs9k@calendar-server.bounces.google.com"
RECEIVED = (
    "Received: from mail-lf1-f202.google.com (mail-lf1-f202.google.com [192.0.2.25])"
    " by inbound-smtp.eu-central-1.amazonaws.com with SMTP id 0000000000000000ses for e@convoke.example.com; now"
)
SPF = f"spf=pass (spfCheck: a) client-ip=192.0.2.25; envelope-from={ENVELOPE}; helo=mail-lf1-f202.google.com;"
RESULTS = f"Authentication-Results: amazonses.com; {SPF} dkim=pass header.i=@google.com;"
OTHERS = RESULTS.replace("google.com;", "example.org;").replace("helo=mail-lf1-f202.example.org", "helo=a.google.com")
RECEIPT = "X-SES-RECEIPT: QUFB"
BY_GOOGLE = "From: Bo Ek <bo@example.net>\r\nSender: Google Calendar <calendar-notification@google.com>"

ON_TOP = {
    "nothing of SES's": (),
    "results alone": (RESULTS,),
    "results and receipt": (RESULTS, RECEIPT),
    "results below the receipt": (RECEIVED, RECEIPT, RESULTS),
    "results above Received": (RESULTS, RECEIVED, RECEIPT),
    "no receipt": (RECEIVED, RESULTS),
    "another id": (RECEIVED.replace("0ses", "1ses"), RESULTS, RECEIPT),
    "her server": (RECEIVED.replace("mail-lf1-f202.google.com", "mail.example.org"), RESULTS, RECEIPT),
    "her server that calls itself Google's": (
        RECEIVED.replace("(mail-lf1-f202.google", "(x.example"),
        RESULTS,
        RECEIPT,
    ),
    "a host that ends so": (RECEIVED.replace("f202.google.com", "f202.notgoogle.com"), RESULTS, RECEIPT),
    "another receiver": (RECEIVED.replace("amazonaws.com", "amazonaws.com.example.org"), RESULTS, RECEIPT),
    "hers twice": (RECEIVED, RESULTS, RESULTS, RECEIPT),
    "hers and SES's": (RECEIVED, RESULTS, OTHERS, RECEIPT),
    "SES's and hers": (RECEIVED, OTHERS, RESULTS, RECEIPT),
    "SES's, then hers below": (RECEIVED, OTHERS, RECEIPT, RESULTS),
    "SES's, then all of hers below": (RECEIVED, OTHERS, RECEIPT, RECEIVED, RESULTS, RECEIPT),
    "a field of hers between": (RECEIVED, "X-Note: x", RESULTS, RECEIPT),
    "another authority": (RECEIVED, RESULTS.replace("amazonses.com", "mx.google.com"), RECEIPT),
    "another authority that begins so": (RECEIVED, RESULTS.replace("amazonses.com", "amazonses.com.example"), RECEIPT),
    "the signature in a comment": (RECEIVED, OTHERS.replace("(spf", "(dkim=pass header.i=@google.com; spf"), RECEIPT),
    "the signature in helo": (RECEIVED, OTHERS.replace("helo=", "helo=x; dkim=pass header.i=@google.com;"), RECEIPT),
    "the signature in the envelope": (
        RECEIVED,
        OTHERS.replace("from=3xs9k", 'from="a; dkim=pass header.i=@google.com;"3xs9k'),
        RECEIPT,
    ),
    "a signature of a domain that ends so": (RECEIVED, RESULTS.replace("i=@google", "i=@notgoogle"), RECEIPT),
    "a signature of a domain below": (RECEIVED, RESULTS.replace("i=@google", "i=@x.google"), RECEIPT),
    "a signature of a domain that begins so": (RECEIVED, RESULTS.replace("@google.com", "@google.com.a"), RECEIPT),
    "a signature that fails": (RECEIVED, RESULTS.replace("dkim=pass", "dkim=fail"), RECEIPT),
    "a signature in another property": (RECEIVED, RESULTS.replace("header.i=@", "header.b="), RECEIPT),
    "a domain's own signature alone": (RECEIVED, RESULTS.replace("@google.com", "@x.gappssmtp.com"), RECEIPT),
    "folded into one field": (RECEIVED, f"X-Note: a\r\n {RESULTS}", RECEIPT),
    "in small letters, twice": (RECEIVED, RESULTS, RECEIPT, RESULTS.lower()),
}


def google() -> Iterator[Case]:
    """The headers that SES would write, as far as Mallory can bring about what it says of them."""
    verdicts: dict[str, Any] = {"dmarc": "GRAY", "dkim": "PASS", "envelope_sender": ENVELOPE}
    whole = (RECEIVED, RESULTS, RECEIPT)
    for name, top in ON_TOP.items():
        raw = mail(sender="\r\n".join((*top, BY_GOOGLE)))
        yield hostile(f"leniency, as if by Google: {name}", raw, "envelope", **verdicts)
    for name, said in (
        ("SES says that no signature holds", {"dkim": "FAIL"}),
        ("SES says nothing of signatures", {"dkim": ""}),
        ("another envelope sender", {"envelope_sender": MALLORY}),
        ("the domain refuses it", {"dmarc": "FAIL", "dmarc_policy": "reject"}),
        ("the domain doubts it", {"dmarc": "FAIL", "dmarc_policy": "quarantine"}),
        ("SES does not know", {"dmarc": "PROCESSING_FAILED"}),
        ("spam", {"spam": "FAIL"}),
        ("a virus", {"virus": "FAIL"}),
    ):
        yield hostile(
            f"leniency, as if by Google: {name}", mail(sender="\r\n".join((*whole, BY_GOOGLE))), **(verdicts | said)
        )
    for name, sender, body in (
        ("a no", BY_GOOGLE, NO),
        ("in the name of another", BY_GOOGLE.replace("bo@", "cleo@"), REPLY),
        ("a no, in two lines", BY_GOOGLE, calendar(attendee=f"{DECLINED}\n{DECLINED}")),
        ("for another", BY_GOOGLE, calendar(attendee=BY_MALLORY)),
        ("for nobody", BY_GOOGLE, calendar(attendee="")),
        ("another Sender", BY_GOOGLE.replace("calendar-notification", "drive-shares-noreply"), REPLY),
        ("no Sender", BY_GOOGLE.partition("\r\n")[0], REPLY),
        ("a Sender's name", BY_GOOGLE.replace("Google Calendar <", '"').replace(">", f'" <{MALLORY}>'), REPLY),
        ("with a tag", BY_GOOGLE.replace("bo@", "bo+x@"), REPLY),
    ):
        raw = mail(body, sender="\r\n".join((*whole, sender)))
        yield hostile(f"leniency, as if by Google: {name}", raw, **verdicts)


# --- calendars that are read leniently ------------------------------------------------------------------------------


def _two(one: str, other: str, **changes: str) -> bytes:
    """Two events in one calendar."""
    return calendar(uid=f"UID:{one}", after=f"BEGIN:VEVENT\nUID:{other}\n{SAID}\nEND:VEVENT", **changes)


def calendars() -> Iterator[Case]:
    hers: dict[str, Any] = {"sender": HERS}
    cleo: dict[str, Any] = {"sender": "From: cleo@example.com"}
    own = f"UID:{asked.CLEO_S}"
    as_cleo = SAID.replace("bo@example.net", "cleo@example.com")
    for name, raw in (
        ("two UIDs, hers of nothing", mail(_two(asked.MEETING, asked.UNKNOWN), **hers)),
        ("two UIDs, Cléo's first", mail(_two(asked.CLEO_S, asked.MEETING, attendee=as_cleo), **cleo)),
        ("two UIDs, Cléo's last", mail(_two(asked.MEETING, asked.CLEO_S), **cleo)),
        ("two UIDs in one event", mail(calendar(uid=f"{own}\nUID:{asked.MEETING}", attendee=as_cleo), **cleo)),
        ("his UID by Cléo for herself", mail(calendar(attendee=as_cleo), **cleo)),
        ("his UID by Cléo for nobody", mail(calendar(attendee=""), **cleo)),
        ("Cléo's UID by Cléo for him", mail(calendar(uid=own), **cleo)),
        ("his UID folded into hers", mail(calendar(uid=f"{own}\n UID:{asked.MEETING}", attendee=as_cleo), **cleo)),
        ("his UID behind a raw break", mail(calendar(uid=f"X-A:b\nc\nUID:{asked.MEETING}"), **hers)),
        ("his answer in another component", mail(REPLY.replace(b"VEVENT", b"VTODO"), **hers)),
        ("his answer without an end", mail(REPLY.partition(b"END:")[0], **hers)),
        ("his answer behind the end", mail(calendar(uid=f"UID:{asked.UNKNOWN}") + REPLY, **hers)),
        ("his answer before the beginning", mail(REPLY[17:] + REPLY, **hers)),
        ("lines that end in CR CR LF", mail(REPLY.replace(b"\r\n", b"\r\r\n"), **hers)),
        ("lines that end in CR", mail(REPLY.replace(b"\r\n", b"\r"), **hers)),
        ("a null in the UID", mail(calendar(uid=f"UID:{asked.MEETING[:9]}\x00{asked.MEETING[9:]}"), **hers)),
        ("a charset nobody knows", mail(kind="text/calendar; charset=x-none; method=REPLY", **hers)),
        (
            "a charset that is another",
            mail(REPLY.decode().encode("utf-16"), kind="text/calendar; method=REPLY", **hers),
        ),
        ("no METHOD but the part's", mail(calendar(method=""), **hers)),
        ("no DTSTAMP but the mail's", mail(calendar(dtstamp=""), more="Date: Fri, 15 Jan 2027 12:00:00 +0000", **hers)),
        ("the UID in the text alone", packed(part(b"about " + asked.MEETING.encode(), kind="text/plain"), **hers)),
        (
            "the UID in a reference alone",
            mail(b"hello", kind="text/plain", more=f"References: <{asked.MEETING}>", **hers),
        ),
    ):
        envelope = "cleo@example.com" if b"From: cleo@" in raw else MALLORY
        yield hostile(f"leniency, calendar: {name}", raw, envelope_sender=envelope)
    for name, raw in (
        ("METHOD against the part's", mail(kind="text/calendar; method=COUNTER")),
        ("a CANCEL in a part that says REPLY", mail(calendar(method="METHOD:CANCEL"))),
        ("two METHODs", mail(calendar(method="METHOD:REPLY\nMETHOD:REQUEST"))),
        (
            "two people in two events",
            mail(_two(asked.MEETING, asked.MEETING).replace(b"mailto:bo@", b"mailto:eve@", 1)),
        ),
        (
            "yes and no in two events",
            mail(calendar(after=f"BEGIN:VEVENT\nUID:{asked.MEETING}\n{DECLINED}\nEND:VEVENT")),
        ),
        ("two people, one delegated", mail(calendar(attendee=f"{SAID}\nATTENDEE;DELEGATED-FROM=x:mailto:{MALLORY}"))),
        ("two statuses in one line", mail(calendar(attendee=SAID.replace(";CN", ";PARTSTAT=DECLINED;CN")))),
        ("the organizer's answer beside another's", mail(calendar(attendee=f"{BY_MALLORY}\n{BY_ORGANIZER}"))),
        ("the organizer's answer twice", mail(calendar(attendee=f"{BY_ORGANIZER}\n{BY_ORGANIZER}"))),
        ("two answers of one", mail(calendar(attendee=f"{SAID}\n{DECLINED}"))),
        ("an answer to all that follow", mail(calendar(more="RECURRENCE-ID;RANGE=THISANDFUTURE:20270312T080000Z"))),
        ("DTSTAMP of next year", mail(calendar(dtstamp="DTSTAMP:20280101T000000Z"))),
        ("Date of next year", mail(calendar(dtstamp=""), more="Date: Sat, 1 Jan 2028 12:00:00 +0000")),
    ):
        yield hostile(f"leniency, calendar: {name}", raw)


def attached() -> Iterator[Case]:
    """Bo's own answer, and another that a mailing host or Mallory put beside it, by which his signature still holds."""
    yes, no = part(), part(NO)
    quoted = part(NO.replace(b"=", b"=3D"), encoding="quoted-printable")
    for name, raw in (
        ("a no behind a yes", packed(yes, no)),
        ("a yes behind a no", packed(no, yes)),
        ("a no as a file", packed(yes, part(NO, kind="application/ics; name=invite.ics"))),
        ("a no of the old kind", packed(yes, part(NO, kind="text/x-vcalendar"))),
        ("a no in another encoding", packed(yes, quoted)),
        ("a no deeper", packed(yes, inner(HELLO, no, boundary="b1"))),
        ("a no of another charset", packed(yes, part(NO, kind="text/calendar; charset=x-none; method=REPLY"))),
        ("a no without METHOD", packed(yes, part(calendar(method="", attendee=DECLINED)))),
        ("another date", packed(yes, part(calendar(more="RECURRENCE-ID:20270312T080000Z")))),
        ("another number", packed(yes, part(calendar(sequence="SEQUENCE:0")))),
        ("in somebody's name", packed(yes, part(calendar(attendee=SAID.replace("CN=", "SENT-BY=mailto:x@y.z;CN="))))),
        ("another UID", packed(yes, part(calendar(uid=f"UID:{asked.WEEKLY}")))),
        ("another person's", packed(yes, part(calendar(attendee=BY_MALLORY)))),
        ("a proposal", packed(yes, part(calendar(method="METHOD:COUNTER"), kind="text/calendar; method=COUNTER"))),
    ):
        yield hostile(f"leniency, attached: {name}", raw)
    yield hostile("leniency, attached: with his signature broken", packed(yes, no), dmarc="FAIL")
    yield hostile("leniency, attached: in a mail of hers", packed(yes, no, sender=HERS), envelope_sender=MALLORY)


def zones() -> Iterator[Case]:
    """Zones that say lies: a date of the series is named only by a zone that is not what its name says."""

    def lying(tzid: str, moment: str, offset: str = "-0400", more: str = "") -> bytes:
        standard = f"BEGIN:STANDARD\nDTSTART:19700101T000000\nTZOFFSETFROM:{offset}\nTZOFFSETTO:{offset}\nEND:STANDARD"
        zone = f"BEGIN:VTIMEZONE\nTZID:{tzid}\n{more}{standard}\nEND:VTIMEZONE"
        return mail(
            calendar(
                uid=f"UID:{asked.WEEKLY}",
                more=f"RECURRENCE-ID;TZID={tzid}:{moment}",
                after=zone,
            )
        )

    for name, raw in (
        ("Berlin's name, New York's clock", lying("Europe/Berlin", "20270319T040000")),
        ("Windows' name, another clock", lying("W. Europe Standard Time", "20270319T040000")),
        ("UTC's name, another clock", lying("UTC", "20270319T040000")),
        ("Microsoft's UTC, another clock", lying("tzone://Microsoft/Utc", "20270319T040000")),
        ("a clock of more than a day", lying("Custom", "20270321T080000", "+4800")),
        ("a clock that is none", lying("Custom", "20270319T040000", "-99")),
        ("two zones of one name", lying("Custom", "20270319T040000") + lying("Custom", "20270319T040000", "+0000")),
        (
            "a zone that nobody names",
            mail(calendar(uid=f"UID:{asked.WEEKLY}", more="RECURRENCE-ID;TZID=X:20270319T040000")),
        ),
        ("a zone without rules", lying("Custom", "20270319T040000").replace(b"STANDARD", b"X-A")),
    ):
        yield hostile(f"leniency, zone: {name}", raw)
