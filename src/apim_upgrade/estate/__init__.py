"""Reads what is there: release, tenants, counts. Read only."""
