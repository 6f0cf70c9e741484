"""Proofs that an upgraded estate is what it should be."""

from apim_upgrade.verify.conservation import TableCount
from apim_upgrade.verify.proof import Proof
from apim_upgrade.verify.verify import Verification, verify

__all__ = ["Proof", "TableCount", "Verification", "verify"]
