"""Reads the catalogue of one language, a PO file of GNU gettext, with Babel."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import lru_cache

from ..model import frozen


@frozen
class Catalogue:
    """The translations of one language, by their contexts (empty without one) and English texts; of a text with plural
    forms by that of its singular. ``form`` is the number of the plural form for a count.
    """

    texts: Mapping[tuple[str, str], str]
    plurals: Mapping[tuple[str, str], tuple[str, ...]]
    form: Callable[[int], int]


@lru_cache
def catalogue(language: str) -> Catalogue:
    """The catalogue of ``language``, which is among ``LANGUAGES`` and not English. A text that is not translated, or
    whose translation was marked as fuzzy, is not in it.
    """
    # Imported here: most processes never write another language than English.
    from gettext import c2py
    from importlib.resources import files

    from babel.messages.pofile import read_po

    with files(__package__).joinpath("catalogues", f"{language}.po").open("rb") as file:
        found = read_po(file, locale=language, charset="utf-8", abort_invalid=True)
    texts: dict[tuple[str, str], str] = {}
    plurals: dict[tuple[str, str], tuple[str, ...]] = {}
    for message in found:
        if not message.id or message.fuzzy:
            continue
        if isinstance(message.id, str):
            if isinstance(message.string, str) and message.string:
                texts[message.context or "", message.id] = message.string
        elif message.string and all(message.string):
            plurals[message.context or "", message.id[0]] = tuple(message.string)
    return Catalogue(texts=texts, plurals=plurals, form=c2py(found.plural_expr))
