-- Everything a source may call a product by: its code, any CRM record id, its name. A name of two products is none.
with called as (
    select product_id as called, product_id from {{ ref('int_product') }}
    union
    select crm_product_id as called, product_id from {{ ref('stg_crm_product') }}
    where product_id is not null
    union
    select name as called, product_id from {{ ref('int_product') }}
    where name is not null
)

select
    called,
    max(product_id) as product_id
from called
group by called
having count(distinct product_id) = 1
