"""Wholesalers' deliveries to facilities and pharmacies: records of 200 bytes in CP932, one file a month.

A file has a header (1), data records (2) and a trailer (9) with their number. Positions are counted in bytes,
quantities are signed, days have six digits, and what was wrong comes again in the next month's file under the
same slip with a later day of making. Deliveries follow nothing that physicians or representatives do: whoever
finds an effect on them has found one that is not there.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np

from shirube.sample import names
from shirube.sample.company import Company
from shirube.sample.defects import Defects
from shirube.sample.writers.files import FileLog

SOURCE = "jdnet_delivery"
STREAM = 8001
"""The number of this writer's own stream of chance: nothing else's numbers move when it draws."""
RECORD_BYTES = 200
DELIVERED_ON = 5
"""Day of the following month on which a month's file comes."""
OWN_CODES = ("900000011", "900000028", "900000035", "900000042")
OTHER_CODE = "900000097"
SALE, RETURN, CORRECTION, CANCELLED = "001", "002", "003", "009"
CUT_MONTH, SPLIT_MONTH = 4, 7
"""Months (from 0) with records cut short inside a character, and with a name cut inside one."""


@dataclass(frozen=True)
class Line:
    """One line of a slip in one state."""

    wholesaler: str
    slip: int
    place_code: str
    place_name: str
    product: int
    day: int
    quantity: int
    kind: str


@dataclass
class JdnetWriter:
    """Writes the months in order and remembers what the next file has to correct."""

    log: FileLog
    company: Company
    defects: Defects
    seed: int
    _slip: int = 0
    _to_correct: list[Line] = field(default_factory=list)

    def month(self, index: int) -> None:
        """One file: what the last one had wrong, then the month's slips."""
        period, counts = self.company.period, self.defects.counts
        rng = np.random.default_rng([self.seed, STREAM, index])
        first, after = period.month_start(index), period.month_start(index + 1)
        corrections = self._corrected(rng)
        lines = self._lines(rng, first, after)
        chosen = rng.random(len(lines)) < 0.02
        self._to_correct = [line for line, wrong in zip(lines, chosen, strict=True) if wrong]
        made = after + DELIVERED_ON - 2
        # The file of the month before is corrected, and its records stand in two files.
        records = [_record(line, made) for line in [*corrections, *lines]]
        bad: dict[str, int] = {}
        spoilt: list[Line] = []
        if index == CUT_MONTH:
            # Cut after the first byte of a character of the product's name.
            for at in (len(corrections) + 3, len(corrections) + 7):
                records[at] = records[at][: 58 + 5]
                spoilt.append(lines[at - len(corrections)])
            bad["bad_record_length"] = 2
        if index == SPLIT_MONTH:
            # A name cut by bytes to its field of 40: half of its last character is left.
            at = len(corrections) + 5
            records[at] = records[at][:97] + "錠".encode("cp932")[:1] + records[at][98:]
            spoilt.append(lines[at - len(corrections)])
            bad["undecodable"] = 1
        self._to_correct = [line for line in self._to_correct if line not in spoilt]
        self._count(corrections, [line for line in lines if line not in spoilt])
        day = np.datetime64(after + DELIVERED_ON - 1, "D")
        content = b"".join(record + b"\r\n" for record in (_header(made), *records, _trailer(len(records))))
        name = f"JDNET_{period.label(index).replace('-', '')}_{str(day).replace('-', '')}.txt"
        self.log.write(SOURCE, name, content, len(records), quarantined=bad)
        counts["jdnet_records_cut"] += bad.get("bad_record_length", 0)
        counts["jdnet_names_cut"] += bad.get("undecodable", 0)

    def _lines(self, rng: np.random.Generator, first: int, after: int) -> list[Line]:
        places = self.company.facilities
        codes, called = places.code.to_pylist(), places.name.to_pylist()
        lines = []
        for place in range(len(places)):
            for product in np.flatnonzero(rng.random(len(names.PRODUCTS) + 1) < 0.25).tolist():
                self._slip += 1
                quantity = int(rng.integers(1, 40))
                is_return = bool(rng.random() < 0.04)
                to_pharmacy = bool(rng.random() < 0.3)
                lines.append(
                    Line(
                        wholesaler=str(101 + place % 3),
                        slip=self._slip,
                        # A pharmacy in front of the hospital is in no master of facilities.
                        place_code=f"P{place:08d}" if to_pharmacy else codes[place],
                        place_name="門前薬局" if to_pharmacy else called[place],
                        product=product,
                        day=int(rng.integers(first, after)),
                        quantity=-quantity if is_return else quantity,
                        kind=RETURN if is_return else SALE,
                    )
                )
        return lines

    def _corrected(self, rng: np.random.Generator) -> list[Line]:
        """The last file's wrong lines: one in four is taken back, the others get another quantity."""
        found = []
        for line in self._to_correct:
            taken_back = bool(rng.random() < 0.25)
            quantity = 0 if taken_back else line.quantity + int(rng.integers(1, 5))
            kind = CANCELLED if taken_back else CORRECTION
            found.append(
                Line(
                    line.wholesaler,
                    line.slip,
                    line.place_code,
                    line.place_name,
                    line.product,
                    line.day,
                    quantity,
                    kind,
                )
            )
        return found

    def _count(self, corrections: list[Line], lines: list[Line]) -> None:
        counts = self.defects.counts
        own = len(names.PRODUCTS)
        counts["jdnet_superseded"] += len(corrections)
        counts["jdnet_cancelled"] += sum(line.kind == CANCELLED for line in corrections)
        counts["jdnet_other_products"] += sum(line.product >= own for line in lines)
        # A cancelled line is told apart before its product is looked at.
        counts["jdnet_other_products"] -= sum(
            line.product >= own and line.kind == CANCELLED for line in corrections
        )
        counts["jdnet_returns"] += sum(line.kind == RETURN for line in lines)


def _record(line: Line, made: int) -> bytes:
    """A data record of 200 bytes; texts are filled with blanks to their bytes, never to characters."""
    is_own = line.product < len(names.PRODUCTS)
    code = OWN_CODES[line.product] if is_own else OTHER_CODE
    name = names.PRODUCTS[line.product][1] if is_own else "よその薬カプセル"
    fields: list[tuple[Any, int]] = [
        ("2", 1),
        ("21", 2),
        (line.wholesaler, 3),
        ("01", 2),
        ("000000000000001", 15),
        (line.place_code, 10),
        (_six(line.day), 6),
        (f"{line.slip:07d}", 7),
        (line.kind, 3),
        (code, 9),
        (name, 40),
        (line.place_name, 20),
        ("見本市架空町１－１", 60),
        (f"{line.quantity:+08d}", 8),
        ("01", 2),
        (_six(made), 6),
        ("", 6),
    ]
    return b"".join(_filled(str(text), width) for text, width in fields)


def _filled(text: str, width: int) -> bytes:
    """Text in exactly so many bytes: cut between characters, never inside one."""
    kept = text
    while len(kept.encode("cp932")) > width:
        kept = kept[:-1]
    return kept.encode("cp932").ljust(width, b" ")


def _six(day: int) -> str:
    """A day as YYMMDD."""
    return str(np.datetime64(day, "D")).replace("-", "")[2:]


def _header(made: int) -> bytes:
    return _filled(f"121{_six(made)}", RECORD_BYTES)


def _trailer(records: int) -> bytes:
    return _filled(f"9{records:07d}", RECORD_BYTES)
