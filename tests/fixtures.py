"""Fixtures that hold what a context manager makes, for the length of one test."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from typing import Any

import pytest


def fixture_of(make: Callable[..., AbstractContextManager[Any]], **changes: Any) -> Any:
    """What ``make`` makes with these ``changes``, for instance a world whose event has one seat."""

    @pytest.fixture
    def made() -> Iterator[Any]:
        with make(**changes) as one:
            yield one

    return made


def patching_fixture_of(make: Callable[[pytest.MonkeyPatch], AbstractContextManager[Any]]) -> Any:
    """What ``make`` makes that puts its own in the place of what functions reach for: a caller, a visitor."""

    @pytest.fixture
    def made(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
        with make(monkeypatch) as one:
            yield one

    return made
