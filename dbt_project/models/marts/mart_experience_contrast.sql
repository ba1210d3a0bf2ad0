with rule as (
    select
        setting.*,
        contrast.minimum_clusters
    from {{ rows_in_force('survey_setting') }} as setting
    cross join {{ rows_in_force('contrast_rule') }} as contrast
),

{# What was answered, and what became of a need: whether it was answered is looked at after the experience, so that no
   contact that answered it can count as one. The last of each in a period. #}
answers as (
    select
        mart_period.period_type,
        mart_period.period_start,
        mart_period.period_end,
        answer.physician_key,
        answer.item_id,
        answer.score,
        cast(date_trunc('month', answer.responded_on) as date) as answered_month,
        {{ answer_recency('answer', ['item_id']) }} as recency
    from {{ ref('mart_period') }} as mart_period
    inner join {{ ref('fct_survey_response') }} as answer
        on answer.responded_on between mart_period.period_start and mart_period.period_end
    where
        answer.physician_key is not null
        and answer.score is not null
        and answer.item_id in ('csat', 'nps')
    union all
    select
        mart_period.period_type,
        mart_period.period_start,
        mart_period.period_end,
        need.physician_key,
        'need_answered' as item_id,
        case when need.is_answered_within_30d then 1 else 0 end as score,
        cast(date_trunc('month', need.signalled_on) as date) as answered_month,
        row_number() over (
            partition by mart_period.period_type, mart_period.period_start, need.physician_key
            order by need.signalled_on desc, need.topic_id desc, need.product_id desc, need.learned_by desc
        ) as recency
    from {{ ref('mart_period') }} as mart_period
    inner join {{ ref('fct_need_signal') }} as need
        on need.signalled_on between mart_period.period_start and mart_period.period_end
    where need.is_first_in_episode and need.topic_id is not null and need.is_answered_within_30d is not null
),

months as (
    select
        answers.physician_key,
        answers.answered_month,
        {{ add_months('answers.answered_month', '-max(rule.experience_months)') }} as experienced_from,
        {{ add_months('answers.answered_month', '-max(rule.experience_months + rule.prior_months)') }} as earlier_from
    from answers
    cross join rule
    where answers.recency = 1
    group by answers.physician_key, answers.answered_month
),

{# What the physician had experienced in the whole month before the month of his answer: channels with at least one
   contact that engaged him. #}
experienced as (
    select
        months.physician_key,
        months.answered_month,
        count(distinct contact.channel_id) as channels
    from months
    inner join {{ ref('fct_physician_channel_month') }} as contact
        on
            months.physician_key = contact.physician_key
            and contact.month_end >= months.experienced_from
            and contact.month_end < months.answered_month
    where contact.effective_contacts > 0 and contact.channel_id not in {{ kpi_medical_channels() }}
    group by months.physician_key, months.answered_month
),

{# How busy the relation already was before that. #}
earlier as (
    select
        months.physician_key,
        months.answered_month,
        sum(contact_month.contacts) as contacts
    from months
    inner join {{ ref('fct_physician_contact_month') }} as contact_month
        on
            months.physician_key = contact_month.physician_key
            and contact_month.month_end >= months.earlier_from
            and contact_month.month_end < months.experienced_from
    group by months.physician_key, months.answered_month
),

{# Of those months: a digital act of the physician that a representative took up on another channel. #}
orchestrated as (
    select distinct
        months.physician_key,
        months.answered_month
    from months
    inner join {{ ref('fct_digital_signal') }} as signal
        on
            months.physician_key = signal.physician_key
            and {{ local_date('signal.follow_up_at') }} >= months.experienced_from
            and {{ local_date('signal.follow_up_at') }} < months.answered_month
    where signal.is_orchestrated and signal.channel_id not in {{ kpi_medical_channels() }}
),

{# Several channels against one, and orchestrated contact against one channel that nobody took up on another. #}
sides_of as (
    select
        physician_key,
        answered_month,
        'several_channels' as contrast_id,
        case when channels >= 2 then 1 else 0 end as is_multi
    from experienced
    union all
    select
        physician_key,
        answered_month,
        'orchestrated' as contrast_id,
        1 as is_multi
    from orchestrated
    union all
    select
        experienced.physician_key,
        experienced.answered_month,
        'orchestrated' as contrast_id,
        0 as is_multi
    from experienced
    left join orchestrated
        on
            experienced.physician_key = orchestrated.physician_key
            and experienced.answered_month = orchestrated.answered_month
    where experienced.channels = 1 and orchestrated.physician_key is null
),

physicians as (
    select
        sides_of.contrast_id,
        answers.period_type,
        answers.period_start,
        answers.period_end,
        case answers.item_id when 'csat' then 'csat_top2' else answers.item_id end as outcome_id,
        sides_of.is_multi,
        case
            when answers.item_id = 'need_answered' then cast(answers.score as double)
            when answers.item_id = 'csat' and answers.score >= rule.satisfied_from then cast(1 as double)
            when answers.item_id = 'nps' and answers.score >= rule.promoter_from then cast(100 as double)
            when answers.item_id = 'nps' and answers.score <= rule.detractor_to then cast(-100 as double)
            else cast(0 as double)
        end as outcome,
        coalesce(physician.employee_key, 'unassigned') as cluster_id,
        coalesce(physician.specialty_group, 'unknown')
        || '|' || coalesce(physician.practice_type, 'unknown')
        || '|' || band.band_id as stratum
    from answers
    cross join rule
    inner join {{ ref('mart_physician_period') }} as physician
        on
            answers.period_type = physician.period_type
            and answers.period_start = physician.period_start
            and answers.physician_key = physician.physician_key
    inner join sides_of
        on
            answers.physician_key = sides_of.physician_key
            and answers.answered_month = sides_of.answered_month
    left join earlier
        on
            answers.physician_key = earlier.physician_key
            and answers.answered_month = earlier.answered_month
    inner join {{ rows_in_force('contact_volume_band') }} as band
        on coalesce(earlier.contacts, 0) between band.from_contacts and band.to_contacts
    where answers.recency = 1
),

{# Only strata with physicians on both sides can be compared; weights as by Mantel and Haenszel, n1·n0/n. #}
strata as (
    select
        period_type,
        period_start,
        period_end,
        contrast_id,
        outcome_id,
        stratum,
        cast(count(*) as double) as size,
        cast(sum(is_multi) as double) as multi,
        avg(case when is_multi = 1 then outcome end) as mean_multi,
        avg(case when is_multi = 0 then outcome end) as mean_single,
        avg(outcome) as mean_outcome
    from physicians
    group by period_type, period_start, period_end, contrast_id, outcome_id, stratum
),

sides as (
    select
        period_type,
        period_start,
        period_end,
        contrast_id,
        outcome_id,
        sum(multi) as n_all_multi,
        sum(size - multi) as n_all_single
    from strata
    group by period_type, period_start, period_end, contrast_id, outcome_id
),

standardised as (
    select
        period_type,
        period_start,
        contrast_id,
        outcome_id,
        sum(multi) as n_multi,
        sum(size - multi) as n_single,
        sum(multi * (size - multi) / size) as weight,
        sum(multi * (size - multi) / size * mean_multi) / sum(multi * (size - multi) / size) as mean_multi,
        sum(multi * (size - multi) / size * mean_single) / sum(multi * (size - multi) / size) as mean_single
    from strata
    where multi > 0 and multi < size
    group by period_type, period_start, contrast_id, outcome_id
),

{# Each physician's weighted deviation from what his stratum and one common difference lead to expect, summed within a
   representative's physicians: what they share must not count as many observations. N / (N - 1) makes up for the mean
   that each stratum estimates. #}
by_cluster as (
    select
        physicians.period_type,
        physicians.period_start,
        physicians.contrast_id,
        physicians.outcome_id,
        physicians.cluster_id,
        sum(
            sqrt(strata.size / (strata.size - 1))
            * (physicians.is_multi - strata.multi / strata.size)
            * (
                physicians.outcome - strata.mean_outcome
                - (standardised.mean_multi - standardised.mean_single)
                * (physicians.is_multi - strata.multi / strata.size)
            )
        ) as deviation
    from physicians
    inner join strata
        on
            physicians.period_type = strata.period_type
            and physicians.period_start = strata.period_start
            and physicians.contrast_id = strata.contrast_id
            and physicians.outcome_id = strata.outcome_id
            and physicians.stratum = strata.stratum
    inner join standardised
        on
            physicians.period_type = standardised.period_type
            and physicians.period_start = standardised.period_start
            and physicians.contrast_id = standardised.contrast_id
            and physicians.outcome_id = standardised.outcome_id
    where strata.multi > 0 and strata.multi < strata.size
    group by
        physicians.period_type, physicians.period_start, physicians.contrast_id, physicians.outcome_id,
        physicians.cluster_id
),

spread as (
    select
        period_type,
        period_start,
        contrast_id,
        outcome_id,
        count(*) as n_clusters,
        {#- With fewer representatives nothing can be said about how much they differ. #}
        case
            when count(*) >= max(rule.minimum_clusters)
                then sqrt(sum(deviation * deviation) * count(*) / (count(*) - 1))
        end as deviation
    from by_cluster
    cross join rule
    group by period_type, period_start, contrast_id, outcome_id
),

thresholds as (
    select
        kpi_id,
        meaningful_difference,
        row_number() over (partition by kpi_id order by kpi_version desc) as recency
    from {{ ref('dim_kpi') }}
),

compared as (
    select
        sides.period_type,
        sides.period_start,
        sides.period_end,
        sides.contrast_id,
        sides.outcome_id,
        sides.n_all_multi,
        sides.n_all_single,
        coalesce(standardised.n_multi, 0) as n_multi,
        coalesce(standardised.n_single, 0) as n_single,
        coalesce(spread.n_clusters, 0) as n_clusters,
        standardised.mean_multi,
        standardised.mean_single,
        standardised.mean_multi - standardised.mean_single as difference,
        {{ kpi_t('nullif(spread.n_clusters - 1, 0)') }} * spread.deviation / standardised.weight as half_width,
        case sides.outcome_id when 'nps' then rule.minimum_score else rule.minimum_compared end as minimum,
        thresholds.meaningful_difference
    from sides
    cross join rule
    inner join thresholds
        on
            thresholds.kpi_id = case sides.outcome_id
                when 'nps' then 'cx.nps'
                when 'csat_top2' then 'cx.csat_top2_rate'
                else 'need.answered_rate'
            end
            and thresholds.recency = 1
    left join standardised
        on
            sides.period_type = standardised.period_type
            and sides.period_start = standardised.period_start
            and sides.contrast_id = standardised.contrast_id
            and sides.outcome_id = standardised.outcome_id
    left join spread
        on
            sides.period_type = spread.period_type
            and sides.period_start = spread.period_start
            and sides.contrast_id = spread.contrast_id
            and sides.outcome_id = spread.outcome_id
),

{# Enough on both sides, and enough representatives for an interval: a difference is never given without one. Where all
   answered alike there is no spread to learn an error from, and no interval either (what is left of it is rounding). #}
decided as (
    select
        compared.*,
        difference - half_width as difference_low,
        difference + half_width as difference_high,
        {#- Both contrasts share one side but for those with orchestrated contact: the rows may not tell so few apart. #}
        max(n_all_single) over outcomes - n_all_single between 1 and {{ kpi_minimum_cell() }} - 1
        or max(n_single) over outcomes - n_single between 1 and {{ kpi_minimum_cell() }} - 1 as is_single_telling,
        coalesce(n_multi >= minimum and n_single >= minimum and half_width > 1e-9, false) as is_enough
    from compared
    window outcomes as (partition by period_type, period_start, outcome_id)
)
{#- Rounded where sums over strata and representatives would differ in the last digit from build to build. #}
select
    period_type,
    period_start,
    period_end,
    contrast_id,
    outcome_id,
    cast(case when n_all_multi not between 1 and {{ kpi_minimum_cell() }} - 1 then n_all_multi end as bigint)
        as n_all_multi,
    cast(
        case
            when not is_single_telling and n_all_single not between 1 and {{ kpi_minimum_cell() }} - 1 then n_all_single
        end as bigint
    ) as n_all_single,
    cast(case when n_multi not between 1 and {{ kpi_minimum_cell() }} - 1 then n_multi end as bigint) as n_multi,
    cast(
        case
            when not is_single_telling and n_single not between 1 and {{ kpi_minimum_cell() }} - 1 then n_single
        end as bigint
    ) as n_single,
    cast(n_clusters as bigint) as n_clusters,
    round(cast(case when is_enough then mean_multi end as double), 10) as mean_multi,
    round(cast(case when is_enough then mean_single end as double), 10) as mean_single,
    round(cast(case when is_enough then difference end as double), 10) as difference,
    round(cast(case when is_enough then difference_low end as double), 10) as difference_low,
    round(cast(case when is_enough then difference_high end as double), 10) as difference_high,
    round(
        cast(case when is_enough then {{ kpi_minimum_detectable('difference_low', 'difference_high') }} end as double), 10
    ) as minimum_detectable_difference,
    'E2' as evidence_level,
    case {{ kpi_judge(
        'difference', 'case when is_enough then difference_low end', 'case when is_enough then difference_high end',
        'meaningful_difference', 'n_multi', 'n_single', 'minimum'
    ) }}
        when 'improved'
            then case contrast_id when 'orchestrated' then 'more_with_orchestrated' else 'more_with_several' end
        when 'worsened'
            then case contrast_id when 'orchestrated' then 'less_with_orchestrated' else 'less_with_several' end
        when 'unchanged' then 'no_difference'
        else 'cannot_tell'
    end as verdict,
    case
        when outcome_id = 'need_answered'
            then '多くの手段で接している先生ほど、もともと連絡の機会が多く、答えも届きやすくなります。この差は一緒に見られたもので、手段を増やした結果とは言えません。'
        when contrast_id = 'orchestrated'
            then 'オンラインでよく反応し担当者に会う先生ほど、当社をよく思い、調査にも答えます。この差は一緒に見られたもので、手段をつないだ結果とは言えません。'
        else '当社をよく思う先生ほど、多くの手段で接し、調査にも答えます。この差は、手段を増やした結果とは言えません。'
    end as caution_ja
from decided
