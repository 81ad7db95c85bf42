"""`make torture`: a storm over real processes, and whether everything held.

    PYTHONPATH=tests python -m torture --seed 1 --database postgresql

Exit code 0 when everything holds; 1 when something does not, and the logs of every process are kept then.
"""

from __future__ import annotations

import argparse
import shutil
import signal
import sys
import tempfile
from pathlib import Path

from faulty_proxy import Rates
from torture.house import Shape
from torture.report import report
from torture.storm import Storm

RATES = Rates(
    error=0.02,
    slow_down=0.02,
    lost=0.01,
    reset=0.01,
    reset_after=0.01,
    stall=0.01,
    stall_after=0.01,
    truncation=0.01,
    stall_seconds=3.0,
)
"""One request in ten is harmed."""
EXIT_ENDED = 143
STORES = {"postgresql": "s3", "sqlite": "directory"}


def main() -> int:
    """Run the storms that the command line asks for."""
    parser = argparse.ArgumentParser(prog="torture", description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--seed", type=int, default=1, help="decides plan, schedule and faults")
    parser.add_argument("--database", choices=list(STORES), default="postgresql")
    parser.add_argument("--store", choices=["s3", "directory"], help="s3 on PostgreSQL, directory on SQLite")
    parser.add_argument("--jobs", type=int, default=200)
    parser.add_argument("--seconds", type=float, default=120.0, help="how long the storm lasts")
    parser.add_argument("--pace", type=float, default=1.0, help="a factor on the times between two strikes")
    parser.add_argument("--keep", action="store_true", help="keep the folder with databases and logs")
    arguments = parser.parse_args()
    store = arguments.store or STORES[arguments.database]
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(EXIT_ENDED))  # every process of the house is killed on the way
    shape = Shape(arguments.database, store, arguments.seed, RATES, arguments.pace)
    return tortured(Storm(shape, arguments.jobs, arguments.seconds), keep=arguments.keep)


def tortured(storm: Storm, *, keep: bool) -> int:
    """Run one storm, and print; the exit code."""
    folder = Path(tempfile.mkdtemp(prefix="edgewright-torture-"))
    _say(f"everything is kept in {folder}")
    outcome = storm.run(folder / "house", _say)
    _say(report(storm, outcome, folder / "house" / "logs"))
    if outcome.findings:
        _say(f"the logs of every process: {folder / 'house' / 'logs'}")
        return 1
    if not keep:
        shutil.rmtree(folder)
    return 0


def _say(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
