"""How long programs that run on devices take to start, beside an interpreter that does nothing.

.venv/bin/python benchmarks/startup.py [--rounds 9]
"""

from __future__ import annotations

import argparse
import statistics
import subprocess
import sys
import time

PROGRAMS = {
    "an interpreter that does nothing": ["-c", "pass"],
    "import edgewright.packaging, edgewright.signing": ["-c", "import edgewright.packaging, edgewright.signing"],
    "edgewright verify --help": ["-m", "edgewright", "verify", "--help"],
}


def main() -> None:
    """Run each program in turn, and print the medians."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=9)
    rounds = parser.parse_args().rounds
    seconds: dict[str, list[float]] = {name: [] for name in PROGRAMS}
    for _ in range(rounds):
        for name, arguments in PROGRAMS.items():
            begun = time.perf_counter()
            subprocess.run([sys.executable, *arguments], check=True, stdout=subprocess.DEVNULL)
            seconds[name].append(time.perf_counter() - begun)
    for name, found in seconds.items():
        print(f"{name:50} median {statistics.median(found):.3f} s, from {min(found):.3f} to {max(found):.3f}")


if __name__ == "__main__":
    main()
