-- Name and place come from the newest assignment that mentions the unit; from one yet to begin only where no other does.
with mentioned as (
    select
        'office' as level,
        office_code as organization_id,
        office_name as name_ja,
        case
            when branch_code is not null then {{ organization_key("'branch'", 'branch_code') }}
            else {{ organization_key("'company'", "'company'") }}
        end as parent_organization_key,
        valid_from,
        user_id
    from {{ ref('int_user_version') }}
    where office_code is not null
    union all
    select
        'branch' as level,
        branch_code as organization_id,
        branch_name as name_ja,
        {{ organization_key("'company'", "'company'") }} as parent_organization_key,
        valid_from,
        user_id
    from {{ ref('int_user_version') }}
    where branch_code is not null
),

ranked as (
    select
        mentioned.*,
        row_number() over (
            partition by level, organization_id
            order by case when valid_from <= {{ as_of() }} then 0 else 1 end, valid_from desc, user_id desc
        ) as place
    from mentioned
)

select
    {{ organization_key("'company'", "'company'") }} as organization_key,
    'company' as organization_id,
    'company' as level,
    '全社' as name_ja,
    cast(null as {{ dbt.type_string() }}) as parent_organization_key
union all
select
    {{ organization_key('level', 'organization_id') }} as organization_key,
    organization_id,
    level,
    coalesce(name_ja, organization_id) as name_ja,
    parent_organization_key
from ranked
where place = 1
