"""Workflows: the durable recipes that workers run, and the engine under them."""

from edgewright.workflows.engine import Handover
from edgewright.workflows.tools import Leaving, Recipe, Tools
from edgewright.workflows.worker import RECIPES, Rhythm, Worker, tools_of, work

__all__ = ["RECIPES", "Handover", "Leaving", "Recipe", "Rhythm", "Tools", "Worker", "tools_of", "work"]
