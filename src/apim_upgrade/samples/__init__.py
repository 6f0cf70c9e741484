"""Believable sample estates, deterministic by seed, written by COPY."""
