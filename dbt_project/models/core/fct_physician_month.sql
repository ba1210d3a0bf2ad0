-- Who was there to be reached, and whose physician it was, on each month's last day. The representative is the
-- one who held the account's territory that day.
with month as (
    select distinct month_end
    from {{ ref('dim_date') }}
    where
        month_end <= {{ as_of() }}
        and month_end >= (select min(last_day(occurred_on)) from {{ ref('fct_touchpoint') }})
        and month_end > {{ add_months(as_of(), "-" ~ var('history_months')) }}
),

version as (
    select
        version.account_id,
        account.physician_key,
        version.territory_id,
        coalesce(version.is_target, false) as is_target,
        coalesce(version.is_deleted, false) as is_deleted,
        case when version.version_number = 1 then cast('1900-01-01' as date) else version.changed_on end as valid_from,
        coalesce(
            lead(version.changed_on) over (partition by version.account_id order by version.version_number),
            cast('9999-12-31' as date)
        ) as valid_to
    from {{ ref('int_account_version') }} as version
    inner join {{ ref('int_account') }} as account
        on version.account_id = account.account_id
    where account.physician_key is not null and account.account_id = account.surviving_account_id
),

-- A deletion ends the version before it, so it is left out only after it has done that.
account as (
    select * from version
    where not is_deleted
),

-- Two accounts of one physician: the first id's territory, and a target if either is.
held as (
    select
        account.physician_key,
        month.month_end,
        min(account.account_id) as account_id,
        max(case when account.is_target then 1 else 0 end) = 1 as is_target
    from account
    inner join month
        on account.valid_from <= month.month_end and account.valid_to > month.month_end
    group by account.physician_key, month.month_end
),

territory as (
    select
        held.physician_key,
        held.month_end,
        held.is_target,
        account.territory_id
    from held
    inner join account
        on
            held.account_id = account.account_id
            and account.valid_from <= held.month_end
            and account.valid_to > held.month_end
),

-- Where several representatives share a territory, one of them stands for it, with his own office and branch.
representative as (
    select
        month.month_end,
        employee.territory_id,
        employee.employee_key,
        employee.office_code as office_id,
        employee.branch_code as branch_id,
        row_number() over (
            partition by month.month_end, employee.territory_id order by employee.employee_key
        ) as place
    from {{ ref('int_employee_period') }} as employee
    inner join month
        on employee.valid_from <= month.month_end and employee.valid_to > month.month_end
    where employee.role = 'MR' and employee.is_active and employee.territory_id is not null
),

-- Who works in several places is met in each, and by others.
in_several_places as (
    select
        place.physician_key,
        month.month_end
    from {{ ref('bridge_physician_facility') }} as place
    inner join month
        on place.valid_from <= month.month_end and place.valid_to > month.month_end
    group by place.physician_key, month.month_end
    having min(place.facility_key) < max(place.facility_key)
)

select
    physician.physician_key,
    month.month_end,
    coalesce(territory.is_target, false) as is_target,
    physician.is_active,
    physician.specialty_group,
    physician.practice_type,
    place.facility_key,
    coalesce(facility.area_type, 'unknown') as area_type,
    in_several_places.physician_key is not null as has_several_facilities,
    representative.employee_key,
    representative.office_id,
    representative.branch_id
from month
inner join {{ ref('dim_physician') }} as physician
    on physician.valid_from <= month.month_end and physician.valid_to > month.month_end
left join {{ ref('bridge_physician_facility') }} as place
    on
        physician.physician_key = place.physician_key
        and place.is_primary
        and place.valid_from <= month.month_end
        and place.valid_to > month.month_end
left join {{ ref('dim_facility') }} as facility
    on
        place.facility_key = facility.facility_key
        and facility.valid_from <= month.month_end
        and facility.valid_to > month.month_end
left join in_several_places
    on physician.physician_key = in_several_places.physician_key and month.month_end = in_several_places.month_end
left join territory
    on physician.physician_key = territory.physician_key and month.month_end = territory.month_end
left join representative
    on
        territory.territory_id = representative.territory_id
        and month.month_end = representative.month_end
        and representative.place = 1
