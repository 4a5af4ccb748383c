"""All registrations of an event as a file for a spreadsheet: the API's table, whose parts are put together."""

from __future__ import annotations

import gzip
import re
import time
import unicodedata
from urllib.parse import parse_qs, urlsplit

from ..pages import site
from ..web.files import takes_gzip
from ..web.participation import MOST_ROWS
from .visit import Visit, page

PATH = "/console/events/{event_id}/people.csv"
SECONDS = 12.0
"""For how long parts are read for one file: the function has twenty seconds."""
LARGEST = 3_500_000
"""Characters of a file that is not compressed: a response of Lambda has at most 6 MB, as JSON."""
LARGEST_COMPRESSED = 40_000_000
"""Characters of a file before it is compressed, to a tenth or less."""
BOM = "\ufeff"
"""By it Excel knows that a file is in UTF-8."""


@page("GET", PATH)
def export(visit: Visit, event_id: str) -> site.Answer:
    """The file; where that would be too long, a page with a link for each part of it."""
    event = visit.event(event_id)
    cursor = visit.request.query.get("cursor", "")
    only_one, until = visit.request.query.get("part") == "yes", time.monotonic() + SECONDS
    most = LARGEST_COMPRESSED if _compresses(visit) else LARGEST
    parts: list[str] = []
    cursors = [cursor]
    while not parts or (cursor and not only_one):
        if parts and (time.monotonic() > until or sum(map(len, parts)) > most):
            return visit.show("export_parts.html", event=event, cursors=cursors[:-1], rest=cursors[-1])
        text, cursor = _part(visit, event_id, cursor)
        parts.append(text)
        cursors.append(cursor)
    return as_file(visit, "".join(parts), f"people-{slug(event['title'])}.csv")


def _part(visit: Visit, event_id: str, cursor: str) -> tuple[str, str]:
    """A part of the table from ``cursor`` on, and the cursor of the next one, empty at the end. Raises
    ``site.Refused``.
    """
    query = {"limit": MOST_ROWS, "cursor": cursor}
    reply = visit.api.call("GET", "/events/{event_id}/registrations.csv", {"event_id": event_id}, query=query)
    if not reply.ok:
        raise site.missing(visit.request)
    following = re.search("<([^>]*)>", reply.headers.get("link", ""))
    found = parse_qs(urlsplit(following[1]).query).get("cursor", [""]) if following else [""]
    return reply.text, found[0]


def _compresses(visit: Visit) -> bool:
    return takes_gzip(visit.request.headers.get("accept-encoding", ""))


def as_file(visit: Visit, table: str, name: str) -> site.Answer:
    """CSV to be downloaded under a name of ASCII letters, digits, ``-`` and ``.``."""
    content: str | bytes = BOM + table
    headers = {"Content-Disposition": f'attachment; filename="{name}"'}
    if _compresses(visit):
        content = gzip.compress((BOM + table).encode(), 6, mtime=0)
        headers["Content-Encoding"] = "gzip"
    return site.content(content, "text/csv; charset=utf-8", headers=headers)


def slug(title: str) -> str:
    """A title as a part of a file's name: ``Kölner Treffen`` as ``kolner-treffen``."""
    plain = unicodedata.normalize("NFKD", title.lower()).encode("ascii", "ignore").decode()
    return re.sub("[^a-z0-9]+", "-", plain).strip("-")[:60].strip("-") or "event"
