"""What a child that a model took over leaves behind: a real process, started in place of the compiler."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from edgewright.compiling import CompilationSpec, Compiled, Tensor, compilation, compile_model
from edgewright.compiling.leavings import printable
from edgewright.errors import CompilerFailed, ModelRefused
from edgewright.limits import Limits

SPEC = CompilationSpec("ONNX", target_device="rasp4b")
TENSOR = '{"name": "x", "shape": [1, null], "type": "float32"}'


@pytest.fixture(autouse=True)
def taken_over(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(compilation, "_CHILD", "unit.compiling.hostile_child")
    monkeypatch.setenv("PYTHONPATH", str(Path(__file__).parents[2]))


def compiled(tmp_path: Path, asked: str, **options: Any) -> Compiled:
    """Have the child leave what is asked of it; nothing of it is left then."""
    source, output = tmp_path / "asked", tmp_path / "out" / "artifact.tar.gz"
    source.write_text(asked)
    output.parent.mkdir()
    given: dict[str, Any] = {"sandbox": None, "stopping": lambda: False, "limits": Limits(), "time_limit": 60.0}
    try:
        return compile_model(SPEC, source, output, **given | options)
    finally:
        assert {path.name for path in output.parent.iterdir()} <= {"artifact.tar.gz"}


def secret(tmp_path: Path) -> Path:
    path = tmp_path / "secret"
    path.write_text('{"refused": "the signing key"}')
    return path


def test_a_plain_artifact_is_copied_and_measured_here(tmp_path: Path) -> None:
    done = compiled(tmp_path, "nothing")
    assert (done.size, done.sha256[:8], done.toolchain) == (11, "326086a5", {"a": "1"})
    assert (tmp_path / "out" / "artifact.tar.gz").read_bytes() == b"an artifact"
    assert (tmp_path / "out" / "artifact.tar.gz").stat().st_nlink == 1


@pytest.mark.parametrize("left", ["link", "hard-link", "fifo", "folder", "large"])
def test_an_artifact_that_is_no_plain_file_is_not_taken(tmp_path: Path, left: str) -> None:
    with pytest.raises(CompilerFailed, match=r"^The compiler left .*artifact\.tar\.gz"):
        compiled(tmp_path, f"artifact-{left} {secret(tmp_path)}")
    assert not (tmp_path / "out" / "artifact.tar.gz").exists()
    assert secret(tmp_path).exists()


@pytest.mark.parametrize("left", ["link", "hard-link", "fifo", "folder", "large"])
def test_an_answer_that_is_no_plain_file_is_not_read(tmp_path: Path, left: str) -> None:
    with pytest.raises(CompilerFailed, match=r"answer\.json") as raised:
        compiled(tmp_path, f"answer-{left} {secret(tmp_path)}")
    assert "signing key" not in raised.value.message


def test_its_log_is_not_read_by_a_name_that_it_could_link(tmp_path: Path) -> None:
    logs: list[str] = []
    with pytest.raises(CompilerFailed, match="SIGKILL") as raised:
        compiled(tmp_path, f"log-link {secret(tmp_path)}", log=logs.append)
    assert "signing key" not in raised.value.message + "".join(logs)


def test_no_log_and_no_database_gets_what_cannot_be_printed(tmp_path: Path) -> None:
    logs: list[str] = []
    with pytest.raises(ModelRefused) as raised:
        compiled(tmp_path, "unprintable", log=logs.append)
    assert raised.value.message.startswith("\ufffd\ufffd \ufffdxxx")
    assert len(raised.value.message) <= 4096
    assert logs == ["\ufffd\ufffd[2J\ufffd"]


def test_folders_are_removed_however_deep_and_closed(tmp_path: Path) -> None:
    assert compiled(tmp_path, "deep").size == 11


@pytest.mark.parametrize(
    "answer",
    [
        "{",
        "[]",
        '"refused"',
        "{}",
        '{"refused": 1}',
        '{"refused": "a", "refused": "b"}',
        '{"compiled": {}}',
        '{"compiled": {"inputs": [], "outputs": [], "toolchain": []}}',
        '{"compiled": {"inputs": [], "outputs": [], "toolchain": {"a": 1}}}',
        '{"compiled": {"inputs": {"a": 1}, "outputs": [], "toolchain": {}}}',
        '{"compiled": {"inputs": [{"name": 1, "shape": [], "type": ""}], "outputs": [], "toolchain": {}}}',
        '{"compiled": {"inputs": [{"name": "", "shape": ["1"], "type": ""}], "outputs": [], "toolchain": {}}}',
        '{"compiled": {"inputs": [{"name": "", "shape": [true], "type": ""}], "outputs": [], "toolchain": {}}}',
        '{"compiled": {"inputs": [{"name": "", "shape": [-1], "type": ""}], "outputs": [], "toolchain": {}}}',
        '{"compiled": {"inputs": [{"name": "", "shape": [1e400], "type": ""}], "outputs": [], "toolchain": {}}}',
        '{"compiled": ' + "[" * 400 + "]" * 400 + "}",
    ],
)
def test_an_answer_of_another_form_is_none(tmp_path: Path, answer: str) -> None:
    with pytest.raises(CompilerFailed, match="answer is not one"):
        compiled(tmp_path, f"answer {answer}")


def test_tensors_come_back_as_the_child_describes_them(tmp_path: Path) -> None:
    done = compiled(tmp_path, f'answer {{"compiled": {{"inputs": [{TENSOR}], "outputs": [], "toolchain": {{}}}}}}')
    assert done.inputs == (Tensor("x", (1, None), "float32"),)
    assert done.derived_data_input_config == '{"x": [1, null]}'


def test_text_is_cut() -> None:
    assert printable("abc\n\td\0", 5) == "abc\n\t"
