"""Data steps: what every release changed in the data, one package per release, and the identity data."""
