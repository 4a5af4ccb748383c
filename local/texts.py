"""`make texts`: brings the catalogues of translations in line with the texts in the code and in the templates.

New texts are added without a translation, texts that are not in the code any more are removed, and all are put into the
order of the code. Nothing is translated by guessing. The tests say what is missing.
"""

from __future__ import annotations

from collections.abc import Iterator
from io import BytesIO
from pathlib import Path

from babel.messages.catalog import Catalog, Message
from babel.messages.extract import extract_from_dir
from babel.messages.pofile import read_po, write_po

from convoke.languages import LANGUAGES

from .environments import ROOT

CORE = ROOT / "layers" / "core" / "convoke"
CATALOGUES = CORE / "languages" / "catalogues"

_METHODS = [("console/**", "ignore"), ("**.py", "python"), ("**/templates/**.html", "jinja2.ext:babel_extract")]
_OPTIONS = {"**/templates/**.html": {"newstyle_gettext": "true", "silent": "false"}}
_KEYWORDS: dict[str, tuple[int | tuple[int, str], ...] | None] = {
    "_": None,
    "gettext": None,
    "gettext_noop": None,
    "ngettext": (1, 2),
    "pgettext": ((1, "c"), 2),
    "npgettext": ((1, "c"), 2, 3),
}


def translated() -> list[str]:
    """The languages that have a catalogue: all but English, which is in the code."""
    return [language for language in LANGUAGES if language != "en"]


def extracted(folder: Path = CORE) -> Catalog:
    """All texts of the code and the templates in ``folder``, by file and line."""
    found = Catalog()
    for name, _, message, comments, context in extract_from_dir(
        folder, _METHODS, _OPTIONS, _KEYWORDS, comment_tags=("For translators:",), strip_comment_tags=True
    ):
        found.add(message, locations=[(name, 0)], auto_comments=comments, context=context)
    return found


def read(language: str) -> Catalog:
    """The catalogue of ``language``; an empty one if it has none yet."""
    path = CATALOGUES / f"{language}.po"
    if not path.exists():
        return Catalog(locale=language)
    with path.open("rb") as file:
        return read_po(file, locale=language, charset="utf-8", abort_invalid=True)


def updated(language: str, template: Catalog) -> Catalog:
    """The catalogue of ``language`` with exactly the texts of ``template``, and what it has of their translations."""
    known, catalogue = read(language), Catalog(locale=language, fuzzy=False)
    for text in _texts(template):
        was = known.get(text.id, text.context)
        string = was.string if was is not None and not was.fuzzy and was.id == text.id else None
        catalogue.add(
            text.id,
            string,
            locations=text.locations,
            auto_comments=text.auto_comments,
            user_comments=was.user_comments if was is not None else (),
            context=text.context,
        )
    return catalogue


def written(catalogue: Catalog, language: str) -> bytes:
    """``catalogue`` as a PO file: no dates, and no line numbers, which would change without a change of the texts."""
    body = BytesIO()
    write_po(body, catalogue, width=120, omit_header=True, include_lineno=False, ignore_obsolete=True)
    head = (
        'msgid ""\nmsgstr ""\n"Content-Type: text/plain; charset=utf-8\\n"\n"Content-Transfer-Encoding: 8bit\\n"\n'
        f'"Language: {language}\\n"\n"Plural-Forms: {catalogue.plural_forms}\\n"\n\n'
    )
    return head.encode() + body.getvalue().rstrip(b"\n") + b"\n"


def _texts(catalogue: Catalog) -> Iterator[Message]:
    return (message for message in catalogue if message.id)


def main() -> None:
    """Write all catalogues, and say how many texts of each are still to be translated."""
    template = extracted()
    for language in translated():
        catalogue = updated(language, template)
        (CATALOGUES / f"{language}.po").write_bytes(written(catalogue, language))
        texts = list(_texts(catalogue))
        missing = [
            text for text in texts if not all([text.string] if isinstance(text.string, str) else text.string or [""])
        ]
        print(f"{language}: {len(texts)} texts, {len(missing)} to be translated")


if __name__ == "__main__":
    main()
