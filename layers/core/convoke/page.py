"""The HTML of a mail: a page that asks for nothing from elsewhere and reads well without its style.

It fits a telephone (320 CSS pixels) whatever words are in it, and is legible in the dark. Most mail programs take
styles in a tag only, so what matters is there; ``<style>`` holds the dark colours alone.
"""

from __future__ import annotations

import re
import unicodedata
from html import escape
from urllib.parse import urlsplit

from .itip import uri
from .words import Fact, Words

_CLICKABLE = ("https://", "http://", "tel:", "mailto:")

# Ends where no address goes on: at space, quotes and brackets that cannot be in one, at what cannot be seen (soft
# hyphens, marks of direction), and at the punctuation of Chinese and Japanese, around which there is no space.
_LINK = re.compile(
    "(?<![A-Za-z0-9])https?://"
    '[^\\s<>"\\\\^`{|}\u00ab\u00bb\u2018-\u201f\u2026\u2039\u203a'
    "\u00ad\u061c\u115f\u1160\u180e\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff"
    "\u3000-\u3003\u3008-\u301f\uff01-\uff0f\uff1a-\uff20\uff3b-\uff40\uff5b-\uff65]+",
    re.IGNORECASE,
)
_HOST = re.compile(r"(?:[a-z0-9](?:[a-z0-9-]*[a-z0-9])?\.)*[a-z0-9](?:[a-z0-9-]*[a-z0-9])?", re.IGNORECASE)
_MIXED_TLD = re.compile(r"https?://[^/?#:]*\.[a-z]{2,}(?=[^\x00-\x7f][^./?#:]*(?:[/?#:]|$))", re.IGNORECASE)
_PAIRS = {")": "(", "]": "["}

_STYLE = """\
:root{color-scheme:light dark}
@media (prefers-color-scheme:dark){
.page{background:#16181b!important;color:#e6e8ea!important}
.sheet{background:#212428!important}
.quiet{color:#a5adb5!important}
a{color:#8ab8e6!important}
}
"""


def html(said: Words) -> str:
    """``said`` as a page."""
    rows = "".join(_row(fact) for fact in said.facts)
    about = f'<p style="margin:20px 0">{linked(said.description)}</p>\n' if said.description else ""
    quiet = 'class="quiet" style="margin:24px 0 0;color:#5c6770;font-size:14px"'
    return (
        '<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        '<meta name="color-scheme" content="light dark">\n'
        f"<title>{escape(said.subject)}</title>\n<style>\n{_STYLE}</style>\n</head>\n"
        '<body class="page" style="margin:0;padding:16px 8px;background:#f5f4f1;color:#24292e;'
        'font:16px/1.5 -apple-system,Segoe UI,Helvetica,Arial,sans-serif">\n'
        '<div class="sheet" style="max-width:580px;margin:0 auto;padding:20px 16px;background:#fff;'
        'border-top:4px solid #3a5a78;overflow-wrap:anywhere;word-break:break-word">\n'
        f'<h1 style="margin:0 0 20px;font-size:21px;line-height:1.3">{escape(said.headline)}</h1>\n'
        f'<table style="width:100%;table-layout:fixed;border-collapse:collapse">\n{rows}</table>\n{about}'
        f"<p {quiet}>{escape(said.closing)}</p>\n"
        f"<p {quiet}>{escape(said.why)}</p>\n"
        "</div>\n</body>\n</html>\n"
    )


def linked(text: str) -> str:
    """``text`` as HTML, in which addresses of pages (http and https, nothing else) can be clicked."""
    parts, at = [], 0
    for found in _LINK.finditer(text):
        shown = _trimmed(found[0])
        if target := _target(shown):
            link = f'<a href="{escape(target)}" style="color:#1d5c96">{escape(shown)}</a>'
            parts += [_lines(text[at : found.start()]), link]
            at = found.start() + len(shown)
    return "".join((*parts, _lines(text[at:])))


def _trimmed(address: str) -> str:
    """``address`` without the punctuation of the sentence around it, and without words that follow its host unspaced.

    A top-level domain is all of one kind of letters: ``example.org请`` is ``example.org`` and a word.
    """
    if host := _MIXED_TLD.match(address):
        address = host[0]
    surplus = {close: address.count(close) - address.count(opening) for close, opening in _PAIRS.items()}
    end = len(address)
    while end and (address[end - 1] in ".,;:!?'*_~" or surplus.get(address[end - 1], 0) > 0):
        if address[end - 1] in surplus:
            surplus[address[end - 1]] -= 1
        end -= 1
    return address[:end]


def _target(address: str) -> str:
    """Where a click on ``address`` leads: its host in Punycode, the rest percent-encoded. Empty where it is none.

    An address with a user name in it (``https://bank.example@evil.example``) is none: it is only there to deceive. Nor
    is one whose host becomes another on the way: the codec is IDNA 2003, to which ``straße`` is ``strasse``; browsers
    know better.
    """
    try:
        parts = urlsplit(address)
        port = "" if parts.port is None else f":{parts.port}"
        named = unicodedata.normalize("NFC", parts.hostname or "")
        encoded = named.encode("idna")
        same = named.isascii() or encoded.decode("idna") == named
        host = encoded.decode("ascii")
    except ValueError:  # UnicodeError is one
        return ""
    if "@" in parts.netloc or not same or not _HOST.fullmatch(host):
        return ""
    return uri(parts._replace(netloc=f"{host}{port}").geturl())


def _row(fact: Fact) -> str:
    now = linked(fact.now)
    if fact.link.lower().startswith(_CLICKABLE):
        now = f'<a href="{escape(fact.link)}" style="color:#1d5c96">{_lines(fact.now)}</a>'
    if fact.was:
        now = f"was: <s>{_lines(fact.was)}</s><br>\nnow: <b>{now}</b>"
    return (
        '<tr><th class="quiet" style="width:80px;padding:3px 12px 3px 0;text-align:left;vertical-align:top;'
        f'font-weight:normal;color:#5c6770">{escape(fact.label)}</th><td style="padding:3px 0">{now}</td></tr>\n'
    )


def _lines(value: str) -> str:
    return escape(value).replace("\n", "<br>\n")
