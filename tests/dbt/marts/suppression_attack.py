"""What a reader can work out about hidden groups from the published cells alone, by linear algebra.

Every hidden cell is an unknown that holds one physician or more (an empty cell is shown as 0). Every
published sum is an equation: company and branches, branch and offices, office and representatives, total and
breakdown. What a whole holds beside its published parts (physicians without an office) is one more unknown.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Mapping, Sequence
from itertools import combinations

import numpy as np
from scipy.linalg import null_space
from scipy.optimize import linprog

Cell = Hashable
Equation = tuple[Cell, Sequence[Cell]]


def disclosed(
    sizes: Mapping[Cell, int], published: Mapping[Cell, int | None], sums: Iterable[Equation]
) -> list[set[Cell]]:
    """Groups of 1 to 4 physicians that are shown or follow from what is shown.

    `sizes` holds the true size of every cell, `published` the size or None (hidden), `sums` wholes and parts.
    """
    found = [{cell} for cell, shown in published.items() if shown is not None and 1 <= shown <= 4]
    true: dict[Cell, int] = {cell: sizes[cell] for cell, shown in published.items() if shown is None}
    equations: list[tuple[dict[Cell, int], int]] = []
    for whole, parts in sums:
        beside = sizes[whole] - sum(sizes[part] for part in parts)
        signs: dict[Cell, int] = {whole: 1} | dict.fromkeys(parts, -1)
        if beside > 0:
            signs[("beside", whole, *parts)] = -1
            true[("beside", whole, *parts)] = beside
        unknown = {cell: sign for cell, sign in signs.items() if published.get(cell) is None}
        known = -sum(sign * (published[cell] or 0) for cell, sign in signs.items() if cell not in unknown)
        if unknown:
            equations.append((unknown, known))
    if not true or not equations:
        return found
    place = {cell: number for number, cell in enumerate(true)}
    matrix = np.zeros((len(equations), len(true)))
    known_sums = np.array([known for _, known in equations], dtype=float)
    for row, (unknown, _) in enumerate(equations):
        for cell, sign in unknown.items():
            matrix[row, place[cell]] = sign
    # A sum of cells is determined if it does not vary along any direction that leaves all equations true.
    free = null_space(matrix).round(9)
    small = [cell for cell, size in true.items() if size <= 4]
    for count in (1, 2, 3):
        for group in combinations(small, count):
            if sum(true[cell] for cell in group) <= 4 and not np.any(
                abs(sum(free[place[cell]] for cell in group)) > 1e-7
            ):
                found.append(set(group))
    # A cell is also given away where its smallest and its largest possible size are the same.
    for cell in small:
        aim = np.zeros(len(true))
        aim[place[cell]] = 1
        ends = [linprog(sign * aim, A_eq=matrix, b_eq=known_sums, bounds=(1, None)) for sign in (1, -1)]
        if all(end.status == 0 for end in ends) and abs(ends[0].fun + ends[1].fun) < 0.5 - 1e-6:
            found.append({cell})
    return found
