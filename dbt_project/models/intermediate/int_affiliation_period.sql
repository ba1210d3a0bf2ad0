-- A physician's affiliations, cut wherever any of them begins, ends or changes, so that weights of one day add up
-- to 1: a physician at two hospitals counts half for each. An affiliation's last day is the one that the newest
-- picture gives: the one before it may not have known that it would end.
with version as (
    {{ scd2(
        ref('int_affiliation_picture'),
        'affiliation_id',
        ['is_primary', 'department_code', 'position_code', 'started_on', 'ended_on'],
    ) | indent(4) }}
),

newest as (
    select
        affiliation_id,
        ended_on
    from version
    where is_current
),

bounded as (
    select
        {{ physician_key('version.physician_code') }} as physician_key,
        {{ facility_key('version.facility_code') }} as facility_key,
        coalesce(version.is_primary, false) as is_primary,
        version.department_code,
        greatest(version.valid_from, coalesce(version.started_on, cast('1900-01-01' as date))) as begins_on,
        least(
            version.valid_to, coalesce({{ add_days('newest.ended_on', 1) }}, cast('9999-12-31' as date))
        ) as ends_on
    from version
    inner join newest
        on version.affiliation_id = newest.affiliation_id
),

held as (
    select * from bounded
    where
        begins_on < ends_on
        and physician_key not in (select physician_key from {{ ref('int_stopped_physician') }})
),

boundary as (
    select physician_key, begins_on as boundary_on from held
    union
    select physician_key, ends_on as boundary_on from held
),

stretch as (
    select
        physician_key,
        boundary_on as valid_from,
        lead(boundary_on) over (partition by physician_key order by boundary_on) as valid_to
    from boundary
),

covered as (
    -- The same facility twice on one day (an old row that was never ended) counts once.
    select
        stretch.physician_key,
        held.facility_key,
        stretch.valid_from,
        stretch.valid_to,
        max(case when held.is_primary then 1 else 0 end) = 1 as is_primary,
        max(held.department_code) as department_code
    from stretch
    inner join held
        on
            stretch.physician_key = held.physician_key
            and stretch.valid_from >= held.begins_on
            and stretch.valid_to <= held.ends_on
    where stretch.valid_to is not null
    group by stretch.physician_key, held.facility_key, stretch.valid_from, stretch.valid_to
),

ranked as (
    select
        covered.*,
        row_number() over (
            partition by physician_key, valid_from
            order by case when is_primary then 0 else 1 end, facility_key
        ) as place,
        count(*) over (partition by physician_key, valid_from) as facilities
    from covered
)

select
    physician_key,
    facility_key,
    valid_from,
    valid_to,
    place = 1 as is_primary,
    cast(1.0 / facilities as double) as weight,
    department_code
from ranked
