"""What several test files share: the whole stack, booted once for the session; and clients of AWS, one of each kind."""

from __future__ import annotations

import contextlib
import gc
import importlib
import os
import sys
import time
import warnings
from collections.abc import Callable, Generator, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, Any

import boto3
import pytest

from local import duration

# What only some tests need is imported by them: the process that hands tests to the workers needs nothing of it, and
# the workers wait for that process.
if TYPE_CHECKING:
    from playwright.sync_api import Browser

    from tests.running import Meanwhile, Running
    from tests.secretary import Secretary

# Whatever a test forgets to fake fails here, and never reaches anybody's account.
os.environ.update(
    AWS_ACCESS_KEY_ID="testing",
    AWS_SECRET_ACCESS_KEY="testing",
    AWS_DEFAULT_REGION="eu-central-1",
    AWS_EC2_METADATA_DISABLED="true",
    POWERTOOLS_METRICS_NAMESPACE="Convoke",
    POWERTOOLS_SERVICE_NAME="convoke",
)
os.environ.pop("AWS_PROFILE", None)


def one_of_each_kind(make: Callable[..., Any]) -> Callable[..., Any]:
    """``boto3.client``, which takes longer than most tests, with a memory for what it made, by what that depends on."""
    made: dict[str, Any] = {}

    def client(service: str, **options: Any) -> Any:
        plain = {name: getattr(value, "_user_provided_options", value) for name, value in options.items()}
        variables = {name: value for name, value in os.environ.items() if name.startswith("AWS_")}
        kind = repr((service, sorted(plain.items()), sorted(variables.items())))
        if kind not in made:
            made[kind] = make(service, **options)
        return made[kind]

    return client


boto3.client = one_of_each_kind(boto3.client)


# --- how long it takes --------------------------------------------------------------------------------------------

MAKE_TEST = ("-n", "3", "--dist", "loadgroup")
BEGAN = pytest.StashKey[float]()
BOOTS = "gw0"
"""The worker that is handed the tests that come first, which share a stack; it builds that while it imports them."""
EARLY: pytest.StashKey[Running] = pytest.StashKey()


def all_of_them(config: pytest.Config) -> bool:
    """Whether this is `make test`, with nothing left out."""
    return tuple(config.invocation_params.args) == MAKE_TEST


gc.disable()  # until all is imported and collected: there is nothing to be freed


def pytest_sessionstart(session: pytest.Session) -> None:
    """Each worker begins to import the tests at another place, so that not each of them compiles all: where they come
    to what another has compiled, its bytecode is there. Whatever fails to be imported fails again when it is collected.
    """
    worker = getattr(session.config, "workerinput", None)
    if worker is None or tuple(worker["mainargv"][1:]) != MAKE_TEST:
        return
    if worker["workerid"] == BOOTS:
        begin_the_stack(session.config)
    folder = Path(__file__).parent
    names = sorted(path.stem for path in folder.glob("test_*.py"))
    begin = len(names) * int(worker["workerid"].removeprefix("gw")) // worker["workercount"]
    sys.path.insert(0, str(folder))
    for name in names[begin:] + names[:begin]:
        with contextlib.suppress(Exception), warnings.catch_warnings():
            warnings.simplefilter("error")  # as when they are collected
            importlib.import_module(name)
    sys.path.remove(str(folder))


# Those that take longest, and the group of tests that share a stack, which takes longer than all others together.
FIRST = (
    *("stack", "simulation", "hostile", "contract", "headers", "layer", "published", "corpus", "api_occurrences"),
    *("bench", "times_here", "series_messages", "unconfirmed", "vtimezone", "recurrence", "spliced", "shown"),
    *("series_costs", "split_transfer", "console_hostile", "console_preview", "conversations", "postoffice", "replies"),
    *("imports", "agenda", "inbound_mail", "permissions_used", "costs", "brakes", "console_events", "sync", "erasure"),
    *("console_access", "bulk", "signing_in", "console_dates", "given_up", "people_page", "codec", "addresses"),
)


def unit(nodeid: str) -> str:
    """What of the tests is one worker's as a whole: those of a group, else those of a file, whose fixtures are so made
    once.
    """
    test, _, group = nodeid.rpartition("@")
    return group if test and "]" not in group else Path(nodeid.partition("::")[0]).stem.removeprefix("test_")


LONGEST_ID = 200


def pytest_make_parametrize_id(val: object) -> str | None:
    """The beginning of a long text: a hostile mail has six million characters, and what a test is called is sent around
    whenever it begins, is over, or is looked for.
    """
    if not isinstance(val, str | bytes) or len(val) <= LONGEST_ID:
        return None
    begins = val[: LONGEST_ID // 4]
    if isinstance(begins, str):
        return begins.encode("unicode_escape").decode("ascii") + "..."
    return begins.decode("ascii", "backslashreplace").encode("unicode_escape").decode("ascii") + "..."


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    if getattr(config.option, "loadgroup", False):
        place = {name: number for number, name in enumerate(FIRST)}
        items.sort(key=lambda item: place.get(unit(item.nodeid), len(FIRST)))


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Any:
    """pytest-xdist's own, with files in place of single tests: for each of ten thousand of them it would look through
    all that were there before.
    """
    if config.option.dist != "loadgroup":
        return None
    from xdist.scheduler import LoadGroupScheduling  # type: ignore[import-untyped]

    class Units(LoadGroupScheduling):  # type: ignore[misc]
        _split_scope = staticmethod(unit)

        @property
        def nodes(self) -> list[Any]:
            """The workers in order, and not as they happened to begin: what comes first is for the first one."""
            return sorted(super().nodes, key=lambda node: node.gateway.id != BOOTS)

    config.option.loadscopereorder = False  # they are in order, and not by how many there are
    return Units(config, log)


def pytest_collection_finish(session: pytest.Session) -> None:
    """A group, of tests that share a stack, is one worker's: else each worker would boot a stack of its own."""
    gc.freeze()  # what stays for the whole run is not looked through again and again
    gc.set_threshold(20_000)  # tests make and drop much, which then is looked through a few times and not thousands
    gc.enable()
    if getattr(session.config.option, "loadgroup", False):
        apart = [one.nodeid for one in session.items if one.get_closest_marker("xdist_group") and "@" not in one.nodeid]
        if apart:
            raise pytest.UsageError(f"pytest-xdist does not see the group of {apart[0]}")


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """What was written during a test that passes is not sent to the process that shows what failed."""
    report = yield
    if report.passed and not set(item.config.getoption("reportchars")) & set("AP"):
        report.sections.clear()
    return report


def pytest_report_header(config: pytest.Config) -> str:
    config.stash[BEGAN] = time.monotonic()
    return f"All tests take {duration.expected('test')}." if all_of_them(config) else ""


def pytest_sessionfinish(session: pytest.Session, exitstatus: int) -> None:
    config = session.config
    if exitstatus == pytest.ExitCode.OK and all_of_them(config) and BEGAN in config.stash:
        duration.remember("test", time.monotonic() - config.stash[BEGAN])


def pytest_terminal_summary(terminalreporter: Any) -> None:
    """What attacks were tried and what came of them. A test says so by ``record_property("attack", …)``: a line, or a
    kind with a number, which are summed up ("attack count") or of which the highest is shown ("attack worst").
    """
    reports = [report for outcome in ("passed", "failed") for report in terminalreporter.stats.get(outcome, ())]
    said: dict[str, list[Any]] = {}
    for name, what in (each for report in reports for each in report.user_properties):
        said.setdefault(name, []).append(what)
    numbers: dict[str, list[float]] = {}
    for kind, number in [*said.get("attack count", ()), *said.get("attack worst", ())]:
        numbers.setdefault(kind, []).append(number)
    highest = {kind for kind, _ in said.get("attack worst", ())}
    lines = [f"{max(found) if kind in highest else sum(found):g} {kind}" for kind, found in numbers.items()]
    for line in sorted({*said.get("attack", ()), *lines}):
        terminalreporter.write_line(f"attack: {line}")


def begin_the_stack(config: pytest.Config) -> None:
    """Begin to build it before it is known who wants it: that takes as long as to import the tests."""
    from tests.running import begin

    # What the fixture tmp_path_factory is; there are no fixtures yet.
    running = begin(config._tmp_path_factory.mktemp("stack"))  # type: ignore[attr-defined]
    config.stash[EARLY] = running

    def forget() -> None:
        if running.exit_code is None:  # no test has come to it
            running.leave()
            running.left_behind()

    config.add_cleanup(forget)


@pytest.fixture(scope="session")
def stack(tmp_path_factory: pytest.TempPathFactory, pytestconfig: pytest.Config) -> Iterator[Running]:
    """One stack for all tests of a run, on free ports. It must leave when told to, and leave nothing behind."""
    from tests.running import begin

    running = pytestconfig.stash.get(EARLY, None) or begin(tmp_path_factory.mktemp("stack"))
    try:
        running.come_up()
        yield running
    finally:
        running.leave()
    assert running.exit_code == 0, running.said()
    assert not running.left_behind()


BEGUN: pytest.StashKey[Meanwhile] = pytest.StashKey()


@pytest.fixture(scope="session")
def meanwhile(stack: Running, pytestconfig: pytest.Config) -> Iterator[Meanwhile]:
    """Tests of some ten seconds each, in which hardly anything but time goes by, in threads beside tests that neither
    register anybody, nor wait for a mail, nor compare what is stored.
    """
    from tests.running import Meanwhile

    with ThreadPoolExecutor(3, thread_name_prefix="meanwhile") as threads:
        pytestconfig.stash[BEGUN] = Meanwhile(stack, threads)
        yield pytestconfig.stash[BEGUN]


@pytest.fixture(scope="session")
def others_meanwhile(meanwhile: Meanwhile) -> None:
    """The first of them is one in which nobody may register."""
    from tests.test_stack import every_kind, throttled
    from tests.test_stack_outside import not_reached, told_again

    meanwhile.begin(told_again, throttled, not_reached, every_kind)


def settle(config: pytest.Config) -> None:
    """Wait until whatever ``meanwhile`` began is over, if it began anything."""
    if begun := config.stash.get(BEGUN, None):
        begun.settle()


@pytest.fixture
def settled(pytestconfig: pytest.Config) -> None:
    """For a test that counts all mails, whoever has them sent."""
    settle(pytestconfig)


@pytest.fixture(scope="session")
def unknown(stack: Running, pytestconfig: pytest.Config) -> tuple[float, dict[str, str]]:
    """Who was mailed with an unknown outcome: since when (monotonic, seconds), and the paths of their registrations, by
    address. All four kinds at once, since each has to wait until nobody can be sending any more; two of them hold up
    all other mail for twenty seconds, so they begin while no test waits for a mail.
    """
    settle(pytestconfig)
    where, people = f"{stack.an_event()}/registrations", {}
    for kind in ("timeout-after-accept", "timeout", "reset", "error-500"):
        email = f"{kind}@example.net"
        stack.post("/faults", {"kind": kind, "count": 1, "to": email})
        people[email] = f"{where}/{stack.call('POST', where, {'name': kind, 'email': email})['registration_id']}"
    return time.monotonic(), people


@pytest.fixture(scope="session")
def chromium() -> Iterator[Browser]:
    from tests.browser import a_browser

    with a_browser() as browser:
        yield browser


@pytest.fixture
def secretary(monkeypatch: pytest.MonkeyPatch) -> Iterator[Secretary]:
    """Somebody who is signed in to the console, over tables in memory."""
    from tests.secretary import a_secretary

    with a_secretary(monkeypatch) as one:
        one.sign_in()
        yield one
