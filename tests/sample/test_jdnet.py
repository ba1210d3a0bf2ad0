"""The wholesalers' files: records of 200 bytes, what is planted in them, and what the truth says of it."""

from __future__ import annotations

from typing import Any


def records(sample: Any) -> list[tuple[str, bytes]]:
    return [
        (entry["file"], line)
        for entry in sorted(sample.files("jdnet_delivery"), key=lambda entry: entry["file"])
        for line in sample.path(entry).read_bytes().split(b"\r\n")
        if line.startswith(b"2")
    ]


def test_every_record_is_200_bytes_but_those_cut_short(sample: Any) -> None:
    found = records(sample)
    planted = sample.truth["planted"]["records_cut_inside_a_character"]
    assert len(found) == sum(entry["rows"] for entry in sample.files("jdnet_delivery")) > 300
    assert sum(len(record) != 200 for _, record in found) == planted["records"] == 2
    names = [record[58:98] for _, record in found if len(record) == 200]
    broken = 0
    for name in names:
        try:
            name.decode("cp932")
        except UnicodeDecodeError:
            broken += 1
    assert broken == planted["names"] == 1


def test_corrections_come_later_under_the_same_slip(sample: Any) -> None:
    states: dict[bytes, list[tuple[bytes, bytes, int]]] = {}
    for _, record in records(sample):
        if len(record) == 200:
            states.setdefault(record[39:46], []).append(
                (record[188:194], record[46:49], int(record[178:186]))
            )
    repeated = [found for found in states.values() if len(found) > 1]
    planted = sample.truth["planted"]["corrected_deliveries"]
    assert sum(len(found) - 1 for found in repeated) == planted["rows"] > 0
    assert all(found[0][0] < found[-1][0] for found in repeated)
    assert sum(found[-1][1] == b"009" for found in repeated) == planted["cancelled"]
    returns = [quantity for found in states.values() for _, kind, quantity in found if kind == b"002"]
    assert returns
    assert max(returns) < 0
