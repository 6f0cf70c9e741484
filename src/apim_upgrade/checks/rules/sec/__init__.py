"""Rules about key stores and secrets."""
