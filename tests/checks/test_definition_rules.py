"""Rules of the family DEF: definitions as the target judges them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from apim_upgrade.checks import Severity, open_subject
from apim_upgrade.checks.definitions import judgements
from apim_upgrade.checks.definitions.stored import STREAMING
from apim_upgrade.cli import main
from apim_upgrade.estate import read_estate
from apim_upgrade.migrations.parallel import Processes
from apim_upgrade.migrations.upgrade import Choices
from apim_upgrade.project.checking import CheckChoices
from apim_upgrade.releases import Release
from checks.planting import Field
from conftest import Pair, Server, kept_sample
from execution.site import change


def replaced(name: str, content: str) -> str:
    """Give the first file of a name another content."""
    return f"""UPDATE reg_content SET reg_content_data = convert_to($text${content}$text$, 'UTF8')
        WHERE (reg_content_id, reg_tenant_id) = (SELECT r.reg_content_id, r.reg_tenant_id FROM reg_resource r
            JOIN reg_path p ON p.reg_path_id = r.reg_path_id AND p.reg_tenant_id = r.reg_tenant_id
            WHERE r.reg_name LIKE '{name}'
                AND p.reg_path_value LIKE '%/provider/%' ORDER BY p.reg_path_value LIMIT 1)"""


SCOPE = """{"openapi": "3.0.1", "info": {"title": "t", "version": "1"}, "paths": {"/a": {"get":
    {"responses": {"200": {"description": "d"}}, "security": [{"default": ["gone"]}]}}}}"""


@pytest.mark.parametrize("source", ["3.2.0", "4.2.0"])
def test_a_broken_definition_is_found(field: Field, source: str) -> None:
    (found,) = field.found("DEF001", source=source, shared=[replaced("swagger.json", "{]")])
    assert found.api is not None
    assert str(found.place).startswith("/_system/governance/apimgt/applicationdata/provider/")
    assert "4.7.0 refuses its OpenAPI definition" in found.message
    assert field.found("DEF", source=source) == []


def test_what_the_old_release_refuses_too_is_minor(field: Field) -> None:
    (found,) = field.found("DEF001", shared=[replaced("swagger.json", '{"openapi": "3.0.1"}')])
    assert found.severity is Severity.MINOR
    assert "4.2.0 refuses it too." in found.message


@pytest.mark.parametrize(("name", "kind"), [("%.graphql", "GraphQL"), ("%.wsdl", "WSDL")])
def test_other_languages_are_judged_too(field: Field, name: str, kind: str) -> None:
    (found,) = field.found("DEF001", "DEF003", shared=[replaced(name, "nothing of the kind {")])
    assert f"{kind} definition" in found.message


def test_a_scope_that_is_not_declared_is_found(field: Field) -> None:
    found = field.found("DEF001", "DEF002", source="4.0.0", shared=[replaced("swagger.json", SCOPE)])
    assert len(found) == 1
    assert "gone" in found[0].message


def test_an_api_without_a_definition_is_found(field: Field) -> None:
    types = {}
    for name in ("swagger.json", "asyncapi.json"):
        gone = field.found("DEF004", shared=[f"DELETE FROM reg_resource WHERE reg_name = '{name}'"])
        types[name] = {each.api.type for each in gone if each.api}
    assert types["asyncapi.json"] <= STREAMING
    assert types["asyncapi.json"]
    assert types["swagger.json"] >= {"HTTP", "GRAPHQL", "SOAP"}
    assert not types["swagger.json"] & STREAMING


def test_processes_judge_the_same(databases: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    pair = kept_sample(databases, "4.2.0")
    estate = read_estate(pair.by_name(), "4.2.0")
    counts = []
    for few in (1000, 10):
        monkeypatch.setattr("apim_upgrade.checks.definitions.judging._FEW", few)
        asked = (pair.by_name(), estate, Release.parse("4.4.0"), Choices(), CheckChoices())
        with open_subject(*asked, workers=Processes(2)) as subject:
            counts.append(judgements(subject))
    assert counts[0] == counts[1]
    assert sum(counts[0].counts.values()) > 36


def test_invalid_definitions_are_written_with_a_note(
    sample_estate: Callable[..., Pair], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    pair = sample_estate("4.2.0")
    change(pair.shared, replaced("swagger.json", "{]"))
    project = tmp_path / "upgrade.toml"
    urls = [
        f'[database.{name}]\nurl = "postgresql://postgres@/{each.address.database}?host={each.address.host}"'
        for name, each in pair.by_name().items()
    ]
    project.write_text("\n".join(['target = "4.4.0"', *urls]), encoding="utf-8")
    folder = tmp_path / "invalid"
    main(["check", "--project", str(project), "--select", "DEF", "--save-invalid", str(folder)])
    assert "1 invalid definitions written" in capsys.readouterr().err
    files = sorted(path.relative_to(folder) for path in folder.rglob("*") if path.is_file())
    assert [path.suffix for path in files] == [".json", ".md"]
    assert (folder / files[0]).read_bytes() == b"{]"
    assert "API Manager 4.4.0 refuses it; 4.2.0 refuses it as well." in (folder / files[1]).read_text(encoding="utf-8")
    (tmp_path / "file").write_text("", encoding="utf-8")
    check = ["check", "--project", str(project), "--select", "DEF", "--save-invalid", str(tmp_path / "file")]
    assert main(check) == 3


def test_names_of_files_stay_in_the_folder() -> None:
    from apim_upgrade.checks.definitions.saving import _safe

    assert _safe("../../etc/passwd") == "_.._etc_passwd"
    assert _safe("..") == "_"
