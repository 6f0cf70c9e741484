"""The identity steps on real estates."""
