"""`make chaos`: a chaos test of real processes, and whether everything held.

    PYTHONPATH=tests python -m chaos --seed 1 --database postgresql

Exit code 0 when everything holds; 1 when something does not, and the logs of every process are kept then.
"""

from __future__ import annotations

import argparse
import shutil
import signal
import sys
import tempfile
from pathlib import Path

from chaos.harness import Setup
from chaos.report import report
from chaos.run import ChaosRun
from contract.s3_servers import S3_SERVERS
from faulty_proxy import Rates

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
"""One request in ten meets a fault."""
EXIT_ENDED = 143
STORES = {"postgresql": "s3", "sqlite": "directory"}


def main() -> int:
    """Run the chaos test that the command line asks for."""
    parser = argparse.ArgumentParser(prog="chaos", description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--seed", type=int, default=1, help="decides plan, schedule and faults")
    parser.add_argument("--database", choices=list(STORES), default="postgresql")
    stores = [*S3_SERVERS, "directory"]
    parser.add_argument("--store", choices=stores, help="s3 (moto) on PostgreSQL, directory on SQLite")
    parser.add_argument("--jobs", type=int, default=200)
    parser.add_argument("--seconds", type=float, default=120.0, help="how long jobs are created and faults injected")
    parser.add_argument("--pace", type=float, default=1.0, help="a factor on the times between two faults")
    parser.add_argument("--keep", action="store_true", help="keep the folder with databases and logs")
    arguments = parser.parse_args()
    store = arguments.store or STORES[arguments.database]
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(EXIT_ENDED))  # the harness kills every process on the way
    setup = Setup(arguments.database, store, arguments.seed, RATES, arguments.pace)
    return run_and_report(ChaosRun(setup, arguments.jobs, arguments.seconds), keep=arguments.keep)


def run_and_report(run: ChaosRun, *, keep: bool) -> int:
    """Run one chaos test, and print; the exit code."""
    folder = Path(tempfile.mkdtemp(prefix="edgewright-chaos-"))
    _say(f"everything is kept in {folder}")
    outcome = run.run(folder / "harness", _say)
    _say(report(run, outcome, folder / "harness" / "logs"))
    if outcome.violations:
        _say(f"the logs of every process: {folder / 'harness' / 'logs'}")
        return 1
    if not keep:
        shutil.rmtree(folder)
    return 0


def _say(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
