"""What the package carries is what is known: the packed data against the facts beside the project."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from pathlib import Path

import pytest

from apim_upgrade.errors import KnowledgeError
from apim_upgrade.releases import (
    KINDS,
    KNOWN_RELEASES,
    PARTS,
    Release,
    catalogue,
    catalogued_releases,
    hops,
    legacy_timestamps,
    part_of,
    release_facts,
    renames,
    script_of,
    sources,
    targets,
)
from apim_upgrade.releases.catalogue import document
from apim_upgrade.releases.knowledge import function_body
from apim_upgrade.releases.model import Expression
from conftest import shared_path

PROSE = ("format", "database", "version", "schema", "method", "notes")


@pytest.mark.parametrize("kind", KINDS)
def test_every_packed_catalogue_equals_the_facts(kind: str) -> None:
    folders = [path for path in shared_path("facts", "schema", kind).iterdir() if path.is_dir()]
    assert {Release.parse(path.name) for path in folders} == set(catalogued_releases(kind))
    for folder in folders:
        for part in PARTS:
            fact = json.loads((folder / f"{part}.json").read_text(encoding="utf-8"))
            expected = {name: value for name, value in fact.items() if name not in PROSE}
            assert document(kind, Release.parse(folder.name), part) == expected, f"{folder} {part}"


@pytest.mark.parametrize("kind", KINDS)
def test_every_catalogue_is_read_as_values_without_loss(kind: str) -> None:
    for release in catalogued_releases(kind):
        for part in PARTS:
            plain, values = document(kind, release, part), catalogue(kind, release, part)
            assert set(values.tables) == set(plain["tables"])
            for name, table in values.tables.items():
                told = plain["tables"][name]
                assert [column.name for column in table.columns] == [column["name"] for column in told["columns"]]
                assert len(table.unique) == len(told.get("unique", []))
                assert len(table.foreign_keys) == len(told.get("foreign_keys", []))
                assert len(table.indexes) == len(told.get("indexes", []))


def test_mysql_time_stamps_of_old_servers_are_carried() -> None:
    facts = json.loads(shared_path("facts", "schema", "mysql", "legacy-timestamps.json").read_text(encoding="utf-8"))
    for version, parts in facts["versions"].items():
        for part, columns in parts.items():
            assert legacy_timestamps(Release.parse(version), part) == columns
    assert legacy_timestamps(Release.parse("4.2.0"), "am")["AM_API.CREATED_TIME"]["nullable"] is False


def test_packing_again_gives_the_same_bytes() -> None:
    shared_path("facts", "schema")
    tool = Path(__file__).parents[2] / "tools" / "pack_catalogues.py"
    code = f"""
import runpy, pathlib
tool = runpy.run_path({str(tool)!r})
for kind in ("postgresql", "mysql"):
    assert tool["packed"](tool["FACTS"] / kind) == (tool["PACKED"] / (kind + ".json.gz")).read_bytes(), kind
"""
    subprocess.run([sys.executable, "-c", code], check=True)


def test_a_catalogue_is_read_in_a_blink() -> None:
    code = """
import time
from apim_upgrade.releases import Release, catalogue
began = time.process_time()
catalogue("postgresql", Release.parse("4.7.0"), "am")
print(time.process_time() - began)
"""
    answer = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    assert float(answer.stdout) < 0.1


def test_a_catalogue_is_read_once() -> None:
    began = time.perf_counter()
    first = catalogue("h2", Release.parse("4.1.0"), "am")
    assert catalogue("h2", Release.parse("4.1.0"), "am") is first
    assert time.perf_counter() - began < 1


def test_what_is_not_catalogued_is_refused_by_name() -> None:
    with pytest.raises(KnowledgeError, match=r"9\.9\.9"):
        catalogue("postgresql", Release.parse("9.9.9"), "am")
    with pytest.raises(KnowledgeError, match="sybase"):
        catalogue("sybase", Release.parse("4.0.0"), "am")
    with pytest.raises(KnowledgeError, match="nothing_like_it"):
        function_body("postgresql", "nothing_like_it")


def test_expressions_of_seed_rows_are_told_from_text() -> None:
    (row,) = catalogue("postgresql", Release.parse("4.2.0"), "shared").seed_rows["um_org"]
    assert row["um_created_time"] == Expression("CURRENT_TIMESTAMP")
    assert row["um_org_name"] == "Super"


def test_names_are_found_whatever_their_case() -> None:
    schema = catalogue("postgresql", Release.parse("4.2.0"), "am")
    table = schema.table("AM_API")
    assert table is not None
    assert table.column("Api_Uuid") is not None
    assert schema.table("AM_NOTHING") is None


def test_the_releases_are_those_of_the_facts() -> None:
    text = shared_path("facts", "upgrade", "releases.json").read_text(encoding="utf-8")
    told = {entry["version"]: entry for entry in json.loads(text)["releases"]}
    assert [str(release) for release in KNOWN_RELEASES] == [
        "3.2.0",
        "4.0.0",
        "4.1.0",
        "4.2.0",
        "4.3.0",
        "4.4.0",
        "4.5.0",
        "4.6.0",
        "4.7.0",
    ]
    for release, fact in release_facts().items():
        entry = told[str(release)]
        assert fact.carbon_apimgt == entry["carbon_apimgt"]
        assert fact.carbon_kernel == entry["carbon_kernel"]
        assert (fact.released.isoformat() if fact.released else None) == entry["release_notes_date"]
        assert list(fact.jdk_accepted) == (entry["jdk"]["start_script_accepts"] or [])
        assert list(fact.jdk_tested) == (entry["jdk"]["tested"] or [])
        assert list(fact.os_tested) == (entry["os_tested"] or [])
        tested = {name: list(versions) for name, versions in fact.dbms_tested.items()}
        assert tested == (entry["dbms_tested"] or {})
        assert list(fact.sources) == entry["documented_sources"]
        assert dict(fact.rest_api) == entry["rest_api"]


def test_any_release_goes_to_any_later_one_in_neighbouring_hops() -> None:
    old, new = Release.parse("4.0.0"), Release.parse("4.3.0")
    assert Release.parse("4.7.0") not in sources()
    assert targets(Release.parse("4.5.0")) == (Release.parse("4.6.0"), Release.parse("4.7.0"))
    assert [f"{a}>{b}" for a, b in hops(old, new)] == ["4.0.0>4.1.0", "4.1.0>4.2.0", "4.2.0>4.3.0"]


def test_every_rename_is_a_column_that_goes_and_one_that_comes_in_that_release() -> None:
    before = dict(zip(KNOWN_RELEASES[1:], KNOWN_RELEASES, strict=False))
    for rename in renames():
        old = catalogue("postgresql", before[rename.release], "am").table(rename.table)
        new = catalogue("postgresql", rename.release, "am").table(rename.table)
        assert old is not None
        assert new is not None
        assert old.column(rename.before) is not None
        assert old.column(rename.after) is None
        assert new.column(rename.before) is None
        assert new.column(rename.after) is not None
    assert len(renames()) == 6


@pytest.mark.parametrize("kind", KINDS)
def test_every_table_and_sequence_is_in_one_section_and_no_foreign_key_leaves_it(kind: str) -> None:
    for release in catalogued_releases(kind):
        for script, sections in (("am", ("api", "identity")), ("shared", ("registry", "user"))):
            whole = catalogue(kind, release, script)
            parts = [catalogue(kind, release, section) for section in sections]
            for told in ("tables", "sequences", "seed_rows"):
                names = [name for part in parts for name in getattr(part, told)]
                assert sorted(names) == sorted(getattr(whole, told)), (release, script, told)
            assert sum(len(part.triggers) for part in parts) == len(whole.triggers)
            assert {script_of(section) for section in sections} == {script}
            for part in parts:
                tables = {name.lower() for name in part.tables}
                links = {key.ref_table.lower() for table in part.tables.values() for key in table.foreign_keys}
                assert links <= tables or release < sources()[0]


def test_a_database_holds_its_script_less_what_is_kept_apart() -> None:
    whole = ("am", "shared")
    assert [part_of(name, whole) for name in whole] == ["am", "shared"]
    apart = ("am", "shared", "identity", "user", "config")
    assert [part_of(name, apart) for name in apart] == ["api", "registry", "identity", "user", "registry"]
    assert part_of("shared", ("am", "shared", "config")) == "shared"
