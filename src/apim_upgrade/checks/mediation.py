"""
What mediation sequences and operation policies are made of, read once.

Sequences are files of the registry: shared by a tenant below ``customsequences/<flow>``, or an API's own in a folder of
the flow's name. Operation policies (from 4.1.0) are rows; their text is a template, from which XML comes in the end.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from sys import intern

from lxml import etree
from sqlalchemy import and_, func, or_, select

from apim_upgrade import registry
from apim_upgrade.checks.artifacts import FLOWS
from apim_upgrade.checks.settings import flat
from apim_upgrade.engine import Session
from apim_upgrade.tables.api import API_OPERATION_POLICY, OPERATION_POLICY, OPERATION_POLICY_DEFINITION
from apim_upgrade.tables.registry import PATH, RESOURCE

SHARED_SEQUENCES = f"{registry.G}/apimgt/customsequences"
_BODIES = frozenset(
    {
        "sequence",
        "in",
        "out",
        "filter",
        "then",
        "else",
        "case",
        "default",
        "onComplete",
        "onCacheHit",
        "onAccept",
        "onReject",
        "on-fail",
    }
)
"""Elements whose children are mediators."""
_PARTS = frozenset({"then", "else", "case", "default", "description"})
"""Children of these that are no mediators themselves."""
_JAVA = re.compile(
    r"Java\s*\.\s*type\s*\(\s*['\"]([\w.$]+)|Packages\s*\.\s*([\w.]+)"
    r"|(?<![\w./])((?:java|javax|org|com|net)(?:\.[a-z_]\w*)+\.[A-Z]\w*)"
)
"""How a script names a Java class or package."""
_TEMPLATE = re.compile(r"\{[{%#].*?[}%#]\}", re.DOTALL)
_XMLNS = re.compile(r"<([\w\-]+):")


@dataclass(frozen=True, slots=True)
class Mediation:
    """What a text names: mediators by local name in lower case, classes, Java classes that scripts use."""

    mediators: frozenset[str] = frozenset()
    classes: frozenset[str] = frozenset()
    java: frozenset[str] = frozenset()
    error: str = ""
    """What is wrong with it, in one clause."""
    broken: bool = False
    """It cannot be read at all."""


@dataclass(frozen=True, slots=True)
class SequenceFile:
    """One sequence in the registry; ``flow`` is ``in``, ``out`` or ``fault`` however its folder is spelt."""

    tenant_id: int
    folder: str
    """Of the flow."""
    file: str
    flow: str
    shared: bool
    mediation: Mediation

    @property
    def name(self) -> str:
        """The name without ``.xml``, which shared ones have."""
        return self.file.removesuffix(".xml")

    @property
    def path(self) -> str:
        """The registry path."""
        return registry.join(self.folder, self.file)

    @property
    def home(self) -> str:
        """The folder of the API, or that of all shared sequences."""
        return registry.split(self.folder)[0]


def read_sequences(shared: Session) -> tuple[SequenceFile, ...]:
    """Read every sequence of every tenant, in order of tenant and path; those of SOAP to REST are the product's own."""
    folder = func.lower(PATH.c.reg_path_value)
    of_tenant = folder.in_([f"{SHARED_SEQUENCES}/{flow}" for flow in FLOWS])
    of_api = and_(
        PATH.c.reg_path_value.startswith(f"{registry.PROVIDERS}/", autoescape=True),
        or_(*(folder.endswith(f"/{flow}") for flow in FLOWS)),
        ~folder.like("%/soap@_to@_rest/%", escape="@"),
    )
    files = registry.files().where(or_(of_tenant, of_api))
    found = []
    for row in shared.stream(
        files.order_by(RESOURCE.c.reg_tenant_id, PATH.c.reg_path_value, RESOURCE.c.reg_name), batch=200
    ):
        flow = intern(registry.split(row.folder)[1].lower())
        is_shared = row.folder.lower().startswith(f"{SHARED_SEQUENCES}/")
        content = bytes(row.content or b"")
        found.append(SequenceFile(row.tenant_id, intern(row.folder), row.name, flow, is_shared, read_sequence(content)))
    return tuple(found)


def read_sequence(content: bytes) -> Mediation:
    """Read one sequence; what is wrong with it becomes its ``error``."""
    if not content.strip():
        return Mediation(error="it is empty", broken=True)
    try:
        root = etree.fromstring(content, registry.xml_parser())
    except (etree.XMLSyntaxError, ValueError) as error:
        line = getattr(error, "lineno", None)
        return Mediation(error=f"it is not well-formed XML{f' (line {line})' if line else ''}", broken=True)
    name = _local(root)
    if name != "sequence":
        return Mediation(error=f"its root element is {name!r}, not 'sequence'", broken=True)
    found = _mediation(root)
    if not (root.get("name") or "").strip():
        return replace(found, error="its sequence has no name")
    return found


def read_policy(text: bytes) -> Mediation:
    """Read the template of an operation policy: XML once what is between braces is gone; else empty."""
    plain = _TEMPLATE.sub("x", text.decode("utf-8", "replace"))
    spaces = "".join(f' xmlns:{prefix}="x"' for prefix in sorted(set(_XMLNS.findall(plain))) if prefix != "xml")
    try:
        root = etree.fromstring(f"<sequence{spaces}>{plain}</sequence>".encode(), registry.xml_parser())
    except (etree.XMLSyntaxError, ValueError):
        return Mediation()
    return _mediation(root)


def _mediation(root: etree._Element) -> Mediation:
    mediators, classes, java = set(), set(), set()
    for element in root.iter("{*}*"):
        name, parent = _local(element), element.getparent()
        if parent is not None and _local(parent) in _BODIES and name not in _PARTS:
            mediators.add(intern(name.lower()))
        if name in ("class", "handler"):
            classes.add(intern((element.get("name") or element.get("class") or "").strip()))
        elif name == "script":
            java |= {intern(next(filter(None, names))) for names in _JAVA.findall(_words(element))}
    return Mediation(frozenset(mediators), frozenset(classes - {""}), frozenset(java))


def _words(element: etree._Element) -> str:
    return "".join(str(part) for part in element.itertext())


def _local(element: etree._Element) -> str:
    return str(element.tag).rpartition("}")[2]


@dataclass(frozen=True, slots=True)
class PolicyText:
    """One text of an operation policy, however many APIs have a copy of it."""

    organization: str
    name: str
    version: str
    copies: int
    used: bool
    """Whether APIs have it, or it is only offered."""
    mediation: Mediation


def read_policies(am: Session) -> Iterator[PolicyText]:
    """Yield the different texts of the operation policies for the Synapse gateway, by organization and name."""
    same = (OPERATION_POLICY.c.organization, OPERATION_POLICY.c.policy_name, OPERATION_POLICY.c.policy_version)
    digest = func.coalesce(OPERATION_POLICY_DEFINITION.c.definition_md5, OPERATION_POLICY_DEFINITION.c.policy_uuid)
    grouped = (
        select(
            *same,
            func.min(OPERATION_POLICY.c.policy_uuid).label("policy_uuid"),
            func.count(OPERATION_POLICY.c.policy_uuid).label("copies"),
            func.count(API_OPERATION_POLICY.c.policy_uuid).label("used"),
        )
        .join_from(
            OPERATION_POLICY,
            OPERATION_POLICY_DEFINITION,
            OPERATION_POLICY_DEFINITION.c.policy_uuid == OPERATION_POLICY.c.policy_uuid,
        )
        .outerjoin(API_OPERATION_POLICY, API_OPERATION_POLICY.c.policy_uuid == OPERATION_POLICY.c.policy_uuid)
        .where(func.lower(OPERATION_POLICY_DEFINITION.c.gateway_type) == "synapse")
        .group_by(*same, digest)
        .subquery()
    )
    texts = (
        select(grouped, OPERATION_POLICY_DEFINITION.c.policy_definition)
        .join(OPERATION_POLICY_DEFINITION, OPERATION_POLICY_DEFINITION.c.policy_uuid == grouped.c.policy_uuid)
        .where(func.lower(OPERATION_POLICY_DEFINITION.c.gateway_type) == "synapse")
        .order_by(grouped.c.organization, grouped.c.policy_name, grouped.c.policy_uuid)
    )
    for row in am.stream(texts, batch=200):
        mediation = read_policy(bytes(row.policy_definition or b""))
        yield PolicyText(
            row.organization or "", row.policy_name or "", row.policy_version or "", row.copies, row.used > 0, mediation
        )


def own_settings(configuration: Mapping[str, object], *names: str) -> dict[str, str]:
    """Return ``[synapse_properties]`` of a deployment.toml by dotted name, quoted or not."""
    prefix = "synapse_properties."
    found = {key.replace('"', ""): value for key, value in flat(configuration).items()}
    return {
        name: ",".join(map(str, value)) if isinstance(value := found[prefix + name], list) else str(value)
        for name in names
        if prefix + name in found
    }
