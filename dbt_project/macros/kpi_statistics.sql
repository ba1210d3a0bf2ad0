{#-
    Intervals and shrinkage, each defined once. Every argument is a SQL expression; every result is a SQL
    expression of type double, null where the denominator is null or 0. Plain arithmetic only, so that every
    engine gives the same number.
-#}

{#- Two-sided 95 % quantile of the normal distribution. -#}
{% macro kpi_z() -%}
    cast(1.959963984540054 as double)
{%- endmacro %}

{#-
    Two-sided 95 % quantile of Student's t, for intervals whose error was estimated from few groups: the expansion of
    Cornish and Fisher (Abramowitz and Stegun 26.7.5); off by less than 0.01 from 4 degrees of freedom on.
-#}
{% macro kpi_t(freedom) -%}
    {%- set z = 1.959963984540054 -%}
    {%- set terms = [
        (z ** 3 + z) / 4,
        (5 * z ** 5 + 16 * z ** 3 + 3 * z) / 96,
        (3 * z ** 7 + 19 * z ** 5 + 17 * z ** 3 - 15 * z) / 384,
    ] -%}
    (
        {{ kpi_z() }}
        + (
            {{ terms[0] }} + ({{ terms[1] }} + {{ terms[2] }} / cast({{ freedom }} as double)) / cast({{ freedom }} as double)
        ) / cast({{ freedom }} as double)
    )
{%- endmacro %}

{#- A share as a double: numerator / denominator. -#}
{% macro kpi_rate(numerator, denominator) -%}
    (cast({{ numerator }} as double) / nullif(cast({{ denominator }} as double), 0))
{%- endmacro %}

{#-
    Wilson score interval of a proportion (H3). p = x/n, z = 1.96:
        centre = (p + z²/2n) / (1 + z²/n)
        half   = z / (1 + z²/n) * sqrt(p(1-p)/n + z²/4n²)
    The bound is exactly 0 when nobody answered yes and exactly 1 when everybody did.
-#}
{% macro kpi_wilson_low(numerator, denominator) -%}
    {{ kpi_wilson_bound(numerator, denominator, '-') }}
{%- endmacro %}

{% macro kpi_wilson_high(numerator, denominator) -%}
    {{ kpi_wilson_bound(numerator, denominator, '+') }}
{%- endmacro %}

{% macro kpi_wilson_bound(numerator, denominator, sign) -%}
    {%- set x = 'cast(' ~ numerator ~ ' as double)' -%}
    {%- set n = 'cast(' ~ denominator ~ ' as double)' -%}
    {%- set z = kpi_z() -%}
    case
        when coalesce({{ n }}, 0) = 0 or {{ x }} is null then null
        {%- if sign == '-' %}
        when {{ x }} = 0 then cast(0 as double)
        {%- else %}
        when {{ x }} = {{ n }} then cast(1 as double)
        {%- endif %}
        else (
            {{ x }} / {{ n }} + {{ z }} * {{ z }} / (2 * {{ n }})
            {{ sign }} {{ z }} * sqrt(
                {{ x }} / {{ n }} * (1 - {{ x }} / {{ n }}) / {{ n }} + {{ z }} * {{ z }} / (4 * {{ n }} * {{ n }})
            )
        ) / (1 + {{ z }} * {{ z }} / {{ n }})
    end
{%- endmacro %}

{#-
    The columns <name>, <name>_low and <name>_high of a share with its interval; null below the least number (H2, H3),
    of the denominator or of the physicians behind it.
-#}
{% macro kpi_rate_columns(name, numerator, denominator, physicians=none) -%}
    {%- set bounds = {
        '': kpi_rate(numerator, denominator),
        '_low': kpi_wilson_low(numerator, denominator),
        '_high': kpi_wilson_high(numerator, denominator),
    } -%}
    {%- for ending, bound in bounds.items() -%}
    case when {{ physicians or denominator }} >= {{ kpi_least_counted() }} then {{ bound }} end as {{ name }}{{ ending }}
    {%- if not loop.last %},
    {% endif -%}
    {%- endfor -%}
{%- endmacro %}

{#-
    Interval of the difference later - earlier of two independent estimates, each with its own interval (the MOVER
    rule; with two Wilson intervals this is Newcombe's method 10). For scores with a symmetric interval it equals
    d ± 1.96 · sqrt(SE1² + SE2²) (H4). Where the same physicians stand in both, or two windows overlap, the estimates
    move together and the interval is wider than it need be: it claims too little rather than too much.
        low  = d - sqrt((later - later_low)² + (earlier_high - earlier)²)
        high = d + sqrt((later_high - later)² + (earlier - earlier_low)²)
-#}
{% macro kpi_difference_low(later, later_low, earlier, earlier_high) -%}
    ({{ later }} - {{ earlier }} - sqrt(
        ({{ later }} - {{ later_low }}) * ({{ later }} - {{ later_low }})
        + ({{ earlier_high }} - {{ earlier }}) * ({{ earlier_high }} - {{ earlier }})
    ))
{%- endmacro %}

{% macro kpi_difference_high(later, later_high, earlier, earlier_low) -%}
    ({{ later }} - {{ earlier }} + sqrt(
        ({{ later_high }} - {{ later }}) * ({{ later_high }} - {{ later }})
        + ({{ earlier }} - {{ earlier_low }}) * ({{ earlier }} - {{ earlier_low }})
    ))
{%- endmacro %}

{#-
    Smallest true difference that a comparison of this size would find in 80 of 100 cases (5 %, two-sided):
    (1.96 + 0.84) standard errors, the error taken from the width of the difference's interval (H9).
-#}
{% macro kpi_minimum_detectable(difference_low, difference_high) -%}
    ((cast(1.959963984540054 as double) + cast(0.8416212335729143 as double))
    * ({{ difference_high }} - {{ difference_low }}) / (2 * {{ kpi_z() }}))
{%- endmacro %}

{#-
    Units that each of two equal arms needs so that 80 of 100 comparisons find the difference between two shares (5 %,
    two-sided), each unit drawn by itself: Fleiss, Levin and Paik (2003), Statistical Methods for Rates and Proportions,
    chapter 4, without correction for continuity. The shares are pooled where there is no difference and each its own
    where there is one; quantiles to two places as in tables, 1.96 and 0.84, so that 10 against 13 of 100 gives 1,772.
        n = (1.96 · sqrt(2 · p(1-p)) + 0.84 · sqrt(p0(1-p0) + p1(1-p1)))² / (p1 - p0)²      p = (p0 + p1) / 2
    Null where the other share would not be one.
-#}
{% macro kpi_units_per_arm(share, difference) -%}
    {%- set other = '(' ~ share ~ ' + ' ~ difference ~ ')' -%}
    {%- set pooled = '(' ~ share ~ ' + ' ~ difference ~ ' / 2)' -%}
    case when {{ share }} >= 0 and {{ other }} <= 1 and {{ difference }} > 0 then ceil(power(
        cast(1.96 as double) * sqrt(2 * {{ pooled }} * (1 - {{ pooled }}))
        + cast(0.84 as double) * sqrt({{ share }} * (1 - {{ share }}) + {{ other }} * (1 - {{ other }})),
        2
    ) / ({{ difference }} * {{ difference }})) end
{%- endmacro %}

{#-
    A physician's rate pulled towards the mean of his segment (H6): (x + m·p0) / (n + m).
-#}
{% macro kpi_shrunk(successes, trials, prior_mean, prior_strength) -%}
    ((cast({{ successes }} as double) + {{ prior_strength }} * {{ prior_mean }})
    / (cast({{ trials }} as double) + {{ prior_strength }}))
{%- endmacro %}

{#-
    Strength m of the prior by the method of moments for beta-binomial counts (Kleinman 1973), from a segment's sums:
    physicians K, trials N, successes X, sum of n², sum of x²/n.
        S   = sum(x²/n) - X²/N                    weighted spread of the raw rates
        rho = (S / (p0(1-p0)) - (K-1)) / ((N - sum(n²)/N) - (K-1))
        m   = (1 - rho) / rho, kept within 2 to 200
    No more spread than chance (rho <= 0) gives 200. The default of 10 where nothing can be learned: fewer than 5
    physicians, one trial each, or nobody or everybody responding.
-#}
{% macro kpi_prior_strength(physicians, trials, successes, sum_squared_trials, sum_successes_squared_over_trials) -%}
    {%- set p0 = kpi_rate(successes, trials) -%}
    {%- set freedom = '(cast(' ~ physicians ~ ' as double) - 1)' -%}
    {%- set room = '(' ~ trials ~ ' - ' ~ kpi_rate(sum_squared_trials, trials) ~ ' - ' ~ freedom ~ ')' -%}
    {%- set rho -%}
    (
        (({{ sum_successes_squared_over_trials }} - {{ successes }} * {{ p0 }}) / ({{ p0 }} * (1 - {{ p0 }})) - {{ freedom }})
        / {{ room }}
    )
    {%- endset -%}
    case
        when {{ physicians }} < 5 or {{ successes }} = 0 or {{ successes }} = {{ trials }} or {{ room }} <= 0
            then cast(10 as double)
        when {{ rho }} <= 0 then cast(200 as double)
        else greatest(cast(2 as double), least(cast(200 as double), (1 - {{ rho }}) / {{ rho }}))
    end
{%- endmacro %}

{#-
    Normal distribution function, by the logistic approximation of Page (1977); off by less than 0.00015.
    The argument is cut at ±8 so that exp() cannot overflow.
-#}
{% macro kpi_normal_probability(z) -%}
    {%- set cut = 'greatest(cast(-8 as double), least(cast(8 as double), ' ~ z ~ '))' -%}
    (1 / (1 + exp(-(cast(1.5976 as double) * {{ cut }} + cast(0.07056 as double) * {{ cut }} * {{ cut }} * {{ cut }}))))
{%- endmacro %}

{#-
    Probability that one Beta posterior lies above another, both given by mean and total count (a + b), by the normal
    approximation of their difference. Off by 0.04 at most where each holds 12 or more in total; nothing is drawn at
    random, so a release can be repeated.
-#}
{% macro kpi_beta_exceeds(mean, total, other_mean, other_total) -%}
    {%- set variance = '(' ~ mean ~ ' * (1 - ' ~ mean ~ ') / (' ~ total ~ ' + 1) + '
        ~ other_mean ~ ' * (1 - ' ~ other_mean ~ ') / (' ~ other_total ~ ' + 1))' -%}
    case
        when {{ variance }} > 0
            then {{ kpi_normal_probability('((' ~ mean ~ ' - ' ~ other_mean ~ ') / sqrt(' ~ variance ~ '))') }}
        when {{ mean }} > {{ other_mean }} then cast(1 as double)
        when {{ mean }} < {{ other_mean }} then cast(0 as double)
        else cast(0.5 as double)
    end
{%- endmacro %}
