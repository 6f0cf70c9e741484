"""
What the build of one gateway artifact needs, as frozen values.

They hold rows and file contents as the databases give them; nothing is parsed here, so that reading stays cheap and
the work can go to another process. Texts that a row has not are empty.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from apim_upgrade.errors import ApimUpgradeError

PRODUCT = "APIProduct"
"""AM_API.API_TYPE of an API product."""


class Unbuildable(ApimUpgradeError):
    """The artifact of one revision cannot be made; others can. ``reason`` and ``action`` suit a verdict."""

    def __init__(self, reason: str, action: str) -> None:
        super().__init__(reason, hint=action)
        self.reason = reason
        self.action = action

    def __reduce__(self) -> tuple[type[Unbuildable], tuple[str, str]]:
        return Unbuildable, (self.reason, self.action)


@dataclass(frozen=True, slots=True)
class File:
    """A registry resource below an API's folder; ``path`` is relative to it, such as ``in/my_log``."""

    path: str
    uuid: str
    content: bytes


@dataclass(frozen=True, slots=True)
class Sequence:
    """A mediation sequence that an API names: its own, or one of the tenant's (``shared``)."""

    flow: str
    """``in``, ``out`` or ``fault``."""
    name: str
    uuid: str
    content: bytes
    shared: bool


@dataclass(frozen=True, slots=True)
class PolicyUse:
    """A policy attached to an operation (or, with 4.3.0 and later, to a whole API)."""

    policy: str
    """AM_OPERATION_POLICY.POLICY_UUID of the clone that is attached."""
    direction: str
    order: int
    parameters: str
    """JSON object as text; may be empty."""


@dataclass(frozen=True, slots=True)
class Policy:
    """A row of AM_OPERATION_POLICY with its definitions."""

    uuid: str
    name: str
    version: str
    display_name: str
    description: str
    category: str
    flows: str
    gateway_types: str
    api_types: str
    parameters: bytes
    """JSON array of the attributes' specifications."""
    definitions: tuple[tuple[str, bytes], ...]
    """(gateway type, content): ``Synapse`` is the template of the default gateway."""
    origin: str
    """CLONED_POLICY_UUID: the organisation's policy it is a copy of; empty for one made for its API alone."""


@dataclass(frozen=True, slots=True)
class Operation:
    """A row of AM_API_URL_MAPPING with what hangs on it."""

    verb: str
    target: str
    auth_scheme: str
    tier: str
    scopes: tuple[str, ...] = ()
    policies: tuple[PolicyUse, ...] = ()


@dataclass(frozen=True, slots=True)
class ClientCertificate:
    """A row of AM_API_CLIENT_CERTIFICATE; ``key_type`` is PRODUCTION or SANDBOX (4.5.0 and later), else empty."""

    alias: str
    content: bytes
    tier: str
    key_type: str


@dataclass(frozen=True, slots=True)
class EndpointCertificate:
    """A row of AM_CERTIFICATE_METADATA; ``content`` is empty where the certificate lies in the trust store only."""

    alias: str
    endpoint: str
    content: bytes


@dataclass(frozen=True, slots=True)
class Complexity:
    """A row of AM_GRAPHQL_COMPLEXITY."""

    type: str
    field: str
    value: int


@dataclass(frozen=True, slots=True)
class Api:
    """One API or product in one state: that of a revision, or the working copy (``revision`` 0)."""

    id: int
    uuid: str
    tenant_id: int
    organization: str
    """The tenant's domain."""
    provider: str
    name: str
    version: str
    type: str
    context: str
    context_template: str
    tier: str
    subtype: str
    gateway_vendor: str
    egress: bool
    default_version: bool
    revision: int
    copy_uuid: str
    """REG_UUID of the ``api`` resource of this state; for a revision the revision's UUID."""
    artifact: bytes
    """The ``api`` artifact XML."""
    created: datetime
    updated: datetime
    """REG_CREATED_TIME and REG_LAST_UPDATED_TIME of that resource."""
    properties: tuple[tuple[str, str], ...]
    tags: tuple[str, ...]
    files: tuple[File, ...]
    """Definitions and SOAP-to-REST sequences."""
    sequences: tuple[Sequence, ...]
    operations: tuple[Operation, ...]
    policy_uses: tuple[PolicyUse, ...] = ()
    """Policies of the whole API (AM_API_POLICY_MAPPING)."""
    policies: tuple[Policy, ...] = ()
    shared_scopes: tuple[str, ...] = ()
    """Names of the tenant's shared scopes, of those the API may name."""
    client_certificates: tuple[ClientCertificate, ...] = ()
    endpoint_certificates: tuple[EndpointCertificate, ...] = ()
    complexity: tuple[Complexity, ...] = ()
    display_name: str = ""


@dataclass(frozen=True, slots=True)
class Member:
    """An API of a product: its working copy, and its operations that the product offers."""

    api: Api
    operations: tuple[Operation, ...]


@dataclass(frozen=True, slots=True)
class RevisionInput:
    """All that one artifact is made from; picklable."""

    api: Api
    members: tuple[Member, ...] = ()
    """The APIs of a product, in the order of its mapping rows."""

    @property
    def uuid(self) -> str:
        """The revision's UUID: AM_REVISION.REVISION_UUID and AM_GW_API_ARTIFACTS.REVISION_ID."""
        return self.api.copy_uuid

    @property
    def item(self) -> str:
        """The name that verdicts and reports give it."""
        return f"{self.api.organization}/{self.api.name}/{self.api.version}/revision {self.api.revision}"
