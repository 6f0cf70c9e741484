"""Which APIs a sample estate has: every kind, state and custom, spread over the tenants."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Mapping
from dataclasses import replace

from apim_upgrade.samples import stock
from apim_upgrade.samples.definitions import CHANNELS, GRAPHQL_OPERATIONS, SOAP_OPERATION
from apim_upgrade.samples.estate import Estate, Tenant
from apim_upgrade.samples.governance import CUSTOM_LEVEL, CUSTOM_TIER, Governance
from apim_upgrade.samples.model import Api, Kind, Operation

_HTTP = Kind.HTTP
_ROUND = (
    _HTTP,
    _HTTP,  # a new version of the one before
    Kind.SOAP,
    Kind.GRAPHQL,
    Kind.WEBSOCKET,
    _HTTP,
    Kind.PRODUCT,
    Kind.SOAP_TO_REST,
    Kind.WEBSUB,
    Kind.SSE,
    _HTTP,
    _HTTP,
)
"""The kinds of a tenant's APIs, over and over; every kind is in a tenant's first ten."""
_SECOND_VERSION = 1
_RARE_STATES = ("CREATED", "BLOCKED", "DEPRECATED", "RETIRED", "PROTOTYPED")
_METHODS = ("GET", "PUT", "POST", "DELETE", "PATCH")


def plan_apis(estate: Estate, governance: Mapping[int, Governance]) -> Iterator[Api]:
    """Yield the APIs one by one, in an order in which they can be written: members before products."""
    recent: dict[int, deque[Api]] = {tenant.id: deque(maxlen=3) for tenant in estate.tenants}
    for index in range(estate.shape.apis):
        tenant = estate.tenants[index % len(estate.tenants)]
        turn = index // len(estate.tenants)
        api = _api(estate, tenant, governance[tenant.id], turn, recent[tenant.id])
        if api.kind is _HTTP:
            recent[tenant.id].append(api)
        yield api


def _api(estate: Estate, tenant: Tenant, governance: Governance, turn: int, recent: deque[Api]) -> Api:
    place = turn % len(_ROUND)
    kind = _ROUND[place]
    if kind in (Kind.WEBSUB, Kind.SSE) and not estate.shape.revisions:
        kind = _HTTP
    number = estate.am.number("am_api", "api_id")
    if place == _SECOND_VERSION:
        older = recent[-1]
        return replace(
            older,
            id=number,
            uuid=estate.shape.uuid("api", number),
            version="2.0.0",
            operations=_numbered(estate, older.operations),
            state="PUBLISHED",
            default_version=True,
            saved=False,
        )
    words = stock.words()
    name = _name(turn, kind)
    state = _RARE_STATES[turn // len(_ROUND) % len(_RARE_STATES)] if place == len(_ROUND) - 1 else "PUBLISHED"
    provider = tenant.publisher if kind is Kind.PRODUCT else tenant.creators[turn % len(tenant.creators)]
    sequences: tuple[tuple[str, str], ...] = ()
    if kind is _HTTP and turn % 3 == 0 and not estate.shape.configuration_in_database:
        sequences = (("in", f"{name.lower()}_in"), ("fault", "json_fault"))
    return Api(
        id=number,
        uuid=estate.shape.uuid("api", number),
        tenant=tenant,
        kind=kind,
        provider=provider,
        name=name,
        version="1.0.0" if kind is Kind.PRODUCT or turn % 5 else "v1.2-beta",
        path=f"/{name}"
        if turn % 8 == 0
        else f"/{name.lower()}"
        if turn % 3
        else f"/{tenant.domain[:3]}/{name.lower()}",
        state=state,
        description=words["descriptions"][turn % len(words["descriptions"])],
        operations=_operations(estate, governance, kind, name, turn, recent),
        tiers=_tiers(estate, kind, turn),
        level=CUSTOM_LEVEL if turn % 7 == 3 and kind is not Kind.PRODUCT else None,
        roles=("admin", "Internal/subscriber") if place == 5 else (),
        publisher_roles=("admin", "Internal/publisher") if turn % 24 == 5 else (),
        categories=governance.categories[: turn % 3],
        tags=tuple(words["tags"][: (turn + 1) % 4]),
        labels=() if estate.shape.revisions or turn % 6 else (governance.environment,),
        sequences=sequences,
        documents=(4, 0, 1)[turn % 3],
        icon=turn % 5 == 0 or kind is Kind.PRODUCT,
        certificate=kind is _HTTP and turn % 10 == 0,
        properties=(("cost_centre__display", str(turn)), ("owner__display", "Zoë & Co")) if turn % 4 == 0 else (),
        saved=turn % 6 != 4,
    )


def _name(turn: int, kind: Kind) -> str:
    words = stock.words()
    subjects, qualities = words["subjects"], words["qualities"]
    subject = subjects[turn % len(subjects)] + qualities[turn // len(subjects) % len(qualities)]
    again = turn // len(subjects) // len(qualities)
    ending = {Kind.SOAP: "Service", Kind.GRAPHQL: "Graph", Kind.PRODUCT: "Product", Kind.SOAP_TO_REST: "Rest"}
    return f"{subject}{ending.get(kind, 'Stream' if kind.streaming else 'API')}{again or ''}"


def _operations(
    estate: Estate, governance: Governance, kind: Kind, name: str, turn: int, recent: deque[Api]
) -> tuple[Operation, ...]:
    if kind is Kind.PRODUCT:
        return tuple(
            replace(operation, member=member.id)
            for member in list(recent)[-1:-3:-1]
            for operation in member.operations[:2]
            if (member is recent[-1] or operation.target not in {own.target for own in recent[-1].operations})
        )
    plain: list[Operation]
    if kind is Kind.SOAP:
        plain = [Operation("POST", "/*")]
    elif kind is Kind.SOAP_TO_REST:
        plain = [Operation(*SOAP_OPERATION)]
    elif kind is Kind.GRAPHQL:
        plain = [Operation(verb, field) for verb, field in GRAPHQL_OPERATIONS]
    elif kind.streaming and estate.shape.revisions:
        plain = [Operation("SUBSCRIBE", channel) for channel in CHANNELS]
    elif kind.streaming:
        plain = [Operation(method, "/*") for method in _METHODS]
    else:
        nouns = stock.words()["nouns"]
        base = f"/{nouns[turn % len(nouns)]}"
        local = (f"{name.lower()}_write",) if turn % 3 == 0 else ()
        shared = (governance.shared_scopes[turn % 2],) if turn % 4 == 1 else ()
        plain = [
            Operation("GET", base, scopes=shared),
            Operation("POST", base, scopes=local),
            Operation("GET", f"{base}/{{id}}", scopes=shared),
            Operation("DELETE", f"{base}/{{id}}", tier="10KPerMin", scopes=local),
            Operation("GET", "/health", secured=False),
        ]
    return _numbered(estate, plain)


def _numbered(estate: Estate, operations: tuple[Operation, ...] | list[Operation]) -> tuple[Operation, ...]:
    return tuple(
        replace(operation, number=estate.am.number("am_api_url_mapping", "url_mapping_id")) for operation in operations
    )


def _tiers(estate: Estate, kind: Kind, turn: int) -> tuple[str, ...]:
    if kind.streaming and estate.shape.revisions:
        return ("AsyncWHUnlimited",) if kind is Kind.WEBSUB else ("AsyncUnlimited", "AsyncGold")
    return (("Gold", "Silver", "Unlimited"), ("Bronze",), ("Unlimited",), ("Gold", CUSTOM_TIER))[turn % 4]
