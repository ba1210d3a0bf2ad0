-- From when to when which consent holds: the latest capture counts, of two at one instant the opt-out. An opt-in
-- ends with its expiry and is unknown from then on; an objection never expires.
with event as (
    select
        physician_key,
        consent_channel,
        captured_at,
        {{ consent_word("min(" ~ consent_rank('captured') ~ ")") }} as consent_state,
        max(expires_on) as expires_on
    from {{ ref('int_consent_event') }} as captured
    where
        reject_reason is null
        and physician_key is not null
        and consent_channel is not null
        and consent_state is not null
    group by physician_key, consent_channel, captured_at
),

followed as (
    select
        event.*,
        coalesce(
            lead(captured_at) over (partition by physician_key, consent_channel order by captured_at),
            {{ from_tokyo("'9999-01-01'") }}
        ) as next_captured_at,
        case
            when consent_state <> 'opted_out' and expires_on is not null
            then {{ from_tokyo(add_days('expires_on', 1)) }}
        end as expires_at
    from event
)

select
    physician_key,
    consent_channel,
    consent_state,
    captured_at as valid_from,
    case when expires_at < next_captured_at then expires_at else next_captured_at end as valid_to
from followed
where expires_at is null or expires_at > captured_at
