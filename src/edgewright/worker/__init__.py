"""The process that runs jobs: the durable recipes that workers run, and the engine under them."""

from edgewright.worker.context import Recipe, ShuttingDown, WorkerContext
from edgewright.worker.engine import Enqueuer
from edgewright.worker.process import ENDING_SECONDS, RECIPES, Worker, work, worker_context

__all__ = [
    "ENDING_SECONDS",
    "RECIPES",
    "Enqueuer",
    "Recipe",
    "ShuttingDown",
    "Worker",
    "WorkerContext",
    "work",
    "worker_context",
]
