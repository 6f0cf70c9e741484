"""
The identity data of the embedded key manager: users, roles, scopes, claims, settings of applications.

Left alone on purpose, because the target's server reads them as they are or they end by themselves: tokens, sessions,
consents, recovery codes (they expire within a day), e-mail templates, the resident identity provider's own settings.
"""

from __future__ import annotations

from apim_upgrade.engine import Step
from apim_upgrade.migrations.identity import (
    applications,
    claims,
    duplicates,
    internal_scopes,
    oidc_scopes,
    roles,
    users,
)
from apim_upgrade.migrations.upgrade import Upgrade


def steps(upgrade: Upgrade) -> list[Step]:
    """
    Return the steps of an upgrade in the order they need: ids, roles, scopes, claims, settings.

    Merging scopes precedes adding any; scopes of OpenID Connect get claims that the claims' step may just have added.
    Those of claims and scopes join the workspace's table of tenants.
    """
    return [
        *users.steps(upgrade),
        *roles.steps(upgrade),
        *duplicates.steps(upgrade),
        *internal_scopes.steps(upgrade),
        *claims.steps(upgrade),
        *oidc_scopes.steps(upgrade),
        *applications.steps(upgrade),
    ]
