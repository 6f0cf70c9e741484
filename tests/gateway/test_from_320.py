"""Artifacts of initial revisions of the real 3.2.0 estate, in the form of the target."""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Callable
from datetime import datetime
from functools import cache
from typing import Any

import pytest
from documents import problems

from apim_upgrade import gateway
from apim_upgrade.databases import Database
from apim_upgrade.engine import Runner, RunRecord, journal
from apim_upgrade.migrations import prepare, repairs
from apim_upgrade.migrations.upgrade import SUPER_TENANT_ID, Tenant, Upgrade
from apim_upgrade.migrations.v4_0_0 import api_identity, icons_and_wsdls, product_operations, revisions, websocket
from apim_upgrade.releases import Release
from apim_upgrade.schema import expand_steps, introspect
from conftest import Server, shared_path

STARTED = datetime(2026, 1, 2, 3, 4, 5)
TENANTS = (Tenant(SUPER_TENANT_ID, "carbon.super"), Tenant(1, "adpexample.com"), Tenant(2, "adpsample.com"))
DOCUMENTED = ("4.0.0", "4.2.0", "4.4.0")


@pytest.fixture(scope="module")
def inputs(databases: Server) -> Callable[[str], list[gateway.RevisionInput]]:
    """``inputs("4.4.0")``: what the artifacts of a 3.2.0 estate are made from after its revisions were made."""

    def database(part: str) -> Database:
        dump = shared_path("testdata", "3.2.0", "postgresql", f"{part}.sql.gz")
        template = databases.template(f"3.2.0:{part}", lambda name: databases.load_dump(dump, name))
        return Database(part, databases.postgres.address(databases.clone(template)))

    @cache
    def load(target: str) -> list[gateway.RevisionInput]:
        pair = {part: database(part) for part in ("am", "shared")}
        upgrade = Upgrade(Release.parse("3.2.0"), Release.parse(target), STARTED, TENANTS)
        record = RunRecord("run-1", "0.1.0", "3.2.0", target, "f" * 64, STARTED, "{}")
        steps = prepare.steps(upgrade)
        for part, each in pair.items():
            with each.write() as session:
                journal.open_journal(session, record)
            with each.read() as session:
                steps += expand_steps("postgresql", introspect(session), upgrade.target, part, part)
        for module in (repairs, api_identity, product_operations, websocket, icons_and_wsdls, revisions):
            steps += module.steps(upgrade)
        Runner(pair, record).run(steps)
        with pair["am"].read() as am, pair["shared"].read() as shared:
            return list(gateway.revisions(am, shared))

    return load


def files(content: bytes) -> dict[str, bytes]:
    with zipfile.ZipFile(io.BytesIO(content)) as packed:
        return {name.split("/", 1)[1]: packed.read(name) for name in packed.namelist()}


def data(made: dict[str, bytes], path: str = "api.json") -> Any:
    return json.loads(made[path])["data"]


def test_all_revisions_become_what_the_document_of_4_2_0_and_4_4_0_describes(
    inputs: Callable[[str], list[gateway.RevisionInput]],
) -> None:
    revisions = inputs("4.4.0")
    assert len(revisions) == 30
    for target in DOCUMENTED:
        for revision in revisions:
            for path, content in files(gateway.build(revision, Release.parse(target))).items():
                kind = {"api.json": "API", "api_product.json": "APIProduct"}.get(path.split("/")[-1])
                if kind:
                    assert problems(target, kind, json.loads(content)["data"]) == [], (target, revision.item, path)


def test_an_artifact_has_what_its_kind_of_api_needs(inputs: Callable[[str], list[gateway.RevisionInput]]) -> None:
    needed = {
        "HTTP": {"api.json", "Definitions/swagger.json"},
        "SOAP": {"api.json", "Definitions/swagger.json"},
        "GRAPHQL": {"api.json", "Definitions/schema.graphql"},
        "WS": {"api.json", "Definitions/asyncapi.json"},
        "APIProduct": {"api_product.json", "Definitions/swagger.json", "APIs/ADPRestAPI-1.0.0/api.json"},
    }
    for revision in inputs("4.4.0"):
        assert needed[revision.api.type] <= files(gateway.build(revision, Release.parse("4.4.0"))).keys()


def test_sequences_of_before_4_1_0_become_policies_of_every_operation(
    inputs: Callable[[str], list[gateway.RevisionInput]],
) -> None:
    revision = next(each for each in inputs("4.4.0") if (each.api.name, each.api.version) == ("ADPRestAPI", "1.0.0"))
    assert [(item.flow, item.name, item.shared) for item in revision.api.sequences] == [
        ("out", "log_out_message", True),
        ("fault", "json_fault", True),
        ("in", "adp_log_in_message", False),
    ]
    made = files(gateway.build(revision, Release.parse("4.4.0")))
    assert b"<sequence" not in made["Policies/adp_log_in_message_v1.j2"]
    assert b"IN_MESSAGE" in made["Policies/adp_log_in_message_v1.j2"]
    assert data(made, "Policies/json_fault_v1.json")["supportedGateways"] == ["Synapse"]
    for operation in data(made)["operations"]:
        named = {flow: [use["policyName"] for use in uses] for flow, uses in operation["operationPolicies"].items()}
        assert named == {"request": ["adp_log_in_message"], "response": ["log_out_message"], "fault": ["json_fault"]}


def test_sequences_stay_sequences_for_4_0_0(inputs: Callable[[str], list[gateway.RevisionInput]]) -> None:
    revision = next(each for each in inputs("4.4.0") if (each.api.name, each.api.version) == ("ADPRestAPI", "1.0.0"))
    made = files(gateway.build(revision, Release.parse("4.0.0")))
    assert {path for path in made if path.startswith("Sequences/")} == {
        "Sequences/in-sequence/Custom/adp_log_in_message.xml",
        "Sequences/out-sequence/log_out_message.xml",
        "Sequences/fault-sequence/json_fault.xml",
    }
    assert [(item["type"], item["shared"]) for item in data(made)["mediationPolicies"]] == [
        ("IN", False),
        ("OUT", True),
        ("FAULT", True),
    ]


def test_a_product_offers_the_operations_of_its_mapping(inputs: Callable[[str], list[gateway.RevisionInput]]) -> None:
    products = [revision for revision in inputs("4.4.0") if revision.api.type == "APIProduct"]
    assert len(products) == 3
    for product in products:
        made = files(gateway.build(product, Release.parse("4.4.0")))
        offered = data(made, "api_product.json")["apis"]
        assert [len(member["operations"]) for member in offered] == [2]
        assert all(operation["operationPolicies"]["request"] for operation in offered[0]["operations"])
