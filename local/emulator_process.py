"""The program of the emulator's process, in its own environment: ministack, with two ways round what makes it slow.

Workaround: it starts a thread for each report of SES, and at Python's default switch interval the threads of a hundred
mails hardly progress, so the interval is :data:`TURN`.

Workaround: it unpacks the layer, thousands of files, for every worker of every function, while all other requests wait
for its interpreter. Here an archive is unpacked once, and workers have links to that, as Lambda's have one ``/opt``
that none of them writes to.
"""

from __future__ import annotations

import hashlib
import importlib
import runpy
import sys
import tempfile
import threading
import zipfile
from pathlib import Path
from types import SimpleNamespace
from typing import Any

TURN = 0.0001
"""The switch interval of the interpreter in seconds (sys.setswitchinterval); Python's default is 0.005."""
MANY = 100
"""Files. An archive with fewer is unpacked as it always was."""


class SharedArchive(zipfile.ZipFile):
    """An archive that is unpacked once for all who want it, in ``folder``; they get links to what is at its top."""

    folder = Path(tempfile.gettempdir()) / "layers"
    _lock = threading.Lock()

    def extractall(self, path: Any = None, members: Any = None, pwd: bytes | None = None) -> None:
        if len(self.infolist()) < MANY or members is not None:
            super().extractall(path, members, pwd)
            return
        for each in self._unpacked().iterdir():
            (Path(path) / each.name).symlink_to(each)

    def namelist(self) -> list[str]:
        """Of many files only what is at the top: this is how each of them is looked at before they are unpacked, which
        ``zipfile`` does by itself.
        """
        names = super().namelist()
        return names if len(names) < MANY else sorted({name.partition("/")[0] for name in names})

    def _unpacked(self) -> Path:
        content = "\n".join(f"{one.filename} {one.CRC} {one.file_size}" for one in self.infolist())
        kept = self.folder / hashlib.sha256(content.encode()).hexdigest()
        with self._lock:
            if not kept.exists():
                self.folder.mkdir(exist_ok=True)
                part = tempfile.mkdtemp(dir=self.folder)
                super().extractall(part, [one.filename for one in self.infolist()])
                Path(part).rename(kept)
        return kept


def main() -> None:
    sys.setswitchinterval(TURN)
    runtime = importlib.import_module("ministack.core.lambda_runtime")
    runtime.zipfile = SimpleNamespace(**vars(zipfile) | {"ZipFile": SharedArchive})  # type: ignore[attr-defined]
    runpy.run_module("ministack", run_name="__main__")


if __name__ == "__main__":
    main()
