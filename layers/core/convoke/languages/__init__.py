"""The texts of mails and pages in each language, and how it writes dates and times.

- ``negotiation``: which of ``LANGUAGES`` a language tag or an Accept-Language field asks for
- ``texts``: the texts of one language, from ``catalogues/<language>.po`` (gettext); English ones are in the code;
  ``catalogue`` reads that file
- ``dates``: how a language writes dates and times (CLDR)

Babel, which reads catalogues and knows the CLDR, is imported by the first text or date in another language than plain
English: it takes a tenth of a second, which functions that write no such text do not wait for.
"""

from .negotiation import LANGUAGES, accepted, matched
from .texts import Texts, gettext_noop, texts_in

texts = texts_in
"""The texts in the first of several language tags that is known: ``languages.texts_in("sv", "de-CH")``."""

__all__ = ["LANGUAGES", "Texts", "accepted", "gettext_noop", "matched", "texts_in"]
