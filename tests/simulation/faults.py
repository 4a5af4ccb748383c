"""What can go wrong, how often in one history, and when nothing does any more."""

from __future__ import annotations

from enum import StrEnum
from random import Random

RECORDS = {
    "record lost": 0.5,
    "record doubled": 0.3,
    "record late": 0.4,
}
HINTS = {
    "hint lost": 0.4,
    "hint doubled": 0.3,
    "hint late": 0.4,
    "tick lost": 0.5,
    "index lags": 0.3,
}
MACHINES = {
    "crash before an effect": 0.04,
    "crash after an effect": 0.04,
    "crash inside an effect": 0.02,
    "slow": 0.06,
    "interrupted": 0.04,
    "clock skew": 1.0,
    "deployed": 1.0,
}
STORAGE = {
    "conflict": 0.1,
    "throttled": 0.03,
    "answered late, repeated by the wire": 0.06,
    "answered too late": 0.04,
}
POST = {
    "SES throttles": 0.3,
    "SES cannot be reached": 0.15,
    "SES never got it": 0.25,
    "SES got it, its answer is lost": 0.3,
    "SES accepts late": 0.25,
    "SES breaks": 0.2,
    "SES rejects": 0.03,
    "SES is paused": 0.3,
    "quota spent": 0.3,
}
RECEIVERS = {
    "webhook refuses": 0.3,
    "webhook cannot be reached": 0.2,
    "webhook never answers": 0.2,
    "webhook got it, its answer is lost": 0.25,
    "webhook is slow": 0.3,
}
AFTER = {
    "mail late": 0.4,
    "report lost": 0.4,
    "report doubled": 0.3,
    "report late": 0.4,
    "bounces": 0.15,
    "comes back for now": 0.1,
    "complains": 0.1,
}
ZOMBIES = {"zombie": 0.03}
KINDS = {**RECORDS, **HINTS, **MACHINES, **STORAGE, **POST, **RECEIVERS, **AFTER, **ZOMBIES}
"""Every kind of fault, and how often it happens at its worst: in so many of the cases where it could."""


ON_THE_WAY = ("crash inside an effect", "throttled", "interrupted")
ANSWERS = ("conflict", "answered late, repeated by the wire", "answered too late")
"""What can befall a call to the tables, before it is done and after."""


class Mode(StrEnum):
    ALL = "all"
    NONE = "none"
    HINTS = "hints"
    ZOMBIE = "zombie"
    SLOW = "slow"
    CONTENTION = "contention"
    ROWS = "rows"


class Faults:
    """One history's faults: some kinds, each as often as chance wants it; all silent after :meth:`cease`."""

    def __init__(self, random: Random, mode: Mode) -> None:
        self._dice = random
        self._random = random.random
        self.often = dict.fromkeys(KINDS, 0.0)
        if mode in (Mode.ALL, Mode.ZOMBIE, Mode.SLOW, Mode.CONTENTION, Mode.ROWS):
            share = random.choice((0.15, 0.4, 0.7))
            for kind, worst in KINDS.items():
                if kind != "zombie" and random.random() < share:
                    self.often[kind] = worst * random.random()
        # In half of all histories no report arrives: they would hide what the protocol does by itself.
        if mode is not Mode.NONE and random.random() < 0.5:
            self.often["report lost"] = 1.0
        if mode is Mode.ZOMBIE:
            self.often["zombie"] = KINDS["zombie"]
        if mode is Mode.SLOW:
            # Whoever reads is often overtaken before the next read.
            self.often["slow"] = 0.3
        if mode is Mode.CONTENTION:
            # Whoever reads how many seats are left is often overtaken before taking one.
            self.often["interrupted"] = 0.2
        if mode is Mode.HINTS:
            self.often["record lost"] = self.often["hint lost"] = 1.0
        self.wire = sum(self.often[kind] for kind in ON_THE_WAY)
        self.answers = sum(self.often[kind] for kind in ANSWERS)

    def hit(self, kind: str) -> bool:
        often = self.often[kind]
        return often > 0 and self._random() < often

    def one_of(self, *kinds: str) -> str:
        """At most one of these, each as often as it would come alone."""
        chance = self._random()
        for kind in kinds:
            chance -= self.often[kind]
            if chance < 0:
                return kind
        return ""

    def which(self, kinds: tuple[str, ...]) -> str:
        """One of these, each the likelier the oftener it happens."""
        return self._dice.choices(kinds, [self.often[kind] for kind in kinds])[0]

    def cease(self) -> None:
        self.often = dict.fromkeys(KINDS, 0.0)
        self.wire = self.answers = 0.0
