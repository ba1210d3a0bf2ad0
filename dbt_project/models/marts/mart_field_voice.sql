with

rule as (
    select
        register_rule.*,
        {{ as_of() }} as window_end,
        {{ add_days(add_months(as_of(), '-register_rule.voice_window_months'), 1) }} as window_start
    from {{ rows_in_force('register_rule') }} as register_rule
),

pool as (
    select
        story.*,
        rule.window_start,
        rule.window_end,
        rule.balance_points
    from {{ ref('fct_story') }} as story
    inner join rule
        on story.written_on between rule.window_start and rule.window_end
),

scoped as (
    select
        'company' as scope_type,
        'company' as scope_id,
        pool.*
    from pool
    union all
    select
        'office' as scope_type,
        pool.office_id as scope_id,
        pool.*
    from pool
    where pool.office_id is not null
),

counted as (
    select
        scope_type,
        scope_id,
        max(balance_points) as balance_points,
        count(*) as n_stories,
        {%- for kind in ['positive', 'neutral', 'negative'] %}
        sum(case when outcome_kind = '{{ kind }}' then 1 else 0 end) as n_{{ kind }},
        sum(case when outcome_kind = '{{ kind }}' and is_publishable then 1 else 0 end) as n_published_{{ kind }},
        {%- endfor %}
        sum(case when is_publishable then 1 else 0 end) as n_published
    from scoped
    group by scope_type, scope_id
),

judged as (
    select
        counted.*,
        {{ register_balance(
            'n_stories', 'n_published',
            [('n_positive', 'n_published_positive'), ('n_neutral', 'n_published_neutral'),
                ('n_negative', 'n_published_negative')],
            'balance_points'
        ) }} as balance_state
    from counted
)

select
    scoped.scope_type,
    scoped.scope_id,
    scoped.story_id,
    scoped.written_on,
    scoped.office_id,
    scoped.product_id,
    scoped.theme,
    scoped.outcome_kind,
    scoped.context,
    scoped.action,
    scoped.result,
    'E0' as evidence_level,
    scoped.window_start,
    scoped.window_end,
    cast(judged.n_stories as bigint) as n_stories,
    cast(judged.n_positive as bigint) as n_positive,
    cast(judged.n_neutral as bigint) as n_neutral,
    cast(judged.n_negative as bigint) as n_negative,
    cast(judged.n_published as bigint) as n_published,
    cast(judged.n_published_positive as bigint) as n_published_positive,
    cast(judged.n_published_neutral as bigint) as n_published_neutral,
    cast(judged.n_published_negative as bigint) as n_published_negative,
    judged.balance_state,
    case judged.balance_state
        when 'balanced' then 'うまくいった例といかなかった例を、集まった記録と同じ割合で載せています。'
        else '集まった記録から選んで載せています。割合は、集まった記録と違います。'
    end as set_note_ja
from scoped
inner join judged
    on scoped.scope_type = judged.scope_type and scoped.scope_id = judged.scope_id
where scoped.is_publishable
