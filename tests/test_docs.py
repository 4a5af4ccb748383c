"""README.md, CONTRIBUTING.md and docs/ say what is so: every name, link, specimen and example is checked."""

from __future__ import annotations

import ast
import json
import re
import shlex
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from convoke.decision.attention import AttentionKind, AttentionReason
from convoke.inbound.reasons import Reason
from convoke.model import DeliveryState
from convoke.webhooks.events import WebhookEventType
from local.postoffice import faults
from tests.caller import Answer, World, a_caller, routes
from tests.factories import existing
from tests.fixtures import patching_fixture_of
from tests.simulation.faults import Mode
from tests.tables import template

ROOT = Path(__file__).parent.parent
PAGES = {
    path.relative_to(ROOT).as_posix(): path.read_text("utf-8")
    for path in (ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").glob("*.md")))
}
README = PAGES["README.md"]
EVERYTHING = "\n".join(PAGES.values())
BLOCK = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
# What only this project called so; the glossary has the words that others know.
PRIVATE_WORDS = re.compile(
    r"\b(doorbells?|pokes?|poked|owed?|owes|errands?|notepaper|torso|unsayable|mailroom|courier|giveback|putdown"
    r"|carried over|waiting line|last word)\b",
    re.IGNORECASE,
)


world = patching_fixture_of(a_caller)


def section(page: str, heading: str) -> str:
    """What stands under ``heading``, up to the next one of its level or above."""
    text = PAGES[page]
    level = re.escape(heading.partition(" ")[0])
    (found,) = re.findall(rf"^{re.escape(heading)}\n(.*?)(?=^{level[:2]}#? |\Z)", text, re.MULTILINE | re.DOTALL)
    return str(found)


def blocks(page: str, language: str) -> list[str]:
    return [code for name, code in BLOCK.findall(PAGES[page]) if name == language]


def prose(text: str) -> str:
    """``text`` without its code."""
    return re.sub(r"`[^`\n]+`", "", BLOCK.sub("", text))


def code(text: str) -> list[str]:
    """The code in ``text``: blocks, lines that are indented by four, and what stands between backticks."""
    spans = re.findall(r"`([^`\n]+)`", BLOCK.sub("", text))
    return [block for _, block in BLOCK.findall(text)] + re.findall(r"^ {4}(\S.*)$", text, re.MULTILINE) + spans


def first_cells(text: str) -> list[str]:
    """What stands between backticks in the first column of tables."""
    cells = re.findall(r"^\|([^|]*)\|", text, re.MULTILINE)
    return [name for cell in cells for name in re.findall(r"`([^`]+)`", cell)]


# --- pages and links ----------------------------------------------------------------------------------------------


def test_the_readme_is_read_in_a_few_minutes() -> None:
    assert 120 <= len(README.splitlines()) <= 150


def test_the_readme_leads_to_every_page() -> None:
    linked = set(re.findall(r"\]\(([^)#]+)\)", README))
    assert set(PAGES) - {"README.md"} <= linked


def anchors(text: str) -> set[str]:
    """The fragments by which GitHub names the headings of a page."""
    headings = re.findall(r"^#+ (.+)$", BLOCK.sub("", text), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("page", PAGES)
def test_every_link_leads_somewhere(page: str) -> None:
    for target in re.findall(r"\]\(([^)]+)\)", PAGES[page]):
        if re.match(r"[a-z]+:", target):
            continue
        file, _, fragment = target.partition("#")
        path = (ROOT / page).parent / file if file else ROOT / page
        assert path.exists(), target
        if fragment:
            assert fragment in anchors(path.read_text("utf-8")), target


@pytest.mark.parametrize("page", PAGES)
def test_the_files_that_a_page_names_are_there(page: str) -> None:
    named = re.findall(r"`((?:tests|events|layers|local|functions|docs)/[\w./-]*)`", PAGES[page])
    assert [path for path in named if not (ROOT / path).exists()] == []


def test_the_tests_that_are_named_exist() -> None:
    named = set(re.findall(r"`(test_\w+)`", EVERYTHING))
    written = {
        name for path in (ROOT / "tests").glob("test_*.py") for name in re.findall(r"def (test_\w+)", path.read_text())
    }
    assert len(named) > 8
    assert named - written == set()


def test_every_guarantee_names_what_checks_it() -> None:
    rows = re.findall(r"^\| (G\d|) \| (.+) \| (.+) \|$", PAGES["docs/guarantees.md"], re.MULTILINE)
    assert [number for number, _, _ in rows if number] == [f"G{number}" for number in range(1, 9)]
    assert [what for _, what, check in rows if not re.fullmatch(r"`test(_\w+|s/test_\w+\.py)`", check)] == []


@pytest.mark.parametrize("page", PAGES)
def test_pages_are_in_words_that_others_know(page: str) -> None:
    assert PRIVATE_WORDS.findall(prose(PAGES[page])) == []


# --- what they say of the template and the tools ------------------------------------------------------------------


def test_every_route_is_documented_and_no_other() -> None:
    places = "account|events|registrations|quarantine|sources|webhooks|changes|docs|health|openapi"
    route = re.compile(rf"`((?:GET|POST|PATCH|DELETE|PUT) /(?:{places})[^` ?]*)`")
    pages = "\n".join(text for page, text in PAGES.items() if page != "CONTRIBUTING.md")
    assert set(route.findall(pages)) == set(routes())
    assert Counter(route.findall(section("docs/api.md", "## Routes"))) == Counter(routes())


def test_every_parameter_is_documented_with_its_default() -> None:
    rows = dict(re.findall(r"^\| `(\w+)` \| (\S*)[^|]*\|", section("docs/deploy.md", "## Parameters"), re.MULTILINE))
    parameters = template()["Parameters"]
    defaults = {name: str(one["Default"]) if "Default" in one else "" for name, one in parameters.items()}
    assert rows.keys() == defaults.keys()
    assert {name: cell.strip("`").replace("empty", "").replace("|", "") for name, cell in rows.items()} == defaults


def test_every_make_target_is_documented_and_no_other() -> None:
    targets = set(re.findall(r"^([a-z-]+):.*##", (ROOT / "Makefile").read_text(), re.MULTILINE))
    assert {name for part in code(EVERYTHING) for name in re.findall(r"\bmake ([a-z-]+)", part)} == targets


def test_every_alarm_is_documented_and_no_other() -> None:
    resources = template()["Resources"].items()
    alarms = {name for name, one in resources if one["Type"] == "AWS::CloudWatch::Alarm"}
    assert Counter(first_cells(section("docs/operations.md", "## Alarms"))) == Counter(alarms)


def test_every_function_and_every_table_is_documented() -> None:
    page = section("docs/architecture.md", "## Functions, tables and queues")
    assert set(first_cells(page)) == {path.stem for path in (ROOT / "functions").glob("*.py")}
    tables = {name for name, one in template()["Resources"].items() if one["Type"] == "AWS::DynamoDB::Table"}
    (rows,) = re.findall(r"^\| table \|.*\n\|---\|---\|\n((?:\|.*\n)+)", page, re.MULTILINE)
    assert {name.title() for name in re.findall(r"^\| (\w+) \|", rows, re.MULTILINE)} == tables


def test_the_outputs_that_deployment_needs_are_in_the_template() -> None:
    named = set(re.findall(r"`((?:Dkim|MailFrom)Record\d|AlarmsTopic)`", EVERYTHING))
    assert len(named) == 5
    assert named <= set(template()["Outputs"])


def test_the_settings_of_the_simulator_are_documented() -> None:
    (row,) = re.findall(r"^\| `FAULTS=.*$", PAGES["CONTRIBUTING.md"], re.MULTILINE)
    assert set(re.findall(r"`(?:FAULTS=)?(\w+)`", row)) == {mode.value for mode in Mode} - {Mode.ALL.value}


def test_the_faults_of_the_local_inbox_are_documented() -> None:
    (row,) = re.findall(r"^\| `POST /faults`.*$", PAGES["CONTRIBUTING.md"], re.MULTILINE)
    assert set(re.findall(r'"kind": "([\w-]+)"|`([a-z0-9-]+)`', row)) == {
        ("throttle", ""),
        *(("", kind.value) for kind in faults.Kind if kind.value != "throttle"),
    }


# --- what they say of the API's values ----------------------------------------------------------------------------


def test_every_delivery_state_is_documented() -> None:
    page = section("docs/api.md", "## Registrations, seats and answers")
    assert {state.value for state in DeliveryState} <= set(re.findall(r"`([a-z]+)`", page))


def test_every_kind_and_state_of_attention_is_documented() -> None:
    page = section("docs/api.md", "## Attention: who was not reached")
    assert {one.value for one in (*AttentionKind, *AttentionReason)} <= set(re.findall(r"`([a-z-]+)`", page))


def test_every_webhook_event_is_documented_and_no_other() -> None:
    types = {one.value for one in WebhookEventType if one is not WebhookEventType.TEST}
    assert Counter(first_cells(section("docs/api.md", "## Webhooks"))) == Counter(types)


def test_every_reason_to_put_a_mail_aside_is_documented_and_no_other() -> None:
    (table,) = re.findall(r"^\| reason \|.*?\n\n", PAGES["docs/calendars.md"], re.MULTILINE | re.DOTALL)
    assert Counter(first_cells(table)) == Counter(reason.value for reason in Reason)


# --- the glossary -------------------------------------------------------------------------------------------------


def test_the_glossary_has_each_term_once_in_order() -> None:
    parts = PAGES["docs/glossary.md"].split("\n## ")[1:]
    terms = [re.findall(r"^\| (?!term |---)([^|]+) \|", part, re.MULTILINE) for part in parts]
    assert all(found == sorted(found, key=str.casefold) for found in terms), terms
    assert [term for term, count in Counter(term for found in terms for term in found).items() if count > 1] == []
    assert sum(map(len, terms)) > 40


# --- examples -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["cancelled", "invitation", "series-date-cancelled"])
def test_a_specimen_is_what_is_sent(name: str) -> None:
    _, _, after = PAGES["docs/cancellation.md"].partition(f"<!-- tests/golden/{name}.ics -->\n")
    found = existing(BLOCK.match(after))
    sent = (ROOT / "tests" / "golden" / f"{name}.ics").read_bytes().decode().replace("\r\n", "\n")
    assert found[2] in sent
    assert "BEGIN:VEVENT\n" in found[2]
    assert found[2].endswith(("END:VEVENT\n", "END:VCALENDAR\n"))
    if name == "cancelled":
        assert found[2] == sent, "all of it"


def test_the_mail_around_the_specimen_has_the_fields_that_are_shown() -> None:
    (shown,) = (block for block in blocks("docs/cancellation.md", "") if block.startswith("From: "))
    sent = (ROOT / "tests" / "golden" / "cancelled.eml").read_bytes().decode().replace("\r\n", "\n")
    unfolded = re.sub(r"\n[ \t]+", " ", sent)
    for line in shown.splitlines():
        start = line.strip().partition("…")[0]
        assert start in unfolded or re.fullmatch(r"multipart/\w+", start), line


def examples() -> list[tuple[str, str, Any]]:
    """Of the README's curl examples: the script before each, the command, and the answer that is shown, if any."""
    found: list[tuple[str, str, Any]] = []
    for language, block in BLOCK.findall(README):
        if language == "bash":
            setting, _, command = block.partition("curl ")
            found.append((setting, f"curl {command}", None))
        elif language == "json":
            found[-1] = (*found[-1][:2], json.loads(block))
    return found


def curl(world: World, command: str, values: dict[str, str]) -> Answer:
    """Ask the API as ``command`` asks it, with the shell's variables as in ``values``."""
    words = iter(shlex.split(command.replace("\\\n", " ")))
    assert [next(words), next(words)] == ["curl", "-s"]
    url, headers, method, body = re.sub(r"\$(\w+)", lambda name: values[name[1]], next(words)), {}, "GET", None
    for option in words:
        value = next(words)
        match option:
            case "-H":
                name, _, text = value.partition(": ")
                headers[name] = text
            case "-d":
                method, body = "POST" if method == "GET" else method, value
            case "-X":
                method = value
            case _:
                raise AssertionError(option)
    assert headers["Authorization"] == "Bearer $key"
    assert url.startswith("/events")
    return world.call(method, url, body, content_type=headers["Content-Type"])


def shape(value: Any) -> Any:
    """``value`` with its ids and times only as such: what has to be the same each time."""
    if isinstance(value, dict):
        return {
            name: type(part) if name == "uid" or name.endswith(("_id", "_at")) else shape(part)
            for name, part in value.items()
        }
    return value


def test_the_examples_of_the_readme_are_answered_as_it_shows(world: World) -> None:
    values, statuses = {"api": ""}, []
    event = documented_event = ""
    for setting, command, shown in examples():
        for name, text in re.findall(r"^(event)=(\w+)$", setting, re.MULTILINE):
            assert documented_event == text, "the id of the answer above"
            values[name] = event
        answer = curl(world, command, values)
        statuses.append(answer.status)
        if shown is not None:
            assert shape(answer.body) == shape(shown), command
            assert list(answer.body) == list(shown), "in the same order"
            event, documented_event = answer.body["event_id"], shown["event_id"]
    assert statuses == [201, 201, 200]


def test_the_error_that_is_shown_is_what_is_answered(world: World) -> None:
    (shown,) = (json.loads(block) for block in blocks("docs/api.md", "json") if '"errors"' in block)
    body = {
        "title": "Kölner Treffen",
        "start": "2030-03-12T18:00:00",
        "duration": "PT1H30M",
        "time_zone": "Europe/Berlin",
        "organizer": {"name": "Ada", "email": "ada"},
    }
    assert world.call("POST", "/events", body).body == shown


@pytest.mark.parametrize("page", PAGES)
def test_code_that_is_shown_can_be_read(page: str) -> None:
    for text in blocks(page, "python"):
        ast.parse(text)
    for text in blocks(page, "json"):
        json.loads(text)


def test_a_diagram_has_only_participants_that_it_declares() -> None:
    diagrams = blocks("docs/architecture.md", "mermaid")
    assert len(diagrams) == 5
    for diagram in diagrams:
        declared = set(re.findall(r"^ +participant (\w+) as ", diagram, re.MULTILINE))
        arrows = re.findall(r"^ +(\w+)-[->)]+(\w+): ", diagram, re.MULTILINE)
        assert {one for arrow in arrows for one in arrow} == declared
        assert ";" not in diagram, "Mermaid would begin another statement there"


def test_the_packages_of_the_documentation_are_those_of_the_map_in_its_order() -> None:
    written = ast.get_docstring(ast.parse((ROOT / "layers/core/convoke/__init__.py").read_text()))
    rooms = re.findall(r"^- ``(\w+)``: ", written or "", re.MULTILINE)
    listed = re.findall(r"^(\w+)  +\S", blocks("docs/architecture.md", "")[0], re.MULTILINE)
    assert (listed, len(rooms)) == (rooms, 19)


def test_what_the_glossary_names_in_the_code_is_there() -> None:
    named = {
        name
        for line in (ROOT / "docs/glossary.md").read_text().split("\n")
        for name in re.findall(r"`([A-Z]\w+)`", line.partition("In the code")[2])
    }
    modules = [path.read_text() for path in (ROOT / "layers/core/convoke").rglob("*.py")]
    defined = {name for text in modules for name in re.findall(r"^(?:class )?([A-Z]\w+)\b", text, re.MULTILINE)}
    assert len(named) > 3
    assert named - defined == set()


def test_the_first_page_that_is_documented_is_opened(world: World) -> None:
    (_, create, _), *_ = examples()
    made = curl(world, create, {"api": ""}).body
    assert made["page"] is None
    (command,) = blocks("docs/pages.md", "bash")
    answer = curl(world, command, {"api": "", "event": made["event_id"]})
    assert answer.status == 200
    assert answer.body["page"].endswith(f"/e/{made['event_id']}")
