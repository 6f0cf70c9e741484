"""Data steps of 4.1.0: organizations, and the tenant configuration in the API-M database."""
