"""The extract of the service model is what the installed botocore ships, without its prose."""

from __future__ import annotations

import json
import re
import runpy
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from botocore.loaders import Loader

from edgewright.protocol import Shape, load_service

if TYPE_CHECKING:
    from collections.abc import Iterator

REPOSITORY = Path(__file__).parents[2]
MODELS = REPOSITORY / "src" / "edgewright" / "protocol" / "models"
SERVICES = ["sagemaker", "sagemaker-edge", "greengrassv2"]


def extract(service: str) -> dict[str, Any]:
    return json.loads((MODELS / f"{service}.json").read_text(encoding="utf-8"))  # type: ignore[no-any-return]


def trimmed(value: Any) -> Any:
    """A shape or operation of botocore's without its documentation, by another way than the script's."""
    text = json.dumps(value, sort_keys=True)
    return json.loads(text, object_hook=lambda found: {k: v for k, v in found.items() if not is_prose(k, v)})


def is_prose(key: str, value: Any) -> bool:
    return isinstance(value, str) and key in {"documentation", "documentationUrl", "deprecatedMessage"}


def test_the_script_finds_nothing_to_change() -> None:
    script = REPOSITORY / "scripts" / "extract_service_model.py"
    done = subprocess.run([sys.executable, script, "--check"], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")


def test_the_script_notices_what_is_out_of_date(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    script = runpy.run_path(str(REPOSITORY / "scripts" / "extract_service_model.py"))
    main = script["main"]
    monkeypatch.setitem(main.__globals__, "MODELS", tmp_path)
    monkeypatch.setattr(sys, "argv", ["extract", "--check"])
    assert main() == 1
    monkeypatch.setattr(sys, "argv", ["extract"])
    assert main() == 0
    for service in SERVICES:
        assert (tmp_path / f"{service}.json").read_bytes() == (MODELS / f"{service}.json").read_bytes()
    (tmp_path / "greengrassv2.json").write_text("{}", encoding="utf-8")
    monkeypatch.setattr(sys, "argv", ["extract", "--check"])
    assert main() == 1


@pytest.mark.parametrize("service", SERVICES)
def test_operations_and_shapes_are_botocores(service: str) -> None:
    ours, theirs = extract(service), Loader().load_service_model(service, "service-2")
    assert ours["metadata"] == theirs["metadata"]
    for kind in ("operations", "shapes"):
        assert {name: trimmed(theirs[kind][name]) for name in ours[kind]} == ours[kind]


@pytest.mark.parametrize("service", ["sagemaker-edge", "greengrassv2"])
def test_the_small_services_are_whole(service: str) -> None:
    theirs = Loader().load_service_model(service, "service-2")
    assert list(extract(service)["operations"]) == list(theirs["operations"])


def test_sagemaker_has_every_operation_of_its_kinds() -> None:
    theirs = Loader().load_service_model("sagemaker", "service-2")["operations"]
    wanted = {name for name in theirs if re.search("Edge|Device|CompilationJob", name)}
    assert set(extract("sagemaker")["operations"]) == wanted | {"AddTags", "ListTags", "DeleteTags"}


@pytest.mark.parametrize("service", SERVICES)
def test_no_prose_and_nothing_unreachable(service: str) -> None:
    model = extract(service)
    assert "<p>" not in (MODELS / f"{service}.json").read_text(encoding="utf-8")
    reached = {shape.name for operation in load_service(service).operations.values() for shape in shapes_of(operation)}
    assert reached == set(model["shapes"])


def shapes_of(operation: Any) -> Iterator[Shape]:
    roots = [shape for shape in (operation.input, operation.output, *operation.error_shapes) if shape]
    seen: set[Shape] = set()
    while roots:
        shape = roots.pop()
        if shape not in seen:
            seen.add(shape)
            yield shape
            roots.extend(member.shape for member in shape.members.values())


def test_the_program_does_not_import_botocore() -> None:
    code = "import sys, edgewright.protocol as p; p.load_service('sagemaker'); sys.exit('botocore' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
