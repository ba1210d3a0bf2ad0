with landed as (
    {{ landed('web_snowplow', 'append') }}
)

select
    app_id,
    platform,
    collector_at,
    derived_at,
    event,
    event_id,
    user_id as member_id,
    domain_userid,
    domain_session_id,
    page_url,
    page_title,
    page_urlpath,
    se_category,
    se_action,
    se_label,
    se_value,
    event_fingerprint,
    useragent,
    dvce_ismobile,
    batch_id,
    landing_id,
    row_number,
    batch_delivered_at,
    batch_delivered_on,
    first_delivered_at
from landed
