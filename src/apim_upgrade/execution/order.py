"""What was ordered: which databases, from where to where, how."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from datetime import datetime
from pathlib import Path
from typing import Any

from apim_upgrade.databases import Address, Database, database_exists
from apim_upgrade.engine import RunRecord
from apim_upgrade.engine.journal import RUN
from apim_upgrade.errors import EstateError
from apim_upgrade.migrations.upgrade import Choices, Tenant, Upgrade
from apim_upgrade.project import REHEARSALS, Environment
from apim_upgrade.project.checking import CheckChoices
from apim_upgrade.releases import HOME_OF, Release


@dataclass(frozen=True, slots=True)
class Order:
    """One upgrade as the operator wants it."""

    addresses: Mapping[str, Address]
    """The estate's databases as they are, by name: ``am``, ``shared``, and those that are kept apart from them."""
    clones: Mapping[str, str]
    """Names of the upgraded copies; empty for an upgrade in place."""
    target: Release
    choices: Choices
    runs: Path
    source: str | None = None
    """The operator's word for the release, from upgrade.toml."""
    check: CheckChoices = field(default_factory=CheckChoices)
    environment: Environment | None = None
    """Which of several environments this is."""
    rehearsal: str = ""
    """The rehearsal that this is, if it is one: what is changed is thrown away, so open blockers do not stop it."""

    moved_from: Mapping[str, Address] = field(default_factory=dict)
    """Where the data comes from when it is moved to another DBMS; ``addresses`` are then what it is moved to."""

    @property
    def rehearsals(self) -> Path:
        """Where rehearsals are kept; the environments share them."""
        return (self.environment.history.parent if self.environment else self.runs) / REHEARSALS

    @property
    def in_place(self) -> bool:
        """Whether the databases themselves are changed; those that data was moved to are, as no originals."""
        return not self.clones

    def originals(self) -> dict[str, Database]:
        """The databases as they are."""
        return {name: Database(name, address) for name, address in self.addresses.items()}

    def targets(self, *, keep_connections: bool = False) -> dict[str, Database]:
        """The databases that are changed: the clones, or the originals when in place."""
        return {
            name: Database(name, address.at(self.clones.get(name, address.database)), keep_connections=keep_connections)
            for name, address in self.addresses.items()
        }

    def present(self) -> dict[str, Database]:
        """Those of :meth:`targets` that exist: the copies are made one after the other."""
        return {
            name: database
            for name, database in self.targets().items()
            if self.in_place or database_exists(self.addresses[name], self.clones[name])
        }


def settings_text(tenants: tuple[Tenant, ...], estate: Mapping[str, Any]) -> str:
    """What the run must remember besides its record: the tenants it was made for and the inventory before."""
    return json.dumps({"tenants": [asdict(tenant) for tenant in tenants], "estate": estate}, default=str)


def _settings(record: RunRecord) -> dict[str, Any]:
    """What a run remembers. Raises EstateError when somebody else has written to its record."""
    try:
        settings = json.loads(record.settings)
    except ValueError:
        settings = None
    if not isinstance(settings, dict) or not settings.keys() >= {"tenants", "estate"}:
        raise EstateError(
            f"What {RUN.name} has of run {record.run_id} is not what this tool wrote there.",
            hint="Drop the copies and run again; in place, restore both databases from their backup.",
        )
    return settings


def remembering(record: RunRecord, more: Mapping[str, Any]) -> RunRecord:
    """The same record, with something more to remember."""
    return replace(record, settings=json.dumps({**_settings(record), **more}, default=str))


def upgrade_of(record: RunRecord, choices: Choices) -> Upgrade:
    """The upgrade that a recorded run is; tenants and clock as recorded, so that a resumed run writes the same."""
    settings = _settings(record)
    tenants = tuple(Tenant(**tenant) for tenant in settings["tenants"])
    contents = settings["estate"]["contents"]
    apart = frozenset(names_of(settings["estate"])) & HOME_OF.keys()
    busiest = max(contents, key=lambda facts: int(facts["applications"]))["tenant"]["domain"]
    return Upgrade(
        Release.parse(record.source),
        Release.parse(record.target),
        _naive(record.started),
        tenants,
        choices,
        busiest,
        apart,
    )


def databases_of(record: RunRecord) -> tuple[str, ...]:
    """The names of the databases that a run was begun with."""
    return names_of(_settings(record)["estate"])


def names_of(estate: Mapping[str, Any]) -> tuple[str, ...]:
    """The names of the databases of an inventory."""
    return tuple(str(facts["name"]) for facts in estate["databases"])


def is_rehearsal(record: RunRecord) -> bool:
    """Say whether a run was a rehearsal, so that nobody misses its databases."""
    return bool(_settings(record).get("rehearsal"))


def made_of(record: RunRecord) -> dict[str, str]:
    """What the databases were called that a run was begun with, by name."""
    facts = _settings(record)["estate"]["databases"]
    return {str(each["name"]): str(each["address"]).rpartition("/")[2] for each in facts}


def remembered_choices(choices: Choices) -> dict[str, Any]:
    """What a run remembers of the options it was begun with; no secret."""
    known: dict[str, Any] = json.loads(json.dumps(asdict(choices), default=str))
    del known["truststore_password"]
    return known


def changed_choices(record: RunRecord, choices: Choices) -> list[str]:
    """Name the options that are not what they were when a run was begun."""
    then = _settings(record).get("choices", {})
    now = remembered_choices(choices)
    return [name for name, value in then.items() if name in now and now[name] != value]


def backup_of(record: RunRecord) -> dict[str, Any] | None:
    """What the run remembers of the backup that it began with, if there is one."""
    note: dict[str, Any] | None = _settings(record).get("backup")
    return note


def _naive(moment: datetime) -> datetime:
    return moment.replace(tzinfo=None, microsecond=0)
