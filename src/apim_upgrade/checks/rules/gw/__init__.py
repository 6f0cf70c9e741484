"""Rules about gateways: 001, 002, 009 and 010 environments, 003 labels, 004 to 006 revisions, 007 and 008 releases."""
