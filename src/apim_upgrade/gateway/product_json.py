"""``api_product.json``: an API product as the Publisher API of the release describes it."""

from __future__ import annotations

from typing import Any

from apim_upgrade.gateway import api_json, policies, scopes
from apim_upgrade.gateway.fields import Fields
from apim_upgrade.gateway.format import Format
from apim_upgrade.gateway.model import Api, Member, Operation, RevisionInput

JsonObject = dict[str, Any]


def product_data(revision: RevisionInput, fields: Fields, definition: JsonObject, form: Format) -> JsonObject:
    """Return ``data`` of an ``api_product.json``."""
    product = revision.api
    return form.only(
        "product",
        api_json.common(product, fields, form)
        | {
            "id": revision.uuid,
            "name": product.name,
            "displayName": product.display_name or product.name,
            "context": api_json.context(fields),
            "version": product.version,
            "state": fields.text("status").upper() or "CREATED",
            "isDefaultVersion": True,
            "isRevision": True,
            "revisionedApiProductId": product.uuid,
            "revisionId": product.revision,
            "apis": [
                {
                    "name": member.api.name,
                    "apiId": member.api.uuid,
                    "version": member.api.version,
                    "operations": [
                        api_json.operation(row, _used(row, product, member, form), form) for row in member.operations
                    ],
                }
                for member in revision.members
            ],
            "scopes": scopes.declared(definition, product.shared_scopes),
        },
    )


def _used(row: Operation, product: Api, member: Member, form: Format) -> JsonObject:
    """Return the policies of an operation: the product's own copies, in newer releases the member's they are of."""
    known = {policy.uuid: policy for policy in product.policies}
    if form.has("product_names_policies_of_members"):
        of_member = {policy.uuid: policy for policy in member.api.policies}
        known = {uuid: of_member.get(policy.origin, policy) for uuid, policy in known.items()}
    used = policies.uses(row.policies, known, form)
    policies.add_sequences(used, member.api.sequences, form)
    return used
