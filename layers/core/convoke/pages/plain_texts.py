"""English texts, as they stand in the code and in the templates."""

from __future__ import annotations


class Texts:
    tag = "en"
    direction = "ltr"

    def gettext(self, message: str, /, **values: object) -> str:
        return message % values if values else message

    def pgettext(self, _context: str, message: str, /, **values: object) -> str:
        return message % values if values else message

    def ngettext(self, singular: str, plural: str, num: int, /, **values: object) -> str:
        message = singular if num == 1 else plural
        return message % {"num": num, **values} if values else message

    def npgettext(self, _context: str, singular: str, plural: str, num: int, /, **values: object) -> str:
        return self.ngettext(singular, plural, num, **values)


def texts(*_tags: str) -> Texts:
    return Texts()


def accepted(_header: str) -> str:
    return ""
