"""The layer, built as `sam build` builds it: whole, small, and all that a function needs beside boto3."""

from __future__ import annotations

import json
import struct
import subprocess
import sys
from pathlib import Path

import boto3
import pytest

from convoke.languages import LANGUAGES

ROOT = Path(__file__).parent.parent
FUNCTIONS = sorted(path.stem for path in (ROOT / "functions").glob("*.py"))
SENDS = ("deliver", "notify")
UNCHECKED_HASH = 0b01

# One worker's: else each would build a layer of its own. The tests of the stack have built and used one, too.
pytestmark = [pytest.mark.long, pytest.mark.xdist_group("layer")]


def build(artifacts: Path, *variables: str) -> None:
    command = [
        "make",
        "--silent",
        "build-CoreLayer",
        f"ARTIFACTS_DIR={artifacts}",
        f"PYTHON={sys.executable}",
        *variables,
    ]
    subprocess.run(command, cwd=ROOT / "layers/core", check=True, capture_output=True)  # noqa: S603


@pytest.fixture(scope="session")
def layer(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The built layer's folder of packages, for the interpreter that runs the tests."""
    artifacts = tmp_path_factory.mktemp("layer")
    build(artifacts, "CONVOKE_PYTHON=local")
    return artifacts / "python"


@pytest.fixture(scope="session")
def runtime(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with boto3 and what it brings, as Lambda's runtime has it, and nothing else of this environment."""
    installed = Path(boto3.__file__).parent.parent
    folder = tmp_path_factory.mktemp("runtime")
    for name in ("boto3", "botocore", "s3transfer", "urllib3", "jmespath", "dateutil", "six.py"):
        (folder / name).symlink_to(installed / name)
    return folder


@pytest.fixture(scope="session")
def imported(layer: Path, runtime: Path) -> dict[str, str]:
    """How each function was imported with the layer and boto3 alone: well, or what went wrong. Each in a process of its
    own, which has boto3 from the one that all of them fork from: it takes as long to import as a function itself.
    """
    path = [str(ROOT / "functions"), str(layer), str(runtime)]
    code = f"""
import sys
sys.path[:] = {path!r} + [entry for entry in sys.path if "site-packages" not in entry]
sys.dont_write_bytecode = True
import importlib, json, os, traceback
import boto3

def look(function):
    assert callable(importlib.import_module(function).handler)
    files = [(name, getattr(module, "__file__", None) or "") for name, module in sys.modules.items()]
    foreign = [name for name, file in files if "site-packages" in file]
    assert not foreign, foreign
    sends = function in {SENDS!r}
    assert ("icalendar" in sys.modules) is sends, "only who sends mail waits for what writes calendars"
    assert "babel" not in sys.modules, "only who writes another language than English waits for its dates"

found = {{}}
for function in {FUNCTIONS!r}:
    read, write = os.pipe()
    process = os.fork()
    if not process:
        try:
            look(function)
            said = "well"
        except BaseException:
            said = traceback.format_exc()
        finally:
            os.write(write, said[-10_000:].encode())
            os._exit(0)
    os.close(write)
    with open(read) as saying:
        found[function] = saying.read()
    os.waitpid(process, 0)
print(json.dumps(found))
"""
    found: dict[str, str] = json.loads(ran(code))
    return found


@pytest.mark.parametrize("function", FUNCTIONS)
def test_a_function_imports_with_the_layer_and_boto3_alone(function: str, imported: dict[str, str]) -> None:
    assert imported[function] == "well"


def test_a_mail_that_comes_in_is_read_with_the_layer_alone(layer: Path, runtime: Path) -> None:
    path = [str(layer), str(runtime)]
    code = f"""
import sys
sys.path[:] = {path!r} + [entry for entry in sys.path if "site-packages" not in entry]
sys.dont_write_bytecode = True
from convoke.inbound import components
from convoke.inbound.zones import known
line = "BEGIN:VEVENT\\nATTENDEE;CN=Bo:mailto:bo@example.net".encode()
(event,) = components.read(line).all("VEVENT")
assert event.properties("ATTENDEE")[0].value == "mailto:bo@example.net"
assert known("Eastern Standard Time").key == "America/New_York"
assert {str(layer)!r} in sys.modules["icalendar"].__file__
"""
    ran(code)


def test_every_language_is_written_with_the_layer_alone(layer: Path) -> None:
    path = [str(layer)]
    code = f"""
import sys
sys.path[:] = {path!r} + [entry for entry in sys.path if "site-packages" not in entry]
sys.dont_write_bytecode = True
from datetime import datetime
from convoke.languages import LANGUAGES, texts
from convoke.model import When
when = When(start=datetime(2027, 3, 12, 9), end=datetime(2027, 3, 12, 10), time_zone="Europe/Berlin")
regions = ("en-GB", "en-150", "de-CH", "pt-PT", "es-419", "ar-EG", "fr-CA")
written = {{texts(tag).when(when) for tag in (*LANGUAGES, *regions)}}
assert len(written) >= len(LANGUAGES) + 1
assert {str(layer)!r} in sys.modules["babel"].__file__
"""
    ran(code)


def test_the_layer_holds_the_dates_only_of_languages_that_there_are_texts_in(layer: Path) -> None:
    kept = {path.stem.partition("_")[0] for path in (layer / "babel" / "locale-data").glob("*.dat")}
    assert kept == {"root", *LANGUAGES}


def ran(code: str) -> str:
    """What a program says that is run as a function is, without whatever else is installed here."""
    environment = {"AWS_DEFAULT_REGION": "eu-central-1", "POWERTOOLS_METRICS_NAMESPACE": "Convoke"}
    done = subprocess.run(  # noqa: S603
        [sys.executable, "-I", "-S", "-W", "error", "-c", code],
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_the_layer_holds_nothing_that_only_development_needs(layer: Path) -> None:
    top = {path.name for path in layer.iterdir()}
    assert {"convoke", "aws_lambda_powertools", "icalendar", "pydantic", "tzdata", "dateutil"} <= top
    assert not top & {"boto3", "botocore", "pytest", "moto", "hypothesis", "flask", "samcli", "bin"}
    assert not [path for path in layer.rglob("*") if path.name == "tests" or path.suffix == ".dist-info"]


def test_the_layer_holds_the_package_as_it_is(layer: Path) -> None:
    source = ROOT / "layers/core/convoke"

    def files(folder: Path) -> dict[Path, bytes]:
        found = (path for path in folder.rglob("*") if path.is_file() and "__pycache__" not in path.parts)
        return {path.relative_to(folder): path.read_bytes() for path in found}

    assert files(source) == files(layer / "convoke")


def test_the_bytecode_is_valid_whatever_the_time_of_its_source(layer: Path) -> None:
    modules = [path for path in layer.rglob("*.py") if "convoke" in path.parts or "pydantic" in path.parts]
    assert modules
    for module in modules:
        (compiled,) = (module.parent / "__pycache__").glob(f"{module.stem}.{sys.implementation.cache_tag}.pyc")
        flags = struct.unpack("<I", compiled.read_bytes()[4:8])[0]
        assert flags == UNCHECKED_HASH, module


def test_the_layer_for_lambda_is_for_python_3_13_on_arm(tmp_path: Path) -> None:
    """Its requirements are there for that platform; whether an interpreter to compile with is there does not matter."""
    build(tmp_path)
    (binary,) = tmp_path.rglob("_pydantic_core*.so")
    assert "313" in binary.name
    assert "aarch64" in binary.name
    # An ELF file's machine: 183 is AArch64.
    assert struct.unpack("<H", binary.read_bytes()[18:20])[0] == 183
