"""The user's ``upgrade.toml``: databases, target, strategy, choices; secrets by reference."""
