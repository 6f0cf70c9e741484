"""The site of the execution tests, for the commands that need one."""

from execution.conftest import site

__all__ = ["site"]
