"""Which version of the rules in a seed is in force: the highest, for Python as for dbt's `rows_in_force`."""

from __future__ import annotations

RULE_VERSION = "rule_version"
"""The column that makes a seed one of rules."""

NEWEST_FIRST = f"length({RULE_VERSION}) desc, {RULE_VERSION} desc"
"""A version is a name and a number without leading zeros (`journey-9`, `journey-10`): of one name the longer
text has the higher number."""


class RuleError(ValueError):
    """A seed of rules that cannot be followed. Its words are about the seed alone: they may be shown."""


def rows_in_force(seed: str) -> str:
    """SQL, in parentheses: the rows of a versioned seed that are in force."""
    newest = f"select {RULE_VERSION} from seeds.{seed} order by {NEWEST_FIRST} limit 1"
    return f"(select * from seeds.{seed} where {RULE_VERSION} = ({newest}))"
