select
    'quarter' as period_type,
    period_start,
    period_end,
    product_id,
    channel_id,
    cast(n_physicians as bigint) as n_physicians,
    cast(n_paths as bigint) as n_paths,
    cast(n_conversions as bigint) as n_conversions,
    cast(n_physicians_orchestrated as bigint) as n_physicians_orchestrated,
    cast(n_paths_orchestrated as bigint) as n_paths_orchestrated,
    cast(n_conversions_orchestrated as bigint) as n_conversions_orchestrated,
    cast(n_physicians_without_contact as bigint) as n_physicians_without_contact,
    cast(n_paths_without_contact as bigint) as n_paths_without_contact,
    cast(n_conversions_without_contact as bigint) as n_conversions_without_contact,
    {%- for rule in ('position', 'markov', 'shapley', 'markov2') %}
    cast({{ rule }}_weight as double) as {{ rule }}_weight,
    cast({{ rule }}_low as double) as {{ rule }}_low,
    cast({{ rule }}_high as double) as {{ rule }}_high,
    {%- endfor %}
    is_same_order,
    case when reason is null then 'computed' else 'not_computed' end as state,
    case
        when reason = 'too_few_paths'
            then
                '接点のある道筋が' || cast(min_paths as {{ dbt.type_string() }})
                || 'に満たないため、計算していません'
        when reason = 'too_few_conversions'
            then
                '先へ進んだ道筋が' || cast(min_conversions as {{ dbt.type_string() }})
                || 'に満たないため、計算していません'
    end as reason,
    case when not is_same_order then '計算方法によって順番が変わるため、順位は参考です' end as order_note,
    '先生が先へ進む前の' || cast(lookback_days as {{ dbt.type_string() }})
    || '日に、一緒に見られた手段です。手段が先生を動かしたとは言えません' as reading,
    'E2' as evidence_level,
    cast(lookback_days as integer) as lookback_days,
    rule_version
from {{ source('estimates', 'attribution') }}
