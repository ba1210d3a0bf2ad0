-- Which call of the star each shown page belongs to. What was shown to a group is on the group's header: every
-- attendee without pages of their own saw it.
with shown as (
    select
        page.call_key_message_id,
        page.call_id
    from {{ ref('stg_crm_call_key_message') }} as page
    left join {{ ref('int_content_material') }} as material
        on page.key_message_id = material.logged_id
    where
        not coalesce(page.is_deleted, false)
        and not coalesce(material.is_training, false)
        and page.key_message_id is not null
),

own as (
    select
        shown.call_key_message_id,
        call.call_id
    from shown
    inner join {{ ref('int_call') }} as call
        on shown.call_id = call.call_id
    where call.reject_reason is null
),

inherited as (
    select
        shown.call_key_message_id,
        attendee.call_id
    from shown
    inner join {{ ref('int_call') }} as attendee
        on shown.call_id = attendee.parent_call_id
    where
        attendee.reject_reason is null
        and not exists (select 1 from own where own.call_id = attendee.call_id)
)

select * from own
union all
select * from inherited
