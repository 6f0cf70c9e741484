"""The carried rows of new tenants are those that real servers wrote."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable

import pytest

from apim_upgrade.databases import Database
from apim_upgrade.migrations.identity import stock
from apim_upgrade.releases import Release
from apim_upgrade.releases.knowledge import remedy_for
from conftest import shared_path

from .conftest import Finish
from .estate import LOCAL, OIDC_CLAIMS, claim_rows, rows

Fresh = Callable[[str], Database]


def fresh_rows(name: str) -> dict[str, list[dict[str, str]]]:
    document = json.loads(shared_path("facts", "migration", "fresh-rows", name).read_text(encoding="utf-8"))
    return document.get("full") or document["added"]  # type: ignore[no-any-return]


@pytest.mark.parametrize(
    ("release", "facts"), [("4.0.0", "4.0.0"), ("4.1.0", "4.0.0"), ("4.2.0", "4.2.0"), ("4.7.0", "4.2.0")]
)
def test_claims_are_those_of_the_facts(release: str, facts: str) -> None:
    full, claims = fresh_rows(f"{facts}-full.json"), stock.claims(Release.parse(release))
    assert sorted((c.dialect, c.uri) for c in claims) == sorted((r["dialect"], r["claim"]) for r in full["IDN_CLAIM"])
    assert {(c.uri, "PRIMARY", c.attribute) for c in claims if c.attribute} == {
        (r["claim"], r["user_store"], r["attribute"]) for r in full["IDN_CLAIM_MAPPED_ATTRIBUTE"]
    }
    assert {(c.dialect, c.uri, c.local_claim) for c in claims if c.local_claim} == {
        (r["dialect"], r["claim"], r["local_claim"]) for r in full["IDN_CLAIM_MAPPING"]
    }
    assert {(c.dialect, c.uri, name, value) for c in claims for name, value in c.properties.items()} == {
        (r["dialect"], r["claim"], r["name"], r["value"]) for r in full["IDN_CLAIM_PROPERTY"]
    }


@pytest.mark.parametrize("release", ["4.0.0", "4.2.0", "4.5.0"])
def test_claims_are_those_of_a_fresh_server(release: str, fresh: Fresh) -> None:
    found, claims = claim_rows(fresh(release)), stock.claims(Release.parse(release))
    assert found["claim"] == {-1234: {(c.dialect, c.uri) for c in claims}}
    assert found["attribute"] == {-1234: {(LOCAL, c.uri, "PRIMARY", c.attribute) for c in claims if c.attribute}}
    assert found["mapping"] == {-1234: {(c.dialect, c.uri, LOCAL, c.local_claim) for c in claims if c.local_claim}}
    assert found["property"] == {
        -1234: {(c.dialect, c.uri, name, value) for c in claims for name, value in c.properties.items()}
    }


def test_a_claim_has_either_an_attribute_or_a_local_claim_that_exists() -> None:
    for release in ("4.0.0", "4.2.0"):
        claims = stock.claims(Release.parse(release))
        local = {claim.uri for claim in claims if claim.dialect == stock.LOCAL_DIALECT}
        for claim in claims:
            assert (claim.attribute is None) == (claim.dialect != stock.LOCAL_DIALECT)
            assert claim.local_claim is None or claim.local_claim in local


def test_the_release_of_the_claims_is_the_newest_known_up_to_it() -> None:
    known = {text: stock.claim_release(Release.parse(text)) for text in ("3.2.0", "4.0.0", "4.1.0", "4.2.0", "4.7.0")}
    assert known == {"3.2.0": None, "4.0.0": "4.0.0", "4.1.0": "4.0.0", "4.2.0": "4.2.0", "4.7.0": "4.2.0"}


@pytest.mark.parametrize(("release", "facts"), [("4.0.0", "4.0.0"), ("4.1.0", "4.0.0")])
def test_internal_scopes_are_those_of_the_facts(release: str, facts: str) -> None:
    full, scopes = fresh_rows(f"{facts}-full.json"), stock.internal_scopes(Release.parse(release))
    assert {(s.name, s.display_name) for s in scopes} == {
        (r["name"], r["display_name"]) for r in full["IDN_OAUTH2_SCOPE"] if r["scope_type"] == "OAUTH2"
    }
    assert {(s.name, s.permission) for s in scopes} == {
        (r["scope"], r["binding"]) for r in full["IDN_OAUTH2_SCOPE_BINDING"]
    }


def test_internal_scopes_of_3_2_0_are_those_of_the_real_estate(finished: Finish) -> None:
    scopes = {(s.name, s.display_name, s.permission) for s in stock.internal_scopes(Release.parse("3.2.0"))}
    found = rows(
        finished("3.2.0", "4.2.0").pair.am,
        "SELECT name, display_name, scope_binding FROM idn_oauth2_scope JOIN idn_oauth2_scope_binding USING (scope_id) "
        "WHERE binding_type = 'PERMISSION' AND tenant_id = 1",
    )
    assert len(found) == 170
    assert set(found) == scopes


def test_changes_of_oidc_scopes_lead_from_one_fresh_server_to_the_next(fresh: Fresh) -> None:
    claims = {
        release: {row[1:] for row in rows(fresh(release), OIDC_CLAIMS)} for release in ("4.0.0", "4.2.0", "4.5.0")
    }
    changes = dict(stock.oidc_scope_changes())
    for before, after in (("4.0.0", "4.2.0"), ("4.2.0", "4.5.0")):
        added = {(scope.name, claim) for scope in changes[after] for claim in scope.claims}
        assert added == claims[after] - claims[before]
    gone = Counter(scope for scope, _ in claims["4.0.0"] - claims["4.2.0"])
    assert gone == {"openid": 28}
    named = {(s.name, s.display_name, s.description) for scopes in changes.values() for s in scopes}
    newest = rows(
        fresh("4.5.0"),
        "SELECT name, display_name, description FROM idn_oauth2_scope WHERE scope_type = 'OIDC'",
    )
    assert named == set(newest)


def test_rows_that_these_steps_mend_do_not_stop_an_upgrade_before_it_begins() -> None:
    doubles = ("IDN_OAUTH2_SCOPE", "IDN_OAUTH2_SCOPE_BINDING", "IDN_OAUTH2_RESOURCE_SCOPE")
    assert {remedy_for(table, "key").remedy for table in doubles} == {"repair"}
    assert remedy_for("UM_USER", "not null").remedy == "repair"
    assert remedy_for("UM_USER", "key").remedy == "stop"
