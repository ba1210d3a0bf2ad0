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

{#- What the decision ladder says of need, in the four words that readers know. -#}
{% macro kpi_necessity_words(verdict) -%}
    case {{ verdict }}
        when 'needed' then '必要'
        when 'conditional' then '条件付き'
        when 'not_needed' then '不要'
        else '判断できません'
    end
{%- endmacro %}
