with

judged as (
    select
        *,
        case
            when reliability is null then 'cannot_tell'
            when reliability < min_reliability then 'not_for_individuals'
            when reliability_low < min_reliability then 'cannot_tell'
            else 'reliable_enough'
        end as verdict
    from {{ source('estimates', 'kpi_reliability') }}
)

select
    kpi_id,
    cast(kpi_version as integer) as kpi_version,
    period_type,
    period_start,
    period_end,
    contact_band,
    cast(n_mrs as bigint) as n_mrs,
    cast(n_mrs_enough as bigint) as n_mrs_enough,
    {{ kpi_rate('n_mrs_enough', 'n_mrs') }} as share_mrs_enough,
    cast(n_mrs_in_halves as bigint) as n_mrs_in_halves,
    cast(contacts_median as double) as contacts_median,
    cast(numerator as bigint) as numerator,
    cast(denominator as bigint) as denominator,
    cast(reliability as double) as reliability,
    cast(reliability_low as double) as reliability_low,
    cast(reliability_high as double) as reliability_high,
    verdict,
    case verdict
        when 'not_for_individuals' then '個人の評価には使えません'
        when 'reliable_enough' then '数のぶれは小さいです。個人の評価に使うには、ほかの条件も必要です'
        else '判断できません'
    end as verdict_words,
    case
        when reason = 'no_mrs' then 'この期間に数のあるMRがいません'
        when reason = 'too_few_mrs' then 'MRの人数が少ないため、計算していません'
        when reason = 'no_spread' then 'どのMRもほとんど同じ値のため、違いを測れません'
        when verdict = 'not_for_individuals' then '先生を半分ずつに分けると、MRの値が半分ごとに大きく変わります'
        when verdict = 'cannot_tell' then 'MRの人数が少なく、ぶれの大きさがまだ決まりません'
    end as reason,
    is_within_mr_control,
    is_physician_outcome,
    contains_money,
    is_evaluation_use,
    verdict = 'reliable_enough' and is_within_mr_control and is_physician_outcome and not contains_money
        as meets_all_conditions,
    cast(min_reliability as double) as min_reliability,
    cast(enough_contacts as integer) as enough_contacts,
    cast(few_contacts_below as integer) as few_contacts_below,
    'E1' as evidence_level,
    rule_version
from judged
