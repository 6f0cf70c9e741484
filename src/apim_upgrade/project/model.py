"""The project as a value: what the operator ordered, with secrets not yet looked up."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from itertools import combinations
from pathlib import Path

from apim_upgrade.databases import Address
from apim_upgrade.errors import ProjectError
from apim_upgrade.migrations.upgrade import Choices
from apim_upgrade.project.checking import CheckChoices
from apim_upgrade.project.environments import Environment
from apim_upgrade.project.secret import Secret, expand, expand_url, read_password_file
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
    """One ``[database.…]`` table; the login is looked up when :meth:`address` is asked for."""

    key: str
    url: Secret
    username: str | None = None
    password: Secret | None = None
    password_file: Path | None = None
    clone: str | None = None

    def address(self) -> Address:
        """Where the database is. Raises ProjectError for a URL that cannot be read or a variable that is not set."""
        try:
            return Address.parse(expand_url(self.url.reveal(), f"{self.key}.url"), self._username(), self._password())
        except ProjectError as error:
            raise ProjectError(f"{self.key}: {error.message}", hint=error.hint) from None

    def _username(self) -> str | None:
        return None if self.username is None else expand(self.username, f"{self.key}.username")

    def _password(self) -> str | None:
        if self.password_file is not None:
            return read_password_file(self.password_file, f"{self.key}.password_file")
        return None if self.password is None else expand(self.password.reveal(), f"{self.key}.password")


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
            found = {name: choice.address() for name, choice in self.databases.items()}
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

    def clones(self) -> dict[str, str]:
        """
        Names of the upgraded copies; empty for an upgrade in place.

        A copy is called ``<database>_<target without dots>`` (``wso2_am_db_440``) unless ``clone`` says otherwise.
        Raises ProjectError for a name that is taken by the estate itself or that the server would cut.
        """
        if self.strategy is Strategy.IN_PLACE:
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


def _server(address: Address) -> tuple[str, str, int]:
    return address.kind, address.host.lower(), address.port


def _same_database(one: Address, other: Address) -> bool:
    return _server(one) == _server(other) and one.database == other.database


def _same_tables(one: Address, other: Address) -> bool:
    return _same_database(one, other) and one.schema == other.schema
