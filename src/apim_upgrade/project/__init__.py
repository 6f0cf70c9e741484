"""The user's ``upgrade.toml``: which databases, to which release, how."""

from apim_upgrade.project.document import read_project
from apim_upgrade.project.environments import REHEARSALS, Environment
from apim_upgrade.project.model import DEFAULT_FILE, DatabaseChoice, Project, Strategy
from apim_upgrade.project.secret import Secret
from apim_upgrade.project.template import write_template

__all__ = [
    "DEFAULT_FILE",
    "REHEARSALS",
    "DatabaseChoice",
    "Environment",
    "Project",
    "Secret",
    "Strategy",
    "read_project",
    "write_template",
]
