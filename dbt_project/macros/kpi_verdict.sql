{#-
    Better, the same, worse, or cannot tell (H2, H9). One rule for every comparison.

    estimate, low, high   the improvement and its 95 % interval, already turned so that more is better
    threshold             the smallest improvement that matters
    sample, other_sample  sizes of the two sides; minimum: what both need (30 by H2)

        improved      the whole interval lies above 0 and the estimate reaches the threshold
        worsened      the mirror image
        unchanged     the whole interval lies within ± threshold: a difference that matters is excluded, and the
                      comparison is large enough that it would have found one (H9)
        cannot_tell   everything else: too few, no interval, or an interval that leaves both open

    An interval that merely contains 0 is never "unchanged": that would read "not enough data" as "no difference".
-#}
{% macro kpi_judge(estimate, low, high, threshold, sample, other_sample, minimum) -%}
    case
        when coalesce({{ sample }}, 0) < {{ minimum }} or coalesce({{ other_sample }}, 0) < {{ minimum }} then 'cannot_tell'
        when {{ low }} is null or {{ high }} is null then 'cannot_tell'
        when {{ low }} > 0 and {{ estimate }} >= {{ threshold }} then 'improved'
        when {{ high }} < 0 and {{ estimate }} <= -{{ threshold }} then 'worsened'
        when
            {{ low }} >= -{{ threshold }} and {{ high }} <= {{ threshold }}
            and {{ kpi_minimum_detectable(low, high) }} <= {{ threshold }}
            then 'unchanged'
        else 'cannot_tell'
    end
{%- endmacro %}

{#-
    What a comparison with the decision ladder found, for a row with its columns and is_compared: nothing of it is said
    where too few stand on either side. Effects are told per 100 physicians.
-#}
{% macro kpi_contrast_columns() -%}
    cast(case when is_compared then moved_treated end as bigint) as moved_treated,
    case when is_compared then rate_treated end as rate_treated,
    case when is_compared then rate_without end as rate_without,
    case when is_compared then 100 * effect end as benefit_per_100,
    case when is_compared then 100 * effect_low end as benefit_low_per_100,
    case when is_compared then 100 * effect_high end as benefit_high_per_100,
    case when is_compared then 100 * minimum_detectable_effect end as minimum_detectable_per_100,
    100 * meaningful_effect as meaningful_per_100,
    case when is_compared then p_value end as p_value,
    case when is_compared then q_value end as q_value,
    n_tests,
    case when is_compared then e_value end as e_value,
    case when is_compared then e_value_limit end as e_value_limit,
    case when is_compared then e_value_hidden end as e_value_hidden,
    case when is_compared then pre_trend_p_value end as pre_trend_p_value,
    case when is_compared then contacts_per_treated end as contacts_per_treated,
    case when is_compared then contacts_per_move end as contacts_per_move,
    case when is_compared then over_contact_share end as over_contact_share
{%- endmacro %}

{#- The ladder's verdict and its reason, which tell nothing of a group that is hidden (H7). -#}
{% macro kpi_contrast_verdict(hidden) -%}
    case when {{ hidden }} then 'cannot_tell' else verdict end as verdict,
    case when {{ hidden }} then '判断できません' else {{ kpi_necessity_words('verdict') }} end as verdict_words,
    case when {{ hidden }} then '人数が少なく、個人が分かるおそれがあるため出していません' else reason_ja end as reason
{%- endmacro %}

{#- What the decision ladder says of need, in the four words that readers know. -#}
{% macro kpi_necessity_words(verdict) -%}
    case {{ verdict }}
        when 'needed' then '必要'
        when 'conditional' then '条件付き'
        when 'not_needed' then '不要'
        else '判断できません'
    end
{%- endmacro %}
