-- Every row of the portals' newest files with what keeps it out of the star. A contact that the own site logged
-- too (same physician, content and day) counts once, as the own site saw it. What was delivered in one month may be
-- read in the next, and then comes in both months' files: what was said last stands, and it could be seen since it
-- was first said.
with ranked as (
    select
        portal.*,
        row_number() over (
            partition by portal.vendor, portal.delivery_id
            order by portal.batch_delivered_at desc, portal.period desc, portal.landing_id desc, portal.row_number
        ) as copy_number,
        min(portal.first_delivered_at) over (partition by portal.vendor, portal.delivery_id) as first_told_at,
        min(case when portal.is_completed or portal.read_on is not null then portal.first_delivered_at end) over (
            partition by portal.vendor, portal.delivery_id
        ) as first_read_told_at,
        identity.physician_key,
        {{ is_use_stopped('identity.physician_key') }} as is_use_stopped,
        product.product_id,
        portal.physician_code is null and coalesce(portal.delivered_count, 0) > 1 as is_aggregated
    from {{ ref('stg_portal_delivery') }} as portal
    left join {{ ref('int_identity') }} as identity
        on
            portal.physician_code = identity.reference
            and identity.reference_type = 'dcf_code'
            and portal.sent_on >= identity.valid_from
            and portal.sent_on < identity.valid_to
    left join {{ ref('int_stopped_reference') }} as stopped
        on
            coalesce(portal.physician_code, portal.vendor || ':' || portal.portal_member_id) = stopped.reference
            and case when portal.physician_code is not null then 'dcf_code' else 'portal_member_id' end
            = stopped.reference_type
    left join {{ ref('int_product_name') }} as product
        on portal.product_name = product.called
),

seen_by_own_site as (
    select distinct
        physician_key,
        content_id,
        occurred_on
    from {{ ref('int_web_contact') }}
    where physician_key is not null and content_id is not null
)

select
    ranked.vendor,
    ranked.period,
    ranked.delivery_id,
    ranked.vendor || ':' || ranked.delivery_id as source_record_id,
    ranked.batch_id,
    ranked.batch_delivered_at,
    case
        when ranked.is_aggregated then ranked.first_delivered_at
        when ranked.is_completed or ranked.read_on is not null then ranked.first_read_told_at
        else ranked.first_told_at
    end as first_delivered_at,
    ranked.physician_code,
    ranked.portal_member_id,
    ranked.physician_key,
    ranked.product_id,
    ranked.topic_id,
    ranked.content_id,
    ranked.content_title,
    ranked.sent_on,
    ranked.read_on,
    coalesce(ranked.is_completed, false) as is_completed,
    ranked.viewed_seconds,
    ranked.reaction,
    ranked.delivered_count,
    ranked.read_count,
    ranked.is_aggregated,
    case
        when ranked.is_use_stopped then 'use_stopped'
        when ranked.is_aggregated then cast(null as {{ dbt.type_string() }})
        when ranked.copy_number > 1 then 'duplicate'
        when ranked.physician_code is null and ranked.portal_member_id is null then 'anonymous'
        when ranked.sent_on is null then 'unparseable'
        when seen_by_own_site.physician_key is not null then 'duplicate'
    end as reject_reason
from ranked
left join seen_by_own_site
    on
        ranked.physician_key = seen_by_own_site.physician_key
        and ranked.content_id = seen_by_own_site.content_id
        and coalesce(ranked.read_on, ranked.sent_on) = seen_by_own_site.occurred_on
