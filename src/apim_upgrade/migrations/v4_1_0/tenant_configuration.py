"""
Tenants' configurations, in AM_SYSTEM_CONFIGS from 4.1.0, with what every release in between adds to the default.

A server never merges: a missing row gets its default at the tenant's first load, and a row that lacks a scope keeps
its portal's users out of the pages that ask for it. So this runs for every upgrade, and before the first start.
Up to 4.0.0 the configuration is the registry file ``tenant-conf.json``, which stays where it is.
"""

from __future__ import annotations

from collections.abc import Iterator

from sqlalchemy import func, select

from apim_upgrade.engine import Step, Work
from apim_upgrade.migrations.conventions import ORGANIZATIONS
from apim_upgrade.migrations.system_configs import Document, store_step, stored_configurations
from apim_upgrade.migrations.tenant_files import tenant_files
from apim_upgrade.migrations.upgrade import Upgrade
from apim_upgrade.migrations.v4_1_0.configuration_document import Merged, is_default, merge, read
from apim_upgrade.migrations.workspace import TENANT
from apim_upgrade.registry.paths import C
from apim_upgrade.releases import Release
from apim_upgrade.releases.tenant_defaults import tenant_defaults
from apim_upgrade.tables.api import SYSTEM_CONFIG

TENANT_CONF = f"{C}/apimgt/applicationdata/tenant-conf.json"
_WITH_ROWS = tuple(Release(4, minor, 0) for minor in range(1, 8))


def steps(upgrade: Upgrade) -> list[Step]:
    """Return the step that writes every tenant's configuration as the target wants it."""
    if upgrade.target < ORGANIZATIONS:
        return []
    converting = upgrade.source < ORGANIZATIONS
    return [
        store_step(
            "4.1.0/api-data/tenant-configuration",
            f"Bring tenants' configurations up to {upgrade.target}",
            lambda work: _converted(work, upgrade) if converting else _brought_up(work, upgrade),
            None if converting else select(func.count()).select_from(SYSTEM_CONFIG),
        )
    ]


def _converted(work: Work, upgrade: Upgrade) -> Iterator[tuple[str, Document]]:
    """From the registry's files; rows are there only when a newer server was started, or this ran before."""
    stored = dict(stored_configurations(work))
    seen = set()
    for domain, content in tenant_files(work, upgrade.home("config"), TENANT_CONF):
        seen.add(domain)
        if not work.wants(domain):
            continue
        work.saw()
        row = stored.get(domain)
        changed = _chosen(work, upgrade, domain, content, row)
        if changed is not None:
            yield domain, changed
    for (domain,) in work.sessions["am"].stream(select(TENANT.c.domain).order_by(TENANT.c.tenant_id)):
        if domain not in seen and domain not in stored and work.wants(domain):
            work.skipped(
                domain,
                "The tenant has no tenant-conf.json: it was never loaded.",
                "Nothing to do: the new server writes its default when the tenant is first used.",
            )


def _chosen(work: Work, upgrade: Upgrade, domain: str, content: bytes, row: bytes | None) -> Document | None:
    """The document to store for a tenant with a registry file and perhaps a row, or None to leave the row."""
    try:
        file = read(content)
        present = read(row) if row is not None else None
        written_by_server = present is not None and _is_any_default(present)
        source = file if present is None or written_by_server else present
        merged = _merged(source, upgrade)
    except ValueError as error:
        work.failed(
            domain,
            f"The tenant configuration cannot be read: {error}.",
            f"Correct {TENANT_CONF} of the tenant and retry before the new server starts: it would write its default.",
        )
        return None
    reasons = _kept(merged)
    if written_by_server and merged.document != present:
        reasons.insert(0, "a newer server was started on this database and had stored its default; it was replaced")
    if reasons:
        _note(work, domain, reasons)
    return None if merged.document == present else merged.document


def _brought_up(work: Work, upgrade: Upgrade) -> Iterator[tuple[str, Document]]:
    """From the rows, whose source is 4.1.0 or newer."""
    customised = set(_customised_files(work, upgrade.home("config")))
    for domain, content in stored_configurations(work):
        if not work.wants(domain):
            continue
        work.saw()
        try:
            document = read(content)
            merged = _merged(document, upgrade)
        except ValueError as error:
            work.failed(
                domain,
                f"The tenant configuration cannot be read: {error}.",
                "Correct the tenant's row of AM_SYSTEM_CONFIGS in the old release, then retry the failed items.",
            )
            continue
        reasons = _kept(merged)
        if domain in customised and is_default(document, tenant_defaults(upgrade.source)):
            reasons.insert(
                0, "the row is the default while the registry has an older, customised tenant-conf.json, not in use"
            )
        if reasons:
            _note(work, domain, reasons)
        if merged.document != document:
            yield domain, merged.document


def _customised_files(work: Work, registry: str) -> Iterator[str]:
    for domain, content in tenant_files(work, registry, TENANT_CONF):
        try:
            if not is_default(read(content), tenant_defaults(Release(4, 0, 0))):
                yield domain
        except ValueError:
            continue


def _is_any_default(document: Document) -> bool:
    return any(is_default(document, tenant_defaults(release)) for release in _WITH_ROWS)


def _merged(document: Document, upgrade: Upgrade) -> Merged:
    role = upgrade.choices.admin_role
    source, target = upgrade.source, upgrade.target
    return merge(document, tenant_defaults(source, role), tenant_defaults(target, role), tenant_defaults(source))


def _kept(merged: Merged) -> list[str]:
    if not merged.kept:
        return []
    return [f"roles of the tenant's own stay on scopes whose default changed: {', '.join(merged.kept)}"]


def _note(work: Work, domain: str, reasons: list[str]) -> None:
    text = "; ".join(reasons)
    work.noted(domain, f"{text[0].upper()}{text[1:]}.", "Look at the advanced configuration of the tenant.")
