"""The commands `make source` and `make sync`; see ``operate`` for how commands are called.

They read the site's tables with the caller's own permissions.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path

from convoke.model import InvalidField
from convoke.settings import Settings
from convoke.sources.compare import act, compare, people
from convoke.sources.mapping import MAX_LENGTH, parse
from convoke.sources.row_sync import Unknown
from convoke.sources.sync import Site

from .command import Ask, Refused, store_of


def source(settings: Settings, said: Mapping[str, str], ask: Ask) -> str:  # noqa: ARG001 (all commands have the same signature)
    """Store the description of a source of an account, in the place of a former one of its name."""
    file, account = said.get("FILE"), said.get("ACCOUNT")
    if not file or not account:
        return Refused("Usage: make source FILE=site.json ACCOUNT=acme")
    try:
        with Path(file).open(encoding="utf-8") as opened:
            text = opened.read(MAX_LENGTH + 1)
        described = parse(text)
    except (OSError, UnicodeDecodeError) as error:
        return Refused(f"Nothing was stored: {file} cannot be read ({type(error).__name__}).")
    except InvalidField as error:
        return Refused(f"Nothing was stored: {error.field or file} {error.message}")
    store = store_of(settings)
    store.accounts.put_source(account, described.name, text)
    tables = {rows.table for rows in (described.events, described.registrations) if rows is not None}
    return (
        f"{account} has the source {described.name} of {' and '.join(sorted(tables))}. Rows are followed where the "
        f"stack has the tables' streams (SourceStream1 …). Now: make sync NAME={described.name} ACCOUNT={account}"
    )


def sync(settings: Settings, said: Mapping[str, str], ask: Ask) -> str:
    """Compare all rows with what is registered, print what would follow, and do it after a yes.

    It can be interrupted, and begins again with what is left. A row that fails keeps no other from being followed: the
    first such error is raised in the end.
    """
    store, name = store_of(settings), said.get("NAME")
    account = said.get("ACCOUNT") or store.accounts.only_account()
    if not name or not account:
        return Refused("Usage: make sync NAME=site ACCOUNT=acme (DRY=yes)")
    text = store.accounts.source(account, name)
    if text is None:
        return Refused(f"{account} has no source {name}: make source FILE=… ACCOUNT={account}")
    described, now, errors = parse(text), datetime.now(UTC), list[Exception]()
    site = Site(store, account, described, store.client, dry=True, confirmed=True)
    try:
        found = compare(site, now, lambda rows: print(f"{rows:>9} rows"), errors.append)
    except Unknown as error:
        return _anew(site, str(error), ask)
    for what, count in sorted(found.counted().items()):
        print(f"{count:>9}  {what}")
    paused = store.sources.state(account, name).paused_at
    if errors and not found.differences:
        raise errors[0]
    if not found.differences:
        if paused is not None:
            store.sources.resume(account, name, now)
        store.sources.compared(account, name, found.standing)
        return f"All {found.rows} rows are registered as they say."
    print(f"At most {people(site, found.differences)} people are told.")
    if said.get("DRY"):
        return "Nothing was done."
    if ask("Do this now? Type yes: ") != "yes":
        return "Nothing was done." + ("" if paused is None else " The source stays paused.")
    done = act(Site(store, account, described, store.client, confirmed=True), found.differences, now, errors.append)
    if errors:
        print(f"{len(errors):>9}  failed")
        raise errors[0]
    if paused is not None:
        store.sources.resume(account, name, now)
    store.sources.compared(account, name, found.standing)
    for what, count in sorted(done.items()):
        print(f"{count:>9}  {what}")
    return f"{sum(done.values())} rows were looked at. The mails follow by the ordinary delivery."


def _anew(site: Site, why: str, ask: Ask) -> str:
    """A table was deleted and made again, or restored: it is followed only after a yes."""
    print(f"{why}.")
    if ask("Follow the new table, whatever its rows say? Type yes: ") != "yes":
        return "Nothing was done."
    for table in {rows.table for rows in (site.source.events, site.source.registrations) if rows is not None}:
        site.store.sources.remember_table(site.account, site.source.name, table, "")
    return "The new table is followed. make sync again says what follows from its rows."
