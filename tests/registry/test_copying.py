"""Folders copied inside real registries, as the product copies them for a revision."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from datetime import datetime

import pytest
from sqlalchemy import Column, Integer, Text, func, select

from apim_upgrade import registry
from apim_upgrade.databases import Database
from apim_upgrade.engine import Operation, Phase, Runner, RunRecord, Stage, Step, Work, journal, stage_table
from apim_upgrade.tables.registry import ATTACHMENTS, CONTENT, LOG, PATH, RESOURCE
from conftest import Pair

STARTED = datetime(2026, 1, 2, 3, 4, 5)
RECORD = RunRecord("run-1", "0.1.0", "3.2.0", "4.4.0", "f" * 64, STARTED, "{}")
FILES = (
    "select r.reg_tenant_id t, p.reg_path_value folder, r.reg_name, r.reg_media_type, r.reg_description, "
    "md5(c.reg_content_data) content, r.reg_uuid, r.reg_content_id, "
    "(select string_agg(concat_ws('=', v.reg_name, v.reg_value), ';' order by 1) from reg_resource_property l "
    " join reg_property v on v.reg_id = l.reg_property_id and v.reg_tenant_id = l.reg_tenant_id "
    " where l.reg_path_id = r.reg_path_id and l.reg_tenant_id = r.reg_tenant_id "
    " and l.reg_resource_name is not distinct from r.reg_name) properties, "
    "(select string_agg(v.reg_tag_name || v.reg_user_id, ';' order by 1) from reg_resource_tag l "
    " join reg_tag v on v.reg_id = l.reg_tag_id and v.reg_tenant_id = l.reg_tenant_id "
    " where l.reg_path_id = r.reg_path_id and l.reg_tenant_id = r.reg_tenant_id "
    " and l.reg_resource_name is not distinct from r.reg_name) tags "
    "from reg_resource r join reg_path p on p.reg_path_id = r.reg_path_id and p.reg_tenant_id = r.reg_tenant_id "
    "left join reg_content c on c.reg_content_id = r.reg_content_id and c.reg_tenant_id = r.reg_tenant_id "
    "where p.reg_path_value || '/' like '{folder}/%' order by 1, 2, 3 nulls first"
)


def run(pair: Pair, *operations: Operation, name: str = "test/step", retry: bool = False) -> None:
    """Execute one step on the shared database under a fresh journal."""
    with pair.shared.write() as session:
        journal.drop_journal(session)
        journal.open_journal(session, RECORD)
    with pair.am.write() as session:
        if not session.exists(journal.RUN.name):
            journal.open_journal(session, RECORD)
    Runner(pair.by_name(), RECORD).run([Step(name, "Test", "shared", Phase.MIGRATE, operations)])


def stage_of(*rows: tuple[int, str, str]) -> tuple[Stage, Callable[[], tuple[Operation, ...]]]:
    table = stage_table(
        "trees", Column("tenant_id", Integer), Column("source_folder", Text), Column("target_folder", Text)
    )

    def source(work: Work) -> Iterator[Sequence[object]]:
        yield from rows

    return Stage(table, source, "trees"), lambda: registry.copy_folders(table, STARTED)


def copy(pair: Pair, *rows: tuple[int, str, str]) -> None:
    stage, operations = stage_of(*rows)
    run(pair, stage, *operations())


def files(database: Database, folder: str) -> list[tuple[object, ...]]:
    with database.read() as session:
        return [tuple(row) for row in session.all(FILES.format(folder=folder).replace("%", "%%"))]


def counts(database: Database) -> dict[str, int]:
    names = ("reg_path", "reg_resource", "reg_content", "reg_log", *(t.name for pair in ATTACHMENTS for t in pair))
    with database.read() as session:
        return {name: session.all(f"select count(*) from {name}")[0][0] for name in names}


def working_copies(database: Database) -> list[tuple[int, str, str]]:
    query = (
        select(RESOURCE.c.reg_tenant_id, PATH.c.reg_path_value, RESOURCE.c.reg_uuid)
        .join(
            PATH,
            (PATH.c.reg_path_id == RESOURCE.c.reg_path_id) & (PATH.c.reg_tenant_id == RESOURCE.c.reg_tenant_id),
        )
        .where(RESOURCE.c.reg_name == "api", PATH.c.reg_path_value.startswith(registry.PROVIDERS, autoescape=True))
        .order_by(RESOURCE.c.reg_tenant_id, PATH.c.reg_path_value)
    )
    with database.read() as session:
        return [tuple(row) for row in session.all(query)]


@pytest.mark.parametrize("release", ["3.2.0", "4.0.0"])
def test_a_copied_folder_equals_its_source_but_for_the_uuids(release: str, real_estate: Callable[[str], Pair]) -> None:
    pair = real_estate(release)
    apis = working_copies(pair.shared)
    before = counts(pair.shared)
    copy(pair, *((tenant, folder, f"{registry.REVISIONS}/{uuid}/77") for tenant, folder, uuid in apis))
    for tenant, folder, uuid in apis:
        target = f"{registry.REVISIONS}/{uuid}/77"
        source_rows = [row for row in files(pair.shared, folder) if row[0] == tenant]
        target_rows = [row for row in files(pair.shared, target) if row[0] == tenant]
        assert len(source_rows) > 1
        strip = [(row[1][len(folder) :], row[2:6], row[8:]) for row in source_rows]
        assert [(row[1][len(target) :], row[2:6], row[8:]) for row in target_rows] == strip
        assert not {row[6] for row in source_rows} & {row[6] for row in target_rows}
        assert not {row[7] for row in source_rows if row[7]} & {row[7] for row in target_rows if row[7]}
        (api,) = (row for row in target_rows if row[2] == "api" and row[1] == target)
        assert api[6] == registry.resource_uuid(tenant, f"{target}/api")
    added = {name: count - before[name] for name, count in counts(pair.shared).items()}
    assert added["reg_log"] == added["reg_resource"]
    assert added["reg_property"] == added["reg_resource_property"] > len(apis)


def test_copying_again_changes_nothing(real_estate: Callable[[str], Pair]) -> None:
    pair = real_estate("4.0.0")
    trees = [
        (tenant, folder, f"{registry.REVISIONS}/{uuid}/77") for tenant, folder, uuid in working_copies(pair.shared)
    ]
    copy(pair, *trees)
    first = files(pair.shared, registry.REVISIONS)
    totals = counts(pair.shared)
    copy(pair, *trees)
    assert files(pair.shared, registry.REVISIONS) == first
    assert counts(pair.shared) == totals


def test_the_same_copy_is_made_twice_from_the_same_data(real_estate: Callable[[str], Pair]) -> None:
    results = []
    for _ in range(2):
        pair = real_estate("3.2.0")
        tenant, folder, uuid = working_copies(pair.shared)[0]
        copy(pair, (tenant, folder, f"{registry.REVISIONS}/{uuid}/1"))
        results.append(files(pair.shared, f"{registry.REVISIONS}/{uuid}"))
    assert results[0] == results[1]


def test_a_path_row_that_outlived_its_folder_is_taken_up_again(real_estate: Callable[[str], Pair]) -> None:
    pair = real_estate("3.2.0")
    tenant, folder, uuid = working_copies(pair.shared)[0]
    target = f"{registry.REVISIONS}/{uuid}/1"
    with pair.shared.write() as session:
        session.execute(
            "insert into reg_path (reg_path_id, reg_path_value, reg_path_parent_id, reg_tenant_id) "
            f"values (900000, '{target}', 1, {tenant})"
        )
    copy(pair, (tenant, folder, target))
    with pair.shared.read() as session:
        rows = session.all(select(PATH.c.reg_path_id).where(PATH.c.reg_path_value == target))
        assert [row[0] for row in rows] == [900000]
        assert session.all(select(RESOURCE).where(RESOURCE.c.reg_path_id == 900000, RESOURCE.c.reg_name.is_(None)))


def test_new_folders_hang_below_their_parents(real_estate: Callable[[str], Pair]) -> None:
    pair = real_estate("3.2.0")
    tenant, folder, uuid = working_copies(pair.shared)[0]
    copy(pair, (tenant, folder, f"{registry.REVISIONS}/{uuid}/1"))
    with pair.shared.read() as session:
        wrong = session.all(
            "select c.reg_path_value from reg_path c left join reg_path p on p.reg_path_id = c.reg_path_parent_id "
            "and p.reg_tenant_id = c.reg_tenant_id where c.reg_path_value <> '/' and (p.reg_path_id is null "
            "or c.reg_path_value <> rtrim(p.reg_path_value, '/') || '/' || "
            "substr(c.reg_path_value, length(rtrim(p.reg_path_value, '/')) + 2))"
        )
        assert not wrong


def test_a_folder_that_does_not_live_is_not_copied(real_estate: Callable[[str], Pair]) -> None:
    pair = real_estate("3.2.0")
    before = counts(pair.shared)
    copy(pair, (-1234, f"{registry.PROVIDERS}/nobody/None/1.0.0", f"{registry.REVISIONS}/none/1"))
    assert counts(pair.shared) == before


def test_the_next_rows_of_the_product_get_free_numbers(real_estate: Callable[[str], Pair]) -> None:
    pair = real_estate("4.0.0")
    tenant, folder, uuid = working_copies(pair.shared)[0]
    copy(pair, (tenant, folder, f"{registry.REVISIONS}/{uuid}/77"))
    with pair.shared.write() as session:
        greatest = session.all(select(func.max(CONTENT.c.reg_content_id)))[0][0]
        session.execute("insert into reg_content (reg_content_data, reg_tenant_id) values ('x', -1234)")
        assert session.all(select(func.max(CONTENT.c.reg_content_id)))[0][0] == greatest + 1
        session.execute("insert into reg_property (reg_name, reg_value, reg_tenant_id) values ('x', 'y', -1234)")


def test_copies_are_logged_as_additions_at_the_start_of_the_run(real_estate: Callable[[str], Pair]) -> None:
    pair = real_estate("3.2.0")
    tenant, folder, uuid = working_copies(pair.shared)[0]
    target = f"{registry.REVISIONS}/{uuid}/1"
    copy(pair, (tenant, folder, target))
    with pair.shared.read() as session:
        (row,) = session.all(select(LOG).where(LOG.c.reg_path == f"{target}/api"))
        assert (row.reg_action, row.reg_tenant_id, row.reg_logged_time) == (registry.Action.ADD, tenant, STARTED)


def test_properties_linked_by_version_are_copied_too(real_estate: Callable[[str], Pair]) -> None:
    pair = real_estate("4.0.0")
    tenant, folder, uuid = working_copies(pair.shared)[0]
    with pair.shared.write() as session:
        session.execute(
            "update reg_resource_property l set reg_version = r.reg_version, reg_path_id = null, "
            "reg_resource_name = null from reg_resource r join reg_path p on p.reg_path_id = r.reg_path_id "
            f"where p.reg_path_value = '{folder}' and r.reg_name = 'api' and r.reg_tenant_id = {tenant} "
            "and l.reg_path_id = r.reg_path_id and l.reg_resource_name = 'api' and l.reg_tenant_id = r.reg_tenant_id"
        )
    copy(pair, (tenant, folder, f"{registry.REVISIONS}/{uuid}/77"))
    (api,) = (row for row in files(pair.shared, f"{registry.REVISIONS}/{uuid}/77") if row[2] == "api")
    assert "registry.LC.name=APILifeCycle" in str(api[8])
