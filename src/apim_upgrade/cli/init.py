"""``init``: the project file to begin with."""

from __future__ import annotations

from apim_upgrade.cli.settings import Settings


def command(settings: Settings) -> None:
    """
    Write a commented upgrade.toml to fill in.

    It has one table for each database and every option with its default. A file that exists is only overwritten with
    --yes.
    """
    from apim_upgrade.project import write_template

    write_template(settings.project, overwrite=settings.yes)
    settings.output.result(
        "init",
        {"project": str(settings.project)},
        lambda: [f"{settings.project} is written. Fill in the databases, then see them with: apim-upgrade inspect"],
    )
