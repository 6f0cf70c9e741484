"""The plan says what a run does: the same steps, the same statements, and nothing is changed by saying it."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import ClauseElement, Connection, Engine, event
from sqlalchemy.dialects import postgresql

from apim_upgrade.execution import Order, foresee
from apim_upgrade.migrations.upgrade import Choices
from apim_upgrade.planning import Plan
from apim_upgrade.releases import Release, sources, targets
from conftest import Pair
from execution.conftest import site
from execution.site import Site, change

__all__ = ["site"]


def test_a_plan_is_stored_with_its_fingerprint_and_run_refuses_a_drift(site: Callable[..., Site]) -> None:
    here = site()
    before = here.originals()
    answer = here("plan", "--format", "json")
    assert answer.code == 0
    assert here.originals() == before
    stored = json.loads((here.runs / "plan.json").read_text(encoding="utf-8"))
    assert stored["fingerprint"] == answer.document["fingerprint"] == Plan.from_json(stored).fingerprint
    assert here("plan", "--format", "json").document["fingerprint"] == stored["fingerprint"]
    assert here("run", "--dry-run", "--format", "json").document["steps"] == stored["steps"]

    change(here.pair.am, "ALTER TABLE am_api ADD COLUMN of_ours integer")
    changed = here.originals()
    refused = here("run")
    assert refused.code == 3
    assert "not what it was when the plan was stored: schema of am was" in refused.problem[0]
    assert here.originals() == changed
    assert here("status", "--format", "json").document["state"] == "not begun"
    assert here("plan").code == 0
    assert here("run").code == 0


def test_a_plan_file_that_is_none_is_told(site: Callable[..., Site]) -> None:
    here = site()
    here.runs.mkdir()
    for text, code in (("{", 3), ('{"target": "4.3.0"}', 2), ("[]", 3)):
        (here.runs / "plan.json").write_text(text, encoding="utf-8")
        assert here("run").code == code
    (here.runs / "plan.json").write_text('{"target": "9.9.9"}', encoding="utf-8")
    assert here("run").code == 0
    with pytest.raises(ValueError, match="not a plan"):
        Plan.from_json({"schema": "other"})


class _Sent:
    """Statements as they are sent, by the step that sends them."""

    def __init__(self) -> None:
        self.texts: list[str] = []

    def clause(self, connection: Connection, statement: Any, *rest: object) -> None:
        if isinstance(statement, ClauseElement):
            self.texts.append(
                str(statement.compile(dialect=postgresql.dialect(), compile_kwargs={"literal_binds": True}))  # type: ignore[no-untyped-call]
            )

    def cursor(
        self, connection: Connection, cursor: Any, statement: str, parameters: Any, context: Any, many: bool
    ) -> None:
        if context.compiled is None:
            self.texts.append(statement.replace("%%", "%"))


@pytest.fixture
def sent() -> Iterator[_Sent]:
    listening = _Sent()
    event.listen(Engine, "before_execute", listening.clause)
    event.listen(Engine, "before_cursor_execute", listening.cursor)
    yield listening
    event.remove(Engine, "before_execute", listening.clause)
    event.remove(Engine, "before_cursor_execute", listening.cursor)


def _flat(text: str) -> str:
    return re.sub(r"\s+", " ", text).strip().rstrip(";")


# What a run sends beside its steps: looking, its own journal, figures for the planner, copies.
_ASIDE = re.compile(
    r"^(SELECT|SHOW|ANALYZE|SET|RESET|BEGIN|COMMIT|SAVEPOINT|RELEASE|GRANT CREATE|REVOKE CREATE|"
    r"CREATE DATABASE|ALTER DATABASE|COMMENT ON DATABASE|DROP DATABASE|"
    r"(INSERT INTO|DELETE FROM|UPDATE|CREATE TABLE( IF NOT EXISTS)?) "
    r"apim_upgrade_(run|journal|item|rows|end|count|undo|shape)\b|"
    r"WITH RECURSIVE|WITH )",
)


@pytest.mark.parametrize(("source", "target"), [("3.2.0", "4.7.0"), ("4.2.0", "4.3.0"), ("4.5.0", "4.7.0")])
def test_the_sql_files_hold_every_statement_that_a_run_sends(
    site: Callable[..., Site],
    sample_estate: Callable[..., Pair],
    sent: _Sent,
    monkeypatch: pytest.MonkeyPatch,
    source: str,
    target: str,
) -> None:
    from apim_upgrade.engine import journal
    from execution.conftest import CLOCK

    monkeypatch.setattr(journal, "now", lambda: CLOCK)
    here = site(sample_estate(source, apis=6, tenants=1), target)
    folder = here.folder / "sql"
    answer = here("plan", "--sql", str(folder))
    assert answer.code == 0
    index = (folder / "index.txt").read_text(encoding="utf-8").splitlines()
    files = [folder / line.split()[0] for line in index]
    assert sorted(files) == sorted(folder.glob("*.sql"))
    written = [
        _flat(re.sub(r"^--.*$", "", text, flags=re.M))
        for file in files
        for text in re.split(r";\n", file.read_text(encoding="utf-8"))
    ]
    known = {text for text in written if text}
    assert "-- filled by the tool: COPY" in "".join(file.read_text(encoding="utf-8") for file in files)

    sent.texts.clear()
    assert here("run").code in (0, 1)
    during = [_flat(text) for text in sent.texts]
    steps = [text for text in during if text not in known and not _ASIDE.match(text)]
    assert [text[:300] for text in steps if not _in_a_file(text, files)] == []

    again = here("plan", "--sql", str(folder))
    assert again.code == 2
    assert "is not empty" in again.problem[0]


def _in_a_file(text: str, files: list[Path]) -> bool:
    """Functions hold semicolons of their own."""
    return any(text in _flat(file.read_text(encoding="utf-8")) for file in files)


@pytest.mark.parametrize("source", ["3.2.0", "4.0.0", "4.2.0", "4.5.0"])
def test_every_pair_of_releases_is_planned_with_right_counts(
    real_estate: Callable[[str], Pair], tmp_path: Path, source: str
) -> None:
    pair = real_estate(source)
    addresses = {name: each.address for name, each in pair.by_name().items()}
    release = Release.parse(source)
    assert release in sources()
    for target in targets(release):
        order = Order(addresses, {"am": "a_up", "shared": "s_up"}, target, Choices(), tmp_path)
        prospect = foresee(order, None)
        assert len({step.name for step in prospect.steps}) == len(prospect.steps)
        assert all(step.items is None or step.items >= 0 for step in prospect.plan.steps)
        assert any(step.items for step in prospect.plan.steps)
        assert prospect.stoppers == ()


def test_sql_into_a_place_that_cannot_be_written(site: Callable[..., Site]) -> None:
    here = site()
    file = here.folder / "file"
    file.write_text("x", encoding="utf-8")
    answer = here("plan", "--sql", str(file))
    assert answer.code in (2, 3)
    assert str(file) in answer.problem[0]
