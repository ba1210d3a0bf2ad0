-- Whatever measures something else, elsewhere or then may be named in a text, but not drawn beside own numbers.
select
    benchmark.benchmark_id,
    benchmark.metric,
    benchmark.name_ja,
    benchmark.value,
    benchmark.unit,
    benchmark.region,
    benchmark.period,
    benchmark.population_n,
    benchmark.source,
    benchmark.source_url,
    benchmark.retrieved_on,
    benchmark.caveat_ja,
    benchmark.comparable_metric_id,
    kpi.kpi_id is not null as may_be_drawn
from {{ ref('published_benchmark') }} as benchmark
left join (select distinct kpi_id from {{ ref('dim_kpi') }}) as kpi
    on benchmark.comparable_metric_id = kpi.kpi_id
