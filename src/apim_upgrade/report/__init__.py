"""Renders what was found and done."""
