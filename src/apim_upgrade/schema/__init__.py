"""Catalogues, introspection, the difference between them, and the DDL that closes it."""
