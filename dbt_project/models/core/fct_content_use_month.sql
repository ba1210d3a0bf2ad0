-- What Medical used, and contents and versions for Medical alone, are not among the rows that marts count.
with rule_free as (
    select
        content_use.*,
        version.content_version_key as told_version_key
    from {{ ref('fct_content_use') }} as content_use
    inner join {{ ref('dim_content') }} as content
        on content_use.content_key = content.content_key
    left join {{ ref('dim_content_version') }} as version
        on content_use.content_version_key = version.content_version_key
    where
        content_use.role_id <> 'medical'
        and (content_use.content_version_key is null or version.content_version_key is not null)
)

select
    {{ surrogate_key([
        'content_key', 'told_version_key', 'channel_id', 'physician_key', 'employee_key', 'role_id',
        'direction', 'month_end'
    ]) }} as content_use_month_key,
    content_key,
    told_version_key as content_version_key,
    channel_id,
    physician_key,
    employee_key,
    role_id,
    direction,
    month_end,
    cast(count(distinct touchpoint_key) as integer) as uses,
    cast(count(distinct case when is_exposed then touchpoint_key end) as integer) as exposures,
    cast(count(distinct case when is_exposed and is_response_over then touchpoint_key end) as integer)
        as judged_exposures,
    max(case when is_exposed and is_response_over and reaction_on is not null then 1 else 0 end) = 1 as has_reaction,
    max(case when is_exposed and is_response_over and next_step_on is not null then 1 else 0 end) = 1
        as has_next_step,
    max(case when is_exposed and is_response_over and negative_on is not null then 1 else 0 end) = 1 as has_negative,
    cast(count(mr_reaction) as integer) as mr_judged,
    cast(count(case when mr_reaction = 'positive' then 1 end) as integer) as mr_judged_positive,
    cast(count(case when mr_reaction = 'negative' then 1 end) as integer) as mr_judged_negative
from rule_free
group by content_key, told_version_key, channel_id, physician_key, employee_key, role_id, direction, month_end
