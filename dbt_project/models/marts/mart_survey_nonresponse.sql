with rule as (
    select * from {{ rows_in_force('survey_setting') }} as setting
),

invited as (
    select
        mart_period.period_type,
        mart_period.period_start,
        mart_period.period_end,
        invitation.physician_key,
        max(case when invitation.has_response then 1 else 0 end) as has_response,
        min(invitation.invited_on) as invited_on
    from {{ ref('mart_period') }} as mart_period
    inner join {{ ref('fct_survey_invitation') }} as invitation
        on invitation.invited_on between mart_period.period_start and mart_period.period_end
    where invitation.is_delivered and invitation.physician_key is not null
    group by
        mart_period.period_type,
        mart_period.period_start,
        mart_period.period_end,
        invitation.physician_key
),

{# Contacts of the whole months before the month of the first invitation: the survey itself is none of them. #}
earlier as (
    select
        invited.period_type,
        invited.period_start,
        invited.physician_key,
        sum(contact_month.contacts) as contacts
    from invited
    cross join rule
    inner join {{ ref('fct_physician_contact_month') }} as contact_month
        on
            invited.physician_key = contact_month.physician_key
            and contact_month.month_end < cast(date_trunc('month', invited.invited_on) as date)
            and contact_month.month_end
            >= {{ add_months("cast(date_trunc('month', invited.invited_on) as date)", '-rule.prior_months') }}
    group by invited.period_type, invited.period_start, invited.physician_key
),

described as (
    select
        invited.period_type,
        invited.period_start,
        invited.period_end,
        invited.has_response,
        coalesce(physician.specialty_group, 'unknown') as specialty_group,
        coalesce(physician.practice_type, 'unknown') as practice_type,
        band.band_id,
        cast(coalesce(earlier.contacts, 0) as double) as contacts
    from invited
    inner join {{ ref('mart_physician_period') }} as physician
        on
            invited.period_type = physician.period_type
            and invited.period_start = physician.period_start
            and invited.physician_key = physician.physician_key
    left join earlier
        on
            invited.period_type = earlier.period_type
            and invited.period_start = earlier.period_start
            and invited.physician_key = earlier.physician_key
    inner join {{ rows_in_force('contact_volume_band') }} as band
        on coalesce(earlier.contacts, 0) between band.from_contacts and band.to_contacts
),

wholes as (
    select
        period_type,
        period_start,
        period_end,
        count(*) as n_invited,
        sum(has_response) as n_responded,
        avg(case when has_response = 1 then contacts end) as mean_responded,
        avg(case when has_response = 0 then contacts end) as mean_not_responded,
        avg(case when has_response = 1 then contacts * contacts end) as squares_responded,
        avg(case when has_response = 0 then contacts * contacts end) as squares_not_responded
    from described
    group by period_type, period_start, period_end
),

levels as (
    {% for characteristic, column in {
        'specialty_group': 'specialty_group', 'practice_type': 'practice_type', 'prior_contact_band': 'band_id'
    }.items() %}
    select
        period_type,
        period_start,
        period_end,
        '{{ characteristic }}' as characteristic,
        {{ column }} as level_id,
        count(*) as n_invited,
        sum(has_response) as n_responded
    from described
    group by period_type, period_start, period_end, {{ column }}
    {{ 'union all' if not loop.last }}
    {% endfor %}
),

cells as (
    select
        'segment' as scope_type,
        levels.level_id as scope_id,
        'company' as parent_scope_id,
        levels.period_type,
        levels.period_start,
        levels.period_end,
        levels.characteristic,
        levels.n_invited,
        levels.n_responded
    from levels
    union all
    select
        'company' as scope_type,
        'company' as scope_id,
        'company' as parent_scope_id,
        wholes.period_type,
        wholes.period_start,
        wholes.period_end,
        characteristics.characteristic,
        wholes.n_invited,
        wholes.n_responded
    from wholes
    cross join (
        select distinct levels.characteristic
        from levels
    ) as characteristics
),

{{ kpi_protected(
    cells='cells',
    keys=['period_type', 'period_start', 'period_end', 'characteristic'],
    bases={'n_invited': ['n_responded']}
) }},

compared as (
    select
        protected.period_type,
        protected.period_start,
        protected.period_end,
        protected.characteristic,
        protected.scope_id as level_id,
        protected.n_invited,
        protected.n_invited_suppressed,
        protected.n_responded,
        wholes.n_responded as all_responded,
        wholes.n_invited - wholes.n_responded as all_not_responded,
        {{ kpi_rate('protected.n_responded', 'wholes.n_responded') }} as share_of_responded,
        {{ kpi_rate('protected.n_invited - protected.n_responded', 'wholes.n_invited - wholes.n_responded') }}
            as share_of_not_responded,
        cast(null as double) as mean_responded,
        cast(null as double) as mean_not_responded,
        cast(null as double) as spread
    from protected
    inner join wholes
        on
            protected.period_type = wholes.period_type
            and protected.period_start = wholes.period_start
    where protected.scope_type = 'segment'
    union all
    select
        period_type,
        period_start,
        period_end,
        'prior_contacts' as characteristic,
        'mean' as level_id,
        n_invited,
        n_invited between 1 and {{ kpi_minimum_cell() }} - 1 as n_invited_suppressed,
        n_responded,
        n_responded as all_responded,
        n_invited - n_responded as all_not_responded,
        cast(null as double) as share_of_responded,
        cast(null as double) as share_of_not_responded,
        mean_responded,
        mean_not_responded,
        {#- The mean of both variances, each with n - 1. #}
        sqrt((
            (squares_responded - mean_responded * mean_responded)
            * {{ kpi_rate('n_responded', 'n_responded - 1') }}
            + (squares_not_responded - mean_not_responded * mean_not_responded)
            * {{ kpi_rate('(n_invited - n_responded)', '(n_invited - n_responded - 1)') }}
        ) / 2) as spread
    from wholes
),

differences as (
    select
        compared.*,
        coalesce(mean_responded, share_of_responded) - coalesce(mean_not_responded, share_of_not_responded)
            as difference,
        coalesce(
            spread,
            sqrt((
                share_of_responded * (1 - share_of_responded)
                + share_of_not_responded * (1 - share_of_not_responded)
            ) / 2)
        ) as common_spread
    from compared
),

standardised as (
    select
        differences.*,
        case
            when all_responded < rule.minimum_mean or all_not_responded < rule.minimum_mean then null
            when n_invited_suppressed then null
            when common_spread > 0 then difference / common_spread
            when difference = 0 then cast(0 as double)
        end as standardised_difference,
        rule.imbalance_from,
        rule.minimum_compared
    from differences
    cross join rule
),

bounded as (
    select
        standardised.*,
        {{ kpi_standardised_bound('standardised_difference', 'all_responded', 'all_not_responded', '-') }}
            as standardised_low,
        {{ kpi_standardised_bound('standardised_difference', 'all_responded', 'all_not_responded', '+') }}
            as standardised_high
    from standardised
)

select
    period_type,
    period_start,
    period_end,
    characteristic,
    level_id,
    cast(case when not n_invited_suppressed then n_invited end as bigint) as n_invited,
    n_invited_suppressed,
    cast(case when not n_invited_suppressed then n_responded end as bigint) as n_responded,
    cast(all_responded as bigint) as n_all_responded,
    cast(all_not_responded as bigint) as n_all_not_responded,
    cast(case when standardised_difference is not null then share_of_responded end as double) as share_of_responded,
    cast(case when standardised_difference is not null then share_of_not_responded end as double)
        as share_of_not_responded,
    cast(case when standardised_difference is not null then mean_responded end as double) as mean_responded,
    cast(case when standardised_difference is not null then mean_not_responded end as double) as mean_not_responded,
    cast(standardised_difference as double) as standardised_difference,
    cast(standardised_low as double) as standardised_low,
    cast(standardised_high as double) as standardised_high,
    {#- Few answers are no proof that both sides are alike, nor that they differ. #}
    case
        when standardised_difference is null then 'cannot_tell'
        when all_responded < minimum_compared or all_not_responded < minimum_compared then 'cannot_tell'
        when abs(standardised_difference) >= imbalance_from and (standardised_low > 0 or standardised_high < 0)
            then 'differs'
        when standardised_low > -imbalance_from and standardised_high < imbalance_from then 'alike'
        else 'cannot_tell'
    end as verdict
from bounded
