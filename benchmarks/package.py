"""Packaging and verifying, against what a user does by hand, and against the cost of the parts alone, in one run.

    .venv/bin/python benchmarks/package.py [--sizes 10,400,5000] [--kinds float32,int8,files] [--rounds 5]

By hand: `tar xzf`, `model_signing sign`, `tar czf`; and `gzip -t`, `model_signing verify` on the unpacked folder.
The parts' limit: inflating, SHA-256 and deflating of the same bytes, in one thread, their CPU time over the processors.
Packaging and verifying run in processes of their own, which report their peak memory. The parts are measured between
them, once in each round, since a shared machine is not the same from minute to minute: the best round of each counts,
and the ratio of every round is printed too.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from isal import igzip_lib, isal_zlib
from typing_extensions import Buffer

from edgewright.limits import Limits
from edgewright.packaging import SIGNATURE_NAME, Model, gzip_members, package, verify
from edgewright.packaging.threaded_pipeline import processors
from edgewright.signing.keys import PRIVATE_FILE, PUBLIC_FILE, load_or_create

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

MIB = 1024 * 1024


# --- artifacts ------------------------------------------------------------------------------------------------------


def float32(count: int, seed: int) -> np.ndarray[Any, Any]:
    """Weights as after training: normal, each layer with its own spread."""
    chance = np.random.default_rng(seed)
    return chance.standard_normal(count, dtype=np.float32) * np.float32(chance.uniform(0.01, 0.2))


def int8(count: int, seed: int) -> np.ndarray[Any, Any]:
    """The same, quantised."""
    return np.clip(np.round(float32(count, seed) * 400), -127, 127).astype(np.int8)


def make_model(kind: str, size: int, folder: Path) -> None:
    """A compiled model of about `size` bytes: four files of weights, or many small ones, and Neo's small files."""
    folder.mkdir(parents=True)
    (folder / "compiled_model.json").write_text(json.dumps({"nodes": [{"op": f"conv{n}"} for n in range(2000)]}))
    (folder / "compiled.meta").write_text(json.dumps({"Model": {"Inputs": [], "Outputs": []}}))
    if kind == "files":
        for number in range(size // 16_384):
            path = folder / f"blocks/{number // 100:04}/{number:06}.bin"
            path.parent.mkdir(parents=True, exist_ok=True)
            float32(4096, number).tofile(path)
        return
    for number, share in enumerate((0.5, 0.3, 0.15, 0.05)):
        with (folder / f"weights{number}.params").open("wb") as file:
            count = int(size * share) // (4 if kind == "float32" else 1)
            for seed in range(0, count, 4 * MIB):
                layer = (float32 if kind == "float32" else int8)(min(4 * MIB, count - seed), number * 10_000 + seed)
                layer.tofile(file)


def change_one_percent(folder: Path) -> None:
    """Change one percent of all bytes, in one stretch from the middle of the archive on."""
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    total = sum(path.stat().st_size for path in files)
    begin, end, offset = total * 2 // 5, total * 2 // 5 + total // 100, 0
    chance = np.random.default_rng(9)
    for path in files:
        size = path.stat().st_size
        first, last = max(begin - offset, 0), min(end - offset, size)
        offset += size
        if first < last:
            with path.open("r+b") as file:
                file.seek(first)
                file.write(chance.bytes(last - first))


# --- what is measured -----------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Cost:
    """Seconds of wall time, and peak memory in MiB where it is known."""

    seconds: float
    memory: float = 0.0


def run(*command: str | Path, cwd: Path | None = None) -> float:
    """Seconds that a command takes."""
    begin = time.perf_counter()
    subprocess.run(command, cwd=cwd, check=True, stdout=subprocess.DEVNULL)
    return time.perf_counter() - begin


def in_child(step: str, *arguments: str | Path) -> Cost:
    """One step in a process of its own."""
    command = [sys.executable, __file__, "--step", step, *map(str, arguments)]
    return Cost(**json.loads(subprocess.run(command, check=True, capture_output=True).stdout))


def pieces(path: Path) -> Iterator[bytes]:
    """A file in pieces of 1 MiB."""
    with path.open("rb", buffering=0) as file:
        while piece := file.read(MIB):
            yield piece


def package_step(source: str, target: str, keys: str) -> None:
    """Package from file to file."""

    def write(offered: Iterator[Buffer]) -> None:
        with Path(target).open("wb", buffering=0) as file:
            file.writelines(offered)

    package(pieces(Path(source)), write, Model("bench", "1"), load_or_create(Path(keys)), Limits())


def verify_step(source: str, keys: str) -> None:
    """Verify a file."""
    verify(pieces(Path(source)), [load_or_create(Path(keys)).public_key])


STEPS: dict[str, Callable[..., None]] = {
    "package": package_step,
    "verify": verify_step,
}


def run_step(name: str, arguments: list[str]) -> None:
    """In the child: one step, its time and its peak memory as JSON."""
    begin = time.perf_counter()
    STEPS[name](*arguments)
    seconds = time.perf_counter() - begin
    print(json.dumps({"seconds": seconds, "memory": peak_memory()}))


def peak_memory() -> float:
    """MiB. Not from getrusage, which counts the parent's memory at the fork as well."""
    status = Path("/proc/self/status").read_text(encoding="utf-8")
    return next(int(line.split()[1]) / 1024 for line in status.splitlines() if line.startswith("VmHWM"))


def inflate(path: Path) -> Iterator[memoryview]:
    """The bytes inside a gzip file, in one reused buffer."""
    buffer = memoryview(bytearray(MIB))
    with path.open("rb", buffering=0) as file:
        reader = isal_zlib._GzipReader(file, MIB // 2)
        while size := reader.readinto(buffer):
            yield buffer[:size]


def parts(source: Path, made: Path) -> dict[str, float]:
    """CPU seconds of each part alone, measured side by side on each MiB."""
    cost = dict.fromkeys(("inflate source", "sha256", "deflate", "inflate package"), 0.0)
    hasher = hashlib.sha256()
    tick = time.process_time()

    def book(part: str) -> None:
        nonlocal tick
        now = time.process_time()
        cost[part] += now - tick
        tick = now

    for tar in inflate(source):
        book("inflate source")
        hasher.update(tar)
        book("sha256")
        igzip_lib.compress(tar, gzip_members.LEVEL, igzip_lib.COMP_GZIP)
        book("deflate")
    for _ in inflate(made):
        pass
    book("inflate package")
    return cost


def by_hand(source: Path, folder: Path, key: Path) -> float:
    """`tar xzf`, `model_signing sign`, `tar czf`."""
    unpacked = folder / "by-hand"
    unpacked.mkdir()
    seconds = run("tar", "xzf", source, cwd=unpacked)
    seconds += run(sys.executable, "-W", "ignore", "-m", "model_signing", "sign", "key", unpacked,
                   "--signature", unpacked / SIGNATURE_NAME, "--private_key", key)  # fmt: skip
    seconds += run("tar", "czf", folder / "by-hand.tar.gz", "-C", unpacked, ".")
    shutil.rmtree(unpacked)
    return seconds


def verify_by_hand(made: Path, folder: Path, key: Path) -> float:
    """`gzip -t`, and `model_signing verify` on the unpacked folder; the unpacking itself is not counted."""
    unpacked = folder / "unpacked"
    unpacked.mkdir()
    run("tar", "xzf", made, cwd=unpacked)
    seconds = run("gzip", "-t", made)
    seconds += run(sys.executable, "-W", "ignore", "-m", "model_signing", "verify", "key", unpacked,
                   "--signature", unpacked / SIGNATURE_NAME, "--public_key", key)  # fmt: skip
    shutil.rmtree(unpacked)
    return seconds


# --- delta-readiness ------------------------------------------------------------------------------------------------


def standing_share(new: Path, old: Path) -> float:
    """The share of the new package's bytes whose gzip members are in the old one."""
    known = {hashlib.sha256(member).digest() for member in gzip_members.split(pieces(old), Limits(), None)}
    kept = total = 0
    for member in gzip_members.split(pieces(new), Limits(), None):
        total += len(member)
        kept += len(member) if hashlib.sha256(member).digest() in known else 0
    return kept / total


def standing_share_plain(new: Path, old: Path, block: int = 4096) -> float:
    """The same for any two files: blocks of the new one that begin anywhere in the old one.

    After the first change a plain deflate stream differs to its end: the common head and tail are enough.
    """
    before, after = (np.memmap(path, np.uint8, mode="r") for path in (old, new))
    head = tail = 0
    shorter = min(len(before), len(after))
    while head + block <= shorter and np.array_equal(before[head : head + block], after[head : head + block]):
        head += block
    while tail + block <= shorter - head and np.array_equal(
        before[len(before) - tail - block : len(before) - tail], after[len(after) - tail - block : len(after) - tail]
    ):
        tail += block
    return min(head + tail, len(after)) / len(after)


# --- the report -----------------------------------------------------------------------------------------------------


def archive(model: Path, target: Path) -> None:
    """A tar.gz of a model's folder, as `tar czf` makes it."""
    run("tar", "--sort=name", "-czf", target, "-C", model, ".")


@dataclass(frozen=True, slots=True)
class Round:
    """What one step took, and what its parts took right after, as the limit of all processors together."""

    cost: Cost
    limit: float


def rounds(count: int, source: Path, made: Path, keys: Path) -> dict[str, list[Round]]:
    """Each step and the parts, one after the other, several times."""
    found: dict[str, list[Round]] = {step: [] for step in STEPS}
    for number in range(count):
        costs = {}
        for step in STEPS:
            if step != "verify":
                made.unlink(missing_ok=True)
            costs[step] = in_child(step, *((made,) if step == "verify" else (source, made)), keys)
        cost = parts(source, made)
        if not number:
            print("  parts' CPU:   " + ", ".join(f"{part} {seconds:.2f} s" for part, seconds in cost.items()))
        for step, spent in costs.items():
            inflating = ("inflate package",) if step == "verify" else ("inflate source", "deflate")
            limit = sum(cost[part] for part in (*inflating, "sha256")) / processors()
            found[step].append(Round(spent, limit))
    return found


def report(kind: str, size: int, count: int, folder: Path, keys: Path) -> None:
    """Measure one artifact, and print its figures."""
    model, source, made = folder / "model", folder / "source.tar.gz", folder / "package.tar.gz"
    make_model(kind, size * MIB, model)
    archive(model, source)
    print(f"\n{kind}, {size} MiB unpacked, {source.stat().st_size / MIB:,.1f} MiB as tar.gz")
    found = rounds(count, source, made, keys)
    packaging_by_hand = by_hand(source, folder, keys / PRIVATE_FILE)
    line("package", found["package"], packaging_by_hand)
    line("verify", found["verify"], verify_by_hand(made, folder, keys / PUBLIC_FILE))
    share = made.stat().st_size / source.stat().st_size
    print(f"  size:         {made.stat().st_size / MIB:,.1f} MiB, {share:.3f} of the source's")
    report_delta(model, source, made, keys)


def line(what: str, found: list[Round], hand: float) -> None:
    """One figure with its two peers: the best round of each, the most memory of any, and every round's ratio."""
    seconds, limit = min(one.cost.seconds for one in found), min(one.limit for one in found)
    memory = max(one.cost.memory for one in found)
    ratios = " ".join(f"{one.cost.seconds / one.limit:.2f}" for one in found)
    print(
        f"  {what + ':':13} {seconds:.2f} s, peak memory {memory:.0f} MiB; "
        f"by hand {hand:.2f} s ({hand / seconds:.1f} times as long); "
        f"parts' limit on {processors()} processors {limit:.2f} s ({seconds / limit:.2f} of it; by round {ratios})"
    )


def report_delta(model: Path, source: Path, made: Path, keys: Path) -> None:
    """How much of a new version's package is in the old one."""
    again, made_again = source.with_name("again.tar.gz"), made.with_name("again-package.tar.gz")
    change_one_percent(model)
    archive(model, again)
    package_step(str(again), str(made_again), str(keys))
    ours, plain = standing_share(made_again, made), standing_share_plain(again, source)
    print(f"  1 % changed:  {ours:.1%} of the new package's bytes are in the old one; plain tar.gz {plain:.1%}")


def main() -> None:
    """Parse the command line, and measure."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0] if __doc__ else None)
    parser.add_argument("--sizes", default="10,400", help="MiB, separated by commas")
    parser.add_argument("--kinds", default="float32,int8,files", help="float32, int8, files")
    parser.add_argument("--rounds", type=int, default=5, help="how often each step is measured; the best counts")
    parser.add_argument("--folder", type=Path, help="where the artifacts go; a temporary folder if it is not given")
    parser.add_argument("--step", nargs=argparse.REMAINDER, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.step:
        run_step(options.step[0], options.step[1:])
        return
    print(f"{processors()} processors; best of {options.rounds} rounds; one run by hand")
    for size in map(int, options.sizes.split(",")):
        for kind in options.kinds.split(","):
            with tempfile.TemporaryDirectory(dir=options.folder) as folder:
                load_or_create(Path(folder) / "keys")
                report(kind, size, options.rounds, Path(folder), Path(folder) / "keys")


if __name__ == "__main__":
    os.environ["PYTHONWARNINGS"] = "ignore"
    main()
