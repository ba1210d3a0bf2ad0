"""One source as landing sees it: columns, file format, supersession, and what follows from a file's name."""

from __future__ import annotations

import hashlib
import json
import re
import unicodedata
from dataclasses import asdict, dataclass, field
from datetime import date, datetime, time
from functools import cached_property
from typing import Final

import pyarrow as pa

IDENTIFIER_KINDS: Final = ("name", "kana", "email", "phone", "birth_date", "address", "free_text", "ip")
"""Kinds of direct identifiers; the kind decides how a value is normalised before it becomes a token."""

FILE_FORMATS: Final = (
    "delimited",
    "spreadsheet",
    "zoom_participants",
    "qualtrics",
    "snowplow",
    "fixed_width",
)
SUPERSEDE_MODES: Final = ("append", "snapshot", "replace_period", "latest_by_key")
STRING_FORMATS: Final = ("text", "code", "free_text", "salesforce_id")
DEFAULT_ENCODINGS: Final = ("utf-8-sig", "cp932")
DEFAULT_NULL_VALUES: Final = ("-", "－", "‐", "—", "―", "該当なし", "N/A", "n/a", "NULL", "null")
DEFAULT_ZONE: Final = "Asia/Tokyo"

LANDING_RULES_VERSION: Final = 2
"""Raised by hand when readers or casts give another result for the same file and contract."""

ARROW_TYPES: Final[dict[str, pa.DataType]] = {
    "string": pa.string(),
    "integer": pa.int64(),
    "number": pa.float64(),
    "boolean": pa.bool_(),
    "date": pa.date32(),
    "timestamp": pa.timestamp("us", tz="UTC"),
}
"""Logical types of the contract standard that landing knows, and the lake's type for each."""

_DAY: Final = (
    r"(?P<year>(?:19|20)\d{2})(?P<dash>-?)(?P<month>0[1-9]|1[0-2])(?P=dash)(?P<day>0[1-9]|[12]\d|3[01])"
)
_TIME: Final = r"(?:[T_-](?P<hour>[01]\d|2[0-3])-?(?P<minute>[0-5]\d)(?:-?[0-5]\d)?)?"
DEFAULT_DELIVERED_AT: Final = rf"(?<!\d){_DAY}{_TIME}(?!\d)"
"""The default for `deliveredAt`: the last YYYYMMDD or YYYY-MM-DD in the name, with THHMM[SS] or -HHMM."""


def header_key(header: str) -> str:
    """How two headers are compared: NFKC, single spaces, no case, so that ＩＤ, `Id ` and ID are one."""
    return " ".join(unicodedata.normalize("NFKC", header).split()).casefold()


@dataclass(frozen=True)
class Column:
    """One declared column.

    `header` and `aliases` are what the file may call it; `identifier_kind` is set for direct identifiers,
    which leave landing only as tokens. `first_byte` (1-based) and `byte_length` are where a file of fixed
    width has it.
    """

    name: str
    header: str
    aliases: tuple[str, ...] = ()
    business_name: str = ""
    description: str = ""
    logical_type: str = "string"
    physical_type: str = ""
    text_format: str = "text"
    date_format: str = ""
    zone: str = ""
    required: bool = False
    primary_key: bool = False
    key_position: int = 0
    min_length: int | None = None
    max_length: int | None = None
    pattern: str = ""
    minimum: float | str | None = None
    maximum: float | str | None = None
    true_values: tuple[str, ...] = ()
    false_values: tuple[str, ...] = ()
    repair_leading_zeros: bool = False
    classification: str = ""
    identifier_kind: str | None = None
    first_byte: int | None = None
    byte_length: int | None = None

    @property
    def arrow_type(self) -> pa.DataType:
        """The lake's type of this column before a direct identifier is replaced by its token."""
        return ARROW_TYPES[self.logical_type]

    @property
    def lake_name(self) -> str:
        """The column's name in the lake: `<name>_token` for a direct identifier."""
        return f"{self.name}_token" if self.identifier_kind else self.name


@dataclass(frozen=True)
class Supersede:
    """How a later delivery relates to earlier ones.

    `by` names the columns that define what is replaced (the period of `replace_period`, the key of
    `latest_by_key`); `order_by` is the column whose greatest value wins.
    """

    mode: str = "append"
    by: tuple[str, ...] = ()
    order_by: str | None = None


@dataclass(frozen=True)
class EventTime:
    """The column that says when a row happened; `precision` is `day`, `minute` or `second`."""

    column: str
    precision: str
    zone: str


@dataclass(frozen=True)
class Period:
    """Where the period of a delivery is written: in the file name (`pattern`) or in a `column`."""

    pattern: str = ""
    column: str | None = None


@dataclass(frozen=True)
class SourceContract:
    """Everything landing needs to know about one source; made by `load_contracts`."""

    name: str
    columns: tuple[Column, ...]
    version: str = ""
    status: str = ""
    domain: str = ""
    business_name: str = ""
    description: str = ""
    limitations: str = ""
    team: str = ""
    freshness_hours: int | None = None
    is_periodic: bool = True
    is_expected: bool = False
    formats: tuple[str, ...] = ("delimited",)
    encodings: tuple[str, ...] = DEFAULT_ENCODINGS
    delimiter: str | None = None
    has_header: bool = True
    header_rows: int = 1
    title_rows: int = 0
    footer_markers: tuple[str, ...] = ()
    sheet: str | None = None
    null_values: tuple[str, ...] = DEFAULT_NULL_VALUES
    accepts_empty: bool = False
    zone: str = DEFAULT_ZONE
    supersede: Supersede = field(default_factory=Supersede)
    event_time: EventTime | None = None
    delivered_at_pattern: str = DEFAULT_DELIVERED_AT
    period: Period | None = None
    file_name_pattern: str = ""
    pass_through: tuple[str, ...] = ()
    record_length: int | None = None
    skip_records: tuple[str, ...] = ()

    @cached_property
    def by_name(self) -> dict[str, Column]:
        """Columns by contract name."""
        return {column.name: column for column in self.columns}

    @property
    def key_columns(self) -> tuple[str, ...]:
        """Names of the primary key columns, in key order."""
        keys = [column for column in self.columns if column.primary_key]
        return tuple(column.name for column in sorted(keys, key=lambda column: column.key_position))

    @property
    def identifier_columns(self) -> dict[str, str]:
        """Direct identifiers: contract column name to kind."""
        return {column.name: column.identifier_kind for column in self.columns if column.identifier_kind}

    @cached_property
    def file_name_columns(self) -> tuple[str, ...]:
        """Names of the columns whose value is taken from the file's name."""
        return tuple(re.compile(self.file_name_pattern).groupindex) if self.file_name_pattern else ()

    def cast_schema(self) -> pa.Schema:
        """What `cast_batch` returns: every column in clear, then `_row_number` and `_extra`."""
        fields = [pa.field(column.name, column.arrow_type) for column in self.columns]
        return pa.schema([*fields, pa.field("_row_number", pa.int64()), pa.field("_extra", pa.string())])

    def lake_schema(self) -> pa.Schema:
        """The lake's columns: identifiers as `<name>_token`, then `_landing_id`, `_row_number`, `_extra`."""
        fields = [
            pa.field(column.lake_name, pa.string() if column.identifier_kind else column.arrow_type)
            for column in self.columns
        ]
        bookkeeping = [
            pa.field("_landing_id", pa.string()),
            pa.field("_row_number", pa.int64()),
            pa.field("_extra", pa.string()),
        ]
        return pa.schema([*fields, *bookkeeping])

    @cached_property
    def landing_fingerprint(self) -> str:
        """16 hex digits over everything that can change what landing makes of a file; words are left out."""
        words = {"business_name", "description", "classification"}
        columns = [{k: v for k, v in asdict(column).items() if k not in words} for column in self.columns]
        # What only files of fixed width declare is left out elsewhere: their fingerprints stand.
        columns = [{k: v for k, v in column.items() if k not in _FIXED or v} for column in columns]
        whole = {k: v for k, v in asdict(self).items() if k not in _NOT_LANDING and (k not in _FIXED or v)}
        payload = {**whole, "columns": columns, "rules": LANDING_RULES_VERSION}
        return hashlib.sha256(json.dumps(payload, sort_keys=True, ensure_ascii=False).encode()).hexdigest()[
            :16
        ]

    def delivered_at(self, file_name: str) -> datetime | None:
        """When the file says it was delivered: wall time without zone, or None if the name has no date.

        The last match in the name counts; a date that does not exist counts as none.
        """
        found = None
        for match in re.finditer(self.delivered_at_pattern, file_name):
            parts = {k: int(v) for k, v in match.groupdict().items() if v and k in _DATE_PARTS}
            try:
                day = date(parts["year"], parts["month"], parts["day"])
                found = datetime.combine(day, time(parts.get("hour", 0), parts.get("minute", 0)))
            except ValueError:
                continue
        return found

    def period_of(self, file_name: str) -> str | None:
        """The period in the file's name: `YYYY-MM` from the groups year and month, or the group `period`."""
        if not (self.period and self.period.pattern):
            return None
        match = re.search(self.period.pattern, file_name)
        if not match:
            return None
        groups = match.groupdict()
        return groups["period"] if "period" in groups else f"{groups['year']}-{groups['month']}"

    def values_from_name(self, file_name: str) -> dict[str, str] | None:
        """Values of `file_name_columns` for one file; None if the name does not fit the pattern."""
        if not self.file_name_pattern:
            return {}
        match = re.search(self.file_name_pattern, file_name)
        return None if match is None else {k: v for k, v in match.groupdict().items() if v is not None}


_DATE_PARTS: Final = {"year", "month", "day", "hour", "minute"}
_FIXED: Final = {"first_byte", "byte_length", "record_length", "skip_records"}
_NOT_LANDING: Final = {
    "version",
    "status",
    "domain",
    "business_name",
    "description",
    "limitations",
    "team",
    "freshness_hours",
    "is_periodic",
    "is_expected",
    "columns",
}
