{%- if execute %}
{%- for kpi in kpi_registry() %}
select
    {{ kpi_text(kpi.id) }} as kpi_id,
    {{ kpi.version }} as kpi_version,
    {{ kpi.order }} as display_order,
    {{ kpi_text(kpi.mart) }} as mart,
    {%- for field in (
        'name_ja', 'name_en', 'formula_ja', 'formula_en', 'numerator', 'denominator', 'numerator_ja', 'denominator_ja',
        'kind'
    ) %}
    {{ kpi_text(kpi[field]) }} as {{ field }},
    {%- endfor %}
    {%- for field in ('value', 'ci_low', 'ci_high') %}
    {%- if kpi.get(field) %}
    {{ kpi_text(kpi[field]) }} as {{ field }},
    {%- else %}
    cast(null as {{ dbt.type_string() }}) as {{ field }},
    {%- endif %}
    {%- endfor %}
    {{ kpi_text(kpi.physicians) }} as physicians,
    {{ kpi.minimum_sample }} as minimum_sample,
    {%- for field in ('period', 'owner', 'decision_ja', 'must_not_conclude_ja', 'evidence_level', 'unit_ja', 'direction') %}
    {{ kpi_text(kpi[field]) }} as {{ field }},
    {%- endfor %}
    cast({{ kpi.meaningful_difference }} as double) as meaningful_difference,
    {{ kpi_text(kpi.audience | join(',')) }} as audience,
    {{ kpi_text(kpi.sources | join(',')) }} as sources,
    {{ kpi_text(kpi.sources_if_present | join(',')) }} as sources_if_present,
    {{ kpi_text(kpi.breakdowns | join(',')) }} as breakdowns,
    '{{ var("config_version") }}' as config_version
{{ 'union all' if not loop.last }}
{%- endfor %}
{%- else %}
select 1 as kpi_version
{%- endif %}
