"""Rules about certificates of endpoints and clients of APIs, SEC002, SEC003, SEC006 and SEC007."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterator

from sqlalchemy import func, or_, select

from apim_upgrade import registry
from apim_upgrade.checks.model import Finding, Repair, Row, Severity
from apim_upgrade.checks.rule import rule
from apim_upgrade.checks.rules.sec.validity import ends_soon, readable, when
from apim_upgrade.checks.subject import Subject
from apim_upgrade.keystores import certificates, read_certificate
from apim_upgrade.tables.api import API_CLIENT_CERTIFICATE, CERTIFICATE_METADATA
from apim_upgrade.tables.registry import PATH, RESOURCE


@rule(
    "SEC002",
    Severity.MAJOR,
    title="endpoint certificate that the truststore lacks or that has ended",
    since="4.0.0",
    problems=("cert-endpoint-alias-missing", "cert-expired"),
)
def endpoint_certificates_in_truststore(subject: Subject) -> Iterator[Finding]:
    """
    What: 3.x keeps certificates of endpoints in client-truststore.jks; AM_CERTIFICATE_METADATA only has their aliases.

    Why: 4.0.0 keeps the certificate in the database. The upgrade takes it from the truststore; where the alias is not
    there, it cannot, and gateways do not trust the endpoint. The vendor's client stops at the first one.

    How found: Every alias of AM_CERTIFICATE_METADATA is looked up in `options.truststore`. Without a truststore only
    their number is told.

    How to mend: Give the truststore of the old home in upgrade.toml. Import what is missing with keytool under its
    alias, or delete the endpoint's certificate in the Publisher.
    """
    rows = list(
        subject.am.stream(
            select(
                CERTIFICATE_METADATA.c.tenant_id, CERTIFICATE_METADATA.c.alias, CERTIFICATE_METADATA.c.end_point
            ).order_by(CERTIFICATE_METADATA.c.tenant_id, CERTIFICATE_METADATA.c.alias)
        )
    )
    subject.saw("certificates", len(rows))
    if not rows:
        return
    if subject.choices.truststore is None:
        yield Finding(
            f"{len(rows):,} certificates of endpoints lie in the truststore of the old home, which is not given.",
            "Give truststore and truststore_password in [options] of upgrade.toml.",
            Row("am", "AM_CERTIFICATE_METADATA", "ALIAS"),
            item="truststore",
            severity=Severity.INFO,
        )
        return
    known = certificates(subject.choices.truststore, subject.choices.truststore_password)
    for row in rows:
        data = known.get(row.alias.lower())
        place = Row("am", "AM_CERTIFICATE_METADATA", "ALIAS", f"ALIAS={row.alias}")
        domain = subject.domain(row.tenant_id)
        if data is None:
            yield Finding(
                f"The truststore has no certificate {row.alias} for {row.end_point} of tenant {domain}.",
                place=place,
                tenant=domain,
                item=f"{domain}/{row.alias}",
            )
        for certificate in readable([data] if data else []):
            if ends_soon(certificate, subject.now):
                yield Finding(
                    f"The certificate {row.alias} for {row.end_point} of tenant {domain} "
                    f"{when(certificate, subject.now)}.",
                    "Renew it in the Publisher, before or after the upgrade.",
                    place,
                    tenant=domain,
                    item=f"{domain}/{row.alias}",
                    severity=Severity.MINOR,
                )


@rule(
    "SEC003",
    Severity.MAJOR,
    title="certificate in the database that cannot be read or has ended",
    problems=("cert-expired",),
)
def certificates_in_database(subject: Subject) -> Iterator[Finding]:
    """
    What: A certificate of an endpoint or of a client of an API has ended, ends within ninety days, or is none.

    Why: Gateways refuse calls of such a client, or calls to such an endpoint. What is no certificate keeps the API that
    it belongs to from being deployed.

    How found: AM_CERTIFICATE_METADATA.CERTIFICATE (from 4.0.0 on) and AM_API_CLIENT_CERTIFICATE.CERTIFICATE of working
    copies. What cannot be read is major, what has ended minor, what ends soon information.

    How to mend: Replace the certificate in the Publisher. One that has ended does so before the upgrade as well.
    """
    if subject.has("am", "am_certificate_metadata", "certificate"):
        query = (
            select(CERTIFICATE_METADATA)
            .where(func.length(CERTIFICATE_METADATA.c.certificate) > 0)
            .order_by(CERTIFICATE_METADATA.c.alias)
        )
        for row in subject.am.stream(query, batch=200):
            subject.saw("certificates")
            place = Row("am", "AM_CERTIFICATE_METADATA", "CERTIFICATE", f"ALIAS={row.alias}")
            yield from _in_database(subject, row.certificate, f"of endpoint {row.end_point}", row, place)
    query = select(
        API_CLIENT_CERTIFICATE.c.tenant_id,
        API_CLIENT_CERTIFICATE.c.alias,
        API_CLIENT_CERTIFICATE.c.api_id,
        API_CLIENT_CERTIFICATE.c.certificate,
        API_CLIENT_CERTIFICATE.c.removed,
    )
    if subject.has("am", "am_api_client_certificate", "revision_uuid"):
        name = API_CLIENT_CERTIFICATE.c.revision_uuid
        query = query.where(or_(name.is_(None), name.in_(("", "Current API"))))
    for row in subject.am.stream(
        query.order_by(API_CLIENT_CERTIFICATE.c.tenant_id, API_CLIENT_CERTIFICATE.c.alias), batch=200
    ):
        subject.saw("certificates")
        if row.removed in _REMOVED:
            continue
        api = subject.api(row.api_id)
        place = Row("am", "AM_API_CLIENT_CERTIFICATE", "CERTIFICATE", f"ALIAS={row.alias}")
        yield from _in_database(subject, row.certificate, f"of clients of {api or f'API {row.api_id}'}", row, place)


_REMOVED = (True, "1", "true", b"\x01")
"""A certificate that was deleted, as each DBMS says it."""


def _in_database(subject: Subject, data: bytes | None, whose: str, row: object, place: Row) -> Iterator[Finding]:
    alias = str(getattr(row, "alias", ""))
    domain = subject.domain(getattr(row, "tenant_id", None))
    item = f"{domain}/{alias}"
    try:
        certificate = read_certificate(bytes(data or b""))
    except ValueError:
        yield Finding(
            f"{alias} {whose} (tenant {domain}) is no certificate that can be read.",
            "Delete it, or upload it again, in the old Publisher.",
            place,
            tenant=domain,
            item=item,
        )
        return
    if ends_soon(certificate, subject.now):
        yield Finding(
            f"The certificate {alias} {whose} (tenant {domain}) {when(certificate, subject.now)}.",
            place=place,
            tenant=domain,
            item=item,
            severity=Severity.MINOR if certificate.ends < subject.now else Severity.INFO,
        )


@rule(
    "SEC006",
    Severity.INFO,
    title="client certificates that get the type of their keys",
    repair=Repair.AUTOMATIC,
    since="4.4.0",
    problems=("api-mtls-cert-layout",),
)
def client_certificates_without_type(subject: Subject) -> Iterator[Finding]:
    """
    What: From 4.4.0 on a client certificate is for production or for sandbox keys; older ones are for both.

    Why: Gateways look for the certificate in a folder of its type. An artifact of the old form, or a row without a
    type, leaves an API with mutual TLS that nobody can call.

    How found: Rows of AM_API_CLIENT_CERTIFICATE.

    How to mend: Nothing has to be done: rows get the type PRODUCTION, and gateways read artifacts of both forms. Upload
    a certificate for sandbox keys where one is needed.
    """
    rows = subject.rows_of("am", "am_api_client_certificate")
    subject.saw("certificates", rows)
    if rows:
        yield Finding(
            f"{rows:,} rows of client certificates become certificates for production keys.",
            place=Row("am", "AM_API_CLIENT_CERTIFICATE"),
            item="client certificates",
        )


@rule(
    "SEC007",
    Severity.INFO,
    title="endpoint certificate for an endpoint that no API names",
    problems=("cert-endpoint-not-listed",),
)
def certificate_of_no_endpoint(subject: Subject) -> Iterator[Finding]:
    """
    What: AM_CERTIFICATE_METADATA holds a certificate for an endpoint that is in no API of the tenant.

    Why: The Publisher lists certificates by the endpoints of an API, so this one is nowhere to be seen. Gateways trust
    it all the same.

    How found: The host of every certificate's endpoint is looked up among the hosts of all addresses in the artifacts
    of the tenant's APIs.

    How to mend: Delete the certificate over the Publisher's REST API if it is not needed, or name the endpoint.
    """
    wanted: defaultdict[int, dict[tuple[str, str], bytes]] = defaultdict(dict)
    for row in subject.am.stream(
        select(CERTIFICATE_METADATA.c.tenant_id, CERTIFICATE_METADATA.c.alias, CERTIFICATE_METADATA.c.end_point)
    ):
        subject.saw("certificates")
        wanted[row.tenant_id][row.alias, row.end_point or ""] = _host(row.end_point or "")
    if not wanted:
        return
    query = registry.files().where(
        RESOURCE.c.reg_name == registry.ARTIFACT,
        RESOURCE.c.reg_media_type == registry.API_MEDIA_TYPE,
        PATH.c.reg_path_value.startswith(registry.PROVIDERS, autoescape=True),
        RESOURCE.c.reg_tenant_id.in_(sorted(wanted)),
    )
    of_tenant = {tenant_id: frozenset(endpoints.values()) for tenant_id, endpoints in wanted.items()}
    named: defaultdict[int, set[bytes]] = defaultdict(set)
    for row in subject.shared.stream(query, batch=100):
        named[row.tenant_id].update(_hosts(bytes(row.content or b"")) & of_tenant[row.tenant_id])
    for tenant_id, endpoints in sorted(wanted.items()):
        domain = subject.domain(tenant_id)
        for alias, endpoint in sorted(key for key, host in endpoints.items() if host not in named[tenant_id]):
            yield Finding(
                f"The certificate {alias} is for {endpoint or 'no endpoint'}, which no API of tenant {domain} names.",
                place=Row("am", "AM_CERTIFICATE_METADATA", "END_POINT", f"ALIAS={alias}"),
                tenant=domain,
                item=f"{domain}/{alias}",
            )


_ADDRESS = re.compile(rb"://((?:\[[^\]]*\]|[^/?#\"'<>\\\s&:])+)((?::\d+)?)")
"""The host and the port of an address, in XML or in JSON within it."""


def _host(endpoint: str) -> bytes:
    """The host and port of a URL, in lower case."""
    return (
        endpoint.partition("://")[2].partition("/")[0].partition("?")[0].lower().encode() or endpoint.lower().encode()
    )


def _hosts(content: bytes) -> set[bytes]:
    """Every host in an artifact, with its port and without, in lower case."""
    text = content.lower().replace(rb"\/", b"/")  # as some writers of JSON write a slash
    return {name for host, port in _ADDRESS.findall(text) for name in (host, host + port)}
