"""The `shirube` command: everything the Dags do, and what a person at the keyboard needs besides.

Imports are inside the commands: `shirube check` must answer at once and not load dbt, GX or Airflow first.
"""

from __future__ import annotations

import json
import sqlite3
from datetime import date, datetime
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.text import Text
from typer.core import TyperGroup

from shirube.home import Home


class Commands(TyperGroup):
    """Every command, with one way to fail: what a person can mend is told in words, with exit code 1."""

    def invoke(self, ctx: Any) -> Any:
        """Run a command; a fault of the program keeps its trace."""
        try:
            return super().invoke(ctx)
        except (typer.Exit, typer.Abort):
            raise
        except Exception as error:
            if not _is_told(error):
                raise
            problems.print(str(error), soft_wrap=True)
            raise typer.Exit(1) from error


def _is_told(error: Exception) -> bool:
    """Whether an error's message is made for people, or says what the disk, SQLite or DuckDB lacks."""
    import duckdb

    from shirube.contracts import ContractError

    told = (ContractError, LookupError, ValueError, OSError, RuntimeError, sqlite3.Error, duckdb.Error)
    return isinstance(error, told) and not isinstance(error, (KeyError, IndexError))


app = typer.Typer(
    name="shirube",
    cls=Commands,
    help="Physician touchpoints, journey phases and honest KPIs from channel and CRM logs.",
    no_args_is_help=True,
    pretty_exceptions_show_locals=False,  # locals hold rows, and rows hold names
)
# What is printed holds names of files, which may look like markup, an emoji or a number to colour.
console = Console(markup=False, emoji=False, highlight=False)
problems = Console(stderr=True, style="red", markup=False, emoji=False, highlight=False)

HomeOption = Annotated[
    Path | None,
    typer.Option("--home", help="Data home; default $SHIRUBE_HOME, else ./var.", show_default=False),
]
AsOfOption = Annotated[
    datetime | None,
    typer.Option("--as-of", formats=["%Y-%m-%d"], help="Count only what had been delivered by this day."),
]


def _day(moment: datetime | None) -> date | None:
    return moment.date() if moment else None


def _say(event: str, facts: dict[str, Any]) -> None:
    """One line per event: what, where, how many, how long."""
    words = " ".join(
        f"{name}={value:.1f}s" if name == "seconds" else f"{name}={value}"
        for name, value in facts.items()
        if value not in (None, "")
    )
    console.print(Text.assemble((f"{event.replace('_', ' '):<18}", "dim"), f" {words}"), soft_wrap=True)


@app.command()
def sample(
    out: Annotated[Path, typer.Option(help="Folder for the files and truth.json.")],
    seed: Annotated[int, typer.Option(help="The same seed gives the same bytes.")] = 7,
    physicians: Annotated[int, typer.Option(min=50)] = 3000,
    months: Annotated[int, typer.Option(min=2, max=60)] = 12,
) -> None:
    """Generate a fictional company whose truth is known (truth.json beside the files)."""
    from shirube.sample import generate

    truth = generate(out, seed=seed, physicians=physicians, months=months, progress=_say)
    console.print(
        f"Wrote {len(truth['files'])} files to {out}; what is true about them: {out / 'truth.json'}"
    )


@app.command()
def check(
    file: Annotated[Path, typer.Argument(help="The file to look at; nothing is landed or written.")],
    source: Annotated[
        str, typer.Option("--source", "-s", help="The source (inbox folder) it would belong to.")
    ],
    home: HomeOption = None,
) -> None:
    """Tell what of a file would be accepted, what not, and why. Exit code 1 if anything would be refused."""
    from shirube.landing import check as check_file
    from shirube.landing.check import render

    result = check_file(Home.at(home), file, source)
    console.print(render(result))
    raise typer.Exit(0 if result.is_accepted else 1)


@app.command()
def land(
    source: Annotated[str | None, typer.Option("--source", "-s", help="Only this source.")] = None,
    home: HomeOption = None,
) -> None:
    """Land everything pending in the inbox; a known file is a no-op."""
    from shirube.landing import LandingError
    from shirube.landing import land as land_files

    try:
        result = land_files(Home.resolve(home), source, progress=_say)
    except LandingError as error:
        console.print(error.result.summary())
        raise
    console.print(result.summary())


@app.command()
def replay(
    batch: Annotated[str, typer.Argument(help="Batch id (see `shirube status`), or `all`.")],
    source: Annotated[
        str | None, typer.Option("--source", "-s", help="With `all`: only this source.")
    ] = None,
    home: HomeOption = None,
) -> None:
    """Land a received file again under the contract as it is now."""
    from shirube.landing import LandingError
    from shirube.landing import replay as replay_batch

    try:
        result = replay_batch(Home.existing(home), batch, source=source)
    except LandingError as error:
        console.print(error.result.summary())
        raise
    console.print(result.summary())


@app.command()
def build(as_of: AsOfOption = None, home: HomeOption = None) -> None:
    """Build the star and the marts from the lake; readers see nothing of it yet."""
    from shirube.warehouse import build as build_warehouse

    result = build_warehouse(Home.resolve(home), as_of=_day(as_of), progress=_say)
    console.print(f"Built {len(result.models)} models as of {result.as_of}: {result.warehouse_file}")


@app.command()
def audit(home: HomeOption = None) -> None:
    """Run both gates over the last build. Exit code 1 if the release would be blocked."""
    from shirube.audit import audit as audit_build
    from shirube.warehouse import last_build

    resolved = Home.existing(home)
    result = audit_build(resolved, last_build(resolved))
    console.print(result.summary())
    raise typer.Exit(1 if result.is_blocked else 0)


@app.command()
def publish(home: HomeOption = None) -> None:
    """Publish the last build as an immutable release, if its audit allows."""
    from shirube.audit import read_audit
    from shirube.release import publish as publish_release
    from shirube.warehouse import last_build

    resolved = Home.existing(home)
    built = last_build(resolved)
    release = publish_release(resolved, built, read_audit(resolved, built.release_id))
    console.print(f"{release.status}: {release.release_id} ({release.path})")


@app.command()
def share(
    release: Annotated[str | None, typer.Option("--release", help="Default: the current release.")] = None,
    home: HomeOption = None,
) -> None:
    """Write the reports and the catalogue of a release."""
    from shirube.share import share as share_release

    result = share_release(Home.existing(home), release, progress=_say)
    console.print(f"{len(result.pages)} pages for release {result.release_id}")


@app.command()
def run(as_of: AsOfOption = None, home: HomeOption = None) -> None:
    """Land, build, audit, publish and share, without Airflow."""
    from shirube.pipeline import run as run_pipeline

    result = run_pipeline(Home.resolve(home), as_of=_day(as_of), progress=_say)
    steps = " · ".join(f"{step} {seconds:.1f} s" for step, seconds in result.seconds.items())
    console.print(f"{result.release_status}: {result.release_id} ({steps})")


@app.command()
def rollback(
    release: Annotated[
        str | None, typer.Argument(help="Default: the release before the current one.")
    ] = None,
    home: HomeOption = None,
) -> None:
    """Let readers see an earlier release again."""
    from shirube.release import rollback as roll_back

    result = roll_back(Home.existing(home), release)
    console.print(f"Readers now see {result.release_id}")


@app.command()
def recall(
    physician: Annotated[
        list[str] | None,
        typer.Argument(help="physician_key, repeatable; default: the vault's stopped_physicians.txt."),
    ] = None,
    home: HomeOption = None,
) -> None:
    """List every published file that still holds rows of a physician. Exit code 1 if anything remains."""
    from shirube.release.recall import recall as recall_physicians
    from shirube.stopped import stopped_physicians

    resolved = Home.existing(home)
    keys = physician or stopped_physicians(resolved)
    if not keys:
        raise ValueError(
            "先生のキーも、vault の stopped_physicians.txt もありません。 / "
            "No physician_key was given, and the vault has no stopped_physicians.txt with any."
        )
    found = recall_physicians(resolved, keys)
    for one in found:
        console.print(one.summary(), soft_wrap=True)
    raise typer.Exit(0 if all(one.is_clear for one in found) else 1)


@app.command(name="draw-links")
def draw_links(as_of: AsOfOption = None, home: HomeOption = None) -> None:
    """Draw links of the last build for people to check by hand, into the vault: of the fiscal quarter of that
    day (default: the build's)."""
    from shirube.link_review import draw_links as draw
    from shirube.warehouse import last_build

    resolved = Home.existing(home)
    built = last_build(resolved)
    day = _day(as_of) or built.as_of
    if day > built.as_of:
        raise ValueError(
            f"最後の組み立ては {built.as_of} 時点です。先に `shirube build` をしてください。 / "
            f"the last build is as of {built.as_of}: run `shirube build` first"
        )
    drawn = draw(resolved, built.warehouse_file, day)
    console.print(
        f"{drawn.links} 件を引きました: {drawn.file}。「判定」に 正しい・誤り・分からない を、"
        "「確かめた日」に日付を書き、inbox/link_review に置いてください。 / links drawn; fill in the third"
        " and fourth column and put the file into inbox/link_review.",
        soft_wrap=True,
    )


@app.command()
def retire(
    release: Annotated[str, typer.Argument(help="Release id, as `shirube recall` names it.")],
    undo: Annotated[
        bool, typer.Option("--undo", help="Only forget that it was retired: it may be published again.")
    ] = False,
    home: HomeOption = None,
) -> None:
    """Take one release off the shelf for good, never the one that readers see now."""
    from shirube.release import retire as retire_release
    from shirube.release import undo_retire

    resolved = Home.existing(home)
    if undo:
        undo_retire(resolved, release)
        console.print(f"{release}: もう一度公開できます。 / may be published again.", soft_wrap=True)
        return
    retire_release(resolved, release)
    console.print(
        f"{release}: 棚から下ろしました。写し（BI の抽出、送ったフォルダー）は `shirube recall` の一覧で"
        "回収してください。 / retired; call back its copies (BI extracts, sent folders) by the list of"
        " `shirube recall`.",
        soft_wrap=True,
    )


@app.command()
def explain(
    kpi: Annotated[str, typer.Argument(help="KPI id or its Japanese name.")],
    release: Annotated[
        str | None, typer.Option("--release", help="Id or folder of a release; default: the current one.")
    ] = None,
    scope: Annotated[
        str, typer.Option("--scope", help="company, office:ID, branch:ID, an id, or a Japanese name.")
    ] = "company",
    period: Annotated[
        str | None, typer.Option("--period", help="A month or day inside it, 2026-10; default: the newest.")
    ] = None,
    period_type: Annotated[
        str | None,
        typer.Option("--period-type", help="month, quarter, half, fiscal_year; default: the KPI's."),
    ] = None,
    breakdown: Annotated[
        list[str] | None,
        typer.Option("--breakdown", help="column=value, e.g. channel_id=mr_visit; repeatable."),
    ] = None,
    output: Annotated[str, typer.Option("--format", help="text or json.")] = "text",
    home: HomeOption = None,
) -> None:
    """Where one published number comes from, computed again. Exit code 1 if that gives another number."""
    from shirube.share.explain import Asked, release_folder
    from shirube.share.explain import explain as explain_number
    from shirube.share.explain_page import render

    if output not in ("text", "json"):
        raise ValueError(f"--format は text か json です。 / --format is text or json, not {output}")
    pairs = tuple((column, value) for column, _, value in (text.partition("=") for text in breakdown or ()))
    found = explain_number(release_folder(release, home), Asked(kpi, scope, period, period_type, pairs))
    if output == "json":
        typer.echo(json.dumps(found.as_json(), ensure_ascii=False, indent=2, default=str))
    else:
        console.print(render(found))
    raise typer.Exit(1 if found.reproduction.outcome == "different" else 0)


@app.command()
def status(
    as_json: Annotated[bool, typer.Option("--json", help="For machines.")] = False,
    home: HomeOption = None,
) -> None:
    """What arrived, what is missing, what was rejected and why, what is published, what to do next."""
    from shirube.status import render
    from shirube.status import status as read_status

    facts = read_status(Home.existing(home))
    if as_json:
        typer.echo(json.dumps(facts, ensure_ascii=False, indent=2, default=str))
    else:
        console.print(render(facts))


@app.command()
def demo(
    physicians: Annotated[int, typer.Option(min=50)] = 3000,
    months: Annotated[int, typer.Option(min=2, max=60)] = 18,
    seed: int = 7,
    home: HomeOption = None,
) -> None:
    """The whole path under the embedded Airflow, on the sample company."""
    from shirube.orchestration.demo import demo as run_demo

    raise typer.Exit(run_demo(Home.resolve(home), physicians=physicians, months=months, seed=seed))


@app.command()
def up(home: HomeOption = None) -> None:
    """Keep the embedded Airflow running and serve the published pages, on this machine only."""
    from shirube.orchestration.standalone import up as keep_running

    raise typer.Exit(keep_running(Home.resolve(home)))


if __name__ == "__main__":
    app()
