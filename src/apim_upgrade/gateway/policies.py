"""Operation policies: how operations name them, and their files."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from lxml import etree

from apim_upgrade.gateway.format import Format
from apim_upgrade.gateway.model import Api, Policy, PolicyUse, Sequence, Unbuildable

JsonObject = dict[str, Any]
_FLOWS = {"in": "request", "out": "response", "fault": "fault"}
_FILE_TYPES = {"synapse": "j2", "choreoconnect": "gotmpl"}
_VERSION = "v1"
"""The version that the server gives a policy it makes of a sequence."""


def uses(attached: Iterable[PolicyUse], known: Mapping[str, Policy], form: Format) -> JsonObject:
    """Return the policies of an operation, or of a whole API, by flow."""
    result: JsonObject = {flow: [] for flow in _FLOWS.values()}
    for use in attached:
        policy = known.get(use.policy)
        if policy is None or use.direction not in result:
            continue
        result[use.direction].append(
            _entry(policy.name, policy.version, bool(policy.origin), form)
            | {"policyId": policy.uuid, "parameters": _json(use.parameters or "{}", policy.name)}
        )
    return result


def add_sequences(used: JsonObject, sequences: Iterable[Sequence], form: Format) -> None:
    """
    Add the sequences that an API still has from before 4.1.0 to the policies of one operation.

    The server shows and exports them so: as policies of every operation, without an id.
    """
    for sequence in sequences:
        entry = _entry(sequence.name, _VERSION, False, form)
        used[_FLOWS[sequence.flow]].append(entry | {"parameters": {}})


def _entry(name: str, version: str, common: bool, form: Format) -> JsonObject:
    entry: JsonObject = {"policyName": name, "policyVersion": version}
    if form.has("policy_types"):
        entry["policyType"] = "common" if common else "api"
    return entry


def entries(api: Api, form: Format) -> Iterator[tuple[str, bytes | JsonObject]]:
    """Yield (path, content) of the files under ``Policies/``: per policy its specification and its definitions."""
    if not form.has("policies"):
        return
    for policy in {(policy.name, policy.version, policy.origin): policy for policy in api.policies}.values():
        suffix = ("_common" if policy.origin else "_api") if form.has("policy_types") else ""
        name = f"Policies/{policy.name}_{policy.version}{suffix}"
        yield f"{name}.json", _envelope(_specification(policy), form)
        for gateway_type, content in policy.definitions:
            yield f"{name}.{_FILE_TYPES.get(gateway_type.lower(), 'j2')}", content
    for sequence in {sequence.name: sequence for sequence in api.sequences}.values():
        suffix = "_api" if form.has("policy_types") else ""
        name = f"Policies/{sequence.name}_{_VERSION}{suffix}"
        yield f"{name}.json", _envelope(_sequence_specification(sequence.name), form)
        yield f"{name}.j2", _template(sequence.name, sequence.content)


def _envelope(specification: JsonObject, form: Format) -> JsonObject:
    return {"type": "operation_policy_specification", "version": form.version, "data": specification}


def _specification(policy: Policy) -> JsonObject:
    return {
        "category": policy.category,
        "name": policy.name,
        "version": policy.version,
        "displayName": policy.display_name,
        "description": policy.description,
        "applicableFlows": _list(policy.flows),
        "supportedGateways": _list(policy.gateway_types),
        "supportedApiTypes": _list(policy.api_types),
        "policyAttributes": _json(policy.parameters or b"[]", policy.name),
    }


def _sequence_specification(name: str) -> JsonObject:
    return {
        "category": "Mediation",
        "name": name,
        "version": _VERSION,
        "displayName": name,
        "description": "",
        "applicableFlows": ["request", "response", "fault"],
        "supportedGateways": ["Synapse"],
        "supportedApiTypes": ["HTTP", "SOAP", "SOAPTOREST", "GRAPHQL"],
        "policyAttributes": [],
    }


def _list(text: str) -> list[Any]:
    """Read a list that is stored as JSON or, up to 4.4.0, without quotes (``[request, fault]``)."""
    try:
        value = json.loads(text)
    except ValueError:
        return [part.strip() for part in text.strip("[] ").split(",") if part.strip()]
    return value if isinstance(value, list) else [value]


def _json(text: str | bytes, policy: str) -> Any:
    try:
        return json.loads(text)
    except ValueError as error:
        raise Unbuildable(
            f"The parameters of operation policy {policy} are not JSON.",
            "Attach the policy anew in the Publisher portal, then make and deploy a revision there.",
        ) from error


def _template(name: str, sequence: bytes) -> bytes:
    """Return the mediators of a sequence as a policy's template: without the sequence around them."""
    parser = etree.XMLParser(resolve_entities=False, no_network=True, huge_tree=False)
    try:
        root = etree.fromstring(sequence, parser)
    except etree.XMLSyntaxError:
        raise Unbuildable(
            f"The mediation sequence {name} is not well-formed XML.",
            "Mend the sequence in the old server, or take it off the API, and run again.",
        ) from None
    content = b"\n".join(etree.tostring(mediator, with_tail=False) for mediator in root)
    if any(mark in content for mark in (b"{{", b"{%", b"{#")):
        return b"{% raw %}" + content + b"{% endraw %}"
    return content
