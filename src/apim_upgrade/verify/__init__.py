"""Proofs that an upgraded estate is what it should be."""
