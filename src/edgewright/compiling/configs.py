"""The two JSON texts of a compilation job, DataInputConfig and CompilerOptions: parsed, checked, pure."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from edgewright import strict_json
from edgewright.errors import ValidationFault

_FORMS = '{"input": [1, 3, 224, 224]}, or [[1, 3, 224, 224]] with a shape for each input in the model\'s order'
_MOST_DIMENSION = 2**31 - 1
_ANDROID_LEVELS = range(21, 30)  # as the API reference has them


@dataclass(frozen=True, slots=True)
class InputShape:
    """One input's shape; without a name it is the next input in the model's order."""

    name: str | None
    shape: tuple[int, ...]


def parse_data_input_config(text: str) -> tuple[InputShape, ...]:
    """Read DataInputConfig: an object of names and shapes, or a list of shapes.

    Raises:
        ValidationFault: the text is not JSON of one of the two forms.
    """
    config = _json("DataInputConfig", text)
    if isinstance(config, dict):
        shapes: list[tuple[str | None, Any]] = list(config.items())
    elif isinstance(config, list):
        shapes = [(None, shape) for shape in config]
    else:
        shapes = []
    if not shapes or not all(_is_shape(shape) for _, shape in shapes):
        raise ValidationFault(f"DataInputConfig {_cut(text)} is not of the form {_FORMS}, with dimensions from 1.")
    return tuple(InputShape(name, tuple(shape)) for name, shape in shapes)


def parse_compiler_options(text: str, os: str) -> dict[str, Any]:
    """Read CompilerOptions: what the target's CPU has, or the Android level.

    An ONNX Runtime model holds no machine code, and the runtime chooses its kernels by the CPU that it finds. So
    `mcpu` and `mattr` are met by any value; they are checked and recorded.

    Raises:
        ValidationFault: the text is not a JSON object, or holds an option that cannot be honoured for the target.
    """
    options = _json("CompilerOptions", text)
    if not isinstance(options, dict):
        raise ValidationFault(f"CompilerOptions {_cut(text)} is not a JSON object.")
    for name, value in options.items():
        if not _is_option(name, value, os):
            raise ValidationFault(
                f"CompilerOptions has {_cut(json.dumps({name: value}))}, which cannot be honoured. Supported for ONNX "
                f'are "mcpu": a string; "mattr": a list of strings; and for ANDROID "ANDROID_PLATFORM": 21 to 29.'
            )
    return options


def _json(member: str, text: str) -> Any:
    try:
        return strict_json.parse(text)
    except ValueError as error:
        raise ValidationFault(f"{member} {_cut(text)} cannot be read as JSON: {error}.") from error


def _is_shape(value: object) -> bool:
    return isinstance(value, list) and all(type(size) is int and 0 < size <= _MOST_DIMENSION for size in value)


def _is_option(name: str, value: object, os: str) -> bool:
    if name == "mcpu":
        return isinstance(value, str)
    if name == "mattr":
        return isinstance(value, list) and all(isinstance(flag, str) for flag in value)
    return name == "ANDROID_PLATFORM" and os == "ANDROID" and type(value) is int and value in _ANDROID_LEVELS


def _cut(text: str) -> str:
    most = 200
    return text if len(text) <= most else f"{text[:most]}..."
