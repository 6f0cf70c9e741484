"""The log that the search index is built from: one usable row for all that lives, none for what does not."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from api_data import Prepared

from apim_upgrade.engine import journal
from apim_upgrade.migrations import reindex
from conftest import Pair

LIVING = (
    "select r.reg_tenant_id as tenant, case when r.reg_name is null then p.reg_path_value "
    "else rtrim(p.reg_path_value, '/') || '/' || r.reg_name end as path, r.reg_name, r.reg_media_type "
    "from reg_resource r join reg_path p on p.reg_path_id = r.reg_path_id and p.reg_tenant_id = r.reg_tenant_id"
)
INDEXING = (0, 1, 2, 3, 4, 5, 8, 9, 10, 15)
D = "/_system/governance/apimgt/applicationdata"
API = f"{D}/provider/adp_crt_user/ADPRestAPI/1.0.0/api"


class Log:
    """The log of one estate."""

    def __init__(self, pair: Pair, *statements: str) -> None:
        self.estate = Prepared(pair, "3.2.0", "4.7.0")
        for database in pair.by_name().values():
            with database.write() as session:
                journal.open_journal(session, self.estate.record)
        with pair.shared.write() as session:
            for statement in statements:
                session.execute(statement)

    def clean(self) -> None:
        self.estate.run_again(reindex.steps(self.estate.upgrade))

    def rows(self, query: str = "select * from reg_log order by reg_log_id, reg_tenant_id") -> list[tuple[object, ...]]:
        with self.estate.pair.shared.read() as session:
            return [tuple(row) for row in session.all(query)]


@pytest.fixture
def log(real_estate: Callable[[str], Pair]) -> Callable[..., Log]:
    return lambda release, *statements: Log(real_estate(release), *statements)


@pytest.mark.parametrize("release", ["3.2.0", "4.0.0", "4.2.0", "4.5.0"])
def test_every_living_file_has_exactly_one_usable_row(release: str, log: Callable[..., Log]) -> None:
    estate = log(release)
    before = estate.rows()
    estate.clean()
    usable = estate.rows(
        f"select l.path, count(g.reg_log_id), bool_and(g.reg_action in {INDEXING}) from ({LIVING}) l "
        "left join reg_log g on g.reg_path = l.path and g.reg_tenant_id = l.tenant "
        "where l.reg_name is not null group by l.tenant, l.path having count(g.reg_log_id) <> 1 "
        f"or not bool_and(g.reg_action in {INDEXING})"
    )
    assert not usable
    assert len(estate.rows()) < len(before)


@pytest.mark.parametrize("release", ["3.2.0", "4.2.0"])
def test_x6_paths_that_died_with_their_folder_leave_the_log(release: str, log: Callable[..., Log]) -> None:
    estate = log(release)
    dead = (
        f"select count(distinct (g.reg_path, g.reg_tenant_id)) from reg_log g left join ({LIVING}) l "
        "on l.path = g.reg_path and l.tenant = g.reg_tenant_id where l.path is null"
    )
    assert estate.rows(dead)[0][0] > 15
    estate.clean()
    assert estate.rows(dead) == [(0,)]


def test_x5_a_resource_whose_newest_row_is_a_copy_or_passed_over_stays_indexed(log: Callable[..., Log]) -> None:
    newest = (
        "select count(*) from (select distinct on (reg_path, reg_tenant_id) reg_path, reg_tenant_id, reg_action "
        f"from reg_log order by reg_path, reg_tenant_id, reg_log_id desc) n join ({LIVING}) l "
        "on l.path = n.reg_path and l.tenant = n.reg_tenant_id where n.reg_action = {}"
    )
    aspect = (
        "insert into reg_log (reg_path, reg_user_id, reg_logged_time, reg_action, reg_action_data, reg_tenant_id) "
        f"values ('{API}', 'x', now(), 17, 'APILifeCycle', -1234)"
    )
    estate = log("3.2.0", aspect)
    assert estate.rows(newest.format(11)) == [(6,)]
    estate.clean()
    assert estate.rows(newest.format(11)) == [(0,)]
    kept = estate.rows(f"select reg_action from reg_log where reg_path = '{API}' and reg_tenant_id = -1234")
    assert len(kept) == 1
    assert kept[0][0] in INDEXING


def test_the_newest_indexing_row_is_the_one_that_stays(log: Callable[..., Log]) -> None:
    estate = log("3.2.0")
    expected = estate.rows(
        f"select max(reg_log_id), reg_tenant_id from reg_log where reg_action in {INDEXING} "
        f"and (reg_tenant_id, reg_path) in (select tenant, path from ({LIVING}) l) group by reg_tenant_id, reg_path"
    )
    estate.clean()
    left = estate.rows("select reg_log_id, reg_tenant_id from reg_log")
    assert set(expected) <= set(left)


def test_x4_a_resource_without_a_row_gets_one_with_its_own_time(log: Callable[..., Log]) -> None:
    estate = log("3.2.0", "delete from reg_log where right(reg_path, 4) = '/api'")
    estate.clean()
    rows = estate.rows(
        "select g.reg_action, g.reg_user_id = coalesce(r.reg_last_updator, r.reg_creator), "
        "g.reg_logged_time = r.reg_last_updated_time, count(*) from reg_log g "
        "join reg_path p on g.reg_path = p.reg_path_value || '/api' and p.reg_tenant_id = g.reg_tenant_id "
        "join reg_resource r on r.reg_path_id = p.reg_path_id and r.reg_tenant_id = p.reg_tenant_id "
        "and r.reg_name = 'api' group by 1, 2, 3"
    )
    assert rows == [(1, True, True, 42)]


def test_x1_rows_are_told_apart_by_tenant_even_where_ids_repeat(log: Callable[..., Log]) -> None:
    swap = (
        "update reg_log g set reg_log_id = o.reg_log_id from reg_log o where g.reg_tenant_id = 1 "
        f"and g.reg_path = '{D}/provider' and g.reg_action = 0 "
        "and o.reg_log_id = (select max(reg_log_id) from reg_log where reg_tenant_id = -1234)"
    )
    estate = log("3.2.0", swap)
    estate.clean()
    for tenant in (-1234, 1, 2):
        assert estate.rows(
            f"select count(*) from reg_log where reg_path = '{D}/provider' and reg_tenant_id = {tenant}"
        ) == [(1,)]


def test_cleaning_again_changes_nothing(log: Callable[..., Log]) -> None:
    estate = log("4.0.0")
    estate.clean()
    once = estate.rows()
    estate.estate.run(reindex.steps(estate.estate.upgrade))
    assert estate.rows() == once


def test_rows_that_go_and_come_are_accounted_for(log: Callable[..., Log]) -> None:
    estate = log("3.2.0")
    before = len(estate.rows())
    estate.estate.run(reindex.steps(estate.estate.upgrade))
    with estate.estate.pair.shared.read() as session:
        ((_, table, inserted, deleted),) = journal.read_rows(session)
    assert table == "reg_log"
    assert before + inserted - deleted == len(estate.rows())
    assert inserted > 0
