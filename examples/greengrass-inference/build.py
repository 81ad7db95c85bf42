"""Build the inference component into a folder that both Greengrass command lines deploy from.

    python build.py MODEL_COMPONENT MODEL_COMPONENT_VERSION PUBLIC_KEY OUTPUT [BUCKET]

`MODEL_COMPONENT` is what an edge packaging job made, and `PUBLIC_KEY` what its packages are verified with. With
`edgewright component export --output OUTPUT` beside it, both components are in one folder. For a deployment from the
cloud, upload `artifacts/` to `s3://BUCKET/` and give the recipe to `aws greengrassv2 create-component-version`.
"""

# ruff: noqa: T201 - a script, and it prints

import base64
import hashlib
import json
import shutil
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
PROJECT = HERE.parents[1]
FILES = (
    HERE / "inference.py",
    PROJECT / "examples" / "verify_package.py",
    PROJECT / "src" / "edgewright" / "demo" / "data" / "held_out.npz",
)


def main(
    model_component: str, model_component_version: str, public_key: str, output: str, bucket: str = "local"
) -> None:
    """Copy the files, and write the recipe with their digests."""
    text = (HERE / "recipe.json").read_text(encoding="utf-8")
    text = text.replace("MODEL_COMPONENT_VERSION", model_component_version).replace("MODEL_COMPONENT", model_component)
    recipe = json.loads(text)
    name, version = recipe["ComponentName"], recipe["ComponentVersion"]
    folder = Path(output) / "artifacts" / name / version
    folder.mkdir(parents=True, exist_ok=True)
    copies = [shutil.copyfile(file, folder / file.name) for file in FILES]
    copies.append(shutil.copyfile(public_key, folder / "signing.pub.pem"))
    recipe["Manifests"][0]["Artifacts"] = [artifact(copy, f"s3://{bucket}/{name}/{version}") for copy in copies]
    path = Path(output) / "recipes" / f"{name}-{version}.json"
    path.parent.mkdir(exist_ok=True)
    path.write_text(json.dumps(recipe, indent=2) + "\n", encoding="utf-8")
    print(path)


def artifact(file: Path, prefix: str) -> dict[str, object]:
    """A file's entry in the recipe. A local deployment looks at the last part of the URI only."""
    return {
        "Uri": f"{prefix}/{file.name}",
        "Unarchive": "NONE",
        "Permission": {"Read": "ALL", "Execute": "NONE"},
        "Digest": base64.b64encode(hashlib.sha256(file.read_bytes()).digest()).decode(),
        "Algorithm": "SHA-256",
    }


if __name__ == "__main__":
    main(*sys.argv[1:])
