"""Events of jobs: recorded, numbered, and sent to a webhook and to event streams."""
