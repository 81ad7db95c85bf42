"""What a compilation gives back."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

METADATA_MEMBER = "edgewright_compilation"
"""The artifact's metadata, a JSON text. It has no extension on purpose: DLR fails on a second `.json` or `.meta`."""


@dataclass(frozen=True, slots=True)
class Tensor:
    """An input or output: its ONNX element type (`float32`, `int64`, ...) and dimensions, None where one is free."""

    name: str
    shape: tuple[int | None, ...]
    type: str


@dataclass(frozen=True, slots=True)
class Built:
    """What a backend made of a model.

    Attributes:
        inputs: in the model's order, every dimension fixed.
        outputs: in the model's order.
        toolchain: name → version of each tool that had a part in it.
        settings: what else decides the result, for the metadata.
    """

    inputs: tuple[Tensor, ...]
    outputs: tuple[Tensor, ...]
    toolchain: Mapping[str, str]
    settings: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Compiled:
    """A finished artifact.

    Attributes:
        size: bytes of the tar.gz.
        sha256: its digest in hexadecimal, for ModelDigests.
        inputs: in the model's order, every dimension fixed.
        outputs: in the model's order.
        toolchain: name → version of each tool that had a part in it.
        derived_data_input_config: the inputs as a DataInputConfig, for DerivedInformation.
    """

    size: int
    sha256: str
    inputs: tuple[Tensor, ...]
    outputs: tuple[Tensor, ...]
    toolchain: Mapping[str, str]
    derived_data_input_config: str
