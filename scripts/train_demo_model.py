"""Train the demo's model, a small convolutional net on scikit-learn's handwritten digits, and export it to ONNX.

    .venv/bin/python scripts/train_demo_model.py

Plain numpy with a fixed seed: two 3x3 convolutions, a 2x2 max pooling, two dense layers, Adam, and shifted copies of
the training images; about a minute. Writes into src/edgewright/demo/data: `digits.tar.gz` (one `digits.onnx`) and
`held_out.npz` (images that were never trained on, their labels, and what ONNX Runtime answers for them with the
exported model). The digits are from "Optical Recognition of Handwritten Digits" (E. Alpaydin, C. Kaynak; UCI Machine
Learning Repository, CC BY 4.0).
"""

from __future__ import annotations

import gzip
import io
import os
import tarfile
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import onnx
from onnx import TensorProto, helper, numpy_helper
from sklearn.datasets import load_digits

os.environ["ORT_DISABLE_TELEMETRY"] = "1"  # read when it is imported
import onnxruntime

Array = npt.NDArray[np.float32]
Weights = dict[str, Array]

DATA = Path(__file__).parent.parent / "src" / "edgewright" / "demo" / "data"
HELD_OUT = 200
CHANNELS_1, CHANNELS_2, HIDDEN, CLASSES = 16, 32, 64, 10
EPOCHS, BATCH, RATE = 30, 64, 2e-3
OPSET, IR_VERSION = 17, 8


def split(rng: np.random.Generator) -> tuple[Array, npt.NDArray[np.int64], Array, npt.NDArray[np.int64]]:
    """The digits as (n, 1, 8, 8) images from 0 to 1, split into training and held-out ones."""
    digits = load_digits()
    images = (digits.images / 16).astype(np.float32)[:, None]
    labels = digits.target.astype(np.int64)
    order = rng.permutation(len(images))
    held, train = order[:HELD_OUT], order[HELD_OUT:]
    return images[train], labels[train], images[held], labels[held]


def initial(rng: np.random.Generator) -> Weights:
    """He's initialisation."""

    def drawn(*shape: int) -> Array:
        fan_in = int(np.prod(shape[1:])) if len(shape) == 4 else shape[0]
        return rng.normal(0, np.sqrt(2 / fan_in), shape).astype(np.float32)

    def zeros(size: int) -> Array:
        return np.zeros(size, np.float32)

    return {
        "conv1.weight": drawn(CHANNELS_1, 1, 3, 3),
        "conv1.bias": zeros(CHANNELS_1),
        "conv2.weight": drawn(CHANNELS_2, CHANNELS_1, 3, 3),
        "conv2.bias": zeros(CHANNELS_2),
        "dense1.weight": drawn(CHANNELS_2 * 16, HIDDEN),
        "dense1.bias": zeros(HIDDEN),
        "dense2.weight": drawn(HIDDEN, CLASSES),
        "dense2.bias": zeros(CLASSES),
    }


def patches(images: Array) -> Array:
    """The 3x3 surroundings of each pixel, zero beyond the edge: (n, c, h, w) gives (n, h, w, c * 9)."""
    padded = np.pad(images, ((0, 0), (0, 0), (1, 1), (1, 1)))
    windows = np.lib.stride_tricks.sliding_window_view(padded, (3, 3), axis=(2, 3))
    n, c, h, w = images.shape
    return windows.transpose(0, 2, 3, 1, 4, 5).reshape(n, h, w, c * 9)


def unpatched(gradient: Array, channels: int) -> Array:
    """The gradient of `patches`: what each pixel gets from the surroundings that it was in."""
    n, h, w, _ = gradient.shape
    parts = gradient.reshape(n, h, w, channels, 3, 3).transpose(0, 3, 4, 5, 1, 2)
    padded = np.zeros((n, channels, h + 2, w + 2), np.float32)
    for row in range(3):
        for column in range(3):
            padded[:, :, row : row + h, column : column + w] += parts[:, :, row, column]
    return padded[:, :, 1:-1, 1:-1]


def forward(weights: Weights, images: Array) -> dict[str, Array]:
    """Every value on the way from images to the ten scores."""
    seen: dict[str, Array] = {"patches1": patches(images)}
    seen["conv1"] = _convolved(seen["patches1"], weights, "conv1")
    seen["patches2"] = patches(seen["conv1"])
    seen["conv2"] = _convolved(seen["patches2"], weights, "conv2")
    n = len(images)
    blocks = seen["conv2"].reshape(n, CHANNELS_2, 4, 2, 4, 2)
    seen["pooled"] = blocks.max(axis=(3, 5))
    seen["winners"] = (blocks == seen["pooled"][:, :, :, None, :, None]).astype(np.float32)
    seen["flat"] = seen["pooled"].reshape(n, -1)
    seen["dense1"] = np.maximum(seen["flat"] @ weights["dense1.weight"] + weights["dense1.bias"], 0)
    seen["scores"] = seen["dense1"] @ weights["dense2.weight"] + weights["dense2.bias"]
    return seen


def _convolved(surroundings: Array, weights: Weights, layer: str) -> Array:
    kernel = weights[f"{layer}.weight"]
    result = surroundings @ kernel.reshape(len(kernel), -1).T + weights[f"{layer}.bias"]
    activated: Array = np.maximum(result, 0)
    return activated.transpose(0, 3, 1, 2)


def gradients(weights: Weights, images: Array, labels: npt.NDArray[np.int64]) -> Weights:
    """The cross entropy's gradient by each weight."""
    seen = forward(weights, images)
    n = len(images)
    exponents = np.exp(seen["scores"] - seen["scores"].max(axis=1, keepdims=True))
    scores = exponents / exponents.sum(axis=1, keepdims=True)
    scores[np.arange(n), labels] -= 1
    scores /= n
    dense1 = (scores @ weights["dense2.weight"].T) * (seen["dense1"] > 0)
    pooled = (dense1 @ weights["dense1.weight"].T).reshape(seen["pooled"].shape)
    conv2 = (seen["winners"] * pooled[:, :, :, None, :, None]).reshape(seen["conv2"].shape) * (seen["conv2"] > 0)
    conv2_rows = conv2.transpose(0, 2, 3, 1)
    surroundings = conv2_rows @ weights["conv2.weight"].reshape(CHANNELS_2, -1)
    conv1 = unpatched(surroundings, CHANNELS_1) * (seen["conv1"] > 0)
    return {
        **_of_convolution("conv1", conv1.transpose(0, 2, 3, 1), seen["patches1"], weights),
        **_of_convolution("conv2", conv2_rows, seen["patches2"], weights),
        "dense1.weight": seen["flat"].T @ dense1,
        "dense1.bias": dense1.sum(axis=0),
        "dense2.weight": seen["dense1"].T @ scores,
        "dense2.bias": scores.sum(axis=0),
    }


def _of_convolution(layer: str, rows: Array, surroundings: Array, weights: Weights) -> Weights:
    flat_rows, flat = rows.reshape(-1, rows.shape[-1]), surroundings.reshape(-1, surroundings.shape[-1])
    shape = weights[f"{layer}.weight"].shape
    return {f"{layer}.weight": (flat_rows.T @ flat).reshape(shape), f"{layer}.bias": flat_rows.sum(axis=0)}


def shifted(images: Array, rng: np.random.Generator) -> Array:
    """Each image moved by up to one pixel in each direction."""
    padded = np.pad(images, ((0, 0), (0, 0), (1, 1), (1, 1)))
    result = np.empty_like(images)
    for index, (row, column) in enumerate(rng.integers(0, 3, (len(images), 2))):
        result[index] = padded[index, :, row : row + 8, column : column + 8]
    return result


def train(images: Array, labels: npt.NDArray[np.int64], rng: np.random.Generator) -> Weights:
    """Adam over shuffled batches, its rate falling to nothing along a cosine."""
    weights = initial(rng)
    mean = {name: np.zeros_like(weight) for name, weight in weights.items()}
    square = {name: np.zeros_like(weight) for name, weight in weights.items()}
    steps, step = EPOCHS * (len(images) // BATCH), 0
    for _ in range(EPOCHS):
        order = rng.permutation(len(images))
        for start in range(0, len(images) - BATCH + 1, BATCH):
            batch = order[start : start + BATCH]
            step += 1
            rate = RATE * (1 + np.cos(np.pi * step / steps)) / 2
            for name, gradient in gradients(weights, shifted(images[batch], rng), labels[batch]).items():
                mean[name] = 0.9 * mean[name] + 0.1 * gradient
                square[name] = 0.999 * square[name] + 0.001 * gradient**2
                corrected = mean[name] / (1 - 0.9**step) / (np.sqrt(square[name] / (1 - 0.999**step)) + 1e-8)
                weights[name] = (weights[name] - rate * corrected).astype(np.float32)
    return weights


def exported(weights: Weights) -> Any:
    """The net as an ONNX model with a free batch dimension."""
    padding = {"kernel_shape": [3, 3], "pads": [1, 1, 1, 1]}
    nodes = [
        helper.make_node("Conv", ["image", "conv1.weight", "conv1.bias"], ["c1"], **padding),
        helper.make_node("Relu", ["c1"], ["r1"]),
        helper.make_node("Conv", ["r1", "conv2.weight", "conv2.bias"], ["c2"], **padding),
        helper.make_node("Relu", ["c2"], ["r2"]),
        helper.make_node("MaxPool", ["r2"], ["p"], kernel_shape=[2, 2], strides=[2, 2]),
        helper.make_node("Flatten", ["p"], ["f"]),
        helper.make_node("Gemm", ["f", "dense1.weight", "dense1.bias"], ["d1"]),
        helper.make_node("Relu", ["d1"], ["r3"]),
        helper.make_node("Gemm", ["r3", "dense2.weight", "dense2.bias"], ["scores"]),
    ]
    graph = helper.make_graph(
        nodes,
        "digits",
        [helper.make_tensor_value_info("image", TensorProto.FLOAT, ["batch", 1, 8, 8])],
        [helper.make_tensor_value_info("scores", TensorProto.FLOAT, ["batch", CLASSES])],
        [numpy_helper.from_array(weight, name) for name, weight in weights.items()],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", OPSET)], producer_name="edgewright")
    model.ir_version = IR_VERSION
    onnx.checker.check_model(model, full_check=True)
    return model


def packed(model: bytes) -> bytes:
    """The tar.gz of one model, without a time in it."""
    buffer = io.BytesIO()
    with gzip.GzipFile("", "wb", 9, buffer, 0) as zipped, tarfile.open(fileobj=zipped, mode="w") as tar:
        member = tarfile.TarInfo("digits.onnx")
        member.size = len(model)
        tar.addfile(member, io.BytesIO(model))
    return buffer.getvalue()


def main() -> None:
    """Train, export, and write the three files' worth of data."""
    rng = np.random.default_rng(8)
    images, labels, held_images, held_labels = split(rng)
    model = exported(train(images, labels, rng)).SerializeToString()
    session = onnxruntime.InferenceSession(model, providers=["CPUExecutionProvider"])
    expected = session.run(None, {"image": held_images})[0]
    accuracy = float((expected.argmax(axis=1) == held_labels).mean())
    DATA.mkdir(parents=True, exist_ok=True)
    (DATA / "digits.tar.gz").write_bytes(packed(model))
    np.savez_compressed(DATA / "held_out.npz", samples=held_images, labels=held_labels, expected=expected)
    sizes = ", ".join(f"{path.name} {path.stat().st_size:,} bytes" for path in sorted(DATA.iterdir()))
    print(f"accuracy on {len(held_labels)} held-out images: {accuracy:.1%}; {sizes}")


if __name__ == "__main__":
    main()
