"""Fixtures for rules."""

from __future__ import annotations

import pytest

from checks.planting import Field
from conftest import Server


@pytest.fixture(scope="session")
def field(databases: Server) -> Field:
    """Where faults are planted."""
    return Field(databases)
