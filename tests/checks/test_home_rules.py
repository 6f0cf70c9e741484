"""Rules on the platform and on files of the old home; jars are made here, and nothing of them is run."""

from __future__ import annotations

import struct
import zipfile
from pathlib import Path

import pytest

from apim_upgrade.checks import Severity
from apim_upgrade.checks.home import Home
from apim_upgrade.checks.jars import class_facts, read_jar
from apim_upgrade.errors import ProjectError
from apim_upgrade.project.checking import CheckChoices
from checks.planting import Field

SYNAPSE = "repository/deployment/server/synapse-configs/default"


def put(folder: Path, path: str, content: str | bytes = "x") -> Path:
    file = folder / path
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes(content if isinstance(content, bytes) else content.encode())
    return file


def class_file(*names: str, version: int = 52) -> bytes:
    """A class file as far as its constants: a wide number first, then the classes it names."""
    pool = b"\x05" + bytes(8)
    number = 3
    for name in names:
        pool += b"\x01" + struct.pack(">H", len(name)) + name.encode() + b"\x07" + struct.pack(">H", number)
        number += 2
    return struct.pack(">IHHH", 0xCAFEBABE, 0, version, number) + pool


def jar(folder: Path, path: str, *classes: bytes, manifest: str = "Manifest-Version: 1.0\n") -> Path:
    file = put(folder, path)
    with zipfile.ZipFile(file, "w") as made:
        made.writestr("META-INF/MANIFEST.MF", manifest)
        for number, content in enumerate(classes):
            made.writestr(f"com/example/C{number}.class", content)
    return file


def items(field: Field, code: str, home: Path, **more: str) -> list[tuple[str, Severity]]:
    found = field.found(code, inputs=CheckChoices(home=home), **more)  # type: ignore[arg-type]
    return [(each.item, each.severity) for each in found]


# The platform


def test_java_and_systems_of_the_target_are_told(field: Field) -> None:
    (java,) = field.found("ENV010", source="3.2.0")
    assert java.message.startswith("4.7.0 runs on Java 21 to 25")
    assert field.found("ENV010", source="4.5.0", target="4.6.0") == []
    (systems,) = field.found("ENV011", source="4.5.0", target="4.6.0")
    assert "Rocky 9.3" in systems.message
    assert field.found("ENV011") == []


def test_programs_that_use_the_products_rest_apis_are_told(field: Field) -> None:
    (found,) = field.found("ENV012", source="3.2.0", target="4.2.0")
    assert "rest_api_pipeline: they find other versions, publisher v4 (was v1), devportal v3 (was v1)" in found.message
    none = ["DELETE FROM idn_oauth_consumer_apps"]
    assert field.found("ENV012", source="3.2.0", am=none) == []


def test_themes_of_tenants_are_found(field: Field) -> None:
    (found,) = field.found("ENV013", am=["INSERT INTO am_tenant_themes (tenant_id, theme) VALUES (1, 'zip')"])
    assert (found.tenant, found.severity) == ("harbour.example", Severity.MINOR)
    assert field.found("ENV013") == []


# The home


def test_an_empty_home_has_no_fault(field: Field, tmp_path: Path) -> None:
    assert [each.message for each in field.found("ENV02", inputs=CheckChoices(home=tmp_path))] == []


def test_migration_clients_are_found(field: Field, tmp_path: Path) -> None:
    put(tmp_path, "repository/components/dropins/org.wso2.carbon.is.migration-1.0.225.jar")
    put(tmp_path, "migration-resources/migration-config.yaml")
    assert [item for item, _ in items(field, "ENV020", tmp_path)] == [
        "migration-resources",
        "repository/components/dropins/org.wso2.carbon.is.migration-1.0.225.jar",
    ]


def test_jars_are_read_and_judged(field: Field, tmp_path: Path) -> None:
    moved = "org/wso2/carbon/apimgt/gateway/dto/JWTInfoDto"
    bundle = (
        "Bundle-SymbolicName: com.example;singleton:=true\n"
        'Import-Package: a,org.wso2.carbon.apimgt.api;versi\n on="[6.0.0,7.0.0)"\n'
    )
    jar(
        tmp_path, "repository/components/lib/moved.jar", class_file(moved, "[Ljavax/xml/bind/JAXB;", "java/lang/String")
    )
    jar(tmp_path, "repository/components/lib/new.jar", class_file("java/lang/String", version=70))
    jar(tmp_path, "repository/components/lib/plain.jar", class_file("com/example/C0"))
    jar(tmp_path, "repository/components/lib/postgresql-42.2.5.jar")
    jar(tmp_path, "repository/components/dropins/bundle.jar", manifest=bundle)
    jar(
        tmp_path,
        "repository/components/dropins/patch.jar",
        manifest="Bundle-SymbolicName: org.wso2.carbon.apimgt.impl\n",
    )
    put(tmp_path, "repository/components/lib/broken.jar", "no zip")
    found = {each.item: each for each in field.found("ENV021", source="3.2.0", inputs=CheckChoices(home=tmp_path))}
    lib, dropins = "repository/components/lib", "repository/components/dropins"
    assert "it uses javax.xml.bind.JAXB, gone with 4.2.0" in found[f"{lib}/moved.jar"].message
    assert "JWTInfoDto, gone with 4.0.0 (It is org.wso2.carbon.apimgt.common.gateway.dto" in (
        found[f"{lib}/moved.jar"].message
    )
    assert "classes are for Java 26, newer" in found[f"{lib}/new.jar"].message
    assert (
        "it demands org.wso2.carbon.apimgt.api [6.0.0,7.0.0), and 4.7.0 has 9.33"
        in found[f"{dropins}/bundle.jar"].message
    )
    assert "bundle of the product itself" in found[f"{dropins}/patch.jar"].message
    assert found[f"{lib}/plain.jar"].severity is Severity.MINOR
    assert found[f"{lib}/broken.jar"].severity is Severity.MINOR
    assert found[f"{lib}/postgresql-42.2.5.jar"].severity is Severity.INFO
    # What went before the source release was gone already.
    later = {each.item: each for each in field.found("ENV021", source="4.2.0", inputs=CheckChoices(home=tmp_path))}
    assert later[f"{lib}/moved.jar"].severity is Severity.MINOR


def test_class_files_that_are_none_or_end_early_name_nothing() -> None:
    whole = class_file("a/B", version=61)
    assert class_facts(whole) == (61, {"a/B"})
    for data in (b"", b"\xca\xfe\xba\xbe", whole[:14], whole.replace(b"\x07", b"\x63"), b"PK" + bytes(40)):
        assert class_facts(data) == (0, set())


def test_a_jar_that_is_far_too_large_is_not_read(tmp_path: Path) -> None:
    file = tmp_path / "large.jar"
    with file.open("wb") as large:
        large.truncate(600 * 1024 * 1024)
    assert read_jar(file).broken == "it is too large"
    assert read_jar(tmp_path / "absent.jar").broken


def test_portals_that_were_changed_are_found(field: Field, tmp_path: Path) -> None:
    put(tmp_path, "repository/deployment/server/jaggeryapps/devportal/override/src/app/Login.jsx")
    put(tmp_path, "repository/deployment/server/jaggeryapps/devportal/site/public/theme/userTheme.js")
    put(tmp_path, "repository/deployment/server/webapps/authenticationendpoint/extensions/header.jsp")
    assert items(field, "ENV022", tmp_path) == [
        ("authenticationendpoint", Severity.MINOR),
        ("devportal: override", Severity.MINOR),
        ("devportal: theme", Severity.INFO),
    ]


def test_profiles_in_start_scripts_are_found(field: Field, tmp_path: Path) -> None:
    put(tmp_path, "bin/start-gw.sh", "exec sh api-manager.sh -Dprofile=gateway-worker\n")
    put(tmp_path, "bin/profileSetup.sh", "-Dprofile=control-plane\n")
    put(tmp_path, "bin/api-manager.sh", 'exec java "-Dprofile=$PROFILE" -Dprofile=default\n')
    put(tmp_path, "wso2am.service", "ExecStart=/opt/wso2am/bin/api-manager.sh -Dprofile=control-plane\n")
    assert [item for item, _ in items(field, "ENV023", tmp_path)] == ["bin/start-gw.sh", "wso2am.service"]
    assert {severity for _, severity in items(field, "ENV023", tmp_path, target="4.4.0")} == {Severity.INFO}


def test_sequences_of_ones_own_are_found_unless_they_are_listed(field: Field, tmp_path: Path) -> None:
    put(tmp_path, f"{SYNAPSE}/sequences/WSO2AM--Ext--In.xml")
    put(tmp_path, f"{SYNAPSE}/sequences/main.xml")
    put(tmp_path, f"{SYNAPSE}/sequences/admin--Pizza--v1.0.0--In.xml")
    put(tmp_path, "repository/tenants/1/synapse-configs/default/api/Own.xml")
    put(tmp_path, "repository/tenants/1/userstores/x.xml")
    assert items(field, "ENV024", tmp_path) == [
        (f"{SYNAPSE}/sequences/WSO2AM--Ext--In.xml", Severity.MAJOR),
        ("repository/tenants/1/synapse-configs/default/api/Own.xml", Severity.MINOR),
    ]
    target = put(
        tmp_path,
        "new.toml",
        '[apim.sync_runtime_artifacts.gateway.skip_list]\nsequences = ["WSO2AM--Ext--In.xml"]\napis = ["Own.xml"]\n',
    )
    inputs = CheckChoices(home=tmp_path, target_configuration=target)
    assert field.found("ENV024", inputs=inputs) == []


def test_stock_files_that_were_changed_are_found(field: Field, tmp_path: Path) -> None:
    put(tmp_path, f"{SYNAPSE}/proxy-services/WorkflowCallbackService.xml", "<proxy/>")
    put(tmp_path, "repository/resources/api_templates/velocity_template.xml", "ours")
    assert [item for item, _ in items(field, "ENV025", tmp_path)] == [
        f"{SYNAPSE}/proxy-services/WorkflowCallbackService.xml",
        "repository/resources/api_templates/velocity_template.xml",
    ]


def test_the_index_and_embedded_databases_are_told(field: Field, tmp_path: Path) -> None:
    put(tmp_path, "solr/data/x")
    put(tmp_path, "repository/database/WSO2CARBON_DB.mv.db")
    assert items(field, "ENV026", tmp_path) == [("repository/database", Severity.INFO), ("solr", Severity.INFO)]


def test_links_out_of_the_home_are_not_followed(tmp_path: Path) -> None:
    home, outside = tmp_path / "home", tmp_path / "outside"
    put(outside, "secret.xml", "<x/>")
    put(home, "inside.xml", "<x/>")
    (home / "link.xml").symlink_to(outside / "secret.xml")
    (home / "folder").symlink_to(outside)
    (home / "loop").symlink_to(home / "loop")
    (home / "again").symlink_to(home)
    there = Home(home)
    assert [there.name(file) for file in there.files(".", "*.xml")] == ["inside.xml"]
    assert list(there.files("folder")) == []
    assert list(there.files("../outside")) == []
    assert not there.has("folder/secret.xml")
    assert there.has("inside.xml")


def test_files_are_read_with_limits_and_without_entities(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    home = Home(tmp_path)
    large = tmp_path / "large.xml"
    with large.open("wb") as file:
        file.truncate(5 * 1024 * 1024)
    assert home.read(large) == b""
    assert home.xml(large) is None
    assert home.read(tmp_path / "absent") == b""
    secret = put(tmp_path, "secret.txt", "hidden")
    text = f'<!DOCTYPE x [<!ENTITY e SYSTEM "{secret.as_uri()}">]><x>&e;</x>'
    root = home.xml(put(tmp_path, "entity.xml", text))
    assert root is None or "hidden" not in "".join(root.itertext())
    from apim_upgrade.checks import home as module

    monkeypatch.setattr(module, "_FILES_LIMIT", 2)
    with pytest.raises(ProjectError, match="more than 2 files"):
        list(home.files("."))
