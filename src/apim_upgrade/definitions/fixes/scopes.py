"""Scopes that operations need and nothing declares."""

from __future__ import annotations

from apim_upgrade.definitions import templates
from apim_upgrade.definitions.fixes.case import Case
from apim_upgrade.definitions.reader import Node


def declare_scopes(case: Case) -> str | None:
    """All scopes that operations need and nothing declares, where the product would read them."""
    undeclared = list(dict.fromkeys(templates.undeclared_scopes(case.document, 2 if case.is_swagger else 3)))
    if not undeclared:
        return None
    scopes = _scopes_place(case)
    if scopes is not None:
        scopes.update(dict.fromkeys(undeclared, ""))
        return f"declared without roles: {', '.join(undeclared)}"
    extension = case.document.setdefault("x-wso2-security", {})
    apim = extension.setdefault("apim", {}) if isinstance(extension, dict) else None
    listed = apim.setdefault("x-wso2-scopes", []) if isinstance(apim, dict) else None
    if not isinstance(listed, list):
        return None
    listed.extend({"key": scope, "name": scope, "roles": "", "description": ""} for scope in undeclared)
    return f"declared without roles in x-wso2-security: {', '.join(undeclared)}"


def _scopes_place(case: Case) -> Node | None:
    """Where the product reads the scopes of a document from, if that is a security scheme with scopes."""
    found = templates.scopes_of_scheme(case.document, 2 if case.is_swagger else 3)
    # The extension is read where the scheme has no scopes; a first one would hide those of the extension.
    return None if not found and "x-wso2-security" in case.document else found
