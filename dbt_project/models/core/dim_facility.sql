with version as (
    {{ scd2(
        ref('stg_dcf_facility'),
        'facility_code',
        ['facility_name', 'prefecture_code', 'municipality_code', 'beds', 'deletion_reason'],
    ) | indent(4) }}
)

select
    {{ surrogate_key(['version.facility_code', 'version.valid_from']) }} as facility_version_key,
    {{ facility_key('version.facility_code') }} as facility_key,
    version.valid_from,
    version.valid_to,
    version.is_current,
    version.facility_code,
    version.facility_name,
    version.prefecture_code,
    version.municipality_code,
    cast(version.beds as integer) as beds,
    coalesce(size.size_class, 'unknown') as size_class,
    coalesce(area.area_type, 'unknown') as area_type,
    version.deletion_reason is null as is_active
from version
left join {{ ref('facility_size_class') }} as size
    on version.beds between size.min_beds and size.max_beds
left join {{ ref('prefecture_area') }} as area
    on version.prefecture_code = area.prefecture_code
