"""Whether a certificate can be read, and how long it is valid."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import datetime, timedelta

from apim_upgrade.keystores import Certificate, read_certificate

_SOON = timedelta(days=90)


def readable(chain: Iterable[bytes]) -> Iterator[Certificate]:
    """Yield the certificates that can be read."""
    for data in chain:
        try:
            yield read_certificate(data)
        except ValueError:
            continue


def ends_soon(certificate: Certificate, now: datetime) -> bool:
    """Say whether a certificate has ended, or ends within ninety days."""
    return certificate.ends < now + _SOON


def when(certificate: Certificate, now: datetime) -> str:
    """Say when it ends or has ended, in words."""
    word = "has ended" if certificate.ends < now else "ends"
    return f"{word} on {certificate.ends:%Y-%m-%d}"
