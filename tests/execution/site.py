"""A site as an operator has it: two databases, an upgrade.toml, the command line."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psycopg
import pytest

from apim_upgrade.cli import main
from apim_upgrade.databases import Database
from conftest import Pair, Server
from upgrade.content import content_hash

SECRET = "s3cret-of-the-site"


@dataclass
class Answer:
    """What one command said and how it ended."""

    code: int
    out: str
    err: str

    @property
    def document(self) -> Any:
        return json.loads(self.out)

    @property
    def problem(self) -> tuple[str, str]:
        """The error and the hint: each one line, and nothing after them."""
        lines = self.err.splitlines()
        start = next(number for number, line in enumerate(lines) if line.startswith("error: "))
        error, hint = lines[start:]
        assert hint.startswith("hint: "), lines
        return error.removeprefix("error: "), hint.removeprefix("hint: ")


class Site:
    """Runs commands for one pair of databases; every answer is searched for what may never be in one."""

    def __init__(self, folder: Path, capsys: pytest.CaptureFixture[str], databases: Server) -> None:
        self.folder = folder
        self.file = folder / "upgrade.toml"
        self.runs = folder / "runs"
        self._capsys = capsys
        self._databases = databases
        self.made: list[str] = []

    def prepare(self, pair: Pair, target: str, *, in_place: bool = False, user: str = "postgres") -> Site:
        """Write the project file for a pair of databases."""
        self.pair, self.in_place = pair, in_place
        lines = [f'target = "{target}"', f'strategy = "{"in-place" if in_place else "side-by-side"}"']
        for name, each in pair.by_name().items():
            address = each.address
            url = f"postgresql://{user}@/{address.database}?host={address.host}"
            clone = f"{address.database}_up"
            lines += [f"[database.{name}]", f'url = "{url}"', f'password = "{SECRET}"', f'clone = "{clone}"']
            self.made += [clone, f"{clone}__partial"]
        self.file.write_text("\n".join(lines), encoding="utf-8")
        return self

    def edit(self, before: str, after: str) -> None:
        text = self.file.read_text(encoding="utf-8")
        assert before in text
        self.file.write_text(text.replace(before, after), encoding="utf-8")

    def __call__(self, command: str, *arguments: str) -> Answer:
        self._capsys.readouterr()
        code = main([command, "--project", str(self.file), *arguments])
        shown = self._capsys.readouterr()
        assert "Traceback" not in shown.err
        assert code != 70, shown.err
        assert SECRET not in shown.out + shown.err
        return Answer(code, shown.out, shown.err)

    @property
    def upgraded(self) -> Pair:
        """The databases that are changed."""
        if self.in_place:
            return self.pair
        return Pair.of(
            {
                name: Database(name, each.address.at(f"{each.address.database}_up"))
                for name, each in self.pair.by_name().items()
            }
        )

    def content(self) -> dict[str, str]:
        """Hashes of what the upgraded databases hold."""
        return content_hash(*self.upgraded.by_name().values())

    def originals(self) -> dict[str, str]:
        """Hashes of what the originals hold."""
        return content_hash(*self.pair.by_name().values())

    def exists(self, name: str) -> bool:
        with self._databases.postgres.connect() as connection:
            row = connection.execute("SELECT count(*) FROM pg_database WHERE datname = %s", (name,)).fetchone()
        return bool(row and row[0])

    def drop(self) -> None:
        for name in self.made:
            self._databases.drop(name)


def change(database: Database, *statements: str) -> None:
    """Do something to a database behind the tool's back, as its superuser."""
    address = database.address
    with psycopg.connect(host=address.host, dbname=address.database, user="postgres") as connection:
        for statement in statements:
            connection.execute(statement.encode())


def scalar(database: Database, query: str) -> Any:
    with database.read() as session:
        return session.all(query)[0][0]
