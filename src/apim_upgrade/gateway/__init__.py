"""The gateway artifact: the zip from which a gateway deploys one revision."""
