"""Opening the databases of a project for commands that only look."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING

from apim_upgrade.cli.settings import Settings

if TYPE_CHECKING:
    from apim_upgrade.databases import Database
    from apim_upgrade.estate import Estate
    from apim_upgrade.project import Project


SERVER_RULES = "DB01"
"""Rules about the database server itself, which a copy elsewhere says nothing about."""


def through_copy(project: Project) -> bool:
    """Whether the estate is on what is only read, and so is looked at as a copy on a server of the tool's own."""
    return project.addresses()["am"].only_read


@contextmanager
def reading(settings: Settings, project: Project, told: str | None) -> Iterator[dict[str, Database]]:
    """
    Open the estate as it is, saying so.

    What is only read is looked at where it was moved to, or else as a copy that goes with the block.
    """
    from apim_upgrade.engine import journal
    from apim_upgrade.moving import readable

    addresses = project.addresses()
    if through_copy(project) and (there := _moved(project)):
        settings.output.say(
            f"Looking at what was moved to {' and '.join(str(each.address) for each in there.values())}"
        )
        yield there
        return
    settings.output.say(f"Reading {' and '.join(map(str, addresses.values()))}")
    with readable(addresses, told, journal.now(), settings.output.say) as databases:
        yield databases


def _moved(project: Project) -> dict[str, Database]:
    """What the data was moved to, as long as that is as it came; empty where it is not all there."""
    from apim_upgrade.databases import Database
    from apim_upgrade.engine import journal
    from apim_upgrade.errors import EnvironmentProblem
    from apim_upgrade.moving import moved

    if not any(choice.move_to for choice in project.databases.values()):
        return {}
    targets = {name: Database(name, address) for name, address in project.moves().items()}
    try:
        if moved(targets).keys() != targets.keys():
            return {}
        for target in targets.values():
            with target.read() as session:
                if journal.read_run(session) is not None:
                    return {}
    except EnvironmentProblem:
        return {}  # a target that cannot be reached yet keeps nobody from looking at the source
    return targets


def named(estate: Estate, project: Project) -> Estate:
    """The estate under the names that the project has for its databases, whatever it was read through."""
    addresses = project.addresses()
    if not through_copy(project):
        return estate
    facts = tuple(replace(each, address=str(addresses[each.name]), server="") for each in estate.databases)
    return replace(estate, kind=addresses["am"].kind, databases=facts)
