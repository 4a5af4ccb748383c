"""What `make` runs before anything else: checks the machine, and installs what is missing.

Any Python must be able to parse this file, so that an old one gets a clear error. The rest is in `environments` and
`preflight`, which use the standard library only.
"""

import os
import subprocess
import sys

if sys.version_info < (3, 11):  # noqa: UP036 - the check this file exists for
    newer = []
    with open(os.devnull, "w") as nowhere:  # noqa: PTH123
        for name in ("python3.14", "python3.13", "python3.12", "python3.11"):
            try:
                if subprocess.call([name, "-c", ""], stdout=nowhere, stderr=nowhere) == 0:  # noqa: S603
                    newer.append(name)
            except OSError:
                continue
    sys.stderr.write(
        "Convoke needs Python 3.11 or newer, and "
        + (sys.executable or "this")
        + " is "
        + ".".join(str(number) for number in sys.version_info[:3])
        + (": there is " if newer else ": install ")
        + (newer[0] if newer else "a newer one")
        + ", so say make "
        + sys.argv[1].replace("tools", "...")
        + " PYTHON="
        + (newer[0] if newer else "/path/to/python3.11")
        + "\n"
    )
    sys.exit(1)

if __name__ == "__main__":
    from local.environments import main

    sys.exit(main(sys.argv[1], os.environ))
