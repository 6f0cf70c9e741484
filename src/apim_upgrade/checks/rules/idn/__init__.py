"""Rules about tenants, users, roles and the identity data of the resident key manager."""
