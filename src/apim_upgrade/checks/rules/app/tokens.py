"""APP020–APP029: tokens and API keys."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterator

from sqlalchemy import func, or_, select

from apim_upgrade.checks.model import Finding, Row, Severity
from apim_upgrade.checks.rule import rule
from apim_upgrade.checks.rules.app.queries import ACTIVE, applications
from apim_upgrade.checks.settings import setting, switched_on
from apim_upgrade.checks.subject import Subject
from apim_upgrade.releases import Release
from apim_upgrade.tables.api import APPLICATION, APPLICATION_KEY_MAPPING
from apim_upgrade.tables.identity import ACCESS_TOKEN, CONSUMER_APP

_JWT = "JWT"
_OPAQUE = func.upper(func.coalesce(APPLICATION.c.token_type, "")) != _JWT


@rule(
    "APP020",
    Severity.MAJOR,
    title="application with opaque tokens",
    problems=("app-token-type-flips",),
    sources=("API-M documentation 4.0.0: separate key manager", "wso2/api-manager#458"),
)
def opaque_applications(subject: Subject) -> Iterator[Finding]:
    """
    What: An application is of a token type other than JWT (DEFAULT, OAUTH or none): its tokens are opaque references.

    Why: Every gateway has to ask the key manager about such a token. Old applications keep them, new ones can no longer
    have them. From 4.7.0 on tokens are not stored by default, and then newly issued opaque tokens do not work at all.

    How found: AM_APPLICATION.TOKEN_TYPE of applications that have keys. A target of 4.7.0 or later gives a major
    finding, unless check.target_configuration switches oauth.token_persistence.enable on; others a minor one.

    How to mend: Change the application to JWT together with its owner, as its clients have to cope with longer tokens;
    or set enable = true under [oauth.token_persistence] of the target and keep a key manager in reach of every gateway.
    """
    subject.saw_rows("applications", "am", "am_application")
    lost = subject.target >= _NOT_STORED and not switched_on(
        subject.target_configuration, "oauth.token_persistence.enable"
    )
    has_key = APPLICATION.c.application_id.in_(select(APPLICATION_KEY_MAPPING.c.application_id))
    for row in subject.am.stream(applications(APPLICATION.c.token_type).where(_OPAQUE, has_key)):
        domain = subject.domain(row.tenant_id)
        yield Finding(
            f"Application {row.name} of tenant {domain} has opaque tokens (TOKEN_TYPE {row.token_type or 'is empty'}).",
            place=Row("am", "AM_APPLICATION", "TOKEN_TYPE", f"APPLICATION_ID={row.application_id}"),
            tenant=domain,
            item=f"{domain}/{row.name}",
            severity=None if lost else Severity.MINOR,
        )


_NOT_STORED = Release(4, 7, 0)


@rule(
    "APP021",
    Severity.MINOR,
    title="opaque tokens that outlive their refresh token or never expire",
    until="4.1.0",
    problems=("tok-opaque-unlimited",),
    sources=("wso2/product-apim#9372", "wso2/api-manager#113"),
)
def long_opaque_tokens(subject: Subject) -> Iterator[Finding]:
    """
    What: Active opaque tokens never expire, or live longer than the refresh token that came with them.

    Why: 4.0.0 as it came out judges them expired. A recent update level is cured.

    How found: Active rows of IDN_OAUTH2_ACCESS_TOKEN with a negative VALIDITY_PERIOD, or one above
    REFRESH_TOKEN_VALIDITY_PERIOD, of clients of applications whose token type is not JWT; counted by application.

    How to mend: Bring the target to a recent update level, and tell the owners that they may need new tokens.
    """
    home = subject.home("identity")
    subject.saw_rows("tokens", home, "idn_oauth2_access_token")
    opaque = applications(APPLICATION_KEY_MAPPING.c.consumer_key).join(
        APPLICATION_KEY_MAPPING, APPLICATION_KEY_MAPPING.c.application_id == APPLICATION.c.application_id
    )
    owners = {row.consumer_key: row for row in subject.am.stream(opaque.where(_OPAQUE)) if row.consumer_key}
    if not owners:
        return
    long = or_(
        ACCESS_TOKEN.c.validity_period < 0,
        ACCESS_TOKEN.c.validity_period > ACCESS_TOKEN.c.refresh_token_validity_period,
    )
    query = (
        select(CONSUMER_APP.c.consumer_key, func.count().label("tokens"))
        .join(ACCESS_TOKEN, ACCESS_TOKEN.c.consumer_key_id == CONSUMER_APP.c.id)
        .where(ACTIVE, long)
        .group_by(CONSUMER_APP.c.consumer_key)
    )
    found: Counter[tuple[str, str]] = Counter()
    for row in subject.sessions[home].stream(query):
        if row.consumer_key in owners:
            owner = owners[row.consumer_key]
            found[subject.domain(owner.tenant_id), owner.name] += row.tokens
    for (domain, name), tokens in sorted(found.items()):
        yield Finding(
            f"Application {name} of tenant {domain} has {tokens:,} opaque tokens that live very long.",
            place=Row(home, "IDN_OAUTH2_ACCESS_TOKEN", "VALIDITY_PERIOD"),
            tenant=domain,
            item=f"{domain}/{name}",
        )


@rule(
    "APP022",
    Severity.MAJOR,
    title="tokens stored in another form than the target is set to read",
    problems=("tok-migrated-401",),
    sources=("wso2/api-manager#6",),
)
def form_of_tokens(subject: Subject) -> Iterator[Finding]:
    """
    What: Stored tokens are encrypted or hashed.

    Why: The target finds a token only if it stores tokens the same way, with the same keys. Otherwise every token from
    before the upgrade is answered with 401.

    How found: The form of ACCESS_TOKEN in a sample of active rows of IDN_OAUTH2_ACCESS_TOKEN: plain, encrypted, hashed.
    Where check.target_configuration is given, it is compared with apim.oauth_config and oauth there, and a difference
    is major; without it, encrypted and hashed tokens are told as information, plain ones not.

    How to mend: Carry enable_token_encryption and enable_token_hashing of [apim.oauth_config] over to the target's
    deployment.toml, together with the key stores of the old home.
    """
    home = subject.home("identity")
    query = select(ACCESS_TOKEN.c.access_token).where(ACTIVE).limit(_SAMPLE)
    forms = Counter(_form(row.access_token or "") for row in subject.sessions[home].all(query))
    subject.saw("tokens", forms.total())
    if not forms:
        return
    (form, _), place = forms.most_common(1)[0], Row(home, "IDN_OAUTH2_ACCESS_TOKEN", "ACCESS_TOKEN")
    if subject.given("target_configuration"):
        wanted = _wanted_form(subject)
        if wanted != form:
            yield Finding(
                f"Stored tokens are {form}; the target's deployment.toml asks for {wanted} ones.",
                place=place,
                item="form of tokens",
            )
    elif form != _PLAIN:
        yield Finding(
            f"Stored tokens are {form}; the target has to be set to the same.",
            place=place,
            item="form of tokens",
            severity=Severity.INFO,
        )


_SAMPLE = 200
_PLAIN, _ENCRYPTED, _HASHED = "plain", "encrypted", "hashed"
_BASE64 = re.compile(r"[A-Za-z0-9+/=_-]{120,}")


def _wanted_form(subject: Subject) -> str:
    document = subject.target_configuration
    if switched_on(document, "apim.oauth_config.enable_token_hashing") or switched_on(
        document, "oauth.hash_tokens_and_secrets"
    ):
        return _HASHED
    processor = str(setting(document, "oauth.extensions.token_persistence_processor", ""))
    encrypts = switched_on(document, "apim.oauth_config.enable_token_encryption") or "Encryption" in processor
    return _ENCRYPTED if encrypts else _PLAIN


def _form(token: str) -> str:
    """The form of one stored token; a JWT's row has its id only, which looks like an opaque token."""
    if token.startswith("{"):
        try:
            parts = json.loads(token)
        except (ValueError, RecursionError):
            return _PLAIN
        return _HASHED if "hash" in parts else _ENCRYPTED
    return _ENCRYPTED if "." not in token and _BASE64.fullmatch(token) else _PLAIN


@rule(
    "APP023",
    Severity.MAJOR,
    title="API that takes API keys, which become legacy keys",
    since="4.7.0",
    problems=("app-legacy-api-keys",),
    sources=("wso2/carbon-apimgt commit d23954e4701",),
)
def legacy_api_keys(subject: Subject) -> Iterator[Finding]:
    """
    What: APIs that may be called with an API key.

    Why: From 4.7.0 on API keys belong to an API, are opaque, and are kept in the database. Keys from before go on
    working, but the developer portal offers no more such keys for applications, unless a switch is set.

    How found: apiSecurity of the artifacts names api_key. Information, unless check.target_configuration is given and
    lacks the switch: then it is major.

    How to mend: Set enable_legacy_api_keys = true under [apim.devportal] of the target, and call an API with an old key
    before you let traffic in.
    """
    subject.saw("APIs", len(subject.artifacts))
    apis = [artifact.api for artifact in subject.artifacts if "api_key" in artifact.security]
    decided = subject.given("target_configuration")
    if apis and not switched_on(subject.target_configuration, "apim.devportal.enable_legacy_api_keys"):
        yield Finding(
            f"{len(apis):,} APIs take API keys, such as {apis[0]}"
            f"{'; the target is not set to go on issuing them for applications' if decided else ''}.",
            item="API keys",
            severity=None if decided else Severity.INFO,
        )
