"""The result of one check on an upgraded estate."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Proof:
    """
    What was asked, and the answer.

    ``found`` is the number of things that are wrong (zero is proven), ``seen`` how many were looked at, ``sample`` up
    to ten of the wrong ones. A proof that looked at nothing proves nothing, and says so by ``seen`` zero.
    """

    name: str
    title: str
    found: int
    seen: int
    sample: tuple[str, ...] = ()

    @property
    def holds(self) -> bool:
        """Whether nothing wrong was found."""
        return self.found == 0
