{#-
    Small groups are not published (H7), decided once, here. Ends a mart: `with …, {{ kpi_protected(...) }} select …`.

    cells      name of the CTE with the counted cells: scope_type, scope_id, parent_scope_id, the period and the
               breakdown columns, the counts of physicians and the measures. Physicians without a branch, office or
               representative stay in it under a null scope_id: they are never shown, but the sum contains them
    keys       period and breakdown columns that, with the scope, name a cell
    bases      {column with a count of physicians: [measures that are nulled with it]}
    additive   a breakdown whose cells add up to a published total within one scope (phase_id, product_id), or none
    totals     {base: another base that is its total over the additive breakdown, on every row}
    repeated   {base: [breakdown columns over which it says the same on every row of a scope]}

    Emits the CTE `protected` with the same columns, the small ones nulled, and per base a boolean
    `<base>_suppressed`. A cell of 1 to 4 physicians is suppressed. A cell of nobody is no disclosure and stays.

    Complementary: a published whole minus its published parts is what the hidden parts hold together. Wholes and
    their parts are the company and its branches, a branch and its offices, an office and its representatives,
    and the total and the cells of the additive breakdown. In every such family
      - nothing is hidden, or at least two parts that together leave three physicians or more to guess: two parts of
        5, three of 6. Else the smallest visible part is hidden too; where there is none, the whole;
      - a hidden whole keeps at least 5 physicians (or all, where it has fewer) in hidden parts, or its parts would
        give it away. By induction that holds down the tree: the parts of a hidden part cannot give it away either.
    Every visible cell has 5 physicians or more, so that one more hidden part per family is always enough. What a whole
    has beside its parts (physicians without an office, contacts without a product) counts as one more hidden part.
    Families overlap, and hiding in one can expose another: they are looked at again, a fixed number of times. The
    tests attack the tree of scopes as one system of equations, and every breakdown. Not excluded: tree and breakdown
    solved together, which in tables of very small cells can still determine a hidden one; months against quarters.
-#}
{% macro kpi_minimum_cell() -%} 5 {%- endmacro %}

{% macro kpi_protected(cells, keys, bases, additive=none, totals={}, repeated={}) %}
    {%- set columns = ['scope_type', 'scope_id', 'parent_scope_id'] + keys -%}
    {%- for base, measures in bases.items() -%}
        {%- do columns.extend([base] + measures) -%}
    {%- endfor -%}
    {#- Wholes and their parts among the scopes. In one look a scope is either whole or part: one pass serves both. -#}
    {%- set upper = {'company': 'branch', 'office': 'mr'} -%}
    {%- set lower = {'company': 'segment', 'branch': 'office'} -%}
    {%- set looks = ['upper', 'lower', 'upper'] -%}
    {%- if additive -%}
        {%- set looks = ['upper', 'lower', 'additive', 'lower', 'upper', 'additive', 'lower', 'upper'] -%}
    {%- endif -%}
    {#- Families as numbers, once: every look sorts by them. -#}
    {%- set carried = columns + ['place', 'upper_family', 'upper_role', 'lower_family', 'lower_role'] -%}
    {%- if additive -%}
        {%- do carried.extend(['additive_family', 'additive_role']) -%}
    {%- endif -%}
    protection_0 as (
        select
            {{ columns | join(', ') }},
            dense_rank() over (order by scope_id{{ ', ' ~ additive if additive }}) as place,
            {{ kpi_scope_family(upper, keys) }} as upper_family,
            {{ kpi_scope_role(upper) }} as upper_role,
            {{ kpi_scope_family(lower, keys) }} as lower_family,
            {{ kpi_scope_role(lower) }} as lower_role
            {%- if additive %},
            case when {{ additive }} is null then 'whole' else 'part' end as additive_role,
            dense_rank() over (
                order by scope_type, scope_id{% for key in keys if key != additive %}, {{ key }}{% endfor %}
            ) as additive_family
            {%- endif %}
            {%- for base in bases %},
            case when {{ base }} between 1 and {{ kpi_minimum_cell() }} - 1 or ({{ base }} > 0 and scope_id is null)
                then 1 else 0 end as {{ base }}_hidden
            {%- endfor %}
        from {{ cells }}
    ),
    {%- for look in looks %}
    {%- set before = 'protection_' ~ loop.index0 %}
    {%- set families = 'families_' ~ loop.index %}
    {{ families }} as (
        {{ kpi_families(before, bases, look, totals, repeated) }}
    ),
    protection_{{ loop.index }} as (
        {{ kpi_additive_look(before, families, carried, bases, totals, repeated) if look == 'additive'
            else kpi_scope_look(before, families, carried, bases, look) }}
    ),
    {%- endfor %}
    protected as (
        select
            scope_type,
            scope_id,
            parent_scope_id,
            {{ keys | join(', ') }}
            {%- for base, measures in bases.items() %},
            {{ base }}_hidden = 1 as {{ base }}_suppressed,
            case when {{ base }}_hidden = 0 then {{ base }} end as {{ base }}
            {%- for measure in measures %},
            case when {{ base }}_hidden = 0 then {{ measure }} end as {{ measure }}
            {%- endfor %}
            {%- endfor %}
        from (
            select
                {{ columns | join(', ') }}
                {%- for base in bases %},
                {%- if base in repeated %}
                greatest(
                    {{ base }}_hidden,
                    max(case when {{ repeated[base] | join(' is null and ') }} is null then {{ base }}_hidden else 0 end)
                        over (partition by scope_type, scope_id
                            {%- for key in keys if key not in repeated[base] %}, {{ key }}{% endfor %})
                ) as {{ base }}_hidden
                {%- else %}
                {{ base }}_hidden
                {%- endif %}
                {%- endfor %}
            from protection_{{ looks | length }}
            where scope_id is not null
        ) as decided
    )
{%- endmacro %}

{#-
    A number for each whole with its parts: `parts` says for each type of scope which type its parts have. Scopes that
    are neither have none, and no look has to group them.
-#}
{% macro kpi_scope_family(parts, keys) -%}
    {%- set types = "('" ~ (parts.keys() | list + parts.values() | list) | join("', '") ~ "')" -%}
    case
                when scope_type in {{ types }}
                    then dense_rank() over (
                        order by
                            case
                                {%- for whole, part in parts.items() %}
                                when scope_type in ('{{ whole }}', '{{ part }}') then '{{ whole }}'
                                {%- endfor %}
                            end,
                            case
                                when scope_type in ('{{ parts.values() | join("', '") }}') then parent_scope_id
                                else scope_id
                            end,
                            {{ keys | join(', ') }}
                    )
            end
{%- endmacro %}

{#- What a cell is among its scopes: a whole, one of its parts, or what is in no part. -#}
{% macro kpi_scope_role(parts) -%}
    case
                when scope_type in ('{{ parts.keys() | join("', '") }}') then 'whole'
                when scope_type in ('{{ parts.values() | join("', '") }}') and scope_id is null then 'unplaced'
                when scope_type in ('{{ parts.values() | join("', '") }}') then 'part'
            end
{%- endmacro %}

{#-
    What a family holds of each base: the whole, its parts, the hidden ones among them, and which part would be next.
    Grouped and joined back: window functions over the same families take ten times as long.
-#}
{% macro kpi_families(cells, bases, look, totals, repeated) -%}
        select
            {{ look }}_family as family
            {%- for base in bases if look != 'additive' or base not in repeated %}
            {%- set whole = totals.get(base, base) if look == 'additive' else base %},
            max(case when {{ look }}_role = 'whole' then {{ whole }} end) as {{ base }}_whole,
            max(case when {{ look }}_role = 'whole' then {{ whole }}_hidden end) as {{ base }}_whole_hidden,
            coalesce(sum(case when {{ look }}_role = 'part' then {{ base }} end), 0) as {{ base }}_parts,
            coalesce(max(case when {{ look }}_role = 'unplaced' then {{ base }} end), 0) as {{ base }}_unplaced,
            coalesce(sum(case when {{ look }}_role = 'part' and {{ base }}_hidden = 1 then {{ base }} end), 0)
                as {{ base }}_hidden_sum,
            coalesce(sum(case when {{ look }}_role = 'part' then {{ base }}_hidden end), 0) as {{ base }}_hidden_parts,
            min(
                case
                    when {{ look }}_role = 'part' and {{ base }}_hidden = 0 and {{ base }} > 0
                        then {{ kpi_size_order(base) }}
                end
            ) as {{ base }}_next
            {%- endfor %}
        from {{ cells }}
        where {{ look }}_family is not null
        group by {{ look }}_family
{%- endmacro %}

{#- Looks at scopes, wholes and their parts. -#}
{% macro kpi_scope_look(cells, families, carried, bases, look) -%}
        select
            {{ carried | join(', ') }}
            {%- for base in bases %},
            case when {{ base }}_hidden = 1 or {{ kpi_is_chosen(base, look ~ '_role') }} then 1 else 0 end as {{ base }}_hidden
            {%- endfor %}
        from {{ cells }}
        left join {{ families }}
            on {{ cells }}.{{ look }}_family = {{ families }}.family
{%- endmacro %}

{#- Looks at the cells of the additive breakdown within each scope. -#}
{% macro kpi_additive_look(cells, families, carried, bases, totals, repeated) -%}
        select
            {{ carried | join(', ') }}
            {%- for base in bases %},
            {%- if base in repeated %}
            case
                when {{ base }}_hidden = 1
                {%- for part, total in totals.items() if total == base %}
                or ({{ kpi_is_exposed(part) }} and {{ part }}_next is null)
                {%- endfor %} then 1 else 0
            end as {{ base }}_hidden
            {%- elif base in totals %}
            case
                when {{ base }}_hidden = 1 or {{ base }}_whole_hidden = 1 and {{ base }} > 0
                    or {{ kpi_is_chosen(base, 'additive_role') }} then 1
                else 0
            end as {{ base }}_hidden
            {%- else %}
            case when {{ base }}_hidden = 1 or {{ kpi_is_chosen(base, 'additive_role') }} then 1 else 0 end
                as {{ base }}_hidden
            {%- endif %}
            {%- endfor %}
        from {{ cells }}
        inner join {{ families }}
            on {{ cells }}.additive_family = {{ families }}.family
{%- endmacro %}

{#- Sorts parts by size, ties by name: one number, so that all bases share one pass over each family. -#}
{% macro kpi_size_order(base) -%}
    cast({{ base }} as bigint) * 1000000000 + place
{%- endmacro %}

{#- Whether this cell must be hidden for its family: the next smallest part, or the whole where no part is left. -#}
{% macro kpi_is_chosen(base, role) -%}
    (
                {{ kpi_is_exposed(base) }}
                and {{ base }} > 0
                and (
                    {{ role }} = 'part' and {{ kpi_size_order(base) }} = {{ base }}_next
                    or {{ role }} = 'whole' and {{ base }}_next is null
                )
            )
{%- endmacro %}

{#-
    Whether what a family shows gives away what it hides. What the whole has beside its parts is one more hidden part.
    Where physicians are counted in several parts nothing may be left beside them although some are not placed; those
    ask for protection then, but protect nobody.
-#}
{% macro kpi_is_exposed(base) -%}
    {%- set beside = 'greatest(' ~ base ~ '_whole - ' ~ base ~ '_parts, 0)' -%}
    case
                when {{ base }}_whole is null then false
                when {{ base }}_whole_hidden = 1
                    then {{ base }}_hidden_sum + {{ beside }} < least({{ kpi_minimum_cell() }}, {{ base }}_whole)
                when {{ base }}_hidden_parts = 0 and {{ beside }} = 0
                    then {{ base }}_unplaced between 1 and {{ kpi_minimum_cell() }} - 1
                when {{ base }}_hidden_parts = 0 then {{ beside }} < {{ kpi_minimum_cell() }}
                when {{ beside }} = 0
                    then
                        {{ base }}_hidden_parts = 1
                        or {{ base }}_hidden_sum < {{ base }}_hidden_parts + {{ kpi_minimum_cell() }} - 2
                else {{ base }}_hidden_sum + {{ beside }} < {{ base }}_hidden_parts + {{ kpi_minimum_cell() }} - 1
            end
{%- endmacro %}
