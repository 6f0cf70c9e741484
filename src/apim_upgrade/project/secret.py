"""
Texts that may hold a secret, and the places a secret may come from.

``$env{NAME}`` is the notation of the product's own ``deployment.toml``, so that lines can be copied from there.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import quote

from apim_upgrade.errors import ProjectError

_ENV = re.compile(r"\$env\{([^{}]*)\}")
_LOGIN_AND_HOST = re.compile(r"(?P<scheme>[^/]*//)(?P<authority>[^/?#]*)(?P<rest>.*)", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Secret:
    """A text that shows as ``***`` wherever it is printed, formatted or dumped; ``reveal`` is the only way to it."""

    _text: str = field(repr=False)

    def reveal(self) -> str:
        """Return the text itself."""
        return self._text

    def __str__(self) -> str:
        return "***"

    def __repr__(self) -> str:
        return "Secret(***)"


def expand(text: str, key: str, environment: Mapping[str, str] | None = None) -> str:
    """
    Return ``text`` with every ``$env{NAME}`` replaced.

    Raises ProjectError, naming ``key`` and the variable but never a value, when a variable is not set.
    """
    return _ENV.sub(_values(key, environment), text)


def expand_url(url: str, key: str, environment: Mapping[str, str] | None = None) -> str:
    """The same for a URL: values are quoted where a URL needs it, so that a password may hold ``@``, ``/`` or ``#``."""
    value = _values(key, environment)
    parts = _LOGIN_AND_HOST.fullmatch(url)
    if parts is None:
        return _ENV.sub(value, url)
    quoted: Callable[[re.Match[str]], str] = lambda match: quote(value(match), safe="")  # noqa: E731
    login, at, host = parts["authority"].rpartition("@")
    return (
        _ENV.sub(value, parts["scheme"])
        + _ENV.sub(quoted, login)
        + at
        + _ENV.sub(value, host)
        + _ENV.sub(quoted, parts["rest"])
    )


def read_password_file(path: Path, key: str) -> str:
    """Return the first line of a file. Raises ProjectError when it cannot be read or is empty."""
    try:
        with path.open(encoding="utf-8") as file:
            password = file.readline().rstrip("\r\n")
    except OSError as error:
        raise ProjectError(
            f"The file {path} named by {key} cannot be read: {error.strerror}.",
            hint="Give the path of a file whose first line is the password.",
        ) from None
    except UnicodeDecodeError:
        raise ProjectError(
            f"The file {path} named by {key} is not text in UTF-8.", hint="Write the password on its first line."
        ) from None
    if not password:
        raise ProjectError(
            f"The first line of {path}, named by {key}, is empty.", hint="Write the password on its first line."
        )
    return password


def _values(key: str, environment: Mapping[str, str] | None) -> Callable[[re.Match[str]], str]:
    variables = os.environ if environment is None else environment

    def value(match: re.Match[str]) -> str:
        name = match[1].strip()
        if name not in variables:
            raise ProjectError(
                f"{key} names the environment variable {name or '(empty)'}, which is not set.",
                hint=f"Set it: export {name or 'NAME'}=…",
            )
        return variables[name]

    return value
