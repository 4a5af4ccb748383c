"""A start of the whole stack that does not get far. It shares no stack with other tests, and is not in their group."""

from __future__ import annotations

import signal
from pathlib import Path

import pytest

from tests.running import Running, free_ports, start

pytestmark = pytest.mark.stack


def test_an_interrupted_start_leaves_nothing_behind(tmp_path: Path) -> None:
    port, inbox_port = free_ports(2)
    process = start(tmp_path, port=port, inbox_port=inbox_port)
    running = Running(folder=tmp_path, process=process, ports=(port, inbox_port))
    try:
        running.eventually(lambda: "CustomMakeBuilder" in running.log("sam"), seconds=60)
    finally:
        running.leave(signal.SIGINT)
    assert running.exit_code == 0, running.said()
    assert running.left_behind() == []
