"""edgewright: the open, self-hosted service behind SageMaker's edge packaging API."""
