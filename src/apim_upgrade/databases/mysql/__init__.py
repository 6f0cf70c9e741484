"""MySQL and MariaDB: sessions, errors, facts, cloning, the embedded server."""
