"""Rules of the family SEC: certificates and secrets; key stores are those that Java's keytool wrote."""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Callable
from pathlib import Path

import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric.padding import MGF1, OAEP

from apim_upgrade.checks import Severity
from apim_upgrade.keystores import jks, key_store, read_certificate
from apim_upgrade.migrations.upgrade import Choices
from apim_upgrade.project.checking import CheckChoices, KeyStore
from checks.planting import Field
from conftest import Pair

DATA = Path(__file__).parents[1] / "keystores" / "data"
ENDED = base64.b64encode((DATA / "ended.pem").read_bytes()).decode()
STORES = "/_system/governance/repository/security/key-stores"


def given(*names: str, home: Path | None = None, configuration: Path | None = None) -> CheckChoices:
    stores = tuple(KeyStore(DATA / name, "changeit") for name in names)
    return CheckChoices(keystores=stores, home=home, configuration=configuration)


def encrypted(store: str, alias: str, text: str = "s3cret-of-mine", transformation: str = "") -> str:
    """A secret as a server stores it."""
    entry = key_store(DATA / store, "changeit").keys[alias]
    assert entry.key is not None
    cipher = entry.key.public_key().encrypt(text.encode(), OAEP(MGF1(hashes.SHA1()), hashes.SHA1(), None))
    document = {
        "c": base64.b64encode(cipher).decode(),
        "t": transformation or "RSA/ECB/OAEPwithSHA1andMGF1Padding",
        "tp": read_certificate(entry.chain[0]).thumbprint,
        "tpd": "SHA-1",
    }
    return base64.b64encode(json.dumps(document).encode()).decode()


def password(value: str) -> str:
    """Give the key store of one tenant another stored password."""
    return f"""UPDATE reg_property SET reg_value = '{value}' WHERE (reg_id, reg_tenant_id) IN (
        SELECT p.reg_id, p.reg_tenant_id FROM reg_property p
        JOIN reg_resource_property l ON l.reg_property_id = p.reg_id AND l.reg_tenant_id = p.reg_tenant_id
        JOIN reg_path h ON h.reg_path_id = l.reg_path_id AND h.reg_tenant_id = l.reg_tenant_id
        WHERE h.reg_path_value = '{STORES}' AND p.reg_name = 'password' AND p.reg_tenant_id = 1)"""


def test_certificates_of_the_servers_keys_that_have_ended_are_major(field: Field) -> None:
    found = field.found("SEC001", inputs=given("internal.jks", "ended.jks", "other.jks"))
    assert [(each.item, each.severity) for each in found] == [
        ("ended.jks/old", Severity.MAJOR),
        ("other.jks/ended", Severity.INFO),
    ]
    assert "has ended on 2020-12-3" in found[0].message
    assert field.found("SEC001", inputs=given("internal.jks")) == []


def test_endpoint_certificates_have_to_be_in_the_truststore(field: Field) -> None:
    count = "DELETE FROM am_certificate_metadata"
    (told,) = field.found("SEC002", source="3.2.0")
    assert told.severity is Severity.INFO
    assert field.found("SEC002", source="3.2.0", am=[count]) == []
    plant = [
        count,
        """INSERT INTO am_certificate_metadata (tenant_id, alias, end_point)
           VALUES (-1234, 'backend_1', 'https://a.example'), (-1234, 'OLD', 'https://b.example'),
             (1, 'absent', 'https://c.example')""",
    ]
    choices = Choices(truststore=DATA / "truststore.jks", truststore_password="changeit")
    found = field.found("SEC002", source="3.2.0", am=plant, choices=choices)
    assert [each.item for each in found] == ["carbon.super/OLD", "harbour.example/absent"]
    choices = Choices(truststore=DATA / "other.jks", truststore_password="changeit")
    found = field.found("SEC002", source="3.2.0", am=plant, choices=choices)
    assert [(each.item, each.severity) for each in found][-1] == ("carbon.super/OLD", Severity.MINOR)


@pytest.mark.parametrize("source", ["3.2.0", "4.2.0"])
def test_client_certificates_that_are_none_or_have_ended_are_found(field: Field, source: str) -> None:
    def stored(value: str) -> str:
        current = "" if source == "3.2.0" else " AND revision_uuid = 'Current API'"
        return f"""UPDATE am_api_client_certificate SET certificate = '{value}'
            WHERE alias = (SELECT min(alias) FROM am_api_client_certificate){current}"""

    (broken,) = field.found("SEC003", source=source, am=[stored("none")])
    assert broken.severity is Severity.MAJOR
    assert "of clients of" in broken.message
    (ended,) = field.found("SEC003", source=source, am=[stored(ENDED)])
    assert ended.severity is Severity.MINOR
    assert field.found("SEC003", source=source) == []
    removed = "UPDATE am_api_client_certificate SET removed = NOT removed"
    assert field.found("SEC003", source=source, am=[stored("none"), removed]) == []


def test_endpoint_certificates_in_the_database_are_read(field: Field) -> None:
    plant = f"""UPDATE am_certificate_metadata SET certificate = '{ENDED}'
        WHERE alias = (SELECT min(alias) FROM am_certificate_metadata)"""
    (found,) = field.found("SEC003", am=[plant])
    assert "of endpoint https://" in found.message


def test_weak_keys_are_found(field: Field) -> None:
    (found,) = field.found("SEC004", inputs=given("ended.jks", "internal.p12"))
    assert "has 1,024 bits and is signed with SHA1" in found.message


def test_key_stores_of_tenants_are_read_without_their_password(field: Field) -> None:
    def content(data: bytes) -> str:
        return f"""UPDATE reg_content SET reg_content_data = '\\x{data.hex()}'
            WHERE (reg_content_id, reg_tenant_id) IN (SELECT r.reg_content_id, r.reg_tenant_id FROM reg_resource r
            JOIN reg_path p ON p.reg_path_id = r.reg_path_id AND p.reg_tenant_id = r.reg_tenant_id
            WHERE p.reg_path_value = '{STORES}' AND r.reg_tenant_id = 1)"""

    (broken,) = field.found("SEC005", shared=[content(b"nothing")])
    assert "is no JKS store" in broken.message
    (ended,) = field.found("SEC005", shared=[content((DATA / "ended.jks").read_bytes())])
    assert (ended.severity, ended.tenant) == (Severity.MINOR, "harbour.example")
    assert field.found("SEC005") == []


def test_client_certificates_get_a_type_on_the_way_into_4_4(field: Field) -> None:
    (found,) = field.found("SEC006", source="4.2.0", target="4.4.0")
    assert found.severity is Severity.INFO
    assert field.found("SEC006", source="4.2.0", am=["DELETE FROM am_api_client_certificate"]) == []


def test_a_certificate_for_an_endpoint_of_no_api_is_told(field: Field) -> None:
    plant = """INSERT INTO am_certificate_metadata (tenant_id, alias, end_point)
        VALUES (1, 'lonely', 'https://nobody.example:9443/x')"""
    (found,) = field.found("SEC007", source="3.2.0", am=[plant])
    assert (found.item, found.severity) == ("harbour.example/lonely", Severity.INFO)
    assert field.found("SEC007", source="3.2.0") == []


def test_old_certificates_in_the_truststore_are_told(field: Field) -> None:
    choices = Choices(truststore=DATA / "other.jks", truststore_password="changeit")
    (found,) = field.found("SEC008", choices=choices)
    assert "1 of 1 trusted certificates in other.jks have ended: old" in found.message
    assert field.report("SEC008").tallies == ()


def test_the_key_that_secrets_need_is_named_without_a_key_store(field: Field) -> None:
    assert field.found("SEC010") == []
    own = password(encrypted("internal.jks", "wso2carbon"))
    (found,) = field.found("SEC010", shared=[own])
    assert found.severity is Severity.INFO
    thumbprint = read_certificate(key_store(DATA / "internal.jks", "changeit").keys["wso2carbon"].chain[0]).thumbprint
    assert thumbprint in found.message
    (kept,) = field.found("SEC010", shared=[own], inputs=given("internal.p12"))
    assert kept.severity is Severity.INFO
    (lost,) = field.found("SEC010", shared=[own], inputs=given("other.jks"))
    assert lost.severity is Severity.MAJOR
    assert "which none of the given key stores has" in lost.message


def test_secrets_are_tried_with_the_given_key_stores(field: Field, tmp_path: Path) -> None:
    folder = tmp_path / "repository/tenants/1/userstores"
    folder.mkdir(parents=True)
    (folder / "ldap.xml").write_text(
        f"""<UserStoreManager><Property name="ConnectionPassword" encrypted="true">
        {encrypted("other.jks", "other")}</Property><Property name="URL">x</Property></UserStoreManager>"""
    )
    (folder / "broken.xml").write_text("<UserStoreManager>")
    client = f"""UPDATE idn_oauth_consumer_apps SET consumer_secret = '{encrypted("other.jks", "other")}'
        WHERE id = (SELECT min(id) FROM idn_oauth_consumer_apps)"""
    planted = {"shared": [password(encrypted("internal.jks", "wso2carbon"))], "am": [client]}
    home = given("internal.jks", home=tmp_path)
    found = {each.item: each for each in field.found("SEC011", inputs=home, **planted)}
    assert len(found) == 2
    assert "harbour.example/repository/tenants/1/userstores/ldap.xml/ConnectionPassword" in {
        f"{each.tenant}/{item}" for item, each in found.items()
    }
    assert all("s3cret" not in f"{each.message}{each.next}{each.place}" for each in found.values())
    both = given("internal.jks", "other.jks", home=tmp_path)
    assert field.found("SEC011", inputs=both, **planted) == []


def test_a_key_that_cannot_be_opened_is_told_instead_of_its_secrets(field: Field, tmp_path: Path) -> None:
    data = bytearray((DATA / "internal.jks").read_bytes())
    sealed = jks.read(bytes(data), "changeit").keys["wso2carbon"].key
    data[data.index(sealed) + len(sealed) // 2] ^= 1
    data[-20:] = hashlib.sha1("changeit".encode("utf-16-be") + b"Mighty Aphrodite" + data[:-20]).digest()
    store = tmp_path / "closed.jks"
    store.write_bytes(data)
    inputs = CheckChoices(keystores=(KeyStore(store, "changeit"),))
    own = [password(encrypted("internal.jks", "wso2carbon"))]
    (found,) = field.found("SEC011", shared=own, inputs=inputs)
    assert found.severity is Severity.MINOR
    assert "(the password of the key is another one)" in found.message


def test_symmetric_secrets_need_the_key_of_the_configuration(field: Field, tmp_path: Path) -> None:
    assert field.found("SEC012") == []
    planted = [password(encrypted("internal.jks", "wso2carbon", transformation="AES/GCM/NoPadding"))]
    (told,) = field.found("SEC012", shared=planted)
    assert told.severity is Severity.INFO
    file = tmp_path / "deployment.toml"
    file.write_text("[server]\n")
    (lacking,) = field.found("SEC012", shared=planted, inputs=given(configuration=file))
    assert lacking.severity is Severity.MAJOR
    file.write_text('[encryption]\nkey = "00"\n')
    assert field.found("SEC012", shared=planted, inputs=given(configuration=file)) == []
    assert field.found("SEC011", shared=planted, inputs=given("other.jks")) == []


@pytest.mark.parametrize("release", ["3.2.0", "4.0.0"])
def test_secrets_of_real_estates_name_one_key(field: Field, real_estate: Callable[[str], Pair], release: str) -> None:
    pair = real_estate(release)
    (found,) = field.found("SEC010", pair=pair, source=release)
    assert found.severity is Severity.INFO
    assert found.message.startswith("4 secrets of 2 tenants")
    lost = field.found("SEC011", pair=pair, source=release, inputs=given("internal.jks"))
    assert len(lost) == 4
