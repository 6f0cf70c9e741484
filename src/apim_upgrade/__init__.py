"""Takes a WSO2 API Manager estate from the release it runs to a newer one."""

__version__ = "0.1.0"
