"""The demo's model: a convolutional net for handwritten digits, and images that it has never seen.

`scripts/train_demo_model.py` made both. The images are from "Optical Recognition of Handwritten Digits" (E. Alpaydin,
C. Kaynak; UCI Machine Learning Repository, CC BY 4.0) as scikit-learn ships it.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

_DATA = Path(__file__).parent / "data"


@dataclass(frozen=True, slots=True)
class Digits:
    """A model and what it is held to.

    Attributes:
        archive: a tar.gz with one `digits.onnx`, its input `image` of (batch, 1, 8, 8), its output `scores` of
            (batch, 10), both float32.
        data_input_config: DataInputConfig for one image at a time.
        samples: (200, 1, 8, 8) float32 from 0 to 1, not among the training images.
        labels: (200,) int64, the digit that each sample shows.
        expected: (200, 10) float32, ONNX Runtime's answers with the model as it was exported.
    """

    archive: Path
    data_input_config: str
    samples: npt.NDArray[np.float32]
    labels: npt.NDArray[np.int64]
    expected: npt.NDArray[np.float32]


def load_digits() -> Digits:
    """Read the model's path and the held-out samples; imports numpy."""
    import numpy as np

    with np.load(_DATA / "held_out.npz", allow_pickle=False) as held_out:
        return Digits(
            archive=_DATA / "digits.tar.gz",
            data_input_config='{"image": [1, 1, 8, 8]}',
            samples=held_out["samples"],
            labels=held_out["labels"],
            expected=held_out["expected"],
        )
