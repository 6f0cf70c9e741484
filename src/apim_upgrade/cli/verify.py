"""``verify``: prove an upgraded estate."""

from __future__ import annotations

from apim_upgrade.cli.ordering import IN_PLACE, TARGET, order_from
from apim_upgrade.cli.settings import Settings
from apim_upgrade.cli.summary import exit_code, print_checked


def command(settings: Settings, target: TARGET = None, in_place: IN_PLACE = False) -> int:
    """
    Prove the upgraded databases and write the report anew. Nothing is changed.

    Compares the schema with the target's catalogue, every table's rows with what the journal says of them, and tries
    the product's invariants; opens every definition and every gateway artifact.
    """
    from apim_upgrade.execution import prove

    checked = prove(order_from(settings, target=target, in_place=in_place))
    print_checked("verify", settings, checked)
    return exit_code(checked)
