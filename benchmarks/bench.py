"""Measure the pipeline against a plain hand-written DuckDB script on the same lake, in one run.

Each step runs in a process of its own, so that its peak memory is its own. Sizes are in touchpoints; the
sample company grows by physicians. Nothing here is a test: a slow machine makes a slow table, not a failure.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import resource
import shutil
import subprocess
import sys
import time
from dataclasses import asdict, dataclass
from pathlib import Path

HERE = Path(__file__).resolve().parent
TOUCHPOINTS_PER_PHYSICIAN = (
    36  # of a sample company over 12 months, rounded; the table shows what was counted
)

STEP_CODE = {
    "land": "from shirube.landing import land; land(home)",
    "build": "from shirube.warehouse import build; build(home)",
    "audit": (
        "from shirube.warehouse import last_build; from shirube.audit import audit; audit(home, last_build(home))"
    ),
    "publish": (
        "from shirube.warehouse import last_build; from shirube.audit import read_audit; "
        "from shirube.release import publish; b = last_build(home); publish(home, b, read_audit(home, b.release_id))"
    ),
}


@dataclass(frozen=True)
class Measurement:
    """One step of one size: wall seconds and the peak resident memory of its largest process, in MiB."""

    touchpoints: int
    step: str
    seconds: float
    peak_mib: float
    rows_per_second: float


def measure(command: list[str], environment: dict[str, str]) -> tuple[float, float]:
    """Run `command` to its end; return wall seconds and peak MiB. Raises CalledProcessError if it fails."""
    started = time.perf_counter()
    process = subprocess.Popen(command, env=environment)
    _, status, usage = os.wait4(process.pid, 0)
    seconds = time.perf_counter() - started
    if status:
        raise subprocess.CalledProcessError(os.waitstatus_to_exitcode(status), command[:3])
    # dbt runs in a grandchild, which wait4 counts only in ru_maxrss of its own parent: the larger one is meant.
    peak = max(usage.ru_maxrss, 0)
    return seconds, peak / 1024


def touchpoints_in(home: Path) -> int:
    """Rows of the published touchpoint fact."""
    import duckdb

    file = home / "releases" / "current" / "star" / "fct_touchpoint.parquet"
    row = duckdb.sql(f"select count(*) from read_parquet('{file}')").fetchone()
    return int(row[0]) if row else 0


def bench(size: int, folder: Path) -> list[Measurement]:
    """Every step for one size, then the plain script on the lake that the pipeline landed."""
    shutil.rmtree(folder, ignore_errors=True)
    home = folder / "home"
    environment = os.environ | {"SHIRUBE_HOME": str(home)}
    physicians = max(300, size // TOUCHPOINTS_PER_PHYSICIAN)
    python = sys.executable
    raw: list[tuple[str, float, float]] = []
    code = (
        "import sys; from pathlib import Path; from shirube.sample import generate; "
        f"generate(Path(sys.argv[1]), seed=7, physicians={physicians}, months=12)"
    )
    raw.append(("sample", *measure([python, "-c", code, str(folder / "sample")], environment)))
    (home / "inbox").mkdir(parents=True)
    for source in sorted(path for path in (folder / "sample").iterdir() if path.is_dir()):
        shutil.move(source, home / "inbox" / source.name)
    for step, body in STEP_CODE.items():
        code = f"from shirube.home import Home; home = Home.resolve(); {body}"
        raw.append((step, *measure([python, "-c", code], environment)))
        print(f"{size:>12,} {step:<8} {raw[-1][1]:8.1f} s {raw[-1][2]:8.0f} MiB", flush=True)
    plain = [python, str(HERE / "plain.py"), str(home), str(folder / "plain")]
    raw.append(("plain script", *measure(plain, environment)))
    rows = touchpoints_in(home)
    return [
        Measurement(rows, step, round(s, 2), round(mib), round(rows / s) if s else 0) for step, s, mib in raw
    ]


def table(measurements: list[Measurement]) -> str:
    """The results as a small Markdown table, with the ratios that matter."""
    lines = [
        "# Benchmarks",
        "",
        f"{os.cpu_count()} cores, {memory_gib():.0f} GiB memory, {platform.system()} {platform.machine()}, "
        f"Python {platform.python_version()}. Made by `make bench`; the plain script is `benchmarks/plain.py`.",
        "",
        "| touchpoints | step | seconds | peak MiB | rows/s |",
        "|---:|---|---:|---:|---:|",
    ]
    lines += [
        f"| {m.touchpoints:,} | {m.step} | {m.seconds:.1f} | {m.peak_mib:.0f} | {m.rows_per_second:,} |"
        for m in measurements
    ]
    lines.append("")
    for size in sorted({m.touchpoints for m in measurements}):
        steps = {m.step: m for m in measurements if m.touchpoints == size}
        whole = sum(steps[s].seconds for s in ("build", "audit", "publish"))
        lines.append(
            f"- {size:,} touchpoints: build + audit + publish {whole:.1f} s, "
            f"**{whole / steps['plain script'].seconds:.2f} times** the plain script; "
            f"audit {100 * steps['audit'].seconds / whole:.0f} % of it; "
            f"peak {max(m.peak_mib for m in steps.values()):.0f} MiB."
        )
    return "\n".join(lines) + "\n"


def memory_gib() -> float:
    """Memory of this machine in GiB."""
    return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30


def main() -> None:
    """Measure the sizes asked for and write `benchmarks/results.md` and `results.json`."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sizes", type=int, nargs="+", default=[1_000_000, 10_000_000])
    parser.add_argument("--folder", type=Path, default=Path("var") / "bench")
    arguments = parser.parse_args()
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    measurements: list[Measurement] = []
    for size in arguments.sizes:
        measurements += bench(size, arguments.folder.resolve() / str(size))
        shutil.rmtree(arguments.folder / str(size), ignore_errors=True)
    (HERE / "results.json").write_text(json.dumps([asdict(m) for m in measurements], indent=1) + "\n")
    (HERE / "results.md").write_text(table(measurements))
    print(table(measurements))


if __name__ == "__main__":
    main()
