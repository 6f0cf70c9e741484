"""Data steps of 4.0.0: revisions, deployments, environments, certificates, key managers, identities of APIs."""
