"""Airflow's scheduler for the embedded Airflow, with the libraries of short tasks loaded beforehand.

LocalExecutor's workers, and the tasks in them, are forks of the scheduler: what is imported here once is not
imported again for each of seventeen sources, and its memory is shared. dbt and Great Expectations are left
out: one task each uses them, and they are large.
"""

from __future__ import annotations

import importlib
import sys

PRELOADED = ("shirube.landing", "shirube.contracts", "shirube.ledger", "shirube.warehouse", "shirube.release")


def main() -> None:
    """Run `airflow scheduler` with the arguments of this process."""
    for name in PRELOADED:
        importlib.import_module(name)
    from airflow.__main__ import main as airflow

    sys.argv = ["airflow", "scheduler", *sys.argv[1:]]
    airflow()


if __name__ == "__main__":
    main()
