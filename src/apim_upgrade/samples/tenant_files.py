"""The files that lie in every tenant's registry besides its APIs."""

from __future__ import annotations

import json
from importlib.resources import files
from typing import Any

from apim_upgrade.registry.paths import C, D, G
from apim_upgrade.samples import stock
from apim_upgrade.samples.certificates import PASSWORD, key_store
from apim_upgrade.samples.estate import Estate, Tenant, secret
from apim_upgrade.samples.registry import File, Registry
from apim_upgrade.samples.tenants import CUSTOM_ROLE

_RXT = "application/vnd.wso2.registry-ext-type+xml"
_SEQUENCE = "application/xml"
SHARED_SEQUENCES = {"in": "log_in_message", "out": "log_out_message", "fault": "json_fault"}
HISTORY = f"{G}/repository/components/org.wso2.carbon.governance/lifecycles/history"


def write_tenant_files(estate: Estate, registry: Registry, tenant: Tenant) -> None:
    """Write configuration, sequences, resource types and the key store of a tenant."""
    revisions, configured = estate.shape.revisions, estate.shape.configuration_in_database
    data = registry.folder(tenant, D)
    signup = _stock_file("sign-up-config.xml").replace("{enabled}", "true" if tenant.is_super else "false")
    found = [File("workflow-extensions.xml", "workflow-config", _stock_file("workflow-extensions.xml").encode())]
    if estate.shape.before("4.2.0"):
        found.append(File("sign-up-config.xml", "signup-config", signup.encode()))
    registry.write(data, found)
    registry.folder(tenant, f"{D}/provider")
    configuration = json.dumps(tenant_configuration(estate, tenant), indent=2, ensure_ascii=False).encode()
    if configured:
        estate.am.add(
            "am_system_configs", organization=tenant.domain, config_type="TENANT", configuration=configuration
        )
    else:
        folder = registry.folder(tenant, f"{C}/apimgt/applicationdata")
        registry.write(folder, [File("tenant-conf.json", "tenant-config", configuration)])
        sequences = registry.folder(tenant, f"{G}/apimgt/customsequences")
        registry.write(
            sequences,
            [File(f"{flow}/{name}.xml", _SEQUENCE, sequence(name)) for flow, name in SHARED_SEQUENCES.items()],
        )
        registry.folder(tenant, HISTORY)
    external = File("external-api-stores.xml", "application/xml", b"<ExternalAPIStores></ExternalAPIStores>")
    registry.write(registry.folder(tenant, f"{G}/apimgt/externalstores"), [external])
    analytics = File(
        "ga-config.xml", "ga-config", b"<GoogleAnalyticsTracking><Enabled>false</Enabled></GoogleAnalyticsTracking>"
    )
    registry.write(registry.folder(tenant, f"{G}/apimgt/statistics"), [analytics])
    types = registry.folder(tenant, f"{G}/repository/components/org.wso2.carbon.governance/types")
    kinds = (
        ("api", "documentation", "provider") if revisions else ("api", "documentation", "provider", "reply", "topic")
    )
    registry.write(types, [File(f"{kind}.rxt", _RXT, _resource_type(kind), log=(0,)) for kind in kinds])
    if not tenant.is_super:
        _write_key_store(estate, registry, tenant)


def tenant_configuration(estate: Estate, tenant: Tenant) -> dict[str, Any]:
    """The tenant's configuration; tenants with customs of their own map a role and keep a key nobody knows."""
    configuration: dict[str, Any] = json.loads(_stock_file("tenant-conf.json"))
    configuration["RESTAPIScopes"]["Scope"] = stock.rest_api_scopes(estate.shape.release)
    if tenant.id % 2:
        configuration["RoleMappings"] = {"Internal/creator": f"Internal/creator,{CUSTOM_ROLE}"}
        configuration["EnableMonetization"] = True
        configuration["CustomSwitch"] = {"kept": "as it is"}
    return configuration


def sequence(name: str) -> bytes:
    """A mediation sequence."""
    return (
        f'<sequence xmlns="http://ws.apache.org/ns/synapse" name="{name}">\n'
        f'    <log level="full">\n        <property name="STAGE" value="{name}"/>\n    </log>\n</sequence>\n'
    ).encode()


def _write_key_store(estate: Estate, registry: Registry, tenant: Tenant) -> None:
    name = tenant.domain.replace(".", "-") + ".jks"
    folder = registry.folder(tenant, f"{G}/repository/security/key-stores")
    properties = {
        "password": secret("key store", tenant.id),
        "privatekeyAlias": tenant.domain,
        "privatekeyPass": secret("private key", tenant.id),
        "provider": " ",
        "type": "JKS",
    }
    registry.write(folder, [File(name, None, key_store(PASSWORD), tuple(properties.items()), log=(0,))])
    public = registry.folder(tenant, f"{G}/repository/security")
    registry.write(
        public, [File("pub-key", None, b"sample", (("tenant.pub.key.file.name.appender", str(67916)),), log=(0,))]
    )
    registry.associate(
        tenant, f"{folder.path}/{name}", f"{public.path}/pub-key", "assoc.tenant.ks.pub.key", "wso2.system.user"
    )


def _resource_type(kind: str) -> bytes:
    storage = "/apimgt/applicationdata/provider/@{overview_provider}/@{overview_name}/@{overview_version}/api"
    return (
        f'<?xml version="1.0"?>\n<artifactType type="application/vnd.wso2-{kind}+xml" shortName="{kind}" '
        f'singularLabel="{kind.title()}" pluralLabel="{kind.title()}s" hasNamespace="false" iconSet="9">\n'
        f"    <storagePath>{storage if kind == 'api' else '/' + kind}</storagePath>\n"
        "    <nameAttribute>overview_name</nameAttribute>\n    <content>\n"
        '        <table name="Overview"><field type="text" required="true"><name>Name</name></field></table>\n'
        "    </content>\n</artifactType>\n"
    ).encode()


def _stock_file(name: str) -> str:
    return files(__package__).joinpath("data", "files", name).read_text(encoding="utf-8")
