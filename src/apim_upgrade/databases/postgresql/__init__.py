"""PostgreSQL: sessions, errors, facts, cloning, the embedded server."""
