"""What a rule gets to look at: two databases in one read-only transaction each, and what is known besides."""

from __future__ import annotations

import tomllib
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import cached_property
from pathlib import Path
from typing import Any, Protocol, TypeVar, cast

from sqlalchemy import func, select, table

from apim_upgrade.checks.apis import ApiIndex, read_apis
from apim_upgrade.checks.artifacts import ArtifactFacts, read_artifacts
from apim_upgrade.checks.mediation import SequenceFile, read_sequences
from apim_upgrade.checks.model import Api
from apim_upgrade.databases import Database
from apim_upgrade.databases.dbms import dbms_of
from apim_upgrade.databases.facts import TableFacts
from apim_upgrade.engine import Session
from apim_upgrade.errors import ProjectError
from apim_upgrade.estate import Estate
from apim_upgrade.migrations.parallel import Processes, Workers
from apim_upgrade.migrations.upgrade import Choices, Tenant
from apim_upgrade.project.checking import CheckChoices
from apim_upgrade.releases import HOME_OF, Release, Schema, part_of
from apim_upgrade.schema import Violation, introspect, violations

_UUIDS = Release(4, 0, 0)
"""From here on AM_API knows an API by the UUID of its artifact."""
_MANY = 1_000_000
"""Tables that the server estimates above this are not counted; its estimate is taken."""

_Found = TypeVar("_Found")


class ReadSession(Session, Protocol):
    """A session in which something may fail without harm to the rest."""

    def attempt(self) -> AbstractContextManager[None]:
        """Try statements; if one fails, the transaction goes on as it was before."""
        ...


@dataclass
class Subject:
    """
    One estate on its way to one target.

    What is read once is kept: schemas, tables' facts, APIs, violations. Rules ask for it by attribute and pay only
    when they do; what more they share goes through :meth:`once`.
    """

    sessions: Mapping[str, ReadSession]
    estate: Estate
    target: Release
    choices: Choices = field(default_factory=Choices)
    inputs: CheckChoices = field(default_factory=CheckChoices)
    now: datetime = field(default_factory=lambda: datetime.now(UTC).replace(tzinfo=None, microsecond=0))
    """UTC, no zone: the only clock that rules use."""
    workers: Workers = field(default_factory=Processes)
    """Who does what keeps a processor busy."""
    seen: Counter[str] = field(default_factory=Counter)
    """What the rule at work has looked at, by kind."""
    on_seen: Callable[[int], None] = field(default=lambda number: None)
    """Told how many items the rule at work has looked at."""
    on_expected: Callable[[int], None] = field(default=lambda number: None)
    """Told how many items the rule at work is going to look at."""

    @property
    def am(self) -> ReadSession:
        """The API-M database."""
        return self.sessions["am"]

    @property
    def shared(self) -> ReadSession:
        """The shared database: registry and users."""
        return self.sessions["shared"]

    @property
    def source(self) -> Release:
        """The release that the databases are of."""
        return self.estate.release

    @property
    def kind(self) -> str:
        """The DBMS, such as ``postgresql``."""
        return self.estate.kind

    @property
    def tenants(self) -> tuple[Tenant, ...]:
        """Every tenant, the super tenant first."""
        return self.estate.tenants

    def crosses(self, release: str) -> bool:
        """Say whether the upgrade passes into ``release``."""
        return self.source < Release.parse(release) <= self.target

    # What was looked at

    def saw(self, kind: str, number: int = 1) -> None:
        """Count what was looked at; ``kind`` is a plural such as ``applications``."""
        self.seen[kind] += number
        self.on_seen(self.seen.total())

    def expects(self, number: int) -> None:
        """Say how many items a long rule is going to look at, so that the time left can be told."""
        self.on_expected(number)

    def saw_rows(self, kind: str, database: str, name: str) -> None:
        """Count every row of a table as looked at; of very large tables the server's estimate."""
        self.saw(kind, self.rows_of(database, name))

    def rows_of(self, database: str, name: str) -> int:
        """How many rows a table has; of very large ones the server's estimate."""
        key = (database, name.lower())
        if key not in self._rows:
            estimate = self.facts[database][key[1]].rows if key[1] in self.facts[database] else 0
            counted = select(func.count()).select_from(table(key[1]))
            self._rows[key] = estimate if estimate > _MANY else int(self.sessions[database].all(counted)[0][0])
        return self._rows[key]

    @cached_property
    def _rows(self) -> dict[tuple[str, str], int]:
        return {}

    def once(self, find: Callable[[Subject], _Found]) -> _Found:
        """What ``find`` makes of this subject; it is asked at the first call, however many rules want to know."""
        if find not in self._found:
            self._found[find] = find(self)
        return cast(_Found, self._found[find])

    @cached_property
    def _found(self) -> dict[Callable[[Subject], object], object]:
        return {}

    def home(self, name: str) -> str:
        """The database that holds the tables of ``identity``, ``user`` or ``config``."""
        return name if name in self.sessions else HOME_OF[name]

    # The databases' shape

    @cached_property
    def live(self) -> Mapping[str, Schema]:
        """The schema of every database as it is."""
        return {name: introspect(session) for name, session in self.sessions.items()}

    @cached_property
    def facts(self) -> Mapping[str, Mapping[str, TableFacts]]:
        """What the server keeps about every table: estimated rows, size in bytes with indexes."""
        return {name: dbms_of(self.kind).tables(session) for name, session in self.sessions.items()}  # type: ignore[arg-type]

    def has(self, database: str, name: str, column: str = "") -> bool:
        """Say whether there is a table, or a column of it."""
        found = self.live[database].table(name)
        return found is not None and (not column or found.column(column) is not None)

    @cached_property
    def violations(self) -> tuple[Violation, ...]:
        """Rows that a constraint of the target would refuse."""
        return tuple(
            violation
            for name, session in self.sessions.items()
            for violation in violations(
                session, self.kind, self.live[name], self.target, name, part_of(name, self.sessions)
            )
        )

    # Tenants and APIs

    @cached_property
    def domains(self) -> Mapping[int, str]:
        """Domains of the tenants by id."""
        return {tenant.id: tenant.domain for tenant in self.tenants}

    def domain(self, tenant_id: int | None) -> str:
        """The domain of a tenant; ``tenant 7`` for one that does not exist."""
        return self.domains.get(tenant_id or 0, f"tenant {tenant_id}")

    @cached_property
    def apis(self) -> ApiIndex:
        """Every API and product."""
        return read_apis(self.am, self.shared, self.live["am"], self.domains, by_uuid=self.source >= _UUIDS)

    @cached_property
    def artifacts(self) -> tuple[ArtifactFacts, ...]:
        """What the artifact of every API and product says."""
        return read_artifacts(self.shared, self.apis, self.domains)

    @cached_property
    def sequences(self) -> tuple[SequenceFile, ...]:
        """Every mediation sequence of the registry, shared ones and those of single APIs."""
        return read_sequences(self.shared)

    def api(self, api_id: int) -> Api | None:
        """The API of an AM_API.API_ID."""
        return self.apis.by_id.get(api_id)

    # What was given besides

    def given(self, name: str) -> bool:
        """Say whether an input of :data:`~apim_upgrade.checks.rule.INPUTS` was given."""
        if name == "truststore":
            return self.choices.truststore is not None
        return bool(getattr(self.inputs, name))

    def file_name(self, given: str) -> str:
        """Return how a message calls the file that ``configuration`` or ``target_configuration`` was read from."""
        path: Path | None = getattr(self.inputs, given)
        return path.name if path else "deployment.toml"

    @cached_property
    def configuration(self) -> Mapping[str, Any]:
        """The old server's deployment.toml; only for rules that need ``configuration``."""
        return _toml(self.inputs.configuration)

    @cached_property
    def target_configuration(self) -> Mapping[str, Any]:
        """The new server's deployment.toml; only for rules that need ``target_configuration``."""
        return _toml(self.inputs.target_configuration)


@contextmanager
def open_subject(
    databases: Mapping[str, Database],
    estate: Estate,
    target: Release,
    choices: Choices,
    inputs: CheckChoices,
    *,
    workers: Workers | None = None,
) -> Iterator[Subject]:
    """Open one read-only transaction on each database for the length of the block."""
    with ExitStack() as stack:
        sessions = {name: stack.enter_context(database.read()) for name, database in databases.items()}
        yield Subject(sessions, estate, target, choices, inputs, workers=workers or Processes())


def _toml(file: Path | None) -> Mapping[str, Any]:
    if file is None:
        return {}
    try:
        return tomllib.loads(file.read_text(encoding="utf-8-sig"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise ProjectError(f"{file} cannot be read as TOML: {error}.") from None
