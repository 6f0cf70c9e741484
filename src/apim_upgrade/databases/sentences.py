"""Errors of drivers as sentences, found by the code that a server gives them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from apim_upgrade.errors import EnvironmentProblem

_LONGEST = 200


class Sentence(NamedTuple):
    """What happened and what to do next, with ``{where}`` for the database and ``{code}`` for the server's code."""

    message: str
    hint: str


def sentence(known: Mapping[str, Sentence], code: str, text: str, where: str) -> EnvironmentProblem:
    """Return the typed error for a code; for one that is not known, with the first line of what the server said."""
    if code in known:
        message, hint = known[code]
        return EnvironmentProblem(message.format(where=where, code=code), hint=hint)
    said = next((line.strip() for line in text.splitlines() if line.strip()), "no text")
    if code and not said.startswith(code):
        said = f"{code}: {said}"
    return EnvironmentProblem(f"{where}: the server answered {said[:_LONGEST].rstrip('.')}.")
