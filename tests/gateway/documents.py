"""The Publisher API documents of the releases as validators."""

from __future__ import annotations

from functools import cache
from typing import Any

import jsonschema_rs
import yaml

from conftest import shared_path

_IGNORED = {"example", "discriminator", "readOnly", "format"}


_Fast = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


class _Loader(_Fast):  # type: ignore[misc, valid-type]
    """Leaves dates as text: the documents hold impossible ones as examples."""


_Loader.yaml_implicit_resolvers = {
    first: [(tag, form) for tag, form in resolvers if not tag.endswith(":timestamp")]
    for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
}


@cache
def validator(release: str, schema: str) -> jsonschema_rs.Draft4Validator:
    """The validator of one schema, amended where servers themselves write otherwise than it says."""
    path = shared_path("specs", release, "publisher-api.yaml")
    components = _plain(yaml.load(path.read_text("utf-8"), _Loader)["components"])
    schemas = components["schemas"]
    schemas["API"]["properties"]["keyManagers"] = {"type": "array", "items": {"type": "string"}}
    if "OperationPolicy" in schemas:
        schemas["OperationPolicy"]["properties"]["parameters"] = {"type": "object"}
    return jsonschema_rs.Draft4Validator({"$ref": f"#/components/schemas/{schema}", "components": components})


def problems(release: str, schema: str, document: Any) -> list[str]:
    """What a release's document finds wrong with a value."""
    return [f"{error.instance_path}: {error.message}" for error in validator(release, schema).iter_errors(document)]


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _plain(item) for key, item in value.items() if key not in _IGNORED}
    return [_plain(item) for item in value] if isinstance(value, list) else value
