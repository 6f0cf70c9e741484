"""Data steps of 4.2.0: self sign-up and life cycle in the tenant configuration."""
