select
    product_id,
    crm_product_id,
    name,
    yj_code,
    therapeutic_area,
    is_company_product
from {{ ref('int_product') }}
