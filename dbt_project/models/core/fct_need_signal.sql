-- A need is a physician asking, requesting, searching or downloading: what he came for himself. What the company sent
-- shows none. Nothing of Medical's feeds it but that an inquiry on label or about safety came in, and the day on which
-- it was answered, without product or topic; one raised in a call is that call's need already, and Medical's answer is
-- an answer to it. Topics off label, or Medical's alone, are no needs here.
--
-- Signals on one topic and product belong to one episode as long as the need stays open: until a contact of the
-- asked depth on the topic, or until open_days without another signal. A contact that itself asks, searches or
-- downloads answers nothing, and one on the same day neither: the order within a day is not known on every channel.
with setting as (
    select * from {{ rows_in_force('need_setting') }} as in_force
),

rule as (
    select signal_rule.*
    from {{ ref('need_signal_rule') }} as signal_rule
    inner join setting
        on signal_rule.rule_version = setting.rule_version
),

allowed_topic as (
    select topic_id
    from {{ ref('dim_topic') }}
    where not is_off_label and allowed_role in ('MR', 'both')
),

-- Of a call about several products, the first: what was asked was asked once.
later_product as (
    select
        call_id,
        product_id
    from {{ ref('int_call_touched_product') }}
    where place_in_call > 1
),

contact as (
    select
        touchpoint.touchpoint_key,
        touchpoint.source,
        touchpoint.source_record_id,
        touchpoint.physician_key,
        touchpoint.topic_id,
        touchpoint.product_id,
        touchpoint.channel_id,
        touchpoint.depth,
        touchpoint.occurred_on,
        {{ local_date('touchpoint.visible_at') }} as visible_on
    from {{ ref('fct_touchpoint') }} as touchpoint
    inner join setting
        on touchpoint.depth >= setting.min_answer_depth
    inner join allowed_topic
        on touchpoint.topic_id = allowed_topic.topic_id
    where
        touchpoint.physician_key is not null
        and touchpoint.initiator <> 'medical'
        and touchpoint.channel_id not in {{ kpi_medical_channels() }}
        and touchpoint.occurred_on <= {{ as_of() }}
),

act as (
    select
        contact.touchpoint_key,
        contact.source,
        contact.source_record_id,
        case when contact.source = 'crm_call' then contact.source_record_id end as call_id,
        contact.physician_key,
        contact.topic_id,
        contact.product_id,
        contact.occurred_on,
        contact.visible_on,
        rule.learned_by,
        rule.strength,
        rule.tie_order,
        reaction.reaction_type
    from {{ ref('fct_reaction') }} as reaction
    inner join rule
        on reaction.reaction_type = rule.reaction_type and reaction.reaction_source = rule.reaction_source
    inner join contact
        on reaction.touchpoint_key = contact.touchpoint_key
    where reaction.is_human
),

signal as (
    select
        act.physician_key,
        act.topic_id,
        act.product_id,
        act.occurred_on as signalled_on,
        act.learned_by,
        min(act.tie_order) as tie_order,
        max(act.strength) as strength,
        min(act.visible_on) as visible_on,
        max(case when act.reaction_type = 'question' then 1 else 0 end) as has_question,
        max(case when act.reaction_type = 'request' then 1 else 0 end) as has_request
    from act
    left join later_product
        on
            act.call_id = later_product.call_id
            and act.product_id = later_product.product_id
    where later_product.call_id is null
    group by act.physician_key, act.topic_id, act.product_id, act.occurred_on, act.learned_by
),

signal_day as (
    select distinct
        physician_key,
        topic_id,
        product_id,
        signalled_on
    from signal
),

asking as (
    select distinct
        source,
        source_record_id
    from act
),

-- When Medical answered what a representative had handed over: it is known of which call, and no more is asked.
handed_over as (
    select
        call_id,
        min({{ local_date('answered_at') }}) as answered_on
    from {{ ref('int_medical_inquiry') }}
    where
        reject_reason is null
        and call_id is not null
        and category in ('on_label', 'safety')
        and {{ local_date('answered_at') }} <= {{ as_of() }}
    group by call_id
),

-- What may answer, one row per physician, topic, product and day. asked_on: of an answer by Medical, the day of the
-- question that it answers, which may be the same day.
answering as (
    select
        contact.physician_key,
        contact.topic_id,
        contact.product_id,
        contact.occurred_on,
        min(contact.channel_id) as channel_id,
        cast(null as date) as asked_on
    from contact
    left join asking
        on contact.source = asking.source and contact.source_record_id = asking.source_record_id
    where asking.source_record_id is null
    group by contact.physician_key, contact.topic_id, contact.product_id, contact.occurred_on
    union all
    select distinct
        act.physician_key,
        act.topic_id,
        act.product_id,
        handed_over.answered_on as occurred_on,
        cast(null as {{ dbt.type_string() }}) as channel_id,
        act.occurred_on as asked_on
    from act
    inner join handed_over
        on act.call_id = handed_over.call_id
    left join later_product
        on
            act.call_id = later_product.call_id
            and act.product_id = later_product.product_id
    where later_product.call_id is null
),

answer_place as (
    select
        signal_day.physician_key,
        signal_day.topic_id,
        signal_day.product_id,
        signal_day.signalled_on,
        answering.occurred_on as answered_on,
        answering.channel_id,
        row_number() over (
            partition by signal_day.physician_key, signal_day.topic_id, signal_day.product_id, signal_day.signalled_on
            order by answering.occurred_on, answering.channel_id nulls last
        ) as place
    from signal_day
    cross join setting
    inner join answering
        on
            signal_day.physician_key = answering.physician_key
            and signal_day.topic_id = answering.topic_id
            and (
                answering.occurred_on > signal_day.signalled_on
                or (answering.occurred_on = signal_day.signalled_on and answering.asked_on = signal_day.signalled_on)
            )
            and answering.occurred_on <= {{ add_days('signal_day.signalled_on', 'setting.open_days') }}
    where
        signal_day.product_id is null
        or answering.product_id is null
        or signal_day.product_id = answering.product_id
),

answered as (
    select
        signal_day.*,
        answer_place.answered_on,
        answer_place.channel_id as answered_channel_id,
        lag(signal_day.signalled_on) over series as earlier_on,
        lag(answer_place.answered_on) over series as earlier_answered_on
    from signal_day
    left join answer_place
        on
            signal_day.physician_key = answer_place.physician_key
            and signal_day.topic_id = answer_place.topic_id
            and coalesce(signal_day.product_id, '') = coalesce(answer_place.product_id, '')
            and signal_day.signalled_on = answer_place.signalled_on
            and answer_place.place = 1
    window series as (
        partition by signal_day.physician_key, signal_day.topic_id, signal_day.product_id
        order by signal_day.signalled_on
    )
),

numbered as (
    select
        answered.*,
        sum(
            case
                when answered.earlier_on is null then 1
                when answered.signalled_on > {{ add_days('answered.earlier_on', 'setting.open_days') }} then 1
                when answered.earlier_answered_on <= answered.signalled_on then 1
                else 0
            end
        ) over (
            partition by answered.physician_key, answered.topic_id, answered.product_id
            order by answered.signalled_on
            rows between unbounded preceding and current row
        ) as episode_number
    from answered
    cross join setting
),

episode as (
    select
        physician_key,
        topic_id,
        product_id,
        episode_number,
        min(signalled_on) as episode_opened_on,
        max(signalled_on) as last_signal_on,
        max(answered_on) as answered_on,
        max(case when answered_on is not null then answered_channel_id end) as answered_channel_id
    from numbered
    group by physician_key, topic_id, product_id, episode_number
),

learned as (
    select
        signal.physician_key,
        signal.topic_id,
        signal.product_id,
        numbered.episode_number,
        signal.learned_by,
        min(signal.tie_order) as tie_order,
        min(signal.signalled_on) as signalled_on,
        max(signal.strength) as strength,
        min(signal.visible_on) as visible_on,
        max(signal.has_question) as has_question,
        max(signal.has_request) as has_request
    from signal
    inner join numbered
        on
            signal.physician_key = numbered.physician_key
            and signal.topic_id = numbered.topic_id
            and coalesce(signal.product_id, '') = coalesce(numbered.product_id, '')
            and signal.signalled_on = numbered.signalled_on
    group by
        signal.physician_key, signal.topic_id, signal.product_id, numbered.episode_number, signal.learned_by
),

gathered as (
    select
        learned.physician_key,
        learned.topic_id,
        learned.product_id,
        episode.episode_opened_on,
        learned.learned_by,
        learned.signalled_on,
        learned.visible_on,
        learned.strength,
        learned.has_question = 1 as has_question,
        learned.has_request = 1 as has_request,
        cast(null as {{ dbt.type_string() }}) as inquiry_key,
        row_number() over (
            partition by learned.physician_key, learned.topic_id, learned.product_id, learned.episode_number
            order by learned.signalled_on, learned.tie_order, learned.learned_by
        ) = 1 as is_first_in_episode,
        episode.last_signal_on,
        episode.answered_on,
        episode.answered_channel_id
    from learned
    inner join episode
        on
            learned.physician_key = episode.physician_key
            and learned.topic_id = episode.topic_id
            and coalesce(learned.product_id, '') = coalesce(episode.product_id, '')
            and learned.episode_number = episode.episode_number
    union all
    select
        inquiry.physician_key,
        cast(null as {{ dbt.type_string() }}) as topic_id,
        cast(null as {{ dbt.type_string() }}) as product_id,
        inquiry.received_on as episode_opened_on,
        'inquiry' as learned_by,
        inquiry.received_on as signalled_on,
        cast(null as date) as visible_on,
        cast(null as integer) as strength,
        false as has_question,
        false as has_request,
        inquiry.inquiry_key,
        true as is_first_in_episode,
        inquiry.received_on as last_signal_on,
        case
            when
                {{ local_date('inquiry.answered_at') }} <= {{ as_of() }}
                and {{ local_date('inquiry.answered_at') }} <= {{ add_days('inquiry.received_on', 'setting.open_days') }}
            then {{ local_date('inquiry.answered_at') }}
        end as answered_on,
        cast(null as {{ dbt.type_string() }}) as answered_channel_id
    from {{ ref('fct_medical_inquiry') }} as inquiry
    cross join setting
    where
        inquiry.physician_key is not null
        and inquiry.category in ('on_label', 'safety')
        and not inquiry.is_from_mr
        and inquiry.received_on <= {{ as_of() }}
)

select
    {{ surrogate_key([
        'gathered.physician_key', 'gathered.topic_id', 'gathered.product_id', 'gathered.learned_by',
        'gathered.episode_opened_on', 'gathered.inquiry_key'
    ]) }} as need_signal_key,
    gathered.physician_key,
    gathered.topic_id,
    gathered.product_id,
    gathered.episode_opened_on,
    gathered.is_first_in_episode,
    gathered.learned_by,
    cast(gathered.strength as integer) as strength,
    gathered.has_question,
    gathered.has_request,
    gathered.signalled_on,
    gathered.visible_on,
    gathered.answered_on,
    gathered.answered_channel_id,
    case
        when {{ add_days('gathered.signalled_on', 'setting.answer_days') }} <= {{ as_of() }}
        then coalesce(
            gathered.answered_on <= {{ add_days('gathered.signalled_on', 'setting.answer_days') }}, false
        )
    end as is_answered_within_30d,
    coalesce(gathered.answered_on, {{ add_days('gathered.last_signal_on', 'setting.open_days') }}) as open_until,
    gathered.answered_on is null
    and {{ add_days('gathered.last_signal_on', 'setting.open_days') }} >= {{ as_of() }} as is_open,
    setting.rule_version
from gathered
cross join setting
