"""edgewright: the open, self-hosted service behind SageMaker's edge packaging API."""

__version__ = "0.1.0"
