"""Measure the pipeline against a plain hand-written DuckDB script on the same lake, in one run.

Each step runs in a process of its own. Its peak is the largest sum of the resident memory of that process
and its descendants (dbt is one), looked at 20 times a second. Sizes are in touchpoints; the sample company
grows by physicians. Nothing here is a test: a slow machine makes a slow table, not a failure.

    python benchmarks/bench.py [--sizes 1000000 10000000] [--copies 1] [--without-plain] [--folder var/bench]

With copies, a company of a part of the size is landed and then repeated in the lake (`enlarge.py`). A size
that is measured again replaces what was measured of it; the others stay.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import shutil
import subprocess
import sys
import time
from collections.abc import Collection
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from plain import MARTS
from shirube.engine import memory_limit

HERE = Path(__file__).resolve().parent
TOUCHPOINTS_PER_PHYSICIAN = (
    65  # of a sample company over 12 months, rounded; the table shows what was counted
)
SECONDS_BETWEEN_LOOKS = 0.05
MIB = 2**20

ESTIMATES_LOG = "estimates.jsonl"
STEP_CODE = {
    "land": "from shirube.landing import land; land(home)",
    "build": (
        "import json; from shirube.warehouse import build; log = open(sys.argv[1], 'a'); "
        "build(home, progress=lambda name, facts: name == 'estimated' and print(json.dumps(facts), file=log))"
    ),
    "audit": (
        "from shirube.warehouse import last_build; from shirube.audit import audit; "
        "audit(home, last_build(home))"
    ),
    "publish": (
        "from shirube.warehouse import last_build; from shirube.audit import read_audit; "
        "from shirube.release import publish; b = last_build(home); "
        "publish(home, b, read_audit(home, b.release_id))"
    ),
}
WHOLE_RUN = ("build", "audit", "publish")
BEFORE_COPIES = ("sample", "land")
PLAIN = "plain script"
MADE_BY_BOTH = ("core behind the script's marts", "the script's marts")
"""Parts of a build that the plain script makes too."""


@dataclass(frozen=True)
class Measurement:
    """One step of one size: wall seconds, CPU seconds and peak resident memory (MiB) of its process tree."""

    touchpoints: int
    step: str
    seconds: float
    cpu_seconds: float
    peak_mib: float
    rows_per_second: float


def resident_bytes(pid: int) -> int:
    """Resident memory of a process and its descendants; 0 for one that has ended."""
    try:
        pages = int(Path(f"/proc/{pid}/statm").read_text().split()[1])
        tasks = list(Path(f"/proc/{pid}/task").iterdir())
        children = [int(child) for task in tasks for child in (task / "children").read_text().split()]
    except OSError:
        return 0
    return pages * os.sysconf("SC_PAGE_SIZE") + sum(resident_bytes(child) for child in children)


def measure(command: list[str], environment: dict[str, str]) -> tuple[float, float, float]:
    """Run `command` to its end; return wall seconds, CPU seconds and peak MiB. Raises CalledProcessError."""
    before = os.times()
    started = time.perf_counter()
    peak = 0
    with subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL) as process:
        while process.poll() is None:
            peak = max(peak, resident_bytes(process.pid))
            time.sleep(SECONDS_BETWEEN_LOOKS)
        seconds = time.perf_counter() - started
    if process.returncode:
        raise subprocess.CalledProcessError(process.returncode, command[:3])
    after = os.times()
    cpu = after.children_user + after.children_system - before.children_user - before.children_system
    return seconds, cpu, peak / MIB


def touchpoints_in(home: Path) -> int:
    """Rows of the published touchpoint fact."""
    import duckdb

    file = home / "releases" / "current" / "star" / "fct_touchpoint.parquet"
    row = duckdb.sql(f"select count(*) from read_parquet('{file}')").fetchone()
    return int(row[0]) if row else 0


def models_behind(manifest: dict[str, Any], marts: Collection[str]) -> set[str]:
    """Names of all models that these marts are made of, the marts themselves left out."""
    reads = {
        key: [parent for parent in node["depends_on"]["nodes"] if parent.startswith("model.")]
        for key, node in manifest["nodes"].items()
        if node["resource_type"] == "model"
    }
    found: set[str] = set()
    waiting = [key for key in reads if manifest["nodes"][key]["name"] in marts]
    while waiting:
        parents = [parent for parent in reads[waiting.pop()] if parent not in found]
        found.update(parents)
        waiting += parents
    return {manifest["nodes"][key]["name"] for key in found} - set(marts)


def parts_of_the_build(home: Path, estimates_log: Path) -> tuple[dict[str, float], dict[str, float]]:
    """Seconds of the last build by part, and of its ten slowest pieces.

    A model's seconds are dbt's; where two models are built side by side they add up to more than the clock's.
    """
    folder = home / "warehouse" / "builds" / (home / "warehouse" / "last").read_text(encoding="ascii").strip()
    models = json.loads((folder / "build.json").read_text(encoding="utf-8"))["models"]
    manifest = json.loads((folder / "manifest.json").read_text(encoding="utf-8"))
    # The table of all KPIs reads every mart: what is behind it says nothing of what the script makes.
    behind = models_behind(manifest, set(MARTS) - {"fct_kpi_value"})
    pieces = {model["name"]: float(model["seconds"]) for model in models}
    estimates = [json.loads(line) for line in estimates_log.read_text(encoding="utf-8").splitlines()]
    parts = dict.fromkeys((*MADE_BY_BOTH, "other core", "other marts"), 0.0)
    for model in models:
        mart, both = model["layer"] == "marts", model["name"] in behind or model["name"] in MARTS
        parts[(MADE_BY_BOTH if both else ("other core", "other marts"))[mart]] += float(model["seconds"])
    parts["estimation"] = sum(float(estimate["seconds"]) for estimate in estimates)
    pieces |= {f"estimate {estimate['estimate']}": float(estimate["seconds"]) for estimate in estimates}
    slowest = sorted(pieces, key=lambda name: -pieces[name])[:10]
    return parts, {name: pieces[name] for name in slowest}


@dataclass(frozen=True)
class Run:
    """One size: how often its landed rows stand in the lake, the memory limit of the database, its steps, and
    where the build's seconds went."""

    copies: int
    memory_limit: str
    measurements: list[Measurement]
    parts: dict[str, float]
    slowest: dict[str, float]


def bench(size: int, copies: int, with_plain: bool, folder: Path) -> Run:
    """Every step for one size, then the plain script on the same lake; and where the build's time went."""
    shutil.rmtree(folder, ignore_errors=True)
    home = folder / "home"
    environment = os.environ | {"SHIRUBE_HOME": str(home)}
    physicians = max(300, size // copies // TOUCHPOINTS_PER_PHYSICIAN)
    mrs = min(2000, physicians // 25)
    offices = min(20, mrs // 6)
    python = sys.executable
    sample = (
        "import sys; from pathlib import Path; from shirube.sample import generate; "
        f"generate(Path(sys.argv[1]), seed=7, physicians={physicians}, mrs={mrs}, offices={offices})"
    )
    commands = {"sample": [python, "-c", sample, str(home / "inbox")]}
    for step, body in STEP_CODE.items():
        code = f"import sys; from shirube.home import Home; home = Home.resolve(); {body}"
        commands[step] = [python, "-c", code, str(folder / ESTIMATES_LOG)]
        if step == "land" and copies > 1:
            commands["repeat"] = [python, str(HERE / "enlarge.py"), str(home), str(copies)]
    if with_plain:
        commands[PLAIN] = [python, str(HERE / "plain.py"), str(home), str(folder / "plain")]
    raw: dict[str, tuple[float, float, float]] = {}
    for step, command in commands.items():
        raw[step] = measure(command, environment)
        seconds, cpu, peak = raw[step]
        print(f"{size:>12,} {step:<12} {seconds:8.1f} s {cpu:8.1f} CPU s {peak:8.0f} MiB", flush=True)
        if (
            step == "repeat"
        ):  # what was received is not of the size that the lake now has, and nobody reads it
            shutil.rmtree(home / "inbox")
            shutil.rmtree(home / "vault" / "received")
    return Run(
        copies,
        memory_limit(),
        measurements_of(raw, touchpoints_in(home), copies),
        *parts_of_the_build(home, folder / ESTIMATES_LOG),
    )


def measurements_of(
    raw: dict[str, tuple[float, float, float]], touchpoints: int, copies: int
) -> list[Measurement]:
    """Each step with the touchpoints that it handled: before they are repeated there are fewer."""
    found = []
    for step, (seconds, cpu, peak) in raw.items():
        rows = touchpoints // copies if step in BEFORE_COPIES else touchpoints
        found.append(
            Measurement(rows, step, round(seconds, 2), round(cpu, 2), round(peak), round(rows / seconds))
        )
    return found


def measured_before() -> dict[int, Run]:
    """What `results.json` holds, by the size that was asked for."""
    file = HERE / "results.json"
    runs = json.loads(file.read_text(encoding="utf-8")) if file.exists() else {}
    return {
        int(size): Run(**run | {"measurements": [Measurement(**one) for one in run["measurements"]]})
        for size, run in runs.items()
    }


def table(runs: dict[int, Run]) -> str:
    """The results as a small Markdown table, with the ratios that matter."""
    lines = [
        "# Benchmarks",
        "",
        f"{os.cpu_count()} cores ({processor()}), {memory_gib():.0f} GiB memory, {platform.system()} "
        f"{platform.machine()}, Python {platform.python_version()}. Made by `make bench`; the plain script "
        "is `benchmarks/plain.py`. CPU seconds and memory are those of a step's whole process tree. A step "
        "whose CPU seconds are far below its seconds had to share the machine.",
        "",
        f"The pipeline makes {marts_of_the_pipeline()} marts, the plain script {len(MARTS)} of them: the "
        "first ratio holds everything that the others cost, estimation included, against nothing. The second "
        "leaves out of the build, by its models' seconds, what the script does not make; starting dbt, the "
        "audit and publishing stay in whole.",
        "",
        "| touchpoints | step | seconds | CPU seconds | peak MiB | rows/s |",
        "|---:|---|---:|---:|---:|---:|",
    ]
    in_order = [runs[size] for size in sorted(runs)]
    lines += [
        f"| {m.touchpoints:,} | {m.step} | {m.seconds:.1f} | {m.cpu_seconds:.1f} | {m.peak_mib:.0f} "
        f"| {m.rows_per_second:,} |"
        for run in in_order
        for m in run.measurements
    ]
    lines.append("")
    for run in in_order:
        lines += in_words(run)
    return "\n".join(lines) + "\n"


def in_words(run: Run) -> list[str]:
    """What the steps of one size add up to, and against the plain script where it was run."""
    steps = {m.step: m for m in run.measurements}
    whole = sum(steps[step].seconds for step in WHOLE_RUN)
    everything = sum(run.parts.values())
    first = f"- {steps['build'].touchpoints:,} touchpoints: build + audit + publish {whole:.1f} s"
    lines = []
    if run.copies > 1:
        lines.append(
            f"  - {steps['build'].touchpoints // run.copies:,} touchpoints were landed; their rows stand in"
            f" the lake {run.copies} times, each time as other persons and records."
        )
    if PLAIN in steps:
        plain = steps[PLAIN]
        cpu = sum(steps[step].cpu_seconds for step in WHOLE_RUN)
        alike = whole - steps["build"].seconds * (
            1 - sum(run.parts[part] for part in MADE_BY_BOTH) / everything
        )
        first += (
            f", **{whole / plain.seconds:.2f} times** the plain script"
            f" ({cpu / plain.cpu_seconds:.2f} times its CPU seconds)"
        )
        lines.append(f"  - What both make: {alike:.1f} s, **{alike / plain.seconds:.2f} times** its seconds.")
    first += (
        f"; audit {100 * steps['audit'].seconds / whole:.0f} % of it;"
        f" peak {max(steps[step].peak_mib for step in ('land', *WHOLE_RUN)):.0f} MiB"
        f" (the database was given {run.memory_limit})."
    )
    shares = (f"{part} {100 * seconds / everything:.0f} %" for part, seconds in run.parts.items())
    slowest = (f"`{name}` {seconds:.1f} s" for name, seconds in run.slowest.items())
    lines += [f"  - Where the build's time goes: {', '.join(shares)}.", f"  - Slowest: {', '.join(slowest)}."]
    return [first, *lines]


def marts_of_the_pipeline() -> int:
    """How many marts the dbt project has."""
    return len(list((HERE.parent / "dbt_project" / "models" / "marts").glob("*.sql")))


def processor() -> str:
    """The processor's model, as the kernel names it."""
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            return line.partition(":")[2].strip()
    return platform.machine()


def memory_gib() -> float:
    """Memory of this machine in GiB."""
    return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30


def main() -> None:
    """Measure the sizes asked for and write `benchmarks/results.md` and `results.json`, after each size."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--sizes", type=int, nargs="+", default=[1_000_000, 10_000_000])
    parser.add_argument("--copies", type=int, default=1)
    parser.add_argument("--without-plain", action="store_true")
    parser.add_argument("--folder", type=Path, default=Path("var") / "bench")
    arguments = parser.parse_args()
    runs = measured_before()
    for size in arguments.sizes:
        folder = arguments.folder.resolve() / str(size)
        runs[size] = bench(size, arguments.copies, not arguments.without_plain, folder)
        shutil.rmtree(folder, ignore_errors=True)
        written = {str(asked): asdict(runs[asked]) for asked in sorted(runs)}
        (HERE / "results.json").write_text(json.dumps(written, indent=1) + "\n")
        (HERE / "results.md").write_text(table(runs))
    print(table(runs))


if __name__ == "__main__":
    main()
