with landed as (
    {{ landed('dcf_physician', 'snapshot') }}
)

select
    physician_code,
    name_kanji_token,
    name_kana_token,
    birth_date_token,
    graduation_year,
    specialty_code,
    specialty_name,
    practice_type_code,
    position_code,
    physician_kind,
    deletion_reason,
    updated_on,
    batch_id,
    landing_id,
    row_number,
    batch_delivered_at,
    batch_delivered_on
from landed
