"""The plan as SQL files for a DBA: every statement that a run would send, in order."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from sqlalchemy.schema import CreateTable

from apim_upgrade.engine import Load, Session, Sql, Stage, Step


def write_sql(folder: Path, steps: Sequence[Step], session: Session, called: Mapping[str, str]) -> list[Path]:
    """
    Write one file a step into ``folder`` and an index; return the files.

    Rows that the tool computes itself (XML, JSON, zips) cannot be written down as SQL; where they enter, the file has
    the COPY statement and a sentence of what they are. ``session`` only renders; nothing is sent through it. ``called``
    says what the databases that the steps name are called on their server.
    """
    folder.mkdir(parents=True, exist_ok=True)
    files = []
    for position, step in enumerate(steps, 1):
        file = folder / f"{position:04d}-{step.name.replace('/', '-')}.sql"
        file.write_text(_script(step, session, called[step.database]), encoding="utf-8")
        files.append(file)
    index = folder / "index.txt"
    index.write_text(
        "".join(
            f"{file.name}  {step.database:<8} {step.phase:<9} {step.title}\n"
            for file, step in zip(files, steps, strict=True)
        ),
        encoding="utf-8",
    )
    return [index, *files]


def _script(step: Step, session: Session, called: str) -> str:
    where = f"-- database: {step.database} ({called}), phase: {step.phase}"
    lines = [f"-- {step.name}", f"-- {step.title}", where, "BEGIN;"]
    for operation in step.operations:
        match operation:
            case Sql(statement, note):
                lines += _comment(note)
                lines.append(f"{session.render(statement).strip().rstrip(';')};")
            case Stage(table, _, note):
                lines += _comment(note)
                lines.append(f"{session.render(CreateTable(table)).strip()};")
                columns = ", ".join(column.name for column in table.columns)
                lines.append(f"-- filled by the tool: COPY {table.name} ({columns}) FROM STDIN;")
            case Load(loaded, names, _, note):
                lines += _comment(note)
                lines.append(f"-- filled by the tool: COPY {loaded.name} ({', '.join(names)}) FROM STDIN;")
    lines.append("-- the journal's record of this step is written here, in the same transaction")
    lines.append("COMMIT;")
    return "\n".join(lines) + "\n"


def _comment(note: str) -> list[str]:
    return [f"-- {line}" for line in note.splitlines()]
