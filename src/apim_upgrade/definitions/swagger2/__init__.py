"""
Swagger 2.0 as the product's parser (the 1.0 line) and the product's own tests after it judge it.

The parser reads root, operations, parameters, responses, security and the models' first level by hand and complains of
what it does not know there; everything below (properties, items, headers) it *converts*: silently, or not at all. What
cannot be converted, and a reference into another file, ends the parse without a document. Its messages carry odd
locations (``info.name`` for the licence's name, ``tags.tags``); they are kept, for operators search for them.
"""

from apim_upgrade.definitions.swagger2.conversion import is_external
from apim_upgrade.definitions.swagger2.verdict import Outcome, judge

__all__ = ["Outcome", "is_external", "judge"]
