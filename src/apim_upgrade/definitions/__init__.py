"""
API definitions as the product judges them: text in, judgement out; no database, no network, no file.

The rules are those of the parsers that each release bundles, not those of the specifications.
"""

from apim_upgrade.definitions.model import Judgement, Kind, Message

__all__ = ["Judgement", "Kind", "Message"]
