"""The ways in which a component leaves the service: to AWS, and to a folder."""
