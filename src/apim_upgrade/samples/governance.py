"""What a tenant's administrators set up: policies, key managers, environments, categories, labels, shared scopes."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass

from apim_upgrade.samples import stock
from apim_upgrade.samples.estate import Estate, Tenant
from apim_upgrade.samples.identity import add_scope, bind_scope

CUSTOM_TIER = "Platinum"
CUSTOM_LEVEL = "NightRate"
RESIDENT = "Resident Key Manager"
THIRD_PARTY = "Partner IdP"
_PATTERN = "[0-9a-fA-F]{8}-[0-9a-fA-F]{4}-[1-5][0-9a-fA-F]{3}-[89abAB][0-9a-fA-F]{3}-[0-9a-fA-F]{12}"
_BASE = "https://idp.partner.example"


@dataclass(frozen=True, slots=True)
class Governance:
    """What APIs and applications of a tenant refer to."""

    resident: str
    """UUID of the resident key manager."""
    third_party: str
    environment: str
    """A gateway environment that the tenant's administrators made."""
    host: str
    categories: tuple[str, ...]
    shared_scopes: tuple[str, ...]


def write_governance(estate: Estate, tenant: Tenant) -> Governance:
    """Write a tenant's settings; return what others refer to."""
    _write_policies(estate, tenant)
    _write_service(estate, tenant)
    environment, host = _write_environment(estate, tenant)
    return Governance(
        _write_key_manager(estate, tenant, RESIDENT, resident=True),
        _write_key_manager(estate, tenant, THIRD_PARTY, resident=False),
        environment,
        host,
        _write_categories(estate, tenant),
        _write_shared_scopes(estate, tenant),
    )


def write_scope(
    estate: Estate, tenant: Tenant, name: str, description: str, roles: tuple[str, ...], *, shared: bool
) -> None:
    """Write a scope of APIs: AM_SCOPE, its roles, and the twin in IDN_OAUTH2_SCOPE that a server keeps beside it."""
    am = estate.am
    number = am.number("am_scope", "scope_id")
    title = name.replace("_", " ").title()
    am.add(
        "am_scope",
        scope_id=number,
        name=name,
        display_name=title,
        description=description,
        tenant_id=tenant.id,
        scope_type="OAUTH2",
    )
    twin = add_scope(estate, tenant, name, title, description, "OAUTH2")
    for role in roles:
        am.add("am_scope_binding", scope_id=number, scope_binding=role, binding_type="DEFAULT")
        bind_scope(estate, twin, role, "DEFAULT")
    if shared:
        am.add(
            "am_shared_scope",
            name=name,
            uuid=estate.shape.uuid("shared scope", tenant.id, name),
            tenant_id=tenant.id,
        )


def _write_policies(estate: Estate, tenant: Tenant) -> None:
    am, shape = estate.am, estate.shape
    own = stock.Policy(CUSTOM_TIER, "For partners", 75, time=(5, "min"))
    for policy in (*stock.policies("subscription", shape.release), own):
        custom = policy is own
        am.add(
            "am_policy_subscription",
            policy_id=am.number("am_policy_subscription", "policy_id"),
            **_named(policy, tenant),
            **_quota(policy),
            rate_limit_count=5 if custom else 0,
            rate_limit_time_unit="sec" if custom else None,
            is_deployed=not custom and (tenant.is_super or policy.type == "eventCount"),
            custom_attributes=b'[{"name":"grade","value":"p"}]' if custom else None,
            stop_on_quota_reach=True,
            billing_plan="FREE",
            monetization_plan="FIXEDRATE" if custom else None,
            max_complexity=50 if custom else 0,
            max_depth=5 if custom else 0,
            connections_count=policy.connections,
            uuid=shape.uuid("subscription policy", tenant.id, policy.name),
        )
    am.add(
        "am_throttle_tier_permissions",
        throttle_tier_permissions_id=am.number("am_throttle_tier_permissions", "throttle_tier_permissions_id"),
        tier=CUSTOM_TIER,
        permissions_type="allow",
        roles="Internal/everyone",
        tenant_id=tenant.id,
    )
    for policy in (*stock.policies("application", shape.release), stock.Policy("5PerMin", "Trial", 5)):
        am.add(
            "am_policy_application",
            policy_id=am.number("am_policy_application", "policy_id"),
            **_named(policy, tenant),
            **_quota(policy),
            is_deployed=tenant.is_super,
            uuid=shape.uuid("application policy", tenant.id, policy.name),
        )
    levels = (*stock.policies("api", shape.release), stock.Policy(CUSTOM_LEVEL, "More at night", 100))
    for policy in levels:
        number = am.number("am_api_throttle_policy", "policy_id")
        am.add(
            "am_api_throttle_policy",
            policy_id=number,
            **_named(policy, tenant),
            **{f"default_{name}": value for name, value in _quota(policy).items()},
            applicable_level="apiLevel",
            is_deployed=tenant.is_super,
            uuid=shape.uuid("api policy", tenant.id, policy.name),
        )
    _write_conditions(estate, number)
    if tenant.is_super:
        am.add(
            "am_policy_global",
            policy_id=am.number("am_policy_global", "policy_id"),
            name="BusyUser",
            key_template="$userId",
            tenant_id=tenant.id,
            description="Slows one user down",
            siddhi_query=b"FROM RequestStream SELECT userId, (userId == 'admin@carbon.super') AS isEligible, "
            b"str:concat('admin@carbon.super','') AS throttleKey INSERT INTO EligibilityStream;",
            is_deployed=False,
            uuid=shape.uuid("custom policy", tenant.id),
        )
    am.add(
        "am_block_conditions",
        condition_id=am.number("am_block_conditions", "condition_id"),
        type="IP",
        value='{"invert":false,"fixedIp":"192.168.1.2"}',
        block_condition='{"invert":false,"fixedIp":"192.168.1.2"}',
        enabled="true" if tenant.is_super else "false",
        domain=tenant.domain,
        uuid=shape.uuid("block condition", tenant.id, "ip"),
    )


def _named(policy: stock.Policy, tenant: Tenant) -> dict[str, object]:
    return {
        "name": policy.name,
        "display_name": policy.name,
        "tenant_id": tenant.id,
        "description": policy.description,
    }


def _quota(policy: stock.Policy) -> dict[str, object]:
    return {
        "quota_type": policy.type,
        "quota": policy.quota,
        "unit_time": policy.time[0],
        "time_unit": policy.time[1],
    }


def _write_conditions(estate: Estate, policy: int) -> None:
    am = estate.am
    group = am.number("am_condition_group", "condition_group_id")
    am.add(
        "am_condition_group",
        condition_group_id=group,
        policy_id=policy,
        quota_type="requestCount",
        quota=10,
        unit_time=1,
        time_unit="min",
        description="one address, one host",
    )
    am.add(
        "am_ip_condition",
        am_ip_condition_id=am.number("am_ip_condition", "am_ip_condition_id"),
        specific_ip="10.100.1.22",
        within_ip_range=False,
        condition_group_id=group,
    )
    am.add(
        "am_header_field_condition",
        header_field_id=am.number("am_header_field_condition", "header_field_id"),
        condition_group_id=group,
        header_field_name="Host",
        header_field_value="mobile.*",
        is_header_field_mapping=True,
    )


def _write_key_manager(estate: Estate, tenant: Tenant, name: str, *, resident: bool) -> str:
    uuid = estate.shape.uuid("key manager", tenant.id, name)
    reference = [{"enable": True, "type": "REFERENCE", "value": _PATTERN}]
    settings: dict[str, object] = {"token_format_string": _compact(reference)}
    if not resident:
        settings = {
            "authorize_endpoint": f"{_BASE}/oauth2/authorize",
            "client_registration_endpoint": f"{_BASE}/dcr/register",
            "introspection_endpoint": f"{_BASE}/oauth2/introspect",
            "token_endpoint": f"{_BASE}/oauth2/token",
            "revoke_endpoint": f"{_BASE}/oauth2/revoke",
            "issuer": f"{_BASE}/oauth2/token",
            "certificate_type": "JWKS",
            "certificate_value": f"{_BASE}/oauth2/jwks",
            "grant_types": ["client_credentials"],
            "self_validate_jwt": True,
            "enable_oauth_app_creation": True,
            "enable_map_oauth_consumer_apps": True,
            "enable_token_generation": True,
            "consumer_key_claim": "azp",
            "scopes_claim": "scope",
            "token_format_string": _compact([{"enable": True, "type": "JWT", "value": {"body": {}}}]),
        }
    estate.am.add(
        "am_key_manager",
        uuid=uuid,
        name=name,
        display_name=None if resident else name,
        description="This is Resident Key Manager" if resident else "Keys of a partner",
        type="default" if resident else "Okta",
        configuration=_compact(settings).encode(),
        enabled=True,
        tenant_domain=tenant.domain,
        organization=tenant.domain,
        token_type="DIRECT",  # noqa: S106 - a kind of token
    )
    return uuid


def _compact(value: object) -> str:
    return json.dumps(value, separators=(",", ":"))


def _write_environment(estate: Estate, tenant: Tenant) -> tuple[str, str]:
    am, shape = estate.am, estate.shape
    name = stock.words()["environments"][len(estate.tenants) % 2]
    host = f"eu.{tenant.domain}"
    if shape.revisions:
        number = am.number("am_gateway_environment", "id")
        am.add(
            "am_gateway_environment",
            id=number,
            uuid=shape.uuid("environment", tenant.id, name),
            name=name,
            tenant_domain=tenant.domain,
            organization=tenant.domain,
            display_name=name.upper(),
            description="The edge of the network",
            provider="wso2",
            gateway_type="Regular",
        )
        for port in range(2):
            am.add(
                "am_gw_vhost",
                gateway_env_id=number,
                host=host if port == 0 else f"eu{port + 1}.{tenant.domain}",
                http_context=None if port else "gw",
                http_port="80",
                https_port="443",
                ws_port="9099",
                wss_port="8099",
            )
    else:
        label = shape.uuid("label", tenant.id, name)
        am.add(
            "am_labels", label_id=label, name=name, description="The edge of the network", tenant_domain=tenant.domain
        )
        am.add("am_label_urls", label_id=label, access_url=f"https://{host}:9095")
    return name, host


def _write_service(estate: Estate, tenant: Tenant) -> None:
    definition = b'{"openapi":"3.0.1","info":{"title":"Tariffs","version":"v1"},"paths":{}}'
    now = estate.clock.now()
    estate.am.add(
        "am_service_catalog",
        uuid=estate.shape.uuid("service", tenant.id),
        service_key="tariffs-v1",
        md5=hashlib.sha256(definition).hexdigest(),
        service_name="Tariffs",
        service_version="v1",
        tenant_id=tenant.id,
        service_url="http://tariffs.internal.example/v1",
        definition_type="OAS3",
        description="What a kilowatt hour costs",
        security_type="BASIC",
        mutual_ssl_enabled=False,
        created_time=now,
        last_updated_time=now,
        created_by=tenant.user("admin"),
        updated_by=tenant.user("admin"),
        service_definition=definition,
    )


def _write_categories(estate: Estate, tenant: Tenant) -> tuple[str, ...]:
    names = tuple(stock.words()["categories"])
    for name in names:
        estate.am.add(
            "am_api_categories",
            uuid=estate.shape.uuid("category", tenant.id, name),
            name=name,
            description=f"All about {name}" if estate.shape.revisions else None,
            tenant_id=tenant.id,
            organization=tenant.domain,
        )
    return names


def _write_shared_scopes(estate: Estate, tenant: Tenant) -> tuple[str, ...]:
    names = tuple(stock.words()["shared_scopes"])
    for index, name in enumerate(names):
        roles = ("admin", "Internal/subscriber") if index else ()
        write_scope(estate, tenant, name, "Shared by many APIs", roles, shared=True)
    return names
