"""YAML as far as recipes need it. Imported only for YAML."""

from __future__ import annotations

from collections import Counter
from typing import Any, Final

import yaml

from edgewright.errors import ValidationFault
from edgewright.strict_json import DEEPEST

MERGE: Final = "tag:yaml.org,2002:merge"


class _RecipeLoader(yaml.SafeLoader):  # type: ignore[misc] # PyYAML has no types
    """PyYAML's safe loader without dates, tags, aliases, merges, and keys that come twice or are no strings."""

    yaml_implicit_resolvers = {  # noqa: RUF012 - as PyYAML's loaders hold them
        first: [(tag, pattern) for tag, pattern in resolvers if not tag.endswith(":timestamp")]
        for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
    }
    depth = 0

    def compose_node(self, parent: Any, index: Any) -> Any:
        event = self.peek_event()
        if isinstance(event, yaml.AliasEvent):  # a few of them can stand for gigabytes
            raise ValidationFault("The recipe has a YAML alias (*): write what it stands for instead.")
        if event.tag is not None:
            raise ValidationFault("The recipe has a YAML tag (!): leave it out, a text can be put in quotes.")
        if self.depth == DEEPEST:
            raise ValidationFault(f"The recipe is nested too deeply: {DEEPEST} levels are allowed.")
        self.depth += 1
        node = super().compose_node(parent, index)
        self.depth -= 1
        return node

    def construct_mapping(self, node: Any, deep: bool = False) -> Any:  # noqa: FBT001, FBT002 - as above
        keys = [key for key, _ in node.value]
        if any(key.tag == MERGE for key in keys):
            raise ValidationFault("The recipe has a YAML merge (<<): write the keys themselves instead.")
        mapping = super().construct_mapping(node, deep=deep)
        for key in mapping:
            if not isinstance(key, str):
                raise ValidationFault(f"The recipe has the key {key!r}, and keys are strings: put it in quotes.")
        if len(mapping) < len(keys):
            [(twice, _)] = Counter(key.value for key in keys).most_common(1)
            raise ValidationFault(f"The recipe has the key {twice[:100]!r} twice in one mapping: give it once.")
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
    except (OverflowError, ValueError) as error:  # a number, or an escaped character, beyond what Python can hold
        raise ValidationFault(f"The recipe holds a YAML scalar that cannot be read: {error}.") from None
