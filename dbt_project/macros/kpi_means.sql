{#-
    Intervals of means of answers on a scale, of a recommendation score, of paired shares and of a correlation. As in
    kpi_statistics.sql every argument is a SQL expression and every result a SQL expression of type double.
-#}

{#-
    Standard error of the mean of n whole-number answers, from their mean and mean of squares: s / sqrt(n), with
    s² = (mean of squares - mean²) · n / (n - 1). Where all gave the same answer the spread is taken as if one had
    answered one step apart (s² = 1/n, the smallest that whole numbers can otherwise have): a handful of equal answers
    is no certainty.
-#}
{% macro kpi_mean_error(n, mean, mean_of_squares) -%}
    case
        when {{ n }} >= 2
            then
                sqrt(
                    greatest(
                        1 / cast({{ n }} as double),
                        ({{ mean_of_squares }} - {{ mean }} * {{ mean }})
                        * cast({{ n }} as double) / (cast({{ n }} as double) - 1)
                    ) / cast({{ n }} as double)
                )
    end
{%- endmacro %}

{#- Mean ± Student's t · standard error, within the ends of the scale. -#}
{% macro kpi_mean_low(n, mean, mean_of_squares, lowest) -%}
    greatest(
        cast({{ lowest }} as double),
        {{ mean }} - {{ kpi_t('(' ~ n ~ ' - 1)') }} * {{ kpi_mean_error(n, mean, mean_of_squares) }}
    )
{%- endmacro %}

{% macro kpi_mean_high(n, mean, mean_of_squares, highest) -%}
    least(
        cast({{ highest }} as double),
        {{ mean }} + {{ kpi_t('(' ~ n ~ ' - 1)') }} * {{ kpi_mean_error(n, mean, mean_of_squares) }}
    )
{%- endmacro %}

{#-
    Interval of a recommendation score in points, 100·(p - d), from the counts of promoters and detractors among n
    answers (weighted answers may be fractions). The adjusted Wald interval of Rocks (2016, The American Statistician
    70, 365-372): three answers are added, 3/4 a promoter, 3/4 a detractor and the rest passive, so that answers that
    are all alike are no certainty.
        m = n + 3,  s = (promoters - detractors) / m,  100 · (s ± 1.96 · sqrt(((promoters + detractors + 1.5) / m - s²) / m))
-#}
{% macro kpi_score_low(promoters, detractors, n) -%}
    {{ kpi_score_bound(promoters, detractors, n, '-') }}
{%- endmacro %}

{% macro kpi_score_high(promoters, detractors, n) -%}
    {{ kpi_score_bound(promoters, detractors, n, '+') }}
{%- endmacro %}

{% macro kpi_score_bound(promoters, detractors, n, sign) -%}
    {%- set p = 'cast(' ~ promoters ~ ' as double)' -%}
    {%- set d = 'cast(' ~ detractors ~ ' as double)' -%}
    {%- set m = '(cast(' ~ n ~ ' as double) + 3)' -%}
    {%- set score = '((' ~ p ~ ' - ' ~ d ~ ') / ' ~ m ~ ')' -%}
    case
        when {{ n }} > 0 and {{ promoters }} is not null and {{ detractors }} is not null
            then {{ 'greatest(cast(-100 as double), ' if sign == '-' else 'least(cast(100 as double), ' }}
                100 * ({{ score }} {{ sign }} {{ kpi_z() }} * sqrt((({{ p }} + {{ d }} + 1.5) / {{ m }} - {{ score }} * {{ score }}) / {{ m }}))
            )
    end
{%- endmacro %}

{#-
    Interval of the difference of two shares of the same n physicians, from the two kinds that differ: those counted
    only by the first share and those only by the second (McNemar's b and c). Agresti and Min (2005): half a
    physician is added to each of the four kinds, so that few or no differing physicians do not look like certainty.
        centre = (b - c) / (n + 2),  SE = sqrt((b + c + 1) - (b - c)² / (n + 2)) / (n + 2)
-#}
{% macro kpi_paired_low(first_only, second_only, n) -%}
    {{ kpi_paired_bound(first_only, second_only, n, '-') }}
{%- endmacro %}

{% macro kpi_paired_high(first_only, second_only, n) -%}
    {{ kpi_paired_bound(first_only, second_only, n, '+') }}
{%- endmacro %}

{% macro kpi_paired_bound(first_only, second_only, n, sign) -%}
    {%- set b = 'cast(' ~ first_only ~ ' as double)' -%}
    {%- set c = 'cast(' ~ second_only ~ ' as double)' -%}
    {%- set m = '(cast(' ~ n ~ ' as double) + 2)' -%}
    {{ 'greatest(cast(-1 as double), ' if sign == '-' else 'least(cast(1 as double), ' }}
        ({{ b }} - {{ c }}) / {{ m }}
        {{ sign }} {{ kpi_z() }} * sqrt({{ b }} + {{ c }} + 1 - ({{ b }} - {{ c }}) * ({{ b }} - {{ c }}) / {{ m }}) / {{ m }}
    )
{%- endmacro %}

{#-
    Interval of a standardised difference d of two independent groups, by its large-sample error (Hedges and Olkin 1985,
    Statistical Methods for Meta-Analysis, chapter 5, formula 14; for shares as for means, Austin 2009, Statistics in
    Medicine 28, 3083-3107):
        d ± 1.96 · sqrt((n1 + n2) / (n1 · n2) + d² / (2 · (n1 + n2)))
-#}
{% macro kpi_standardised_bound(d, first, second, sign) -%}
    {%- set n1 = 'cast(' ~ first ~ ' as double)' -%}
    {%- set n2 = 'cast(' ~ second ~ ' as double)' -%}
    ({{ d }} {{ sign }} {{ kpi_z() }} * sqrt(
        ({{ n1 }} + {{ n2 }}) / nullif({{ n1 }} * {{ n2 }}, 0) + {{ d }} * {{ d }} / nullif(2 * ({{ n1 }} + {{ n2 }}), 0)
    ))
{%- endmacro %}

{#- Fisher's interval of a correlation r of n pairs: tanh(atanh(r) ± 1.96 / sqrt(n - 3)); none where r is -1 or 1. -#}
{% macro kpi_correlation_bound(r, n, sign) -%}
    {%- set doubled -%}
    (ln((1 + {{ r }}) / (1 - {{ r }})) {{ sign }} 2 * {{ kpi_z() }} / sqrt(cast({{ n }} as double) - 3))
    {%- endset -%}
    case
        when {{ n }} > 3 and {{ r }} > -0.999999999 and {{ r }} < 0.999999999
            then (exp({{ doubled }}) - 1) / (exp({{ doubled }}) + 1)
    end
{%- endmacro %}
