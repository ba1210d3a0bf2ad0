"""No model up to the core tries every pair of rows where a key is given."""

from __future__ import annotations

import duckdb

from tests.dbt.core.conftest import Star
from tests.dbt.query_plans import models_trying_pairs, pairs_tried
from tests.dbt.tiny_lake import preparation_of


def test_the_check_sees_a_join_that_tries_every_pair() -> None:
    with duckdb.connect() as connection:
        connection.execute("create table act as select 1 as call_id, 'call' as source")
        connection.execute("create table product as select 1 as call_id")
        slow = "select * from act left join product on act.source = 'call' and act.call_id = product.call_id"
        assert pairs_tried(connection, slow)
        assert not pairs_tried(connection, "select * from act left join product using (call_id)")


def test_no_model_tries_every_pair_where_a_key_is_given(star: Star) -> None:
    with duckdb.connect(str(star.warehouse.file), read_only=True) as connection:
        connection.execute(f"attach '{preparation_of(star.warehouse.file)}' as preparation (read_only)")
        seen, slow = models_trying_pairs(connection, star.warehouse.results, star.lake.root)
    assert seen > 120
    assert slow == {}
