"""Workflows: the durable recipes that workers run, and the engine under them."""

from edgewright.workflows.engine import Handover
from edgewright.workflows.tools import Leaving, Recipe, Tools
from edgewright.workflows.worker import ENDING_SECONDS, RECIPES, Worker, tools_of, work

__all__ = ["ENDING_SECONDS", "RECIPES", "Handover", "Leaving", "Recipe", "Tools", "Worker", "tools_of", "work"]
