"""What a person sees while the pipeline runs: a table in a terminal, lines elsewhere."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from rich.console import Console, ConsoleOptions, Group, RenderResult
from rich.table import Table
from rich.text import Text

STEPS = {
    "build": "Build the star and the marts",
    "audit": "Audit",
    "publish": "Publish",
    "share": "Write reports and catalogue",
}
PARTS = ("model", "table", "mart", "page")
"""Facts of progress events that name one finished part of a step."""

STATES = {"waiting": "dim", "running": "yellow", "done": "green", "retrying": "yellow", "failed": "red"}


@dataclass
class SourceLine:
    """How far one source is: files decided of files delivered, rows."""

    delivered: int = 0
    decided: int = 0
    rows: int = 0
    quarantined: int = 0
    seconds: float = 0.0

    @property
    def state(self) -> str:
        """`waiting`, `running` or `done`."""
        if not self.decided:
            return "waiting"
        return "done" if self.decided >= self.delivered else "running"


@dataclass
class StepLine:
    """How far one step after landing is."""

    state: str = "waiting"
    detail: str = ""
    seconds: float = 0.0
    runs: int = 0
    parts: int = 0


def _first_line(text: str) -> str:
    return text.partition("\n")[0]


class Board:
    """Collects journal events; a rich renderable.

    Args:
        delivered: files delivered per source.
        console: where lines go if it is no terminal.
    """

    def __init__(self, delivered: dict[str, int], console: Console) -> None:
        self.sources = {source: SourceLine(delivered=files) for source, files in sorted(delivered.items())}
        self.steps = {step: StepLine() for step in STEPS}
        self.released_at: float | None = None
        self._console = console

    def add(self, events: Iterable[dict[str, Any]]) -> None:
        """Take in events of the journal, in order."""
        for event in events:
            if event["event"].startswith("file_") and event.get("source") in self.sources:
                self._add_file(self.sources[event["source"]], event)
            elif event["step"] in self.steps:
                self._add_step(self.steps[event["step"]], event)

    def _add_file(self, line: SourceLine, event: dict[str, Any]) -> None:
        if event["event"] == "file_started":
            return
        line.decided += 1
        line.rows += event.get("rows") or 0
        line.quarantined += event.get("quarantined") or 0
        line.seconds += event.get("seconds") or 0.0
        if not self._console.is_terminal:
            word = event["event"].removeprefix("file_")
            rows, refused = event.get("rows") or 0, event.get("quarantined") or 0
            self._say(
                f"{event['source']}: {event['file_name']} {word}, {rows:,} rows, {refused:,} quarantined"
            )

    def _add_step(self, line: StepLine, event: dict[str, Any]) -> None:
        word = event["event"]
        if word == "step_started":
            line.state, line.detail, line.parts = "running", "", 0
        elif word == "step_finished":
            line.state, line.seconds, line.runs = "done", event["seconds"], line.runs + 1
            if event["step"] == "publish":
                self.released_at = event["at"]
        elif word == "step_skipped":
            line.state = "done" if line.runs else "waiting"
        elif word == "step_retried":
            line.state, line.detail = "retrying", _first_line(event["error"])
        elif word == "step_failed":
            line.state, line.detail = "failed", _first_line(event["error"])
        else:
            thing = next((event[name] for name in PARTS if event.get(name) is not None), None)
            if thing is not None:
                line.parts += 1
                line.detail = f"{line.parts} done, last {thing}"
            return
        if not self._console.is_terminal:
            seconds = f" {line.seconds:.1f} s" if line.state == "done" else ""
            self._say(f"{STEPS[event['step']]}: {line.state}{seconds} {line.detail}")

    def _say(self, text: str) -> None:
        self._console.print(text, markup=False, highlight=False, soft_wrap=True)

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        landing = Table(title="Landing", title_justify="left", box=None, pad_edge=False)
        for heading in ("source", "", "files", "rows", "quarantined", "seconds"):
            landing.add_column(heading, justify="left" if heading in ("source", "") else "right")
        for source, line in self.sources.items():
            landing.add_row(
                source,
                Text(line.state, STATES[line.state]),
                f"{line.decided}/{line.delivered}",
                f"{line.rows:,}",
                f"{line.quarantined:,}" if line.quarantined else "",
                f"{line.seconds:.1f}" if line.decided else "",
            )
        after = Table(box=None, pad_edge=False, show_header=False)
        for step, title in STEPS.items():
            part = self.steps[step]
            seconds = f"{part.seconds:.1f} s" if part.runs else ""
            after.add_row(title, Text(part.state, STATES[part.state]), seconds, Text(part.detail[:60], "dim"))
        yield Group(landing, after)
