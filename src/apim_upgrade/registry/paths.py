"""Where things lie in the registry."""

from __future__ import annotations

from apim_upgrade.databases import name_uuid

G = "/_system/governance"
C = "/_system/config"
D = f"{G}/apimgt/applicationdata"
PROVIDERS = f"{D}/provider"
"""Working copies of APIs and products: ``<provider>/<name>/<version>/api``."""
REVISIONS = f"{D}/apis"
"""Revisions, from 4.0.0: ``<api uuid>/<number>/api``."""

API_MEDIA_TYPE = "application/vnd.wso2-api+xml"
DOCUMENT_MEDIA_TYPE = "application/vnd.wso2-document+xml"
ARTIFACT = "api"
"""The name of the file that is an API's artifact."""
SYSTEM_USER = "wso2.system.user"
"""Who the product names as the author of what it writes by itself."""


def provider_in_path(provider: str) -> str:
    """Return a provider as paths spell it: ``@`` is not allowed there."""
    return provider.replace("@", "-AT-")


def provider_in_tables(provider: str) -> str:
    """Return a provider as AM_API spells it."""
    return provider.replace("-AT-", "@")


def split(path: str) -> tuple[str, str]:
    """Split a path into folder and name."""
    folder, _, name = path.rpartition("/")
    return folder or "/", name


def join(folder: str, name: str) -> str:
    """The path of a file in a folder."""
    return f"{folder.rstrip('/')}/{name}"


def ancestors(folder: str) -> list[str]:
    """The folder and every folder above it, the root first."""
    parts = folder.strip("/").split("/")
    return ["/", *("/" + "/".join(parts[: count + 1]) for count in range(len(parts)) if parts[count])]


def resource_uuid(tenant_id: int, path: str) -> str:
    """
    The UUID that a resource gets which the upgrade makes at ``path``.

    It follows from the place alone: for ``…/apis/<api uuid>/<n>/api`` it is the revision's UUID, and can be had
    without reading the registry.
    """
    return name_uuid(tenant_id, path)
