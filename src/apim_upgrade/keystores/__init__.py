"""Trusted certificates in Java key stores: JKS, JCEKS and PKCS#12."""

from apim_upgrade.keystores.store import certificates

__all__ = ["certificates"]
