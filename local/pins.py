"""`make pins`: pins every package that the requirements files need, in turn too, with the hashes of its files.

Each requirements file has a lock file beside it, for every platform and each Python from 3.11 on. Only lock files are
installed, so a file that is not the one that was looked at here is refused, whatever index or mirror it comes from.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from . import index
from .environments import CACHE, LOCKS, ROOT, UV, lock_of


def compile_lock(file: Path, constraint: Path | None) -> None:
    """Write the lock file of one requirements file, with the versions of ``constraint`` where that has them.

    Raises :class:`subprocess.CalledProcessError` after uv has said why.
    """
    # Only the index itself is asked: folders of packages, and further indexes, may have the files of one platform only.
    known = index.settings(os.environ)
    asked = {name: known.values[name] for name in ("index-url", "cert", "proxy") if name in known.values}
    options, more = index.Settings(asked).for_uv() or ([], {})
    constraints = ["--constraint", str(constraint)] if constraint else []
    subprocess.run(  # noqa: S603
        [
            *(str(ROOT / UV / "bin" / "uv"), "pip", "compile", "--quiet", "--universal", "--python-version", "3.11"),
            *("--generate-hashes", "--no-annotate", "--no-emit-index-url", "--no-emit-find-links"),
            *("--custom-compile-command", "make pins", "--cache-dir", str(ROOT / CACHE)),
            *(*options, *constraints, str(file), "--output-file", str(lock_of(file)), "--upgrade"),
        ],
        cwd=ROOT,
        env=os.environ | more,
        check=True,
    )


def main() -> int:
    try:
        for group in LOCKS:
            first: Path | None = None
            for file in group:
                compile_lock(file, first)
                first = first or lock_of(file)
                print(f"{lock_of(file)} is written.", flush=True)
    except (subprocess.CalledProcessError, OSError) as error:
        print(f"Not everything was pinned: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
