"""YAML as far as recipes need it. Imported only for YAML."""

from __future__ import annotations

from typing import Any

import yaml

from edgewright.errors import ValidationFault


class _RecipeLoader(yaml.SafeLoader):  # type: ignore[misc] # PyYAML has no types
    """PyYAML's safe loader without dates, aliases and keys that are no strings."""

    yaml_implicit_resolvers = {  # noqa: RUF012 - as PyYAML's loaders hold them
        first: [(tag, pattern) for tag, pattern in resolvers if not tag.endswith(":timestamp")]
        for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
    }

    def compose_node(self, parent: Any, index: Any) -> Any:
        if self.check_event(yaml.AliasEvent):  # a few of them can stand for gigabytes
            raise ValidationFault("The recipe has a YAML alias (*): write what it stands for instead.")
        return super().compose_node(parent, index)

    def construct_mapping(self, node: Any, deep: bool = False) -> Any:  # noqa: FBT001, FBT002 - as above
        mapping = super().construct_mapping(node, deep=deep)
        for key in mapping:
            if not isinstance(key, str):
                raise ValidationFault(f"The recipe has the key {key!r}, and keys are strings: put it in quotes.")
        return mapping


def load(text: str) -> object:
    """The one document of a YAML text.

    Raises:
        ValidationFault: it is no YAML, or uses what recipes have no need of.
    """
    try:
        return yaml.load(text, _RecipeLoader)  # noqa: S506 - a safe loader, and then some
    except yaml.YAMLError as error:
        where = " ".join(str(error).split())
        raise ValidationFault(f"The recipe is neither JSON nor YAML: {where}") from None
