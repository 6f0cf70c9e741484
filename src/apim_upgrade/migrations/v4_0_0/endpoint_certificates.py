"""
Certificates of endpoints move from the client truststore into AM_CERTIFICATE_METADATA.CERTIFICATE.

3.x keeps them in the home's ``client-truststore.jks`` under the alias of the row; gateways of 4.x read the column.
The stored form is the one a 4.x server writes: base64, padded, of PEM text with lines of 64 and a newline at the end.
"""

from __future__ import annotations

import base64
from collections.abc import Iterator, Sequence
from textwrap import wrap

from sqlalchemy import Column, LargeBinary, String, func, or_, select, update

from apim_upgrade.engine import Phase, Sql, Stage, Step, Work, stage_table
from apim_upgrade.errors import ProjectError
from apim_upgrade.keystores import certificates
from apim_upgrade.migrations.upgrade import Choices, Upgrade
from apim_upgrade.tables.api import CERTIFICATE_METADATA

_RETRY = "then retry the failed items"


def stored_form(der: bytes) -> bytes:
    """Return a certificate as the column holds it."""
    lines = "\n".join(wrap(base64.b64encode(der).decode(), 64))
    return base64.b64encode(f"-----BEGIN CERTIFICATE-----\n{lines}\n-----END CERTIFICATE-----\n".encode())


def steps(upgrade: Upgrade) -> list[Step]:
    """Return the step that fills the column for every alias that lacks its certificate."""
    metadata = CERTIFICATE_METADATA
    lacking = or_(metadata.c.certificate.is_(None), func.length(metadata.c.certificate) == 0)
    stage = stage_table("certificate", Column("alias", String(255)), Column("certificate", LargeBinary))

    def rows(work: Work) -> Iterator[Sequence[object]]:
        aliases = work.sessions["am"].all(select(metadata.c.alias).where(lacking).distinct().order_by(metadata.c.alias))
        if not aliases:
            return
        known, problem = _truststore(upgrade.choices)
        for (alias,) in aliases:
            work.saw()
            if not work.wants(alias):
                continue
            certificate = known.get(alias.lower())
            if certificate is not None:
                yield alias, stored_form(certificate)
            elif problem:
                work.failed(alias, problem, f"Give truststore and truststore_password in upgrade.toml, {_RETRY}.")
            else:
                work.failed(
                    alias,
                    "The truststore has no certificate of this alias.",
                    f"Import it there with keytool, {_RETRY}; or delete the endpoint's certificate once upgraded.",
                )

    return [
        Step(
            "4.0.0/api-data/endpoint-certificates",
            "Move endpoint certificates from the truststore into the database",
            "am",
            Phase.MIGRATE,
            (
                Stage(stage, rows, "the certificate of every alias that lacks it"),
                Sql(
                    update(metadata)
                    .values(certificate=stage.c.certificate)
                    .where(stage.c.alias == metadata.c.alias, lacking)
                ),
            ),
            touches=select(func.count()).select_from(metadata) if upgrade.crosses("4.0.0") else None,
            tables=("am_certificate_metadata",),
        )
    ]


def _truststore(choices: Choices) -> tuple[dict[str, bytes], str]:
    """The certificates by alias, or why there are none."""
    if choices.truststore is None:
        return {}, "No truststore of the old home was given; the certificate of this endpoint is in it."
    try:
        return certificates(choices.truststore, choices.truststore_password), ""
    except ProjectError as error:
        return {}, error.message
