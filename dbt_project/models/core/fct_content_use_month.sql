-- What Medical used, and contents and versions for Medical alone, are not among the rows that marts count. Several
-- pages of one content at one contact are one use.
with contact as (
    select
        content_use.content_key,
        version.content_version_key,
        content_use.channel_id,
        content_use.physician_key,
        content_use.employee_key,
        content_use.role_id,
        content_use.direction,
        content_use.month_end,
        content_use.touchpoint_key,
        max(case when content_use.is_exposed then 1 else 0 end) as is_exposed,
        max(case when content_use.is_exposed and content_use.is_response_over then 1 else 0 end) as is_judged,
        max(case when content_use.reaction_on is not null then 1 else 0 end) as has_reaction,
        max(case when content_use.next_step_on is not null then 1 else 0 end) as has_next_step,
        max(case when content_use.negative_on is not null then 1 else 0 end) as has_negative,
        count(content_use.mr_reaction) as mr_judged,
        count(case when content_use.mr_reaction = 'positive' then 1 end) as mr_judged_positive,
        count(case when content_use.mr_reaction = 'negative' then 1 end) as mr_judged_negative
    from {{ ref('fct_content_use') }} as content_use
    inner join {{ ref('dim_content') }} as content
        on content_use.content_key = content.content_key
    left join {{ ref('dim_content_version') }} as version
        on content_use.content_version_key = version.content_version_key
    where
        content_use.role_id <> 'medical'
        and (content_use.content_version_key is null or version.content_version_key is not null)
    group by
        content_use.content_key,
        version.content_version_key,
        content_use.channel_id,
        content_use.physician_key,
        content_use.employee_key,
        content_use.role_id,
        content_use.direction,
        content_use.month_end,
        content_use.touchpoint_key
)

select
    {{ surrogate_key([
        'content_key', 'content_version_key', 'channel_id', 'physician_key', 'employee_key', 'role_id',
        'direction', 'month_end'
    ]) }} as content_use_month_key,
    content_key,
    content_version_key,
    channel_id,
    physician_key,
    employee_key,
    role_id,
    direction,
    month_end,
    cast(count(*) as integer) as uses,
    cast(sum(is_exposed) as integer) as exposures,
    cast(sum(is_judged) as integer) as judged_exposures,
    max(is_judged * has_reaction) = 1 as has_reaction,
    max(is_judged * has_next_step) = 1 as has_next_step,
    max(is_judged * has_negative) = 1 as has_negative,
    cast(sum(mr_judged) as integer) as mr_judged,
    cast(sum(mr_judged_positive) as integer) as mr_judged_positive,
    cast(sum(mr_judged_negative) as integer) as mr_judged_negative
from contact
group by
    content_key, content_version_key, channel_id, physician_key, employee_key, role_id, direction, month_end
