select
    mart_period.period_type,
    mart_period.period_start,
    mart_period.period_end,
    physician_month.physician_key,
    coalesce(physician_month.is_target and physician_month.is_active, false) as is_in_universe,
    physician_month.specialty_group,
    physician_month.practice_type,
    coalesce(dim_physician.career_band, 'unknown') as career_band,
    physician_month.employee_key,
    physician_month.office_id,
    physician_month.branch_id
from {{ ref('mart_period') }} as mart_period
inner join {{ ref('fct_physician_month') }} as physician_month
    on mart_period.period_end = physician_month.month_end
left join {{ ref('dim_physician') }} as dim_physician
    on
        physician_month.physician_key = dim_physician.physician_key
        and mart_period.period_end >= dim_physician.valid_from
        and mart_period.period_end < dim_physician.valid_to
