"""Components on real nuclei: `make nuclei`, with the nuclei that its variables name.

The tests of a core are steps of one story, in their order.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tarfile
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from acceptance.running import serving
from acceptance.test_greengrass_components import BUILD, INFERENCE, SAMPLE, compile_digits, packaged, place, run
from nuclei.container import eventually
from nuclei.cores import Core, Lite, classic, lite, work

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from contextlib import AbstractContextManager

NAME, VERSION = SAMPLE
HIGHER = "1.0.3"
MODEL, CONSUMER = f"{NAME}={VERSION}", f"{INFERENCE}=1.0.0"
NUCLEI: dict[str, Callable[[Path, Path, Path], AbstractContextManager[Core]]] = {
    "EDGEWRIGHT_NUCLEUS_LITE": lite,
    "EDGEWRIGHT_NUCLEUS_CLASSIC": classic,
}
GIVEN = [name for name in NUCLEI if os.environ.get(name)]

pytestmark = pytest.mark.timeout(400)


@pytest.fixture(scope="module")
def components(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Freshly made: the model's component in two versions, and the one that runs the model."""
    assert GIVEN, f"No nucleus is given: set {' or '.join(NUCLEI)}. CONTRIBUTING.md says to what."
    out = tmp_path_factory.mktemp("components")
    with serving(tmp_path_factory.mktemp("service") / "data") as server:
        compile_digits(server)
        for job, version in (("first", VERSION), ("second", HIGHER)):
            packaged(server, job, f'{{"ComponentName":"{NAME}", "ComponentVersion":"{version}"}}')
            run("component", "export", job, "--output", out, *place(server))
        key = server.data_dir / "keys" / "signing.pub.pem"
        subprocess.run([sys.executable, BUILD, *SAMPLE, key, out], check=True, capture_output=True)
    for path in [out, *out.parents]:  # the components' user reads from it
        if path.owner() == "root" and "pytest" in str(path):
            path.chmod(0o755)
    yield out
    shutil.rmtree(out)


@pytest.fixture(scope="module", params=GIVEN or ["none"])
def core(request: pytest.FixtureRequest, components: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Core]:
    """A real nucleus in a container."""
    start = NUCLEI[request.param]
    with start(Path(os.environ[request.param]).resolve(), components, tmp_path_factory.mktemp("core")) as running:
        yield running


def test_the_models_component_is_unpacked_and_stays(core: Core, components: Path) -> None:
    assert core.deploy(components, MODEL) == "SUCCEEDED"
    eventually(lambda: "Model digits version 1.0 is ready in" in core.log(NAME), 60, "the model's word")
    package = components / "artifacts" / NAME / VERSION / "digits-1.0.tar.gz"
    with tarfile.open(package) as archive:
        members = {member.name: archive.extractfile(member) for member in archive if member.isfile()}
        for name, content in members.items():
            assert content is not None
            assert (work(core, NAME) / name).read_bytes() == content.read()
    assert {path.name for path in work(core, NAME).iterdir()} == set(members)
    assert core.runs(NAME)


def test_another_component_verifies_and_runs_the_model(core: Core, components: Path) -> None:
    assert core.deploy(components, MODEL, CONSUMER) == "SUCCEEDED"
    eventually(lambda: "200 samples: 200 right" in core.log(INFERENCE), 60, "the consumer's answers")
    assert "digits 1.0 is as signed" in core.log(INFERENCE)
    assert core.runs(NAME)
    assert core.runs(INFERENCE)


def test_a_model_that_was_changed_on_the_core_is_not_run(core: Core) -> None:
    (model,) = work(core, NAME).glob("*.ort")
    content = bytearray(model.read_bytes())
    content[len(content) // 2] ^= 1
    model.write_bytes(content)
    core.restart(INFERENCE)
    eventually(lambda: "REFUSED: 'model.ort' is not as signed" in core.log(INFERENCE), 60, "the refusal")


def test_a_higher_version_leaves_nothing_of_the_one_before(core: Core, components: Path) -> None:
    before = core.log(NAME).count("is ready in")
    for name in ("left.bin", ".hidden"):
        (work(core, NAME) / name).write_bytes(b"of the version before")
    assert core.deploy(components, f"{NAME}={HIGHER}", CONSUMER) == "SUCCEEDED"
    eventually(lambda: core.log(NAME).count("is ready in") > before, 60, "the new version's word")
    assert not {"left.bin", ".hidden"} & {path.name for path in work(core, NAME).iterdir()}
    eventually(lambda: core.runs(INFERENCE), 60, "the consumer's start on a sound model")


def test_the_component_ends_with_the_nucleus(core: Core) -> None:
    if not isinstance(core, Lite):
        core.container.run("systemctl", "stop", "greengrass.service")
        assert "sleep infinity" not in core.container.run("ps", "ax")
        return
    core.container.run("systemctl", "stop", "greengrass-lite.target")
    eventually(lambda: not core.runs(NAME), 60, "the component's end")
