"""Reads and checks `expectations/sources/<source>.odcs.yaml`; every mistake is named with file and line."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from functools import cache
from pathlib import Path
from typing import Any, Final
from zoneinfo import ZoneInfo

import yaml
from jsonschema import Draft201909Validator
from jsonschema.exceptions import ValidationError
from open_data_contract_standard.model import CustomProperty, OpenDataContractStandard, SchemaProperty

from shirube.contracts.model import (
    ARROW_TYPES,
    DEFAULT_DELIVERED_AT,
    DEFAULT_ENCODINGS,
    DEFAULT_NULL_VALUES,
    DEFAULT_ZONE,
    FILE_FORMATS,
    IDENTIFIER_KINDS,
    STRING_FORMATS,
    SUPERSEDE_MODES,
    Column,
    EventTime,
    Period,
    SourceContract,
    Supersede,
    header_key,
)
from shirube.home import project_root

SUFFIX: Final = ".odcs.yaml"
NodePath = tuple[str | int, ...]

FILE_PROPERTIES: Final[dict[str, type | tuple[type, ...]]] = {
    "format": (str, list),
    "encodings": list,
    "delimiter": str,
    "header": bool,
    "headerRows": int,
    "titleRows": int,
    "footerMarkers": list,
    "sheet": str,
    "nullValues": list,
    "emptyFile": str,
    "supersede": dict,
    "eventTime": dict,
    "deliveredAt": dict,
    "period": dict,
    "fileNameColumns": dict,
    "passThrough": list,
    "expected": bool,
    "recordLength": int,
    "skipRecords": list,
}
COLUMN_PROPERTIES: Final[dict[str, type | tuple[type, ...]]] = {
    "identifierKind": str,
    "trueValues": list,
    "falseValues": list,
    "repairLeadingZeros": bool,
    "bytes": dict,
}
_MEMBERS: Final[dict[str, tuple[str, ...]]] = {
    "supersede": ("mode", "by", "orderBy"),
    "eventTime": ("column", "precision", "zone"),
    "deliveredAt": ("pattern",),
    "period": ("pattern", "column"),
    "fileNameColumns": ("pattern",),
    "bytes": ("start", "length"),
}
_HOURS: Final = {"h": 1, "hr": 1, "hour": 1, "hours": 1, "d": 24, "day": 24, "days": 24}


class ContractError(Exception):
    """One or more contracts are wrong; `problems` holds one `file:line: what is wrong` per mistake."""

    def __init__(self, problems: list[str]) -> None:
        self.problems = problems
        super().__init__("\n".join(problems))


class _Document:
    """One parsed YAML file with the line of every key, and the mistakes found in it so far."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.problems: list[tuple[int, str]] = []
        self.lines: dict[NodePath, int] = {(): 1}
        self.data: dict[str, Any] | None = None
        try:
            text = path.read_text(encoding="utf-8")
            node = yaml.compose(text, Loader=yaml.CSafeLoader)
        except UnicodeDecodeError:
            self.say((), "the file is not UTF-8")
            return
        except yaml.YAMLError as error:
            mark = getattr(error, "problem_mark", None)
            what = getattr(error, "problem", None) or "a character that YAML does not allow"
            self.problems.append((mark.line + 1 if mark else 1, f"not readable as YAML: {what}"))
            return
        if not isinstance(node, yaml.MappingNode):
            self.say((), "the file must be a mapping with the keys of the contract standard")
            return
        self._walk(node, ())
        if not self.problems:
            # The C loader is a safe loader too; only its name is unknown to the linter.
            self.data = yaml.load(text, Loader=yaml.CSafeLoader)

    def _walk(self, node: yaml.Node, at: NodePath) -> None:
        if isinstance(node, yaml.MappingNode):
            for key, value in node.value:
                below = (*at, str(key.value))
                if below in self.lines:
                    self.problems.append((key.start_mark.line + 1, f"{key.value} is written twice"))
                self.lines[below] = key.start_mark.line + 1
                self._walk(value, below)
        elif isinstance(node, yaml.SequenceNode):
            for index, value in enumerate(node.value):
                self.lines[(*at, index)] = value.start_mark.line + 1
                self._walk(value, (*at, index))

    def say(self, at: NodePath, message: str) -> None:
        """Note a mistake at `at`, or at the nearest thing above it that is in the file."""
        while at not in self.lines:
            at = at[:-1]
        self.problems.append((self.lines[at], message))

    def report(self) -> list[str]:
        """The mistakes as `file:line: message`, in file order."""
        root = project_root()
        path = self.path.resolve()
        shown = path.relative_to(root) if path.is_relative_to(root) else self.path
        return [f"{shown}:{line}: {message}" for line, message in sorted(set(self.problems))]


def source_names(folder: Path | None = None) -> list[str]:
    """Names of all sources with a contract, without reading the contracts: cheap enough for a Dag file."""
    chosen = folder or project_root() / "expectations" / "sources"
    return sorted(path.name.removesuffix(SUFFIX) for path in chosen.glob(f"*{SUFFIX}"))


def no_contract(folder: Path) -> str:
    """What to say where a folder that should hold the contracts holds none."""
    return (
        f"{folder} に取り込みの取り決め（*{SUFFIX}）が1つもありません。SHIRUBE_PROJECT が、dags/ と "
        "expectations/ のあるフォルダーを指しているか確かめてください。 / "
        f"There is no *{SUFFIX} in {folder}: SHIRUBE_PROJECT must name the folder that holds dags/ and"
        " expectations/."
    )


def load_contracts(
    folder: Path | None = None, *, names: Iterable[str] | None = None
) -> dict[str, SourceContract]:
    """All contracts of a folder, or those of `names` only, by source name in alphabetical order.

    Raises `ContractError` with every mistake in every file, and `FileNotFoundError` if there is no contract.
    """
    chosen = folder or project_root() / "expectations" / "sources"
    declared = source_names(chosen)
    if not declared:
        raise FileNotFoundError(no_contract(chosen))
    contracts: dict[str, SourceContract] = {}
    problems: list[str] = []
    for name in declared if names is None else sorted(names):
        try:
            contracts[name] = load_contract(chosen / f"{name}{SUFFIX}")
        except ContractError as error:
            problems.extend(error.problems)
    if problems:
        raise ContractError(problems)
    return contracts


def load_contract(path: Path) -> SourceContract:
    """One contract; raises `ContractError` with every mistake in the file."""
    document = _Document(path)
    contract: SourceContract | None = None
    if document.data is not None:
        _check_standard(document)
        if not document.problems:
            contract = _Builder(document).build()
    if contract is None or document.problems:
        raise ContractError(document.report())
    return contract


@cache
def _standard() -> Draft201909Validator:
    return Draft201909Validator(json.loads(OpenDataContractStandard.json_schema()))


def _check_standard(document: _Document) -> None:
    for error in _standard().iter_errors(document.data):
        for leaf in _leaves(error):
            at = tuple(leaf.absolute_path)
            if _is_untyped(leaf):
                document.say(at, f"logicalType is missing; one of {', '.join(ARROW_TYPES)}")
                continue
            if leaf.validator in ("additionalProperties", "unevaluatedProperties"):
                unknown = [
                    name for name in re.findall(r"'([^']+)'", leaf.message) if (*at, name) in document.lines
                ]
                for name in unknown:
                    document.say((*at, name), f"{name} is not a field of the contract standard here")
                if unknown:
                    continue
            document.say(at, _shorten(leaf.message))


def _is_untyped(error: ValidationError) -> bool:
    """Whether a column lacks its type: the standard then asks for the parts of all types."""
    column = error.instance
    return (
        error.validator == "required"
        and isinstance(column, dict)
        and "logicalType" not in column
        and (len(error.absolute_path) == 4 and "name" in column)
    )


def _leaves(error: ValidationError) -> Iterable[ValidationError]:
    """The deepest errors: an `anyOf` that fails says nothing, its branches do."""
    if not error.context:
        yield error
        return
    deepest = max(len(child.absolute_path) for child in error.context)
    for child in error.context:
        if len(child.absolute_path) == deepest:
            yield from _leaves(child)


def _shorten(message: str) -> str:
    return message if len(message) <= 200 else f"{message[:197]}..."


class _Builder:
    """Turns a document that obeys the standard into a `SourceContract`, noting what landing cannot use."""

    def __init__(self, document: _Document) -> None:
        assert document.data is not None
        self.document = document
        self.contract = OpenDataContractStandard(**document.data)
        self.say = document.say

    def build(self) -> SourceContract | None:
        """The contract, or None if there is no table in it; mistakes go to the document."""
        name = self.document.path.name.removesuffix(SUFFIX)
        if not re.fullmatch(r"[a-z][a-z0-9_]*", name):
            self.say((), f"the file name must be <source>{SUFFIX}, lower case letters, digits and _")
        tables = self.contract.schema_ or []
        if len(tables) != 1:
            self.say(("schema",), f"schema must hold exactly one table, found {len(tables)}")
            return None
        table = tables[0]
        if table.name != name:
            self.say(("schema", 0, "name"), f"the table must be called {name}, as the file is")
        columns = self._columns(table.properties or [])
        known = {column.name for column in columns}
        props = self._custom(self.contract.customProperties, ("customProperties",), FILE_PROPERTIES)
        formats = self._formats(props)
        event_time, zone = self._event_time(props, known)
        freshness = self._freshness()
        description = self.contract.description
        return SourceContract(
            name=name,
            columns=tuple(columns),
            version=self.contract.version or "",
            status=self.contract.status or "",
            domain=self.contract.domain or "",
            business_name=table.businessName or name,
            description=table.description or (description.purpose if description else "") or "",
            limitations=(description.limitations if description else "") or "",
            team=self._team(),
            freshness_hours=freshness,
            is_periodic=self._is_periodic(),
            is_expected=bool(self._value(props, "expected", freshness is not None)),
            formats=formats,
            encodings=self._encodings(props),
            delimiter=self._delimiter(props),
            has_header=bool(self._value(props, "header", True)),
            header_rows=self._header_rows(props),
            title_rows=self._title_rows(props),
            footer_markers=self._texts(props, "footerMarkers", ()),
            sheet=self._value(props, "sheet", None),
            null_values=self._texts(props, "nullValues", DEFAULT_NULL_VALUES),
            accepts_empty=self._accepts_empty(props),
            zone=zone,
            supersede=self._supersede(
                props, known, [column.name for column in columns if column.primary_key]
            ),
            event_time=event_time,
            delivered_at_pattern=self._pattern(props, "deliveredAt", {"year", "month", "day"})
            or DEFAULT_DELIVERED_AT,
            period=self._period(props, known),
            file_name_pattern=self._file_name(props, known),
            pass_through=self._texts(props, "passThrough", ()),
            record_length=self._record_length(props, columns),
            skip_records=self._texts(props, "skipRecords", ()),
        )

    # --- columns

    def _columns(self, properties: list[SchemaProperty]) -> list[Column]:
        if not properties:
            self.say(("schema", 0), "the table has no properties (columns)")
        columns = [self._column(prop, ("schema", 0, "properties", i)) for i, prop in enumerate(properties)]
        names: dict[str, int] = {}
        headers: dict[str, str] = {}
        for index, column in enumerate(columns):
            at = ("schema", 0, "properties", index)
            if column.lake_name in names:
                self.say((*at, "name"), f"the column {column.name} is declared twice")
            names[column.lake_name] = index
            for header in (column.header, *column.aliases):
                key = header_key(header)
                if headers.setdefault(key, column.name) != column.name:
                    self.say(at, f"the header {header} is claimed by {headers[key]} and {column.name}")
        return columns

    def _column(self, prop: SchemaProperty, at: NodePath) -> Column:
        name = prop.name or ""
        if not re.fullmatch(r"[a-z][a-z0-9_]*", name):
            self.say((*at, "name"), f"the column name {name!r} must be lower case letters, digits and _")
        logical_type = prop.logicalType or "string"
        if logical_type not in ARROW_TYPES:
            self.say((*at, "logicalType"), f"landing knows {', '.join(ARROW_TYPES)}, not {logical_type}")
            logical_type = "string"
        options = prop.logicalTypeOptions or {}
        text_format = str(options.get("format", "text")) if logical_type == "string" else "text"
        if text_format not in STRING_FORMATS:
            self.say(
                (*at, "logicalTypeOptions", "format"), f"format of a string is {', '.join(STRING_FORMATS)}"
            )
        pattern = str(options.get("pattern", ""))
        self._compiles(pattern, (*at, "logicalTypeOptions", "pattern"))
        zone = str(options.get("defaultTimezone", ""))
        self._zone_exists(zone, (*at, "logicalTypeOptions", "defaultTimezone"))
        props = self._custom(prop.customProperties, (*at, "customProperties"), COLUMN_PROPERTIES)
        return Column(
            name=name,
            header=prop.physicalName or name,
            aliases=tuple(synonym.synonym or "" for synonym in prop.synonyms or []),
            business_name=prop.businessName or name,
            description=prop.description or "",
            logical_type=logical_type,
            physical_type=prop.physicalType or "",
            text_format=text_format,
            date_format=str(options.get("format", "")) if logical_type in ("date", "timestamp") else "",
            zone=zone,
            required=bool(prop.required or prop.primaryKey),
            primary_key=bool(prop.primaryKey),
            key_position=prop.primaryKeyPosition or 0,
            min_length=options.get("minLength"),
            max_length=options.get("maxLength"),
            pattern=pattern,
            minimum=options.get("minimum"),
            maximum=options.get("maximum"),
            true_values=self._texts(props, "trueValues", ()),
            false_values=self._texts(props, "falseValues", ()),
            repair_leading_zeros=bool(self._value(props, "repairLeadingZeros", False)),
            classification=prop.classification or "",
            identifier_kind=self._identifier_kind(prop, props, at),
            first_byte=self._bytes(props)[0],
            byte_length=self._bytes(props)[1],
        )

    def _bytes(self, props: dict[str, tuple[Any, NodePath]]) -> tuple[int | None, int | None]:
        """Where a column of a fixed-width record lies: its first byte, 1-based, and its length."""
        if "bytes" not in props:
            return None, None
        value, at = props["bytes"]
        start, length = value.get("start"), value.get("length")
        for name, number in (("start", start), ("length", length)):
            if not isinstance(number, int) or isinstance(number, bool) or number < 1:
                self.say((*at, name), f"bytes.{name} is a whole number from 1")
                return None, None
        return start, length

    def _record_length(self, props: dict[str, tuple[Any, NodePath]], columns: list[Column]) -> int | None:
        """The bytes of one record of fixed width; every column must lie within it."""
        length = self._value(props, "recordLength", None)
        if "fixed_width" not in self._formats(props):
            return length
        if length is None or length < 1:
            self.say(("customProperties",), "fixed_width needs recordLength, the bytes of one record")
            return None
        for index, column in enumerate(columns):
            at = ("schema", 0, "properties", index)
            if column.first_byte is None or column.byte_length is None:
                self.say(at, f"fixed_width needs bytes (start, length) of {column.name}")
            elif column.first_byte + column.byte_length - 1 > length:
                self.say(at, f"{column.name} ends behind the record of {length} bytes")
        return length

    def _identifier_kind(
        self, prop: SchemaProperty, props: dict[str, tuple[Any, NodePath]], at: NodePath
    ) -> str | None:
        kind = self._value(props, "identifierKind", None)
        if prop.classification == "direct_identifier" and kind is None:
            self.say(
                (*at, "classification"),
                f"a direct_identifier needs the custom property identifierKind, one of "
                f"{', '.join(IDENTIFIER_KINDS)}",
            )
        if kind is not None and kind not in IDENTIFIER_KINDS:
            self.say(
                props["identifierKind"][1],
                f"identifierKind is one of {', '.join(IDENTIFIER_KINDS)}, not {kind}",
            )
        if kind is not None and prop.classification != "direct_identifier":
            self.say(props["identifierKind"][1], "identifierKind needs classification: direct_identifier")
        return kind

    # --- custom properties

    def _custom(
        self, items: list[CustomProperty] | None, at: NodePath, known: dict[str, type | tuple[type, ...]]
    ) -> dict[str, tuple[Any, NodePath]]:
        found: dict[str, tuple[Any, NodePath]] = {}
        for index, item in enumerate(items or []):
            name, here = item.property or "", (*at, index, "value")
            if item.vendor not in (None, "shirube"):
                continue
            if name not in known:
                self.say(
                    (*at, index, "property"),
                    f"unknown custom property {name}; known are {', '.join(sorted(known))}",
                )
            elif not isinstance(item.value, known[name]) or (
                known[name] is int and isinstance(item.value, bool)
            ):
                self.say(here, f"{name} has a value of the wrong kind")
            else:
                found[name] = (item.value, here)
                self._members(name, item.value, here)
        return found

    def _members(self, name: str, value: Any, at: NodePath) -> None:
        if name in _MEMBERS:
            for member in value:
                if member not in _MEMBERS[name]:
                    self.say(
                        (*at, member), f"{name} has the members {', '.join(_MEMBERS[name])}, not {member}"
                    )

    @staticmethod
    def _value(props: dict[str, tuple[Any, NodePath]], name: str, default: Any) -> Any:
        return props[name][0] if name in props else default

    @staticmethod
    def _texts(
        props: dict[str, tuple[Any, NodePath]], name: str, default: tuple[str, ...]
    ) -> tuple[str, ...]:
        return tuple(str(item) for item in props[name][0]) if name in props else default

    def _formats(self, props: dict[str, tuple[Any, NodePath]]) -> tuple[str, ...]:
        value, at = props.get("format", ("delimited", ()))
        formats = tuple(value) if isinstance(value, list) else (value,)
        for item in formats:
            if item not in FILE_FORMATS:
                self.say(at, f"format is one of {', '.join(FILE_FORMATS)}, not {item}")
        return formats

    def _encodings(self, props: dict[str, tuple[Any, NodePath]]) -> tuple[str, ...]:
        encodings = self._texts(props, "encodings", DEFAULT_ENCODINGS)
        allowed = ("utf-8-sig", "utf-8", "cp932", "utf-16", "euc_jp")
        for encoding in encodings:
            if encoding not in allowed:
                hint = "; use cp932, which has 髙 and ①" if "jis" in encoding.lower() else ""
                self.say(
                    props["encodings"][1], f"encodings are of {', '.join(allowed)}, not {encoding}{hint}"
                )
        return encodings

    def _delimiter(self, props: dict[str, tuple[Any, NodePath]]) -> str | None:
        delimiter = self._value(props, "delimiter", None)
        if delimiter is not None and (len(delimiter) != 1 or delimiter in '"\r\n'):
            self.say(props["delimiter"][1], "delimiter is one character")
        return delimiter

    def _header_rows(self, props: dict[str, tuple[Any, NodePath]]) -> int:
        rows = int(self._value(props, "headerRows", 1))
        if not 1 <= rows <= 3:
            self.say(props["headerRows"][1], "headerRows is between 1 and 3")
        if rows > 1 and not (
            self._value(props, "header", True) and set(self._formats(props)) <= {"delimited", "spreadsheet"}
        ):
            self.say(
                props["headerRows"][1], "headerRows is for delimited and spreadsheet files with a header"
            )
        return rows

    def _title_rows(self, props: dict[str, tuple[Any, NodePath]]) -> int:
        rows = int(self._value(props, "titleRows", 0))
        if not 0 <= rows <= 50:
            self.say(props["titleRows"][1], "titleRows is between 0 and 50")
        return rows

    def _accepts_empty(self, props: dict[str, tuple[Any, NodePath]]) -> bool:
        value = self._value(props, "emptyFile", "reject")
        if value not in ("accept", "reject"):
            self.say(props["emptyFile"][1], "emptyFile is accept or reject")
        return value == "accept"

    def _event_time(
        self, props: dict[str, tuple[Any, NodePath]], known: set[str]
    ) -> tuple[EventTime | None, str]:
        if "eventTime" not in props:
            return None, DEFAULT_ZONE
        value, at = props["eventTime"]
        zone = str(value.get("zone", DEFAULT_ZONE))
        self._zone_exists(zone, (*at, "zone"))
        column = self._known_column(value.get("column"), known, (*at, "column"), "eventTime")
        precision = value.get("precision", "second")
        if precision not in ("day", "minute", "second"):
            self.say((*at, "precision"), "precision is day, minute or second")
        return EventTime(column, precision, zone), zone

    def _supersede(
        self, props: dict[str, tuple[Any, NodePath]], known: set[str], keys: list[str]
    ) -> Supersede:
        if "supersede" not in props:
            return Supersede()
        value, at = props["supersede"]
        mode = value.get("mode")
        if mode not in SUPERSEDE_MODES:
            self.say((*at, "mode"), f"supersede.mode is one of {', '.join(SUPERSEDE_MODES)}")
        by = value.get("by", keys if mode == "latest_by_key" else [])
        for name in by:
            self._known_column(name, known, (*at, "by"), "supersede.by")
        if mode in ("replace_period", "latest_by_key") and not by:
            self.say(at, f"{mode} needs `by`, or a primary key")
        order_by = value.get("orderBy")
        if order_by is not None:
            self._known_column(order_by, known, (*at, "orderBy"), "supersede.orderBy")
        elif mode == "latest_by_key":
            self.say(at, "latest_by_key needs `orderBy`, the column whose greatest value wins")
        return Supersede(str(mode), tuple(by), order_by)

    def _period(self, props: dict[str, tuple[Any, NodePath]], known: set[str]) -> Period | None:
        if "period" not in props:
            return None
        value, at = props["period"]
        if ("pattern" in value) == ("column" in value):
            self.say(at, "period needs either a pattern on the file name or a column")
            return None
        if "column" in value:
            return Period(column=self._known_column(value["column"], known, (*at, "column"), "period"))
        pattern = str(value["pattern"])
        groups = self._compiles(pattern, (*at, "pattern"))
        if not ({"year", "month"} <= groups or "period" in groups):
            self.say((*at, "pattern"), "the pattern needs the named groups year and month, or period")
        return Period(pattern=pattern)

    def _pattern(self, props: dict[str, tuple[Any, NodePath]], name: str, needed: set[str]) -> str:
        if name not in props:
            return ""
        value, at = props[name]
        pattern = str(value.get("pattern", ""))
        groups = self._compiles(pattern, (*at, "pattern"))
        if not needed <= groups:
            self.say(
                (*at, "pattern"), f"{name} needs a pattern with the named groups {', '.join(sorted(needed))}"
            )
        return pattern

    def _file_name(self, props: dict[str, tuple[Any, NodePath]], known: set[str]) -> str:
        pattern = self._pattern(props, "fileNameColumns", set())
        if pattern:
            for group in self._compiles(pattern, props["fileNameColumns"][1]):
                self._known_column(group, known, (*props["fileNameColumns"][1], "pattern"), "fileNameColumns")
        return pattern

    # --- checks shared by several fields

    def _known_column(self, name: Any, known: set[str], at: NodePath, what: str) -> str:
        if name not in known:
            self.say(at, f"{what} names the column {name}, which is not declared")
        return str(name)

    def _compiles(self, pattern: str, at: NodePath) -> set[str]:
        try:
            return set(re.compile(pattern).groupindex)
        except re.error as error:
            self.say(at, f"not a regular expression: {error}")
            return set()

    def _zone_exists(self, zone: str, at: NodePath) -> None:
        if zone:
            try:
                ZoneInfo(zone)
            except (ValueError, OSError, KeyError):
                self.say(at, f"{zone} is not a time zone; write it like Asia/Tokyo")

    def _freshness(self) -> int | None:
        for index, item in enumerate(self.contract.slaProperties or []):
            if item.property == "freshness":
                factor = _HOURS.get(str(item.unit or "h").lower())
                at = ("slaProperties", index)
                if factor is None:
                    self.say((*at, "unit"), "the unit of freshness is h or d")
                    return None
                if isinstance(item.value, bool) or not isinstance(item.value, int) or item.value <= 0:
                    self.say((*at, "value"), "freshness is a whole number above 0")
                    return None
                return item.value * factor
        return None

    def _is_periodic(self) -> bool:
        """Whether files come at set times; where they come per event (unit `event`), silence is no fault."""
        units = [item.unit for item in self.contract.slaProperties or [] if item.property == "frequency"]
        return "event" not in units

    def _team(self) -> str:
        team = self.contract.team
        if team is None or isinstance(team, list):
            return ", ".join(member.name or member.username or "" for member in team or [])
        return team.name or ""
