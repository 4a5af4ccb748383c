"""The programs of the quickstart, run against the whole stack as they stand there."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.running import Running

pytestmark = [pytest.mark.stack, pytest.mark.xdist_group("stack")]
PAGE = (Path(__file__).parent.parent / "docs/quickstart.md").read_text()
PROGRAMS = {
    "python": ([sys.executable, "-c"], "registered False\n[201, 201, 201]\nuser-7 needs-action\ncancelled\n"),
    "javascript": (["node", "-e"], "registered false\n201,201,201\nuser-7 needs-action\ncancelled\n"),
}


@pytest.mark.parametrize("language", PROGRAMS)
def test_the_program_does_what_it_says(stack: Running, language: str) -> None:
    command, printed = PROGRAMS[language]
    if shutil.which(command[0]) is None:
        pytest.skip(f"there is no {command[0]} here")
    (program,) = re.findall(rf"^```{language}\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)
    assert len([line for line in program.splitlines() if line.strip()]) <= 50
    described = stack.description
    environment = {"CONVOKE_API": described["api"], "CONVOKE_KEY": described["key"], "PATH": os.environ["PATH"]}
    done = subprocess.run(  # noqa: S603
        [*command, program], env=environment, capture_output=True, text=True, timeout=120, check=False
    )
    assert (done.stdout, done.returncode) == (printed, 0), done.stderr
