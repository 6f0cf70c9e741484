"""Rules about what a release does with APIs of older ones: nothing is wrong with them, but somebody should know."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from apim_upgrade.checks.model import Finding, Repair, Severity
from apim_upgrade.checks.rule import rule
from apim_upgrade.checks.rules.common import plural
from apim_upgrade.checks.subject import Subject
from apim_upgrade.migrations.conventions import PRODUCT

_CATEGORIES = "am_api_categories"


@rule(
    "API070",
    Severity.INFO,
    title="APIs that the vendor's client stops at",
    repair=Repair.AUTOMATIC,
    since="4.0.0",
    target_since="4.1.0",
    problems=("api-prototype-or-category-org-column",),
    sources=("wso2/api-manager#2042", "wso2/api-manager#2740"),
)
def stumbling_blocks(subject: Subject) -> Iterator[Finding]:
    """
    What: The estate has prototyped APIs, API categories or products.

    Why: The vendor's client asks for their column ORGANIZATION in its step to 4.0, before its step to 4.1 has made it,
    and stops. Whoever compares the two ways should know.

    How found: States and types of APIs, and rows of AM_API_CATEGORIES, are counted.

    How to mend: Nothing has to be done: this tool makes all columns of the target before it changes any row.
    """
    states = Counter(api.state for api in subject.apis)
    products = sum(api.type == PRODUCT.upper() for api in subject.apis)
    categories = subject.rows_of("am", _CATEGORIES) if subject.has("am", _CATEGORIES) else 0
    subject.saw("APIs", len(subject.apis))
    counted = [
        plural(number, one, many)
        for number, one, many in (
            (states["PROTOTYPED"], "prototyped API", ""),
            (categories, "category", "categories"),
            (products, "product", ""),
        )
        if number
    ]
    if counted:
        yield Finding(f"The vendor's client may stop at {', '.join(counted)}.", item="vendor's client")


@rule(
    "API071",
    Severity.INFO,
    title="governance judges all APIs from 4.5.0 on",
    since="4.5.0",
    problems=("cfg-governance-default-policies",),
    sources=("wso2/api-manager#3950",),
)
def governance(subject: Subject) -> Iterator[Finding]:
    """
    What: 4.5.0 brings rules of governance with default policies, and its server judges every API by them at its first
    start.

    Why: APIs are reported as not compliant, and where a policy says so, they cannot be deployed or published any more.
    The first start takes longer, and its log has harmless errors: a policy exists already (990200), processing requests
    (990306).

    How found: The upgrade passes into 4.5.0 and there are APIs.

    How to mend: Decide before the first start. Who does not want it empties `labels` in the files of
    `repository/resources/governance/default-policies` in the new server's home.
    """
    subject.saw("APIs", len(subject.apis))
    if len(subject.apis):
        yield Finding(
            f"The new server judges {plural(len(subject.apis), 'API')} by default policies at its first start.",
            item="governance",
        )
