"""Every command on an estate whose tables lie in five databases; whatever interrupts it, and wherever."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest

from apim_upgrade.engine import Runner, Step
from conftest import Pair
from execution.site import Site, change
from upgrade.split import split

__all__ = ["split"]

APART = ("identity", "user", "config")
EVERY = {"am", "shared", *APART}


class Crash(BaseException):
    """The process is gone."""


@pytest.fixture
def pieces(sample_estate: Callable[..., Pair], split: Callable[..., Pair]) -> Callable[[], Pair]:
    return lambda: split(sample_estate("4.0.0", apis=6, tenants=1), *APART)


def test_every_command_works_on_an_estate_in_pieces(site: Callable[..., Site], pieces: Callable[[], Pair]) -> None:
    here = site(pieces(), "4.3.0")
    before = here.originals()
    found = here("inspect", "--format", "json").document
    assert [facts["name"] for facts in found["databases"]] == ["am", "shared", *APART]
    assert all(facts["missing"] == facts["own_tables"] == [] for facts in found["databases"])
    assert found["tokens"]["rows"] > 0
    assert all(tenant["resources"] > 0 for tenant in found["contents"])
    assert here("inspect").code == 0

    folder = here.folder / "sql"
    planned = here("plan", "--sql", str(folder), "--format", "json")
    assert planned.code == 0
    assert {step["database"] for step in planned.document["steps"]} == EVERY
    clones = {name: database.address.database for name, database in here.upgraded.by_name().items()}
    steps = planned.document["steps"]
    files = sorted(folder.glob("*.sql"))
    for file, step in zip(files, steps, strict=True):
        (where,) = re.findall(r"^-- database: (\w+) \((\w+)\), phase", file.read_text(encoding="utf-8"), re.M)
        assert where == (step["database"], clones[step["database"]])
    assert here("run", "--dry-run").code == 0

    assert here("run").code == 0
    assert here.originals() == before
    assert here("status", "--format", "json").document["state"] == "done"
    proofs = {proof["name"] for proof in here("verify", "--format", "json").document["proofs"]}
    assert {f"{kind}/{name}" for kind in ("schema", "rows") for name in EVERY} <= proofs
    assert here("report").code == 0
    assert here("commit", "--yes").code == 0
    assert here("status", "--format", "json").document["state"] == "committed"
    assert here("verify").code == 0


def test_an_estate_in_pieces_resumes_in_place_wherever_it_was_stopped(
    site: Callable[..., Site], pieces: Callable[[], Pair], monkeypatch: pytest.MonkeyPatch, one_clock: None
) -> None:
    beside = site(pieces(), "4.3.0")
    assert beside("run").code == 0
    here = site(pieces(), "4.3.0", in_place=True)
    execute = Runner._execute
    for database in ("identity", "user", "config", "am", "shared"):
        seen: list[str] = []

        def hooked(self: Runner, step: Step, *rest: object, of: str = database, seen: list[str] = seen) -> None:
            execute(self, step, *rest)  # type: ignore[arg-type]
            seen.extend([step.name] * (step.database == of))
            if len(seen) == 2:
                raise Crash

        with monkeypatch.context() as patched:
            patched.setattr(Runner, "_execute", hooked)
            with pytest.raises(Crash):
                here("run", "--yes")
        assert here("status", "--format", "json").document["state"] == "in progress"
    assert here("run").code == 0
    assert here.content() == beside.content()
    assert here("commit", "--yes").code == 0


def test_a_run_goes_on_with_the_databases_that_it_was_begun_with(
    site: Callable[..., Site], pieces: Callable[[], Pair]
) -> None:
    here = site(pieces(), "4.3.0")
    assert here("run").code == 0
    here.edit("[database.user]", "[database.config]\n#")
    text = here.file.read_text(encoding="utf-8")
    here.file.write_text(text[: text.index("[database.config]")], encoding="utf-8")
    for command in ("run", "status", "verify", "commit"):
        answer = here(command)
        assert answer.code == 3
        assert (
            "begun with the databases am, shared, identity, user, config, and upgrade.toml names am, shared, id"
            in (answer.problem[0])
        )


def test_a_retry_in_pieces_takes_what_failed(site: Callable[..., Site], pieces: Callable[[], Pair]) -> None:
    pair = pieces()
    conf = "SELECT r.reg_content_id FROM reg_resource r WHERE r.reg_name = 'tenant-conf.json' AND r.reg_tenant_id = 1"
    change(
        pair.apart["config"],
        "CREATE TABLE kept AS SELECT * FROM reg_content",
        f"UPDATE reg_content SET reg_content_data = '{{' WHERE reg_content_id IN ({conf})",
    )
    here = site(pair, "4.3.0")
    failed = here("run", "--format", "json")
    assert failed.code == 1
    assert [item["step"] for item in failed.document["items"]] == ["4.1.0/api-data/tenant-configuration"]
    change(
        here.upgraded.apart["config"],
        "UPDATE reg_content c SET reg_content_data = k.reg_content_data FROM kept k "
        "WHERE k.reg_content_id = c.reg_content_id AND k.reg_tenant_id = c.reg_tenant_id",
    )
    assert here("run", "--retry-failed").code == 0
    assert here("commit", "--yes").code == 0
