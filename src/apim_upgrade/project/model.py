"""The project as a value: what the operator ordered, with secrets not yet looked up."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path

from apim_upgrade.databases import Address
from apim_upgrade.errors import ProjectError
from apim_upgrade.migrations.upgrade import Choices
from apim_upgrade.project.checking import CheckChoices
from apim_upgrade.project.secret import Secret, expand, expand_url, read_password_file
from apim_upgrade.releases import Release

DEFAULT_FILE = Path("upgrade.toml")
PARTS = ("am", "shared")
HOME_OF = {"identity": "am", "user": "shared", "config": "shared"}
"""Databases that a product may be told to keep apart, and the one whose tables they are otherwise among."""
_LONGEST_NAME = 63 - len("__partial")  # PostgreSQL cuts names at 63 bytes; a copy in the making bears the suffix
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
    """``am`` and ``shared``, and those of :data:`HOME_OF` that were named."""
    run_folder: Path
    choices: Choices = field(repr=False)
    source: Release | None = None
    """The operator's word for the release the databases are of: a cross-check, never taken for the truth."""
    check: CheckChoices = field(default_factory=CheckChoices, repr=False)

    def addresses(self) -> dict[str, Address]:
        """
        Where ``am`` and ``shared`` are.

        Raises ProjectError when a login cannot be looked up, when both are one database, or when a table such as
        ``[database.identity]`` names a database of its own.
        """
        try:
            found = {name: choice.address() for name, choice in self.databases.items()}
        except ProjectError as error:
            raise ProjectError(f"{self.file}: {error.message}", hint=error.hint) from None
        addresses = {name: found[name] for name in PARTS}
        am, shared = addresses["am"], addresses["shared"]
        if _same_database(am, shared) and (am.schema == shared.schema or self.strategy is Strategy.IN_PLACE):
            raise ProjectError(
                f"{self.file}: database.am and database.shared are the same database ({am}).",
                hint="Name the API-M database (apim_db) in one and the shared database (shared_db) in the other.",
            )
        for name, home in HOME_OF.items():
            if name in found and not (
                _same_database(found[name], addresses[home]) and found[name].schema == addresses[home].schema
            ):
                raise ProjectError(
                    f"{self.file}: database.{name} names a database of its own ({found[name]}), and this version "
                    f"upgrades only estates that keep those tables in database.{home} ({addresses[home]}).",
                    hint=f"Move the tables into database.{home} first, or remove [database.{name}] if they are there.",
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
        taken = _SYSTEM | {address.database for address in addresses.values()}
        for name, clone in names.items():
            key = f"{self.file}: database.{name}.clone"
            if clone in taken:
                raise ProjectError(f"{key} is {clone!r}, a database that exists already.", hint="Choose another name.")
            if len(clone.encode()) > _LONGEST_NAME:
                raise ProjectError(
                    f"{key} is {clone!r}, longer than {_LONGEST_NAME} bytes.", hint="Choose a shorter name."
                )
            if _server(addresses["am"]) == _server(addresses["shared"]):
                taken = {*taken, clone}
        return names


def _server(address: Address) -> tuple[str, str, int]:
    return address.kind, address.host.lower(), address.port


def _same_database(one: Address, other: Address) -> bool:
    return _server(one) == _server(other) and one.database == other.database
