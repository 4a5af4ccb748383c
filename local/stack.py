"""`make run`: starts the stack, prints its URLs, runs the sample event, and stays up until Ctrl-C; then cleans up."""

from __future__ import annotations

import json
import os
import shutil
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from types import FrameType

from convoke.links.urls import Urls
from convoke.model import ConvokeError
from convoke.store import account_settings, codec, dynamo, keys
from convoke.store.accounts import Accounts
from convoke.store.lookups import Lookups
from convoke.store.sessions import Sessions

from . import duration, signing_in, site, story, tellings
from .deploy import (
    PARAMETERS,
    Deployed,
    Sam,
    client,
    count_workers,
    forget_in_time,
    queue_in_batches,
    receive_replies,
    resource,
)
from .emulator import Emulator
from .front import Front
from .place import REGION, Place
from .postoffice import PostOffice
from .preflight import Unready
from .routes import open_routes

TICK = 3.0
NOTIFY_AFTER = 0
"""For how many seconds an ordinary change of an event waits for the next one, unless the event says otherwise."""

LINK_LASTS = timedelta(hours=24)
"""For how long somebody may sign in by the link that is printed, or by one of the inbox."""


class Clock:
    """Prints each step with the seconds since the start, and a line every few seconds while it lasts."""

    def __init__(self, say: Callable[[str], None]) -> None:
        self._say = say
        self._began = time.monotonic()

    @contextmanager
    def during(self, what: str) -> Iterator[None]:
        over = threading.Event()

        def tick() -> None:
            self._tell(what)
            while not over.wait(TICK):
                self._tell("…")

        ticking = threading.Thread(target=tick, daemon=True)
        ticking.start()
        try:
            yield
        finally:
            over.set()
            ticking.join()

    def _tell(self, what: str) -> None:
        self._say(f"{time.monotonic() - self._began:4.0f} s  {what}")


def say(line: str) -> None:
    print(line, flush=True)


def describe(
    place: Place, deployed: Deployed, key: str, inbox: str, pages: str, source: dict[str, str]
) -> dict[str, object]:
    """The content of stack.json, which other tools read."""
    return {
        "api": deployed.api,
        "key": key,
        "inbox": inbox,
        "pages": pages,
        "console": Urls(pages).console(),
        "mail": str(place.mail),
        "endpoint": place.endpoint,
        "tables": deployed.tables,
        "queues": deployed.queues,
        "source": source,
    }


def bring_up(place: Place, leaving: ExitStack) -> tuple[dict[str, object], str]:
    """Start everything in order; how to undo each step is registered with ``leaving`` at once. Returns stack.json, and
    a link by which a visitor of this machine signs in to the console.
    """
    clock = Clock(say)
    place.clear()
    office = PostOffice(folder=place.mail, port=place.inbox_port)
    office.start()
    leaving.callback(office.stop)
    emulator = Emulator(place, office.url)
    leaving.callback(emulator.stop)
    front = Front(place.pages_port)
    front.start()
    leaving.callback(front.stop)
    sam = Sam(place)
    with clock.during("building the functions and their layer"):
        sam.build()
    emulator.wait()
    with clock.during("deploying template.yaml to the emulator"):
        tables = site.create_tables(client("dynamodb", place))
        deployed = sam.deploy({**tables, "PublicUrl": front.url})
    with clock.during("adding what the emulator does not support"):
        open_routes(place)
        forget_in_time(place, deployed)
        count_workers(place)
        queue_in_batches(place)
        receive_replies(place)
    front.connect(deployed.api)
    database = client("dynamodb", place)
    now = datetime.now(UTC)
    accounts = Accounts(database, deployed.tables["accounts"])
    key = accounts.create_key(account=site.ACCOUNT, name="first", now=now)
    # Where one tries things, a change is told at once: others wait a minute for the next one.
    decided = replace(account_settings.DEFAULT, version=1, notify_after=NOTIFY_AFTER)
    item = codec.item(decided, keys.account_settings(site.ACCOUNT), account=site.ACCOUNT)
    database.put_item(TableName=deployed.tables["accounts"], Item=dynamo.wire(item))
    source = site.describe(accounts)
    office.connect(
        endpoint=place.endpoint,
        feedback_topic=deployed.outputs["FeedbackTopic"],
        inbound_topic=deployed.outputs["InboundTopic"],
        inbound_bucket=deployed.outputs["InboundBucket"],
        region=REGION,
    )
    settings = tellings.settings(deployed.tables)
    found = Lookups(database, settings)
    office.tellings.connect(lambda: tellings.read(found, site.ACCOUNT, datetime.now(UTC)))
    sessions = Sessions(database, settings)

    def sign_in() -> str:
        return signing_in.link(sessions, front.url, site.ACCOUNT, datetime.now(UTC), LINK_LASTS)

    office.console.connect(front.url, sign_in)
    described = describe(place, deployed, key, office.url, front.url, source)
    part = place.description.with_suffix(".part")
    part.write_text(json.dumps(described, indent=2) + "\n")
    part.rename(place.description)
    leaving.callback(place.description.unlink, missing_ok=True)
    return described, sign_in()


def announce(stack: dict[str, object]) -> None:
    say(
        f"\nConvoke is ready.\n\n"
        f"    API      {stack['api']}\n"
        f"    docs     {stack['api']}/docs\n"
        f"    key      {stack['key']}\n"
        f"    inbox    {stack['inbox']}\n"
        f'    pages    {stack["pages"]}/e/<event_id>, of events with "public": true\n'
        f"    console  {stack['console']}\n"
        f"    sender   {PARAMETERS['SenderAddress']}\n"
        f"    changes  are told at once (notify_after is {NOTIFY_AFTER} for this account, elsewhere 60 seconds)\n"
    )


def end(_signal: int, _frame: FrameType | None) -> None:
    """The handler of SIGINT and SIGTERM: the first ends the stack, further ones are ignored while it cleans up."""
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.SIG_IGN)
    raise KeyboardInterrupt


def main() -> int:
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, end)
    began, story_wanted = time.monotonic(), os.environ.get("STORY", "yes") != "no"
    with ExitStack() as leaving:
        try:
            place = Place.from_environment(os.environ)
            leaving.callback(shutil.rmtree, place.temporary, ignore_errors=True)
            say(f"Starting the stack: {duration.expected('run')}.")
            stack, link = bring_up(place, leaving)
            duration.remember("run", time.monotonic() - began)
            announce(stack)
            if story_wanted:
                story.play(str(stack["api"]), str(stack["key"]), place.mail, say)
                site.play(site.Site(resource("dynamodb", place)), place.mail, say)
                page = story.hold(str(stack["api"]), str(stack["key"]))
                say(f"\nRegister yourself: {page}\nThe mails to you are in the inbox: {stack['inbox']}\n")
            say(f"Sign in to the console, once (the inbox makes more of these links): {link}\n")
            say("Running until Ctrl-C.")
            while True:
                signal.pause()
        except KeyboardInterrupt:
            say("\nStopping.")
            return 0
        except (ConvokeError, Unready, OSError) as error:
            print(f"\n{error}", file=sys.stderr, flush=True)
            return 1


if __name__ == "__main__":
    sys.exit(main())
