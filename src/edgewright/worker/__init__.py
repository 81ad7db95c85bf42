"""The process that runs jobs: the durable recipes that workers run, and the engine under them."""

from edgewright.worker.context import ShuttingDown, WorkerContext
from edgewright.worker.engine import Enqueuer
from edgewright.worker.process import ENDING_SECONDS, RECIPES, work

__all__ = [
    "ENDING_SECONDS",
    "RECIPES",
    "Enqueuer",
    "ShuttingDown",
    "WorkerContext",
    "work",
]
