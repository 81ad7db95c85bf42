"""Read digits with a model that another Greengrass component brought, once its signature has been verified.

    python inference.py MODEL_FOLDER [--model-name digits] [--every SECONDS] [--once]

`verify_package.py`, the trusted public key and the samples are in this file's folder: `build.py` copies them there.
The model's folder is the other component's work folder, `{kernel:rootPath}/work/<component>` on either nucleus.
"""

# ruff: noqa: T201 - a script, and it prints

import argparse
import hashlib
import json
import os
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
from verify_package import MANIFEST, SIGNATURE, Refused, load_keys, open_signature, require

os.environ["ORT_DISABLE_TELEMETRY"] = "1"  # ONNX Runtime reads it when it is imported: its wheels send telemetry
import onnxruntime

HERE = Path(__file__).resolve().parent
MODEL_SUFFIXES = {".ort", ".onnx"}
UNPACKING_SECONDS = 60


def main() -> None:
    """Verify, load, then read all samples again and again."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path, help="the model component's work folder")
    parser.add_argument("--model-name", default="digits", help="refuse another model")
    parser.add_argument("--every", type=float, default=60, metavar="SECONDS")
    parser.add_argument("--once", action="store_true", help="end after the first time")
    asked = parser.parse_args()
    keys = load_keys(HERE / "signing.pub.pem")
    try:
        version, model = verified_model(unpacked(asked.folder), keys, asked.model_name)
    except (Refused, OSError, ValueError, LookupError, TypeError) as error:
        sys.exit(f"REFUSED: {error}")
    print(f"{asked.model_name} {version} is as signed")
    # The very bytes that were verified are loaded: nobody can change a file in between.
    session = onnxruntime.InferenceSession(model, providers=["CPUExecutionProvider"])
    while True:
        print(report(session), flush=True)
        if asked.once:
            return
        time.sleep(asked.every)


def unpacked(folder: Path) -> Path:
    """The folder, once the model's component has unpacked it; the signature is the last file of a package."""
    until = time.monotonic() + UNPACKING_SECONDS
    while not (folder / SIGNATURE).exists() and time.monotonic() < until:
        time.sleep(0.5)
    return folder


def verified_model(folder: Path, keys: dict[str, Any], name: str) -> tuple[str, bytes]:
    """The model's version and its bytes, after each file that was signed has been found as it was.

    There may be unsigned files beside them: nothing is loaded from those.
    """
    subject, digests = open_signature((folder / SIGNATURE).read_bytes(), keys)
    require(subject == name, f"this is model {subject!r}")
    require(
        not any(Path(path).is_absolute() or ".." in Path(path).parts for path in digests), "a file leaves its folder"
    )
    manifest = (folder / MANIFEST).read_bytes()
    require(hashlib.sha256(manifest).hexdigest() == digests.pop(MANIFEST), "the manifest is not as signed")
    models = []
    for path, digest in digests.items():
        content = (folder / path).read_bytes()
        require(hashlib.sha256(content).hexdigest() == digest, f"{path!r} is not as signed")
        models += [content] if Path(path).suffix in MODEL_SUFFIXES else []
    require(len(models) == 1, f"wanted one model for ONNX Runtime, and found {len(models)}")
    return json.loads(manifest)["metadata"]["model_version"], models[0]


def report(session: onnxruntime.InferenceSession) -> str:
    """Run each sample through the model; what came of it, in a line."""
    with np.load(HERE / "held_out.npz", allow_pickle=False) as held_out:
        samples, labels = held_out["samples"], held_out["labels"]
    name = session.get_inputs()[0].name
    answers = np.array([session.run(None, {name: sample[None]})[0].argmax() for sample in samples])
    right = int((answers == labels).sum())
    return f"{len(samples)} samples: {right} right, accuracy {right / len(samples):.1%}"


if __name__ == "__main__":
    main()
