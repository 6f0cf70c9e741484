"""
Self sign-up: roles of the registry's ``sign-up-config.xml`` become ``SelfSignUp`` of the tenant configuration.

4.2.0 keeps only the roles. Credentials in the file are never carried over, and the file stays until ``commit``.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from lxml import etree

from apim_upgrade.engine import Step, Work
from apim_upgrade.migrations.system_configs import Document, amended, store_step
from apim_upgrade.migrations.tenant_files import tenant_files
from apim_upgrade.migrations.upgrade import Upgrade
from apim_upgrade.registry.folders import DATABASE
from apim_upgrade.registry.paths import D
from apim_upgrade.releases.tenant_defaults import tenant_defaults

SIGN_UP = f"{D}/sign-up-config.xml"
_ACTION = "Set SelfSignUp.SignUpRoles in the tenant's advanced configuration by hand."


@dataclass(frozen=True, slots=True)
class SignUp:
    """What the file says: whether users may sign up, and the roles they get, with their domain."""

    enabled: bool
    roles: tuple[str, ...]


def read_sign_up(content: bytes) -> SignUp:
    """Return what a sign-up file says. Raises ValueError when it is no XML."""
    try:
        root = etree.fromstring(content, _parser())
    except (etree.XMLSyntaxError, ValueError) as error:
        raise ValueError(f"not XML: {error}") from None
    domain = _text(root, "SignUpDomain")
    roles = []
    for role in root.iter("{*}SignUpRole"):
        name = _text(role, "RoleName")
        if not name:
            continue
        external = _text(role, "IsExternalRole").lower() == "true"
        roles.append(f"{domain}/{name}" if external and domain else f"Internal/{name}")
    return SignUp(_text(root, "EnableSignup").lower() != "false", tuple(dict.fromkeys(roles)))


def steps(upgrade: Upgrade) -> list[Step]:
    """Return the step that adds the roles to those that the tenant configuration has."""
    if not upgrade.crosses("4.2.0"):
        return []
    usual = frozenset(tenant_defaults(upgrade.target).settings["SelfSignUp"]["SignUpRoles"])
    return [
        store_step(
            "4.2.0/api-data/sign-up", "Carry the roles of self sign-up over", lambda work: _documents(work, usual)
        )
    ]


def _documents(work: Work, usual: frozenset[str]) -> Iterator[tuple[str, Document]]:
    wanted: dict[str, Callable[[Document], None]] = {}
    for domain, content in tenant_files(work, DATABASE, SIGN_UP):
        try:
            sign_up = read_sign_up(content)
        except ValueError as error:
            work.failed(domain, f"{SIGN_UP} of the tenant cannot be read: {error}.", _ACTION)
            continue
        if not sign_up.enabled:
            work.noted(
                domain,
                "Self sign-up was switched off; 4.2.0 has no such switch for a tenant.",
                "Switch self-registration off in the tenant's resident identity provider.",
            )
        if not usual.issuperset(sign_up.roles):
            wanted[domain] = _adding(sign_up.roles)
    yield from amended(work, wanted, _ACTION)


def _adding(roles: tuple[str, ...]) -> Callable[[Document], None]:
    def change(document: Document) -> None:
        sign_up = document.setdefault("SelfSignUp", {})
        sign_up["SignUpRoles"] = list(dict.fromkeys([*sign_up.get("SignUpRoles", []), *roles]))

    return change


def _text(element: etree._Element, name: str) -> str:
    return (element.findtext(f".//{{*}}{name}") or "").strip()


def _parser() -> etree.XMLParser:
    return etree.XMLParser(resolve_entities=False, no_network=True, huge_tree=False)
