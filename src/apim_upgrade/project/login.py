"""Where a database is and who logs in, as ``upgrade.toml`` or the product's own ``deployment.toml`` has it."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, Field

from apim_upgrade.databases import Address
from apim_upgrade.errors import ProjectError
from apim_upgrade.project.secret import Secret, expand, expand_url, read_password_file

_PACK = "pack:"
_IN_DEPLOYMENT = {"am": "apim_db", "shared": "shared_db"}
_DEPLOYMENT = Path("repository", "conf", "deployment.toml")


@dataclass(frozen=True, slots=True)
class Login:
    """One URL and its user; looked up when :meth:`address` is asked for. Relative paths start at ``folder``."""

    key: str
    folder: Path
    url: Secret
    username: str | None = None
    password: Secret | None = None
    password_file: Path | None = None

    def address(self) -> Address:
        """Where the database is. Raises ProjectError for a URL that cannot be read or a variable that is not set."""
        try:
            url = expand_url(self.url.reveal(), f"{self.key}.url")
            found = Address.parse(url, self._username(), self._password())
        except ProjectError as error:
            raise ProjectError(f"{self.key}: {error.message}", hint=error.hint) from None
        if found.kind != "h2":
            return found
        return replace(found, database=str((self.folder / found.database).resolve()))

    def _username(self) -> str | None:
        return None if self.username is None else expand(self.username, f"{self.key}.username")

    def _password(self) -> str | None:
        if self.password_file is not None:
            return read_password_file(self.password_file, f"{self.key}.password_file")
        return None if self.password is None else expand(self.password.reveal(), f"{self.key}.password")


class LoginTable(BaseModel):
    """The keys of ``upgrade.toml`` that a login is made of."""

    model_config = ConfigDict(extra="forbid", strict=True, hide_input_in_errors=True)

    url: str = Field(min_length=1)
    username: str | None = None
    password: str | None = None
    password_file: str | None = None

    def login(self, key: str, folder: Path, problems: list[str]) -> Login:
        """Return the login; what is wrong is added to ``problems``."""
        if self.password is not None and self.password_file is not None:
            problems.append(f"{key} has password and password_file: keep one of them")
        return Login(
            key,
            folder,
            Secret(self.url),
            self.username,
            None if self.password is None else Secret(self.password),
            None if self.password_file is None else folder / self.password_file,
        )


def of_pack(login: Login, name: str) -> Login:
    """
    Return the login that a ``pack:DIR`` URL stands for: that of the database ``name`` in the pack's own configuration.

    User and password of ``upgrade.toml`` come first; any other URL is left as it is. Raises ProjectError when the
    folder is no pack, or its configuration does not say where the database is.
    """
    text = login.url.reveal().strip()
    if not text.lower().startswith(_PACK):
        return login
    home = login.folder / text[len(_PACK) :]
    file = home / _DEPLOYMENT
    table = _table(file, login.key, name)
    own = login.password is not None or login.password_file is not None
    password = table.get("password")
    if not own and isinstance(password, str) and password.startswith("$secret{"):
        raise ProjectError(
            f"{login.key}: the password of {_IN_DEPLOYMENT[name]} in {file} lies in the product's secure vault.",
            hint=f"Give it as password or password_file in [{login.key}].",
        )
    return replace(
        login,
        folder=home,
        url=Secret(table["url"]),
        username=login.username or table.get("username"),
        password=login.password if own else Secret(password) if isinstance(password, str) else None,
    )


def _table(file: Path, key: str, name: str) -> dict[str, Any]:
    """The database's table in deployment.toml; it has a URL."""
    if name not in _IN_DEPLOYMENT:
        raise ProjectError(f"{key}: pack: is for {' and '.join(_IN_DEPLOYMENT)} only.", hint="Give the URL.")
    called = _IN_DEPLOYMENT[name]
    try:
        document = tomllib.loads(file.read_text(encoding="utf-8-sig"))
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or "it is not UTF-8"
        raise ProjectError(
            f"{key}: {file} cannot be read: {reason}.",
            hint="Name the home of an API-M server, the folder that holds bin and repository.",
        ) from None
    except tomllib.TOMLDecodeError as error:
        raise ProjectError(f"{key}: {file} is not TOML: {error}.", hint="Mend it, or give the URL.") from None
    table = document.get("database", {}).get(called)
    if not isinstance(table, dict) or not isinstance(table.get("url"), str):
        raise ProjectError(f"{key}: {file} has no url in [database.{called}].", hint="Give the URL.")
    return table
