{#-
    The KPI registry. A KPI is declared once, in `config.meta.kpis` of the yml beside the mart that counts it, and
    nowhere else. These macros read the declarations from dbt's graph, refuse incomplete ones, and write the SQL of
    fct_kpi_value and dim_kpi from them.

    Fields of a KPI
        id, version               text, integer; together unique
        order                     place on a page: what the physician experiences comes first, own activity last
        name_ja, name_en          what it is called
        formula_ja, formula_en    the formula in words, in both languages with the same meaning
        numerator, denominator    columns of the mart. A rate and a count need both; for a median, mean or score the
                                  denominator is the sample and the numerator is `none`
        numerator_ja, denominator_ja   the same in words, for "100人中…人"
        value, ci_low, ci_high    columns of the mart; only for a median, mean or score
        physicians                column with the number of physicians behind it (small numbers are suppressed), or `none`
        breakdowns                columns by which the mart splits it, of channel_id, product_id, phase_id, breakdown
        kind                      rate, count, median, mean, score
        minimum_sample            smallest denominator from which it is shown without reserve
        period                    the period type a reader should look at first
        owner                     who answers for it
        decision_ja               the decision it serves (H14)
        must_not_conclude_ja      what must not be concluded from it (H14)
        audience                  roles that see it; a role sees seven at most
        evidence_level            E0 to E4 (H8)
        meaningful_difference     smallest difference that matters, in the unit of the value
        sources                   inbox sources without which there is no number: late, they lower its arrival; never
                                  come, they withhold it
        sources_if_present        inbox sources whose rows enter it too where the company has them: they count for its
                                  arrival unless their contract says that none are expected and none ever came
        unit_ja                   the unit of the denominator (a rate) or of the value
        direction                 higher_better, lower_better, neutral (no verdict is meant)
-#}
{% macro kpi_required_fields() -%}
    {{ return([
        'id', 'version', 'order', 'name_ja', 'name_en', 'formula_ja', 'formula_en', 'numerator', 'denominator',
        'numerator_ja', 'denominator_ja', 'physicians', 'breakdowns', 'kind', 'minimum_sample', 'period', 'owner',
        'decision_ja', 'must_not_conclude_ja', 'audience', 'evidence_level', 'meaningful_difference', 'sources', 'sources_if_present',
        'unit_ja', 'direction'
    ]) }}
{%- endmacro %}

{#- Every declared KPI as a dictionary with `mart` and `columns` added, in reading order. Fails on the first fault. -#}
{% macro kpi_registry() -%}
    {%- set found = [] -%}
    {%- set seen = [] -%}
    {%- set by_role = {} -%}
    {%- for node in graph.nodes.values() | selectattr('resource_type', 'equalto', 'model') | sort(attribute='name') -%}
        {%- for kpi in (node.config.meta.get('kpis') or []) -%}
            {%- do kpi_check(node, kpi) -%}
            {%- set key = kpi.id ~ ' version ' ~ kpi.version -%}
            {%- if key in seen -%}
                {{ exceptions.raise_compiler_error("KPI registry: mart " ~ node.name ~ ", KPI " ~ key ~ ", field id: declared twice") }}
            {%- endif -%}
            {%- do seen.append(key) -%}
            {%- for role in kpi.audience -%}
                {%- do by_role.update({role: by_role.get(role, []) + ([kpi.id] if kpi.id not in by_role.get(role, []) else [])}) -%}
                {%- if by_role[role] | length > 7 -%}
                    {{ exceptions.raise_compiler_error(
                        "KPI registry: mart " ~ node.name ~ ", KPI " ~ kpi.id ~ ", field audience: role " ~ role
                        ~ " would see more than seven KPIs: " ~ by_role[role] | join(', ')
                    ) }}
                {%- endif -%}
            {%- endfor -%}
            {%- set entry = {'mart': node.name} -%}
            {%- do entry.update(kpi) -%}
            {%- do found.append(entry) -%}
        {%- endfor -%}
    {%- endfor -%}
    {%- if found | length == 0 -%}
        {{ exceptions.raise_compiler_error("KPI registry: no mart declares a KPI") }}
    {%- endif -%}
    {{ return(found | sort(attribute='order,id')) }}
{%- endmacro %}

{#- Stops the build when a declaration is incomplete or contradicts its mart, naming mart, KPI and field. -#}
{% macro kpi_check(node, kpi) -%}
    {%- set place = "KPI registry: mart " ~ node.name ~ ", KPI " ~ kpi.get('id', '(without id)') ~ ", field " -%}
    {%- for field in kpi_required_fields() -%}
        {%- set given = kpi.get(field) -%}
        {%- if given is none or given == '' or (given is sequence and given | length == 0 and field not in ('breakdowns', 'sources_if_present')) -%}
            {{ exceptions.raise_compiler_error(place ~ field ~ ": is missing") }}
        {%- endif -%}
    {%- endfor -%}
    {%- set allowed = {
        'kind': ['rate', 'count', 'median', 'mean', 'score'],
        'period': ['month', 'quarter', 'half', 'fiscal_year'],
        'evidence_level': ['E0', 'E1', 'E2', 'E3', 'E4'],
        'direction': ['higher_better', 'lower_better', 'neutral'],
    } -%}
    {%- for field, values in allowed.items() -%}
        {%- if kpi[field] not in values -%}
            {{ exceptions.raise_compiler_error(place ~ field ~ ": is '" ~ kpi[field] ~ "', may be " ~ values | join(', ')) }}
        {%- endif -%}
    {%- endfor -%}
    {%- for source_name in kpi.sources if source_name in kpi.sources_if_present -%}
        {{ exceptions.raise_compiler_error(place ~ "sources_if_present: '" ~ source_name ~ "' is among sources too") }}
    {%- endfor -%}
    {%- set columns = {'denominator': kpi.denominator} -%}
    {%- if kpi.physicians != 'none' -%}
        {%- do columns.update({'physicians': kpi.physicians, 'physicians (suppression)': kpi.physicians ~ '_suppressed'}) -%}
    {%- endif -%}
    {%- if kpi.kind in ('rate', 'count') -%}
        {%- do columns.update({'numerator': kpi.numerator}) -%}
    {%- else -%}
        {%- for field in ('value', 'ci_low', 'ci_high') -%}
            {%- if not kpi.get(field) -%}
                {{ exceptions.raise_compiler_error(place ~ field ~ ": is missing; a " ~ kpi.kind ~ " needs it") }}
            {%- endif -%}
            {%- do columns.update({field: kpi[field]}) -%}
        {%- endfor -%}
    {%- endif -%}
    {%- for breakdown in kpi.breakdowns -%}
        {%- do columns.update({'breakdowns ' ~ breakdown: breakdown}) -%}
    {%- endfor -%}
    {%- for field, column in columns.items() -%}
        {%- if column not in node.columns -%}
            {{ exceptions.raise_compiler_error(place ~ field ~ ": the mart has no column '" ~ column ~ "'") }}
        {%- endif -%}
    {%- endfor -%}
{%- endmacro %}

{#- A text literal. -#}
{% macro kpi_text(words) -%}
    '{{ words | string | replace("'", "''") }}'
{%- endmacro %}

{#-
    One KPI's cells from its mart in the shape that all KPIs share. Rows in which the mart does not count this KPI
    (null denominator without suppression) are left out; rows per medical representative are kept only for what
    medical representatives are meant to see of themselves.
-#}
{% macro kpi_cells(kpi) -%}
    {%- set counted = kpi.kind in ('rate', 'count') -%}
    select
        {{ kpi_text(kpi.id) }} as kpi_id,
        {{ kpi.version }} as kpi_version,
        {{ kpi_text(kpi.kind) }} as kind,
        {{ kpi.minimum_sample }} as minimum_sample,
        cast({{ kpi.meaningful_difference }} as double) as meaningful_difference,
        {{ kpi_text(kpi.direction) }} as direction,
        {{ kpi_text(kpi.evidence_level) }} as evidence_level,
        period_type,
        period_start,
        period_end,
        scope_type,
        scope_id,
        {%- for column in ('channel_id', 'product_id', 'phase_id', 'breakdown') %}
        {{ column if column in kpi.breakdowns else 'cast(null as ' ~ dbt.type_string() ~ ')' }} as {{ column }},
        {%- endfor %}
        cast({{ kpi.numerator if counted else 'null' }} as bigint) as numerator,
        cast({{ kpi.denominator }} as bigint) as sample,
        {%- if counted %}
        cast(
            {%- if kpi.kind == 'rate' %} {{ kpi_rate(kpi.numerator, kpi.denominator) }}
            {%- else %} {{ kpi.numerator }}
            {%- endif %} as double
        ) as value,
        {%- for bound, interval in (('ci_low', kpi_wilson_low), ('ci_high', kpi_wilson_high)) %}
        {{ interval(kpi.numerator, kpi.denominator) }}
        {%- if kpi.kind == 'count' %} * cast({{ kpi.denominator }} as double){% endif %} as {{ bound }},
        {%- endfor %}
        {%- else %}
        cast({{ kpi.value }} as double) as value,
        cast({{ kpi.ci_low }} as double) as ci_low,
        cast({{ kpi.ci_high }} as double) as ci_high,
        {%- endif %}
        {%- if kpi.physicians == 'none' %}
        cast(null as bigint) as n_physicians,
        false as is_suppressed
        {%- else %}
        cast({{ kpi.physicians }} as bigint) as n_physicians,
        {{ kpi.physicians }}_suppressed as is_suppressed
        {%- endif %}
    from {{ ref(kpi.mart) }}
    where
        (
            {%- if kpi.physicians != 'none' %}
            {{ kpi.physicians }}_suppressed
            or
            {%- endif %}
            {{ kpi.denominator }} is not null
            {%- if counted %} and {{ kpi.numerator }} is not null{% endif %}
        )
        {%- if 'mr' not in kpi.audience %}
        and scope_type <> 'mr'
        {%- endif %}
{%- endmacro %}
