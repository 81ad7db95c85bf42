"""The engine as it ships: DBOS with its own defaults, a queue, and workflows that do nothing.

    shipped.py ENGINE_URL WORKFLOWS

It prints how many a second were enqueued, run and done. None of our settings is used: no other polling, no write-ahead
log, no limit on what runs at a time.
"""

from __future__ import annotations

import sys
import time

from dbos import DBOS


def main() -> None:
    """Enqueue all workflows at once, and wait for the last."""
    url, works = sys.argv[1], int(sys.argv[2])
    DBOS(config={"name": "shipped", "system_database_url": url, "log_level": "ERROR"})

    @DBOS.workflow()
    def nothing(_number: int) -> None:
        """No steps."""

    DBOS.launch()
    DBOS.register_queue("works")
    begun = time.perf_counter()
    for handle in [DBOS.enqueue_workflow("works", nothing, number) for number in range(works)]:
        handle.get_result(polling_interval_sec=0.02)
    print(works / (time.perf_counter() - begun), flush=True)
    DBOS.destroy()


if __name__ == "__main__":
    main()
