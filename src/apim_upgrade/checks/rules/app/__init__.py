"""Rules about applications, subscriptions and keys."""
