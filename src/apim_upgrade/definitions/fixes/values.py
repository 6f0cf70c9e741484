"""Addresses and extensions whose value says the right thing in the wrong form."""

from __future__ import annotations

import re

from apim_upgrade.definitions.fixes.case import Case

_HOST = re.compile(r"(?:[a-zA-Z0-9-]+\.)+[a-zA-Z]{2,}(?::\d+)?(?:[/?#]\S*)?").fullmatch


def whole_url(case: Case) -> str | None:
    """An address without its scheme."""
    if not isinstance(case.node, str) or not isinstance(case.holder, dict) or not _HOST(case.node.strip()):
        return None
    case.holder[case.key] = f"https://{case.node.strip()}"
    return f"the url is {case.holder[case.key]}"


def name_kind(case: Case) -> str | None:
    """Extensions that must be texts, numbers or flags, given as another scalar that says the same."""
    if not isinstance(case.holder, dict) or isinstance(case.node, (dict, list)) or case.node is None:
        return None
    value: object = None
    if case.key == "x-auth-type" and isinstance(case.node, bool):
        value = "Any" if case.node else "None"
    elif case.key == "x-amzn-resource-timeout" and isinstance(case.node, str) and case.node.strip().isdigit():
        value = int(case.node)
    elif case.key == "x-amzn-resource-content-encode":
        value = str(case.node).lower() == "true"
    elif not isinstance(case.node, str):
        value = str(case.node).lower() if isinstance(case.node, bool) else str(case.node)
    if value is None:
        return None
    case.holder[case.key] = value
    return f"{case.key} is {value!r}"
