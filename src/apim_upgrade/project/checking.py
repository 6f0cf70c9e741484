"""The ``[check]`` table of ``upgrade.toml``: what a check may look at besides the databases, and what it accepts."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field

from apim_upgrade.project.secret import expand
from apim_upgrade.releases import Release

SEVERITIES = ("info", "minor", "major", "blocker")


@dataclass(frozen=True, slots=True)
class KeyStore:
    """One key store of the old server, JKS or PKCS#12."""

    file: Path
    password: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class CheckChoices:
    """What was given; None and empty mean: not given."""

    baseline: Path | None = None
    fail_on: str = "major"
    configuration: Path | None = None
    """``deployment.toml`` of the old server."""
    target_configuration: Path | None = None
    """``deployment.toml`` of the new server."""
    home: Path | None = None
    """The old server's home, or a copy of it."""
    keystores: tuple[KeyStore, ...] = ()
    end_of_support: Mapping[Release, date] = field(default_factory=dict)
    """The vendor publishes no such table that could be carried; an operator may."""
    relaxed_definitions: bool = False
    """Whether the new server runs with ``-DswaggerRelaxedValidation``."""


class _Table(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True, hide_input_in_errors=True)


class KeyStoreTable(_Table):
    """One ``[[check.keystore]]``."""

    file: str
    password: str = "wso2carbon"  # noqa: S105 - what the packs ship with


class CheckTable(_Table):
    """The table as it is written."""

    baseline: str | None = None
    fail_on: str = "major"
    configuration: str | None = None
    target_configuration: str | None = None
    home: str | None = None
    keystore: list[KeyStoreTable] = []
    end_of_support: dict[str, date] = Field(default_factory=dict)
    relaxed_definitions: bool = False

    def choices(self, folder: Path, problems: list[str]) -> CheckChoices:
        """Return the choices; relative paths start at ``folder``. What is wrong is added to ``problems``."""
        if self.fail_on not in SEVERITIES:
            problems.append(f"check.fail_on is {self.fail_on!r}, not one of {', '.join(SEVERITIES)}")
        stores = []
        for store in self.keystore:
            file = _present(folder, store.file, "check.keystore.file", problems)
            if file is not None:
                stores.append(KeyStore(file, expand(store.password, "check.keystore.password")))
        support = {}
        for release, day in self.end_of_support.items():
            try:
                support[Release.parse(release)] = day
            except ValueError as error:
                problems.append(f"check.end_of_support: {error}")
        return CheckChoices(
            _present(folder, self.baseline, "check.baseline", problems),
            self.fail_on,
            _present(folder, self.configuration, "check.configuration", problems),
            _present(folder, self.target_configuration, "check.target_configuration", problems),
            _present(folder, self.home, "check.home", problems),
            tuple(stores),
            support,
            self.relaxed_definitions,
        )


def _present(folder: Path, name: str | None, key: str, problems: list[str]) -> Path | None:
    if name is None:
        return None
    path = folder / name
    if not path.exists():
        problems.append(f"{key} names {path}, which does not exist")
    return path
