from __future__ import annotations

import json
import tarfile
from typing import TYPE_CHECKING

import numpy as np
import onnxruntime as ort

from edgewright.demo.digits import load_digits

if TYPE_CHECKING:
    from pathlib import Path


def test_the_model_is_small_and_right_about_what_it_has_never_seen(tmp_path: Path) -> None:
    digits = load_digits()
    with tarfile.open(digits.archive) as tar:
        assert tar.getnames() == ["digits.onnx"]
        tar.extractall(tmp_path, filter="data")
    session = ort.InferenceSession(tmp_path / "digits.onnx", providers=["CPUExecutionProvider"])
    answers = session.run(None, {"image": digits.samples})[0]
    assert np.allclose(answers, digits.expected, rtol=1e-4, atol=1e-4)
    assert (answers.argmax(axis=1) == digits.labels).mean() >= 0.97
    assert sum(path.stat().st_size for path in digits.archive.parent.iterdir()) <= 300_000


def test_the_samples_are_what_the_docstring_says() -> None:
    digits = load_digits()
    assert digits.samples.shape == (200, 1, 8, 8)
    assert digits.samples.dtype == np.float32
    assert (digits.samples.min(), digits.samples.max()) == (0, 1)
    assert digits.labels.shape == (200,)
    assert digits.expected.shape == (200, 10)
    assert set(digits.labels.tolist()) == set(range(10))
    assert json.loads(digits.data_input_config) == {"image": [1, 1, 8, 8]}


def test_the_samples_are_real_digits() -> None:
    from sklearn.datasets import load_digits as original

    images = {image.astype(np.float32).tobytes() for image in original().images / 16}
    assert all(sample.tobytes() in images for sample in load_digits().samples)
