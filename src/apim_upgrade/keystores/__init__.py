"""Java key stores (JKS, JCEKS, PKCS#12): certificates, private keys, and the secrets encrypted with them."""

from apim_upgrade.keystores.certificate import Certificate, read_certificate
from apim_upgrade.keystores.secrets import StoredSecret, can_decrypt, stored_secret
from apim_upgrade.keystores.store import KeyEntry, Store, certificates, key_store, stored_key_store

__all__ = [
    "Certificate",
    "KeyEntry",
    "Store",
    "StoredSecret",
    "can_decrypt",
    "certificates",
    "key_store",
    "read_certificate",
    "stored_key_store",
    "stored_secret",
]
