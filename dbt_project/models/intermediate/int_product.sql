-- The CRM may hold several records for one product code; the one written last names it.
with ranked as (
    select
        stg_product.*,
        row_number() over (
            partition by stg_product.product_id
            order by
                coalesce(stg_product.is_deleted, false) asc,
                stg_product.system_modstamp desc,
                stg_product.crm_product_id asc
        ) as place
    from {{ ref('stg_crm_product') }} as stg_product
    where stg_product.product_id is not null
)

select
    product_id,
    crm_product_id,
    name,
    yj_code,
    therapeutic_area,
    coalesce(is_company_product, false) as is_company_product
from ranked
where place = 1
