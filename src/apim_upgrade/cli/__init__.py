"""The command line: one module per command; parses, calls, prints."""

from apim_upgrade.cli.app import main

__all__ = ["main"]
