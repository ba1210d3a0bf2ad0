{#-
    What of a number may be shown (H2, H7, X05), and why not, in words. Expects a row with the columns
    is_suppressed, sample, minimum_sample, kind, value, trust_arrival, trust_linkage.

        suppressed    fewer than 5 physicians, or needed to hide such a cell
        withheld      the records behind it did not arrive or cannot be linked, or nothing can be computed
        counts_only   a sample below 10 (or below the KPI's own minimum where that is above 30): counts, no rate
        reference     10 up to the KPI's minimum: value and interval, no comparison
        shown
-#}
{% macro kpi_display_state() -%}
    case
        when is_suppressed then 'suppressed'
        when trust_arrival = 'lacking' or trust_linkage = 'lacking' then 'withheld'
        when sample < {{ kpi_least_counted() }} then 'counts_only'
        when minimum_sample > 30 and sample < minimum_sample then 'counts_only'
        when value is null then 'withheld'
        when sample < minimum_sample then 'reference'
        else 'shown'
    end
{%- endmacro %}

{% macro kpi_display_reason() -%}
    case
        when is_suppressed then '先生の人数が少なく、個人が分かるおそれがあるため、出していません'
        when trust_arrival = 'lacking' then 'もとになる記録が届いていないため、出していません'
        when trust_linkage = 'lacking' then '記録を先生に結びつけられないものが多いため、出していません'
        when sample = 0 then 'この期間に対象がありませんでした'
        when sample < {{ kpi_least_counted() }} then '対象が{{ kpi_least_counted() }}に満たないため、件数だけを出しています'
        when minimum_sample > 30 and sample < minimum_sample
            then '対象が' || cast(minimum_sample as {{ dbt.type_string() }}) || 'に満たないため、内訳の件数だけを出しています'
        when value is null then '終わっていないものが多く、まだ計算できません'
        when sample < minimum_sample
            then '対象が' || cast(minimum_sample as {{ dbt.type_string() }}) || 'に満たないため、参考値です'
    end
{%- endmacro %}

{#- A share against two limits: enough, caution, lacking. Nothing expected means nothing missing. -#}
{% macro kpi_trust_mark(share, enough, caution) -%}
    case
        when {{ share }} is null then 'enough'
        when {{ share }} >= {{ enough }} then 'enough'
        when {{ share }} >= {{ caution }} then 'caution'
        else 'lacking'
    end
{%- endmacro %}

{#-
    The second mark: how much could be linked and, where enough links were checked by hand, whether so few are false.
    Where they were not checked the first alone decides; checking can lower the mark, never raise it.

    links  a row with n_false and n_checked of the newest review, min_checked and max_false_rate of the rule
-#}
{% macro kpi_trust_linkage(share_matched, links) -%}
    case
        when
            {{ share_matched }} >= 0.9
            and {{ links }}.n_checked >= {{ links }}.min_checked
            and {{ kpi_wilson_high(links ~ '.n_false', links ~ '.n_checked') }} > {{ links }}.max_false_rate
            then 'caution'
        else {{ kpi_trust_mark(share_matched, 0.9, 0.6) }}
    end
{%- endmacro %}

{#- The third mark: the sample against the KPI's own minimum. -#}
{% macro kpi_trust_count() -%}
    case
        when is_suppressed then 'lacking'
        when sample >= minimum_sample and sample > 0 then 'enough'
        when sample >= {{ kpi_least_counted() }} then 'caution'
        else 'lacking'
    end
{%- endmacro %}

{#- Below this many there are counts only, no rate (H2). -#}
{% macro kpi_least_counted() -%} 10 {%- endmacro %}
