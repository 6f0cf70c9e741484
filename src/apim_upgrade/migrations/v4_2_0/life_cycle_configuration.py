"""
A tenant's own life cycle of APIs becomes ``LifeCycle`` of the tenant configuration.

4.2.0 has the stock life cycle built in: a tenant with the stock file gets nothing, so that later defaults reach it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

from lxml import etree

from apim_upgrade.engine import Step, Work
from apim_upgrade.migrations.system_configs import Document, amended, store_step
from apim_upgrade.migrations.tenant_files import tenant_files
from apim_upgrade.migrations.upgrade import Upgrade
from apim_upgrade.registry.paths import C
from apim_upgrade.releases.stock_life_cycle import is_stock_life_cycle, stock_states

LIFE_CYCLE = f"{C}/repository/components/org.wso2.carbon.governance/lifecycles/APILifeCycle"
_ACTION = "Write LifeCycle into the tenant's advanced configuration by hand."


def read_life_cycle(content: bytes) -> list[dict[str, Any]]:
    """Return the states of a life-cycle file in the form of the tenant configuration. Raises ValueError."""
    parser = etree.XMLParser(resolve_entities=False, no_network=True, huge_tree=False)
    try:
        root = etree.fromstring(content, parser)
    except (etree.XMLSyntaxError, ValueError) as error:
        raise ValueError(f"not XML: {error}") from None
    states = [
        {
            "State": state.get("id", ""),
            "CheckItems": [item.get("name", "") for item in state.iterfind(".//{*}data[@name='checkItems']/{*}item")],
            "Transitions": [
                {"Event": transition.get("event", ""), "Target": transition.get("target", "")}
                for transition in state.iterfind(".//{*}transition")
            ],
        }
        for state in root.iter("{*}state")
    ]
    if not states:
        raise ValueError("it has no states")
    return states


def steps(upgrade: Upgrade) -> list[Step]:
    """Return the step that stores the life cycles that tenants changed."""
    if not upgrade.crosses("4.2.0"):
        return []
    documents = partial(_documents, registry=upgrade.home("config"))
    return [store_step("4.2.0/api-data/life-cycle", "Carry life cycles of tenants' own over", documents)]


def _documents(work: Work, registry: str) -> Iterator[tuple[str, Document]]:
    wanted: dict[str, Callable[[Document], None]] = {}
    for domain, content in tenant_files(work, registry, LIFE_CYCLE):
        if is_stock_life_cycle(content):
            continue
        try:
            states = read_life_cycle(content)
        except ValueError as error:
            work.failed(domain, f"The tenant's life cycle APILifeCycle cannot be read: {error}.", _ACTION)
            continue
        if states == stock_states():
            work.noted(
                domain,
                "The tenant's life cycle differs from the stock one only in what 4.2.0 does not know, executors above "
                "all; the built-in life cycle is used.",
                "Look whether executors of your own did work that is missed now.",
            )
            continue
        work.noted(
            domain,
            "The tenant has a life cycle of its own; it was converted.",
            "Review LifeCycle in the tenant's advanced configuration; executors are not part of it.",
        )
        wanted[domain] = _storing(states)
    yield from amended(work, wanted, _ACTION)


def _storing(states: list[dict[str, Any]]) -> Callable[[Document], None]:
    def change(document: Document) -> None:
        document.setdefault("LifeCycle", {"States": states})

    return change
