"""The HTML of a mail: a page that loads nothing from elsewhere and is readable without its styles.

It fits a screen of 320 CSS pixels whatever words are in it, and has colours for dark mode. Most mail programs only
support inline styles, so the important ones are inline; ``<style>`` has the colours for dark mode alone.
"""

from __future__ import annotations

import re
import unicodedata
from html import escape
from urllib.parse import urlsplit

from ..calendar.content_lines import uri
from ..languages import Texts
from . import placeholders
from .subjects import width
from .wording import DetailRow, Wording

_CLICKABLE = ("https://", "http://", "tel:", "mailto:")

# A link ends at white space, at quotes and brackets that are not allowed in a URL, at invisible characters (soft
# hyphens, direction marks), and at Chinese and Japanese punctuation, which has no spaces around it.
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

_ENGLISH = ' lang="en"'
_STYLE = """\
:root{color-scheme:light dark}
@media (prefers-color-scheme:dark){
.page{background:#16181b!important;color:#e6e8ea!important}
.sheet{background:#212428!important}
.quiet{color:#a5adb5!important}
a{color:#8ab8e6!important}
a.action{background:#8ab8e6!important;color:#16181b!important}
}
"""


def html(wording: Wording) -> str:
    """The HTML page of a mail with the text ``wording``, and the placeholder of the personal link as it reads."""
    return placeholders.PERSONAL.join(around_link(wording))


def around_link(wording: Wording) -> tuple[str, str]:
    """The HTML before the personal link, and after it."""
    texts = wording.texts
    # Of the words that organizers use for themselves this one is the longest label: it is not to be broken.
    labels = max(80, 8 * width(texts.gettext("Organizer")))
    rows = "".join(_row(detail, texts, labels) for detail in wording.details)
    other_way = ' dir="auto"' if wording.description != texts.isolated(wording.description) else ""
    about = f'<p{other_way} style="margin:20px 0">{linked(wording.description)}</p>\n' if wording.description else ""
    # Programs that show a mail in a page of their own keep the sheet alone. Of English, they take it for the usual.
    language = "" if texts.tag == "en" else f' lang="{texts.tag}" dir="{texts.direction}"'
    quiet = 'class="quiet" style="margin:24px 0 0;color:#5c6770;font-size:14px"'
    return (
        f'<!DOCTYPE html>\n<html{language or _ENGLISH}>\n<head>\n<meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        '<meta name="color-scheme" content="light dark">\n'
        f"<title>{escape(wording.subject)}</title>\n<style>\n{_STYLE}</style>\n</head>\n"
        '<body class="page" style="margin:0;padding:16px 8px;background:#f5f4f1;color:#24292e;'
        'font:16px/1.5 -apple-system,Segoe UI,Helvetica,Arial,sans-serif">\n'
        '<div class="sheet" style="max-width:580px;margin:0 auto;padding:20px 16px;background:#fff;'
        'border-top:4px solid #3a5a78;overflow-wrap:anywhere;word-break:break-word"'
        f"{language}>\n"
        f'<h1 style="margin:0 0 20px;font-size:21px;line-height:1.3">{escape(wording.headline)}</h1>\n'
        f'<table style="width:100%;table-layout:fixed;border-collapse:collapse">\n{rows}</table>\n{about}'
        f"<p {quiet}>{escape(wording.closing)}</p>\n"
        '<p style="margin:20px 0 0"><a class="action" style="display:inline-block;padding:10px 16px;'
        'background:#3a5a78;color:#fff;border-radius:4px;text-decoration:none"\nhref="',
        f'">{escape(wording.action)}</a></p>\n<p {quiet}>{escape(wording.why)}</p>\n</div>\n</body>\n</html>\n',
    )


def linked(text: str, attributes: str = ' style="color:#1d5c96"') -> str:
    """``text`` as HTML, in which URLs (http and https only) are links with these ``attributes``."""
    parts, at = [], 0
    for found in _LINK.finditer(text):
        shown = _trimmed(found[0])
        if target := _target(shown):
            link = f'<a href="{escape(target)}"{attributes}>{escape(shown)}</a>'
            parts += [_lines(text[at : found.start()]), link]
            at = found.start() + len(shown)
    return "".join((*parts, _lines(text[at:])))


def _trimmed(address: str) -> str:
    """The URL ``address`` without the punctuation of the sentence around it, and without words that follow its host
    without a space.

    The letters of a top-level domain are all of one script: ``example.org请`` is ``example.org`` and a word.
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
    """The target of a link to ``address``: its host in Punycode, the rest percent-encoded. Empty if it must not be one.

    A URL with a user name (``https://bank.example@evil.example``) is not made a link, since such URLs serve to deceive.
    Nor is one whose host is changed by the conversion: Python's codec implements IDNA 2003, where ``straße`` becomes
    ``strasse``, while browsers go to another host.
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


def _row(detail: DetailRow, texts: Texts, label_width: int) -> str:
    """One row of the table, whose labels are ``label_width`` CSS pixels wide."""
    now = linked(detail.now)
    if detail.link.lower().startswith(_CLICKABLE):
        now = f'<a href="{escape(detail.link)}" style="color:#1d5c96">{_lines(detail.now)}</a>'
    if detail.was:
        was, now = f"<s>{_lines(detail.was)}</s>", f"<b>{now}</b>"
        now = texts.gettext("was: %(value)s", value=was) + "<br>\n" + texts.gettext("now: %(value)s", value=now)
    # Outlook does not know the logical sides, `start` and `end`.
    sides = "12px 3px 0;text-align:left" if texts.direction == "ltr" else "0 3px 12px;text-align:right"
    return (
        f'<tr><th class="quiet" style="width:{label_width}px;padding:3px {sides};vertical-align:top;'
        f'font-weight:normal;color:#5c6770">{escape(detail.label)}</th><td style="padding:3px 0">{now}</td></tr>\n'
    )


def _lines(value: str) -> str:
    return escape(value).replace("\n", "<br>\n")
