"""Rules about configuration: 001 to 019 deployment.toml, 020 to 029 what of it lies in the databases."""
