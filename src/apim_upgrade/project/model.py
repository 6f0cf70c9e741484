"""The project as a value: what the operator ordered, with secrets not yet looked up."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum
from itertools import combinations
from pathlib import Path

from apim_upgrade.databases import Address
from apim_upgrade.databases.address import CALLED
from apim_upgrade.errors import ProjectError
from apim_upgrade.migrations.upgrade import Choices
from apim_upgrade.project.checking import CheckChoices
from apim_upgrade.project.environments import Environment
from apim_upgrade.project.login import Login, of_pack
from apim_upgrade.releases import HOME_OF, PARTS, Release

DEFAULT_FILE = Path("upgrade.toml")
_LONGEST_NAME = 63 - len("__partial")  # PostgreSQL cuts names at 63 bytes; a copy in the making bears the suffix
_SAME = "Name the API-M database (apim_db) in one and the shared database (shared_db) in the other."
_APART = (
    "Move the tables of {name} into a database of their own, or into database.{home} and remove [database.{name}]; "
    "estates that keep them elsewhere are not upgraded."
)
_SYSTEM = {"postgres", "template0", "template1"}


class Strategy(StrEnum):
    """What is changed: copies of the databases, or the databases themselves."""

    SIDE_BY_SIDE = "side-by-side"
    IN_PLACE = "in-place"


@dataclass(frozen=True, slots=True)
class DatabaseChoice:
    """One ``[database.…]`` table."""

    name: str
    login: Login
    clone: str | None = None
    move_to: Login | None = None
    """The empty database of another DBMS that the data is to be moved to."""

    def address(self) -> Address:
        """
        Where the database is.

        Raises ProjectError for a URL that cannot be read, a variable that is not set or a pack that does not say.
        """
        return of_pack(self.login, self.name).address()


@dataclass(frozen=True, slots=True)
class Project:
    """One ``upgrade.toml``."""

    file: Path
    target: Release
    strategy: Strategy
    databases: Mapping[str, DatabaseChoice]
    """``am`` and ``shared``, and those of ``identity``, ``user`` and ``config`` that were named."""
    run_folder: Path
    """As the file names it; the environments share it."""
    choices: Choices = field(repr=False)
    source: Release | None = None
    """The operator's word for the release the databases are of: a cross-check, never taken for the truth."""
    check: CheckChoices = field(default_factory=CheckChoices, repr=False)
    environment: Environment | None = None
    """The one that was chosen, where the file has several."""
    h2_jar: Path | None = None
    """The H2 that wrote the files, where it is not in their pack."""

    @property
    def runs(self) -> Path:
        """Where plans, journals and reports are kept: every environment has a folder of its own in the run folder."""
        return self.run_folder / self.environment.name if self.environment else self.run_folder

    def addresses(self) -> dict[str, Address]:
        """
        Where the databases are: ``am``, ``shared``, and those of the others that are databases of their own.

        Raises ProjectError when a login cannot be looked up, or when two names lead to one database that do not belong
        together.
        """
        try:
            found = {name: self._with_jar(choice.address()) for name, choice in self.databases.items()}
        except ProjectError as error:
            raise ProjectError(f"{self.file}: {error.message}", hint=error.hint) from None
        addresses = {
            name: address
            for name, address in found.items()
            if name in PARTS or not (_same_tables(address, found[HOME_OF[name]]))
        }
        for (one, first), (other, second) in combinations(addresses.items(), 2):
            if _same_tables(first, second) or (self.strategy is Strategy.IN_PLACE and _same_database(first, second)):
                raise ProjectError(
                    f"{self.file}: database.{one} and database.{other} are the same database ({first}).",
                    hint=_SAME if (one, other) == PARTS else _APART.format(name=other, home=HOME_OF[other]),
                )
        return addresses

    def _with_jar(self, address: Address) -> Address:
        if address.kind != "h2" or self.h2_jar is None:
            return address
        return replace(address, options=(("jar", str(self.h2_jar)),))

    def moves(self) -> dict[str, Address]:
        """
        Where the databases are moved to, by name; empty for an estate that stays on its server.

        Raises ProjectError when only some are, when they cannot be, or when they have to be and are not.
        """
        addresses = self.addresses()
        stuck = next((address.kind for address in addresses.values() if address.only_read), "")
        chosen = {name: choice.move_to for name, choice in self.databases.items() if choice.move_to is not None}
        missing = [name for name in addresses if name not in chosen]
        if not chosen and not stuck:
            return {}
        if missing:
            raise ProjectError(
                f"{self.file}: database.{missing[0]} has no move_to, and "
                + (f"database.{next(iter(chosen))} has one." if chosen else _only_moved(stuck)),
                hint=f"Name the empty database it is to be moved to as url in [database.{missing[0]}.move_to].",
            )
        if self.strategy is Strategy.IN_PLACE:
            raise ProjectError(
                f"{self.file}: an estate that is moved cannot be upgraded in place.",
                hint='Set strategy = "side-by-side", or remove move_to.',
            )
        try:
            targets = {name: login.address() for name, login in chosen.items() if name in addresses}
        except ProjectError as error:
            raise ProjectError(f"{self.file}: {error.message}", hint=error.hint) from None
        self._refuse_unfit(addresses, targets)
        return targets

    def _refuse_unfit(self, addresses: Mapping[str, Address], targets: Mapping[str, Address]) -> None:
        if len({each.kind for each in targets.values()}) > 1 or any(each.only_read for each in targets.values()):
            raise ProjectError(
                f"{self.file}: an estate is moved to one DBMS, PostgreSQL or MySQL.", hint="Mend the move_to tables."
            )
        places = [*addresses.items(), *targets.items()]
        for (one, first), (other, second) in combinations(places, 2):
            if _same_database(first, second) and (first in targets.values() or second in targets.values()):
                raise ProjectError(
                    f"{self.file}: database.{other}.move_to is a database that database.{one} names already.",
                    hint="Name an empty database of its own for each.",
                )

    def clones(self) -> dict[str, str]:
        """
        Names of the upgraded copies; empty for an upgrade in place.

        A copy is called ``<database>_<target without dots>`` (``wso2_am_db_440``) unless ``clone`` says otherwise.
        Raises ProjectError for a name that is taken by the estate itself or that the server would cut.
        """
        if self.strategy is Strategy.IN_PLACE or self.moves():
            return {}
        addresses = self.addresses()
        suffix = str(self.target).replace(".", "")
        names = {
            name: self.databases[name].clone or f"{address.database}_{suffix}" for name, address in addresses.items()
        }
        for name in self.databases.keys() - addresses.keys():
            if self.databases[name].clone is not None:
                raise ProjectError(
                    f"{self.file}: database.{name}.clone has no meaning: the copy of database.{HOME_OF[name]} holds "
                    f"these tables.",
                    hint=f"Remove it, or name another database in [database.{name}].",
                )
        originals = {address.database for address in addresses.values()}
        taken = {(_server(address), name) for address in addresses.values() for name in _SYSTEM | originals}
        for name, clone in names.items():
            key = f"{self.file}: database.{name}.clone"
            place = _server(addresses[name]), clone
            if place in taken:
                raise ProjectError(f"{key} is {clone!r}, a database that exists already.", hint="Choose another name.")
            if len(clone.encode()) > _LONGEST_NAME:
                raise ProjectError(
                    f"{key} is {clone!r}, longer than {_LONGEST_NAME} bytes.", hint="Choose a shorter name."
                )
            taken.add(place)
        return names


def _only_moved(kind: str) -> str:
    if kind == "h2":
        return "H2 files are upgraded only by moving them."
    return (
        f"{CALLED[kind]} is upgraded by scripts (`plan --sql DIR --dialect {kind} --with-rows`), or here by moving "
        "the data to PostgreSQL or MySQL."
    )


def _server(address: Address) -> tuple[str, str, int]:
    return address.kind, address.host.lower(), address.port


def _same_database(one: Address, other: Address) -> bool:
    return _server(one) == _server(other) and one.database == other.database


def _same_tables(one: Address, other: Address) -> bool:
    return _same_database(one, other) and one.schema == other.schema
