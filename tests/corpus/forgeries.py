"""What somebody else writes who wants to be taken for Bo, and what Bo's own answers must not do.

Mallory has a domain of her own, with DMARC, DKIM and SPF in perfect order: SES's verdicts are hers to pass. She knows the
UID, for Bo forwarded his invitation.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime

from convoke.model import Participation, RegistrationStatus, Reply
from tests.corpus import asked
from tests.corpus.case import Case, hostile
from tests.corpus.replies import MALLORY, REPLY, SAID, calendar, mail, packed, part


def forgeries() -> Iterator[Case]:
    yield from senders()
    yield from submitters()
    yield from verdicts()
    yield from injected()
    yield from uids()
    yield from attendees()
    yield from methods()
    yield from partstats()
    yield from replayed()
    yield from revisions()


FROM = {
    "another address": (f"Mallory <{MALLORY}>", "stranger"),
    "another of the same house": ("cleo@example.net", "stranger"),
    "another registrant": ("Cléo Petit <cleo@example.com>", "stranger"),
    "a subdomain": ("bo@mail.example.net", "stranger"),
    "the parent of the domain": ("bo@net", "stranger"),
    "the domain as a prefix": ("bo@example.net.example.org", "stranger"),
    "the domain as a suffix": ("bo@notexample.net", "stranger"),
    "a look-alike of letters": ("bo@exarnple.net", "stranger"),
    "a look-alike in Punycode": ("bo@xn--xample-9uf.net", "stranger"),
    "a look-alike in Cyrillic": ("bo@еxample.net", "from"),
    "full-width letters": ("bo@ｅxample.net", "from"),
    "a full-width at sign": ("bo＠example.net <mallory@example.org>", "stranger"),
    "an invisible space": ("bo\u200b@example.net", "from"),
    "a soft hyphen": ("bo@exam\u00adple.net", "from"),
    "a dot at the end": ("bo@example.net.", "stranger"),
    "a plus address": ("bo+calendar@example.net", "stranger"),
    "dots in the local part": ("b.o@example.net", "stranger"),
    "the address as the name": (f'"bo@example.net" <{MALLORY}>', "stranger"),
    "the address as the name, bare": (f"bo@example.net <{MALLORY}>", "from"),
    "name and address as the name": (f'"Bo Ek <bo@example.net>" <{MALLORY}>', "stranger"),
    "the address in an encoded word": (f"=?utf-8?q?bo=40example=2Enet?= <{MALLORY}>", "stranger"),
    "name and address in an encoded word": (f"=?utf-8?q?Bo_Ek_=3Cbo=40example=2Enet=3E?= <{MALLORY}>", "stranger"),
    "an encoded word in base64": (f"=?utf-8?b?Qm8gRWsgPGJvQGV4YW1wbGUubmV0Pg==?= <{MALLORY}>", "stranger"),
    "an encoded word for the whole": ("=?utf-8?q?bo=40example=2Enet?=", "from"),
    "an encoded word that ends the line": (f"=?utf-8?q?=0D=0AFrom=3A_bo=40example=2Enet?= <{MALLORY}>", "stranger"),
    "the address in a comment": (f"(bo@example.net) {MALLORY}", "from"),
    "the address in a comment behind": (f"{MALLORY} (bo@example.net)", "stranger"),
    "the address in brackets in a comment": (f"{MALLORY} (<bo@example.net>)", "stranger"),
    "a comment in a comment": (f"{MALLORY} ((bo@example.net))", "from"),
    "a comment in the address": ("bo@example.net(.example.org)", "from"),
    "a comment that does not end": (f"{MALLORY} (bo@example.net", "from"),
    "two addresses, hers first": (f"{MALLORY}, bo@example.net", "from"),
    "two addresses, his first": (f"bo@example.net, {MALLORY}", "from"),
    "two addresses in brackets": (f"<bo@example.net> <{MALLORY}>", "from"),
    "brackets in brackets": (f"<bo@example.net <{MALLORY}>>", "from"),
    "a group": ("Answers: bo@example.net;", "from"),
    "a group of two": (f"Answers: bo@example.net, {MALLORY};", "from"),
    "a group and an address": (f"Answers:; {MALLORY}", "from"),
    "a route": ("<@example.org:bo@example.net>", "from"),
    "a quoted local part": ('"bo@example.net"@example.org', "from"),
    "a percent": ("bo%example.net@example.org", "stranger"),
    "a bang path": ("example.net!bo@example.org", "stranger"),
    "an address literal": ("bo@[192.0.2.25]", "from"),
    "a space in the address": ("bo @example.net", "from"),
    "a line break in the address": ("bo@\r\n example.net", "from"),
    "nothing": ("", "from"),
    "a name alone": ("Bo Ek", "from"),
    "empty brackets": ("Bo Ek <>", "from"),
    "right to left": (f"\u202eten.elpmaxe@ob\u202c <{MALLORY}>", "from"),
    "a backslash": (f'"Bo \\" <bo@example.net>" <{MALLORY}>', "stranger"),
    "a quote that does not end": (f'"Bo Ek <bo@example.net>, <{MALLORY}>', "from"),
    "an escaped bracket": (f"bo@example.net\\> <{MALLORY}>", "from"),
    "a null": (f"bo@example.net\x00 <{MALLORY}>", "from"),
    "a line separator": (f"bo@example.net\u2028 <{MALLORY}>", "from"),
}


def senders() -> Iterator[Case]:
    """From is somebody else, or can be taken for somebody else."""
    for name, (value, reason) in FROM.items():
        yield hostile(f"From: {name}", mail(sender=f"From: {value}"), reason, envelope_sender=MALLORY)
    for name, sender, reason in (
        ("twice, hers first", f"From: {MALLORY}\r\nFrom: bo@example.net", "from"),
        ("twice, his first", f"From: bo@example.net\r\nFrom: {MALLORY}", "from"),
        ("twice, in another case", f"From: {MALLORY}\r\nFROM: bo@example.net", "from"),
        ("none, Reply-To in its place", "Reply-To: bo@example.net", "from"),
        ("none, Sender in its place", "Sender: bo@example.net", "from"),
        ("none, X-From in its place", "X-Original-From: bo@example.net", "from"),
        ("hers, Reply-To his", f"From: {MALLORY}\r\nReply-To: bo@example.net", "stranger"),
        ("hers, Resent-From his", f"From: {MALLORY}\r\nResent-From: bo@example.net", "stranger"),
        ("hers, Return-Path his", f"Return-Path: <bo@example.net>\r\nFrom: {MALLORY}", "stranger"),
        ("hers, On-Behalf-Of his", f"From: {MALLORY}\r\nX-On-Behalf-Of: bo@example.net", "stranger"),
    ):
        yield hostile(f"From: {name}", mail(sender=sender), reason, envelope_sender=MALLORY)


def submitters() -> Iterator[Case]:
    """From is Bo, and his own server says that another of its users wrote it."""
    for name, value, reason in (
        ("another of the same house", "Cléo <cleo@example.net>", "sender"),
        ("his address as the name", '"bo@example.net" <cleo@example.net>', "sender"),
        ("two addresses", "bo@example.net, cleo@example.net", "from"),
        ("twice", "bo@example.net\r\nSender: cleo@example.net", "from"),
        ("no address", "Cléo", "from"),
        ("a group", "we: cleo@example.net;", "from"),
        ("in another case", "CLEO@EXAMPLE.NET", "sender"),
    ):
        yield hostile(f"Sender: {name}", mail(more=f"Sender: {value}"), reason)


def verdicts() -> Iterator[Case]:
    """From is Bo, and SES does not say that it was he."""
    for word in ("FAIL", "PROCESSING_FAILED", "DISABLED", "pass", "PASS ", "", "NONE", "SOFTFAIL"):
        yield hostile(f"DMARC is {word!r}", mail(), "dmarc", dmarc=word)
        yield hostile(f"DMARC is {word!r}, SPF and the envelope are right", mail(), "dmarc", dmarc=word, spf="PASS")
    for word in ("FAIL", "GRAY", "PROCESSING_FAILED", "DISABLED", "pass", ""):
        yield hostile(f"DMARC is GRAY, SPF is {word!r}", mail(), "spf", dmarc="GRAY", spf=word)
    for name, envelope in (
        ("elsewhere", MALLORY),
        ("in a subdomain", "bo@mail.example.net"),
        ("in the parent domain", "bo@net"),
        ("in a longer domain", "bo@example.net.example.org"),
        ("in a domain that ends so", "bo@notexample.net"),
        ("rewritten by a forwarder", "srs0=hhh=tt=example.net=bo@example.org"),
        ("empty", ""),
        ("without a domain", "bo"),
        ("at a host only", "@"),
    ):
        yield hostile(
            f"DMARC is GRAY, the envelope sender is {name}", mail(), "envelope", dmarc="GRAY", envelope_sender=envelope
        )
    signed = "DKIM-Signature: v=1; a=rsa-sha256; d=example.org; s=a; h=from:to:subject; bh=YQ==; b=YQ=="
    yield hostile(
        "DMARC is GRAY, a stranger signed it", mail(more=signed), "envelope", dmarc="GRAY", envelope_sender=MALLORY
    )
    yield hostile("DMARC is GRAY, a stranger signed it, SPF fails", mail(more=signed), "spf", dmarc="GRAY", spf="FAIL")
    yield hostile("SES calls it spam", mail(), "spam", spam="FAIL")
    yield hostile("SES finds a virus", mail(), "virus", virus="FAIL")
    yield hostile("SES calls it spam and DMARC fails", mail(), "spam", spam="FAIL", dmarc="FAIL")


INJECTED = {
    "SES's verdicts": "X-SES-Spam-Verdict: PASS\r\nX-SES-Virus-Verdict: PASS",
    "SES's DMARC verdict": "X-SES-DMARC-Verdict: PASS\r\nX-SES-SPF-Verdict: PASS\r\nX-SES-DKIM-Verdict: PASS",
    "SES's receipt": "X-SES-RECEIPT: AEFBQUFBQUFBQUFF\r\nX-SES-DKIM-SIGNATURE: a=rsa-sha256; d=amazonses.com",
    "Authentication-Results": "Authentication-Results: amazonses.com; spf=pass; dkim=pass; dmarc=pass header.from=example.net",
    "Authentication-Results, folded": "Authentication-Results: amazonses.com;\r\n dmarc=pass\r\n header.from=example.net",
    "ARC": "ARC-Authentication-Results: i=1; amazonses.com; dmarc=pass header.from=example.net\r\nARC-Seal: i=1; cv=pass",
    "Received-SPF": "Received-SPF: pass (spfCheck: domain of example.net) envelope-from=bo@example.net",
    "a signature of his domain": "DKIM-Signature: v=1; a=rsa-sha256; d=example.net; s=a; h=from; bh=YQ==; b=YQ==",
    "Exchange's word": "X-MS-Exchange-Organization-AuthAs: Internal\r\nX-MS-Exchange-Organization-SCL: -1",
    "spam filters' words": "X-Spam-Status: No, score=-99\r\nX-Spam-Flag: NO",
    "a notification of SES": 'X-Notification: {"receipt": {"dmarcVerdict": {"status": "PASS"}}}',
    "our own header": "X-Convoke-Trusted: yes\r\nAuto-Submitted: no",
}


def injected() -> Iterator[Case]:
    """Verdicts in the mail, where anybody can write them."""
    for name, headers in INJECTED.items():
        yield hostile(f"injected: {name}", mail(more=headers), "dmarc", dmarc="FAIL", spf="FAIL")
    everything = "\r\n".join(INJECTED.values())
    yield hostile(
        "injected: everything at once", mail(more=everything), "envelope", dmarc="GRAY", envelope_sender=MALLORY
    )


def uids() -> Iterator[Case]:
    """An invitation that was not Bo's, or is not now."""
    event, person = asked.MEETING.split("@")[0].split(".")[:2]
    domain = asked.MEETING.partition("@")[2]
    for name, uid, reasons in (
        ("Cléo's", asked.CLEO_S, ("stranger",)),
        ("of another event", asked.ELSEWHERE, ("stranger",)),
        ("of no event", asked.UNKNOWN, ("uid",)),
        ("of another generation", asked.NEXT, ("outdated",)),
        ("of generation nought", f"{event}.{person}.0@{domain}", ("outdated",)),
        ("in another domain", f"{event}.{person}.1@example.org", ("outdated",)),
        ("in no domain", f"{event}.{person}.1", ("uid",)),
        ("with more before it", f"1.{asked.MEETING}", ("uid",)),
        ("with more behind it", f"{asked.MEETING}.example.org", ("outdated",)),
        ("in capitals", asked.MEETING.upper(), ("uid",)),
        ("of two events", f"{asked.UNKNOWN.split('.')[0]}.{person}.1@{domain}", ("uid",)),
        ("of a large generation", f"{event}.{person}.999999999@{domain}", ("outdated",)),
        ("of too large a generation", f"{event}.{person}.{'9' * 30}@{domain}", ("uid",)),
        ("with a minus", f"{event}.{person}.-1@{domain}", ("uid",)),
        ("with other digits", f"{event}.{person}.\u0661@{domain}", ("uid",)),
        ("with a space in it", asked.MEETING.replace("@", " @"), ("uid",)),
        ("with an escaped line break", asked.MEETING + "\\nUID:x", ("uid",)),
        ("with a key of the store", f"EVENT#{event}", ("uid",)),
        ("of 200 characters", "a" * 200, ("uid",)),
        ("of 20,000 characters", "a" * 20_000, ("line",)),
        ("of Google's", "7kq9h1p2r7o5t3s1@google.com", ("uid",)),
        ("of Outlook's", "040000008200E00074C5B7101A82E00800000000B0D1A048E451D501", ("uid",)),
        ("empty", "", ("uid",)),
    ):
        yield hostile(f"UID {name}", mail(calendar(uid=f"UID:{uid}")), *reasons)
    yield hostile("UID left out", mail(calendar(uid="")), "uid")
    yield hostile("UID twice", mail(calendar(uid=f"UID:{asked.MEETING}\nUID:{asked.CLEO_S}")), "uid")
    yield hostile("UID twice, the same", mail(calendar(uid=f"UID:{asked.MEETING}\nUID:{asked.MEETING}")), "uid")
    yield hostile(
        "UID in an alarm only", mail(calendar(uid="", more=f"BEGIN:VALARM\nUID:{asked.MEETING}\nEND:VALARM")), "uid"
    )
    for status in (RegistrationStatus.CANCELLED, RegistrationStatus.ERASED):
        yield hostile(f"UID of a registration that is {status}", mail(), "status", look=asked.having(status=status))


def attendees() -> Iterator[Case]:
    """The calendar answers for somebody else, or for more than one."""
    hers = f"ATTENDEE;PARTSTAT=DECLINED:mailto:{MALLORY}"
    for name, attendee, reason in (
        ("another", hers, "attendee"),
        ("another registrant", "ATTENDEE;PARTSTAT=DECLINED:mailto:cleo@example.com", "attendee"),
        ("another of the same house", "ATTENDEE;PARTSTAT=DECLINED:mailto:cleo@example.net", "attendee"),
        ("two, his first", f"{SAID}\n{hers}", "attendees"),
        ("two, hers first", f"{hers}\n{SAID}", "attendees"),
        ("the same twice", f"{SAID}\n{SAID}", "attendees"),
        ("twice, once yes and once no", f"{SAID}\n{SAID.replace('ACCEPTED', 'DECLINED')}", "attendees"),
        (
            "a delegate beside him",
            f'{SAID}\nATTENDEE;PARTSTAT=NEEDS-ACTION;DELEGATED-FROM="mailto:bo@example.net":mailto:c@d.example',
            "attendees",
        ),
        ("two hundred", "\n".join([SAID] * 200), "attendees"),
        ("none", "", "attendees"),
        ("none but in an alarm", f"BEGIN:VALARM\n{SAID}\nEND:VALARM", "attendees"),
        ("a web address", "ATTENDEE;PARTSTAT=ACCEPTED:https://example.net/bo", "attendees"),
        ("a number", "ATTENDEE;PARTSTAT=ACCEPTED:urn:uuid:272c501f-366c-517d-8af3-44c37777ef83", "attendees"),
        ("no scheme", "ATTENDEE;PARTSTAT=ACCEPTED:bo@example.net", "attendees"),
        ("two schemes", "ATTENDEE;PARTSTAT=ACCEPTED:mailto:mailto:bo@example.net", "attendees"),
        ("nothing", "ATTENDEE;PARTSTAT=ACCEPTED:", "attendees"),
        ("two in one", f"ATTENDEE;PARTSTAT=ACCEPTED:mailto:bo@example.net,mailto:{MALLORY}", "attendees"),
        ("with a query", f"ATTENDEE;PARTSTAT=ACCEPTED:mailto:bo@example.net?cc={MALLORY}", "attendees"),
        (
            "with an escaped line break",
            f"ATTENDEE;PARTSTAT=ACCEPTED:mailto:bo@example.net%0D%0AATTENDEE:{MALLORY}",
            "attendees",
        ),
        ("with an escaped null", "ATTENDEE;PARTSTAT=ACCEPTED:mailto:bo@example.net%00", "attendees"),
        ("escaped twice", "ATTENDEE;PARTSTAT=ACCEPTED:mailto:bo%2540example.net", "attendees"),
        ("a look-alike in Cyrillic", "ATTENDEE;PARTSTAT=ACCEPTED:mailto:bо@example.net", "attendees"),
        ("full-width letters", "ATTENDEE;PARTSTAT=ACCEPTED:mailto:ｂo@example.net", "attendees"),
        ("very long", "ATTENDEE;PARTSTAT=ACCEPTED:mailto:" + "b" * 5_000 + "@example.net", "attendees"),
        ("his address as the name", f'ATTENDEE;PARTSTAT=ACCEPTED;CN="bo@example.net":mailto:{MALLORY}', "attendee"),
        ("his address as EMAIL", f"ATTENDEE;PARTSTAT=ACCEPTED;EMAIL=bo@example.net:mailto:{MALLORY}", "attendee"),
        (
            "hers, sent by his",
            f'ATTENDEE;PARTSTAT=ACCEPTED;SENT-BY="mailto:bo@example.net":mailto:{MALLORY}',
            "attendee",
        ),
        (
            "a line in the name",
            f'ATTENDEE;PARTSTAT=ACCEPTED;CN="Bo^n{SAID.replace(":", "^")}":mailto:{MALLORY}',
            "attendee",
        ),
        (
            "a colon in the name, unquoted",
            f"ATTENDEE;PARTSTAT=ACCEPTED;CN=x:mailto:bo@example.net:mailto:{MALLORY}",
            "attendees",
        ),
        (
            "a quote in the name that does not end",
            'ATTENDEE;PARTSTAT=ACCEPTED;CN="Bo:mailto:bo@example.net',
            "unreadable",
        ),
        ("a real line break in the name", f'ATTENDEE;CN="Bo\n{SAID}', "unreadable"),
    ):
        yield hostile(f"ATTENDEE: {name}", mail(calendar(attendee=attendee)), reason)
    # What Mallory says of herself in a mail of her own is no answer of Bo's either.
    yield hostile(
        "ATTENDEE and From: hers, the UID his", mail(calendar(attendee=hers), sender=f"From: {MALLORY}"), "stranger"
    )
    yield hostile(
        "ATTENDEE hers, From Cléo's, the UID Cléo's",
        mail(calendar(attendee=hers, uid=f"UID:{asked.CLEO_S}"), sender="From: cleo@example.com"),
        "attendee",
    )
    yield hostile(
        "ATTENDEE his, From Cléo's, the UID Cléo's",
        mail(calendar(uid=f"UID:{asked.CLEO_S}"), sender="From: cleo@example.com"),
        "attendee",
    )


def methods() -> Iterator[Case]:
    """Something else than an answer, or not the same in the mail and in the calendar."""
    for method in (
        "CANCEL",
        "REQUEST",
        "PUBLISH",
        "ADD",
        "DECLINECOUNTER",
        "X-REPLY",
        "REPLY-TO",
        "REPLY,CANCEL",
        "ＲＥＰＬＹ",
        "",
    ):
        kind = (
            f'text/calendar; charset=utf-8; method="{method}"'
            if method.isascii() and method
            else "text/calendar; charset=utf-8"
        )
        yield hostile(f"METHOD:{method}", mail(calendar(method=f"METHOD:{method}"), kind=kind), "method")
        yield hostile(
            f"METHOD:{method} in a part that says REPLY",
            mail(calendar(method=f"METHOD:{method}")),
            "method",
            "mismatch",
        )
    for method in ("CANCEL", "REQUEST", "COUNTER", "REFRESH", "PUBLISH", "X"):
        yield hostile(
            f"METHOD:REPLY in a part that says {method}", mail(kind=f"text/calendar; method={method}"), "mismatch"
        )
    cancel = calendar(method="METHOD:CANCEL", more="STATUS:CANCELLED")
    organizer = "From: Ada <events@convoke.example.com>"
    yield hostile(
        "a CANCEL from our own address", mail(cancel, sender=organizer, kind="text/calendar; method=CANCEL"), "method"
    )
    yield hostile("a REPLY from our own address", mail(sender=organizer), "stranger")
    yield hostile("no METHOD", mail(calendar(method="")), "unreadable")
    yield hostile("no METHOD, nor in the mail", mail(calendar(method=""), kind="text/calendar"), "unreadable")
    yield hostile("METHOD twice", mail(calendar(method="METHOD:REPLY\nMETHOD:CANCEL")), "unreadable")
    yield hostile("METHOD twice, the same", mail(calendar(method="METHOD:REPLY\nMETHOD:REPLY")), "unreadable")
    yield hostile("METHOD in the event", mail(calendar(method="", more="METHOD:REPLY")), "unreadable")
    two = packed(part(kind="text/calendar; method=REPLY"), part(kind="text/calendar; method=CANCEL"))
    yield hostile("two parts, two methods, one calendar", two, "mismatch")


def partstats() -> Iterator[Case]:
    """An answer that says nothing, or two things."""
    for name, params in (
        ("left out", ""),
        ("NEEDS-ACTION", ";PARTSTAT=NEEDS-ACTION"),
        ("of a task", ";PARTSTAT=COMPLETED"),
        ("of an unknown kind", ";PARTSTAT=X-MAYBE"),
        ("empty", ";PARTSTAT="),
        ("a list", ";PARTSTAT=ACCEPTED,DECLINED"),
        ("two", ";PARTSTAT=ACCEPTED;PARTSTAT=NEEDS-ACTION"),
        ("with a space", ';PARTSTAT="ACCEPTED "'),
    ):
        yield hostile(
            f"PARTSTAT: {name}", mail(calendar(attendee=f"ATTENDEE{params}:mailto:bo@example.net")), "partstat"
        )


def replayed() -> Iterator[Case]:
    """Bo's own mails, once more: signatures hold for ever. What stands is his later answer."""

    def standing(status: Participation, sequence: int, minute: int) -> asked.Look:
        dtstamp = datetime(2027, 1, 15, 12, minute, tzinfo=UTC)
        return asked.having(reply=Reply(status=status, sequence=sequence, dtstamp=dtstamp))

    no, yes = Participation.DECLINED, Participation.ACCEPTED
    older = calendar(sequence="SEQUENCE:0")
    yield hostile("the same answer twice", mail(), "repeated", look=standing(yes, 1, 15))
    yield hostile(
        "a no of the same moment as a yes",
        mail(calendar(attendee=SAID.replace("ACCEPTED", "DECLINED"))),
        "old",
        look=standing(yes, 1, 15),
    )
    yield hostile("an answer of an earlier moment", mail(), "old", look=standing(no, 1, 16))
    yield hostile("an answer of an earlier moment, the same", mail(), "old", look=standing(yes, 1, 16))
    yield hostile("an answer to an older revision", mail(older), "old", look=standing(no, 1, 10))
    yield hostile("an answer to an older revision, dated later", mail(older), "old", look=standing(yes, 1, 5))
    yield hostile("an answer without SEQUENCE", mail(calendar(sequence="")), "old", look=standing(no, 1, 10))
    long_ago = mail(calendar(dtstamp="DTSTAMP:19700101T000000Z"))
    yield hostile("an answer of long ago", long_ago, "old", look=standing(no, 1, 10))
    ahead = mail(calendar(dtstamp="DTSTAMP:20270115T235900Z"))
    yield hostile(
        "an answer from a clock that is ahead, to an older revision",
        ahead.replace(b"SEQUENCE:1", b"SEQUENCE:0"),
        "old",
        look=standing(no, 1, 10),
    )
    for name, dtstamp in (
        ("of two days ahead", "20270117T123001Z"),
        ("of next year", "20280115T121500Z"),
        ("of the last year there is", "99991231T235959Z"),
    ):
        yield hostile(f"DTSTAMP {name}", mail(calendar(dtstamp=f"DTSTAMP:{dtstamp}")), "future")


def revisions() -> Iterator[Case]:
    """SEQUENCE and DTSTAMP that cannot be."""
    for name, sequence, reason in (
        ("above any that was given", "SEQUENCE:2", "sequence"),
        ("far above", "SEQUENCE:999999999", "sequence"),
        ("of ten digits", "SEQUENCE:9999999999", "unreadable"),
        ("below nought", "SEQUENCE:-1", "unreadable"),
        ("with a point", "SEQUENCE:1.0", "unreadable"),
        ("with an exponent", "SEQUENCE:1e9", "unreadable"),
        ("in other digits", "SEQUENCE:\u0661", "unreadable"),
        ("empty", "SEQUENCE:", "unreadable"),
        ("twice", "SEQUENCE:1\nSEQUENCE:0", "unreadable"),
        ("of 5,000 digits", "SEQUENCE:" + "1" * 5_000, "unreadable"),
    ):
        yield hostile(f"SEQUENCE {name}", mail(calendar(sequence=sequence)), reason)
    for name, dtstamp in (
        ("left out", ""),
        ("twice", "DTSTAMP:20270115T121500Z\nDTSTAMP:20270115T121600Z"),
        ("a date", "DTSTAMP;VALUE=DATE:20270115"),
        ("of the year nought", "DTSTAMP:00000101T000000Z"),
        ("of a thirteenth month", "DTSTAMP:20271301T000000Z"),
        ("of the 30th of February", "DTSTAMP:20270230T000000Z"),
        ("of a 61st second", "DTSTAMP:20270115T121561Z"),
        ("before the epoch", "DTSTAMP:19691231T235959Z"),
        ("with an offset", "DTSTAMP:20270115T121500+0100"),
        ("in other digits", "DTSTAMP:\u0662\u06600270115T121500Z"),
        ("with fractions", "DTSTAMP:20270115T121500.5Z"),
    ):
        yield hostile(f"DTSTAMP {name}", mail(calendar(dtstamp=dtstamp)), "unreadable")
    for name, date in (
        ("of no series", "RECURRENCE-ID:20270312T080000Z"),
        ("twice", "RECURRENCE-ID:20270312T080000Z\nRECURRENCE-ID:20270319T080000Z"),
        ("and all that follow", "RECURRENCE-ID;RANGE=THISANDFUTURE:20270312T080000Z"),
        ("that is none", "RECURRENCE-ID:now"),
        ("empty", "RECURRENCE-ID:"),
        ("in a zone that climbs", "RECURRENCE-ID;TZID=../../etc/passwd:20270312T090000"),
        ("in a very long zone", f"RECURRENCE-ID;TZID={'Europe/' * 500}Berlin:20270312T090000"),
        ("of the year 9999, in a zone", "RECURRENCE-ID;TZID=Pacific/Kiritimati:99991231T235959"),
        ("of the year 1, in a zone", "RECURRENCE-ID;TZID=Pacific/Kiritimati:00010101T000000"),
    ):
        yield hostile(f"RECURRENCE-ID {name}", mail(calendar(more=date)), "date")
    assert REPLY in mail()
