with version as (
    {{ scd2(
        ref('stg_dcf_physician'),
        'physician_code',
        [
            'specialty_code', 'specialty_name', 'practice_type_code', 'physician_kind', 'graduation_year',
            'name_kanji_token', 'name_kana_token', 'deletion_reason',
        ],
    ) | indent(4) }}
),

grouped as (
    select
        version.*,
        {{ physician_key('version.physician_code') }} as physician_key,
        coalesce(
            specialty.specialty_group,
            case
                when version.specialty_code is not null then '不明(' || version.specialty_code || ')'
                else '不明'
            end
        ) as specialty_group,
        coalesce(practice.practice_type, 'unknown') as practice_type,
        cast(extract(year from {{ as_of() }}) as integer) - version.graduation_year as career_years
    from version
    left join {{ ref('specialty_group') }} as specialty
        on version.specialty_code = specialty.specialty_code
    left join {{ ref('practice_type') }} as practice
        on version.practice_type_code = practice.practice_type_code
)

select
    {{ surrogate_key(['physician_code', 'valid_from']) }} as physician_version_key,
    physician_key,
    valid_from,
    valid_to,
    is_current,
    physician_code,
    specialty_code,
    specialty_group,
    practice_type,
    physician_kind,
    case
        when career_years is null then 'unknown'
        when career_years < 10 then '0-9'
        when career_years < 20 then '10-19'
        when career_years < 30 then '20-29'
        else '30+'
    end as career_band,
    name_kanji_token as name_token,
    name_kana_token as kana_token,
    deletion_reason is null as is_active,
    deletion_reason
from grouped
where physician_key not in (select physician_key from {{ ref('int_stopped_physician') }})
