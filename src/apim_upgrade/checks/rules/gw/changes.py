"""Rules about what a release does on gateways of its own accord."""

from __future__ import annotations

from collections.abc import Iterator

from apim_upgrade.checks.model import Finding, Severity
from apim_upgrade.checks.rule import rule
from apim_upgrade.checks.rules.common import plural, such_as
from apim_upgrade.checks.subject import Subject
from apim_upgrade.migrations.upgrade import SUPER_TENANT_DOMAIN


@rule(
    "GW007",
    Severity.INFO,
    title="tenants' APIs on gateways of 4.6.0",
    target_since="4.6.0",
    until="4.7.0",
    problems=("cfg-gateway-tenant-460",),
    sources=("wso2/api-manager#4613",),
)
def tenants_on_gateways(subject: Subject) -> Iterator[Finding]:
    """
    What: Tenants besides the super tenant have APIs, and the target is 4.6.0.

    Why: Gateways of 4.6.0 that run apart from the control plane no longer need its databases, and with several tenants
    some did not load the tenants' APIs: "Storage returned null". The issue is open.

    How found: APIs of other tenants than the super tenant.

    How to mend: Where gateways are processes of their own, call an API of every tenant in the rehearsal; if it is not
    there, give the gateways the shared database, or load tenants at start.
    """
    apis = [api for api in subject.apis if api.tenant != SUPER_TENANT_DOMAIN]
    subject.saw("APIs", len(subject.apis))
    if apis:
        tenants = sorted({api.tenant for api in apis})
        yield Finding(
            f"{plural(len(apis), 'API')} of {plural(len(tenants), 'tenant')}{such_as(tenants)}.", item="tenants' APIs"
        )


@rule(
    "GW008",
    Severity.INFO,
    title="errors of gateways come in the form that the caller accepts",
    since="4.0.0",
    problems=("cus-error-format",),
    sources=("wso2/docs-apim#3400",),
)
def error_format(subject: Subject) -> Iterator[Finding]:
    """
    What: Gateways of 4.0.0 and later answer errors as JSON or XML, by what the caller asks for; older ones had one
    form.

    Why: Callers that read the body of an error may read another one after the upgrade.

    How found: The upgrade passes into 4.0.0 and there are APIs.

    How to mend: Let the callers that matter meet an error in the rehearsal, such as a wrong token. The old form can be
    kept by sequences of one's own.
    """
    subject.saw("APIs", len(subject.apis))
    if len(subject.apis):
        yield Finding(
            f"Callers of {plural(len(subject.apis), 'API')} may get errors in another form than before.", item="errors"
        )
