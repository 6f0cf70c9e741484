"""Rules of the family CFG: files of both servers, and what of the configuration lies in the databases."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from apim_upgrade.checks import Severity
from apim_upgrade.project.checking import CheckChoices, KeyStore
from checks.planting import Field
from conftest import shared_path

DATA = Path(__file__).parents[1] / "keystores" / "data"
RSA = """
[system.parameter]
"org.wso2.CipherTransformation" = "RSA/ECB/OAEPwithSHA1andMGF1Padding"
[keystore]
userstore_password_encryption = "InternalKeyStore"
"""

Files = Callable[..., CheckChoices]


@pytest.fixture
def files(tmp_path: Path) -> Files:
    """``files(old=…, new=…, stores=…)``: the files of both servers."""

    def make(old: str | None = None, new: str | None = None, stores: tuple[str, ...] = ()) -> CheckChoices:
        paths: dict[str, Path] = {}
        for name, text in (("old", old), ("new", new)):
            if text is not None:
                paths[name] = tmp_path / f"{name}.toml"
                paths[name].write_text(text)
        return CheckChoices(
            configuration=paths.get("old"),
            target_configuration=paths.get("new"),
            keystores=tuple(KeyStore(DATA / name, "changeit") for name in stores),
        )

    return make


def items(field: Field, code: str, **planted: object) -> list[tuple[str, Severity]]:
    return [(each.item, each.severity) for each in field.found(code, **planted)]  # type: ignore[arg-type]


OLD = """
enabled_global_handlers = ["a"]
[apim.analytics]
store_api_url = "https://a:7444"
[[apim.analytics.url_group]]
analytics_url = ["tcp://a:7611"]
[apim.jwt]
gateway_generator.impl = "org.wso2.carbon.apimgt.gateway.handlers.security.jwt.generator.Mine"
[integration.transaction_counter]
enable = true
"""


def test_keys_that_are_not_read_any_more_are_minor_in_the_old_file_and_major_in_the_new(
    field: Field, files: Files
) -> None:
    old = items(field, "CFG001", source="3.2.0", inputs=files(old=OLD))
    assert {item for item, _ in old} == {
        f"configuration: {key}"
        for key in (
            "enabled_global_handlers",
            "apim.analytics.store_api_url",
            "apim.analytics.url_group",
            "apim.jwt.gateway_generator.impl",
            "integration.transaction_counter",
        )
    }
    assert {severity for _, severity in old} == {Severity.MINOR}
    new = items(field, "CFG001", source="4.2.0", inputs=files(old="", new=OLD))
    assert new == [("target_configuration: integration.transaction_counter", Severity.MAJOR)]


@pytest.mark.parametrize("release", ["3.2.0", "4.0.0", "4.2.0", "4.6.0"])
def test_files_that_packs_ship_have_nothing_that_is_minor(field: Field, files: Files, release: str) -> None:
    text = shared_path("facts", "config", "shipped", release, "deployment.toml").read_text(encoding="utf-8")
    found = field.found("CFG001", "CFG004", source=release, inputs=files(old=text))
    assert [each.message for each in found] == []


def test_defaults_that_change_are_told_unless_they_are_set(field: Field, files: Files) -> None:
    told = {item for item, _ in items(field, "CFG002", inputs=files(old=""))}
    assert "oauth.token_persistence.enable" in told
    pinned = files(old="", new="[oauth.token_persistence]\nenable = true\n")
    assert told - {item for item, _ in items(field, "CFG002", inputs=pinned)} == {"oauth.token_persistence.enable"}


def test_embedded_databases_and_pools_in_the_wrong_place_are_found(field: Field, files: Files) -> None:
    text = """
    [database.apim_db]
    url = "jdbc:h2:./repository/database/WSO2AM_DB"
    [database.shared_db]
    type = "postgre"
    maxActive = 50
    [database.local]
    url = "jdbc:h2:./repository/database/WSO2CARBON_DB"
    """
    assert items(field, "CFG003", inputs=files(old=text)) == [
        ("configuration: apim_db", Severity.MAJOR),
        ("configuration: shared_db pool", Severity.MINOR),
    ]


def test_roles_that_the_target_has_not_are_found(field: Field, files: Files) -> None:
    role = '[server]\nserver_role = "{}"\n'.format
    inputs = files(old=role("gateway-worker"), new=role("gateway-worker"))
    assert items(field, "CFG004", inputs=inputs) == [
        ("target_configuration: gateway-worker", Severity.MAJOR),
        ("configuration: gateway-worker", Severity.MINOR),
    ]
    assert items(field, "CFG004", inputs=inputs, target="4.4.0") == []
    publisher = files(old=role("api-publisher"))
    (found,) = field.found("CFG004", source="3.2.0", target="4.2.0", inputs=publisher)
    assert "4.2.0 has no such role" in found.message
    assert items(field, "CFG004", inputs=files(old=role("default"))) == []


def test_encryption_of_4_7_has_to_be_decided(field: Field, files: Files) -> None:
    assert items(field, "CFG005") == [("default", Severity.INFO)]
    inputs = files(new="[server]\n")
    assert items(field, "CFG005", inputs=inputs) == [("cipher", Severity.MAJOR), ("user stores", Severity.MAJOR)]
    assert items(field, "CFG005", inputs=files(new=RSA)) == []
    key = '[encryption]\nkey = "00"\n'
    assert items(field, "CFG005", inputs=files(old=key, new=key)) == []
    assert field.report("CFG005", target="4.6.0").tallies == ()


def test_an_exchanged_internal_key_store_is_found(field: Field, files: Files) -> None:
    def store(role: str, name: str) -> str:
        return f'[keystore.{role}]\nfile_name = "{name}"\nalias = "wso2carbon"\n'

    (found,) = field.found("CFG006", inputs=files(old=store("tls", "a.jks"), new=store("tls", "b.jks")))
    assert "was a.jks with alias wso2carbon; the target has b.jks" in found.message
    kept = store("primary", "b.jks") + store("internal", "security/a.jks")
    assert items(field, "CFG006", inputs=files(old=store("tls", "a.jks"), new=kept)) == []


def test_the_host_has_to_be_in_a_certificate(field: Field, files: Files) -> None:
    host = '[server]\nhostname = "{}"\n'.format
    for name, stores, expected in (
        ("apim.example.org", ("internal.jks",), []),
        ("api.example.com", ("internal.jks",), [("api.example.com", Severity.MAJOR)]),
        ("new.example.org", ("other.jks",), [("new.example.org", Severity.MINOR)]),
    ):
        inputs = files(old=host(name), stores=stores)
        assert items(field, "CFG007", inputs=inputs) == expected
    assert items(field, "CFG007", inputs=files(stores=("internal.jks",))) == []


def test_the_index_has_to_be_built_anew(field: Field, files: Files) -> None:
    assert items(field, "CFG008") == [("index", Severity.INFO)]
    value = "[indexing]\nre_indexing = {}\n".format
    assert items(field, "CFG008", inputs=files(new="")) == [("index", Severity.MAJOR)]
    assert items(field, "CFG008", inputs=files(old=value(3), new=value(3))) == [("index", Severity.MINOR)]
    assert items(field, "CFG008", inputs=files(old=value(3), new=value(4))) == []


def test_a_copy_of_the_old_file_is_found(field: Field, files: Files) -> None:
    assert items(field, "CFG009", inputs=files(old=OLD, new=OLD + "# same\n")) == [("copy", Severity.MAJOR)]
    assert items(field, "CFG009", inputs=files(old=OLD, new="")) == []


def test_portals_that_call_back_another_host_are_found(field: Field, files: Files) -> None:
    plant = """UPDATE idn_oauth_consumer_apps SET app_name = 'apim_publisher', callback_url =
        'regexp=(https://old.example.org:9443/publisher/services/auth/callback/login|https://old.example.org:9443/x)'
        WHERE id = (SELECT min(id) FROM idn_oauth_consumer_apps)"""
    new = files(new='[server]\nhostname = "new.example.org"\n')
    (found,) = field.found("CFG020", am=[plant], inputs=new)
    assert "calls back old.example.org; the target is new.example.org" in found.message
    same = files(new='[server]\nhostname = "x"\n[apim.publisher]\nurl = "https://old.example.org/p"\n')
    assert field.found("CFG020", am=[plant], inputs=same) == []


def workflow_file(content: str) -> str:
    return f"""UPDATE reg_content SET reg_content_data = convert_to('{content}', 'UTF8')
        WHERE (reg_content_id, reg_tenant_id) IN (SELECT reg_content_id, reg_tenant_id FROM reg_resource
          WHERE reg_name = 'workflow-extensions.xml' AND reg_tenant_id = 1)"""


def test_workflow_files_are_compared_with_the_targets(field: Field) -> None:
    clean = items(field, "CFG021", source="4.5.0")
    assert {severity for _, severity in clean} <= {Severity.INFO}
    (broken,) = (each for each in field.found("CFG021", shared=[workflow_file("<WorkFlow")]) if each.tenant)
    assert "not well-formed" in broken.message
    own = '<W><ApplicationCreation executor="com.example.Mine"/></W>'
    found = {each.item: each for each in field.found("CFG021", shared=[workflow_file(own)])}
    assert "SubscriptionUpdate, UserSignUp" in found["harbour.example"].message
    assert found["harbour.example"].severity is Severity.MAJOR
    assert found["com.example.Mine"].severity is Severity.MINOR
