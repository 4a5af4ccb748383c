"""What somebody else writes who wants to be taken for Bo.

Mallory has a domain of her own, with DMARC, DKIM and SPF in perfect order: SES's verdicts are hers to pass. She knows
the UID, for Bo forwarded his invitation.
"""

from __future__ import annotations

from collections.abc import Iterator

from tests.corpus.case import Case, hostile
from tests.corpus.replies import MALLORY, mail


def forgeries() -> Iterator[Case]:
    yield from senders()
    yield from submitters()
    yield from verdicts()
    yield from injected()


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
    "a comment in a comment": (f"{MALLORY} ((bo@example.net))", "stranger"),
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
        what = f"DMARC is GRAY, the envelope sender is {name}"
        yield hostile(what, mail(), "envelope", dmarc="GRAY", envelope_sender=envelope)
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
    "Authentication-Results": "Authentication-Results: amazonses.com; spf=pass; dmarc=pass header.from=example.net",
    "Authentication-Results, folded": "Authentication-Results: amazonses.com;\r\n dmarc=pass\r\n (p=reject)",
    "ARC": "ARC-Authentication-Results: i=1; amazonses.com; dmarc=pass\r\nARC-Seal: i=1; cv=pass",
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
