"""The Carbon registry as rows of the shared database."""
