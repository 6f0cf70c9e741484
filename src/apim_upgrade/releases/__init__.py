"""What the tool knows of every release, as data, with typed access to it."""

from apim_upgrade.releases.release import Release

__all__ = ["Release"]
