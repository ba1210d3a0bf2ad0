-- What may be said, by whom and with what, on the day of the build. What Medical uses has no name here: whoever must
-- not use it is only told that Medical can be asked.
with route as (
    select
        info_class,
        role_id,
        provision
    from {{ rows_in_force('information_route') }} as in_force
),

asked as (
    select
        topic.topic_id,
        topic.name_ja as topic_name_ja,
        topic.info_class,
        product.product_id,
        product.name as product_name,
        route.role_id,
        route.provision,
        coalesce(medical.provision in ('on_request', 'may_provide'), false) as can_medical_answer
    from {{ ref('topic') }} as topic
    cross join {{ ref('dim_product') }} as product
    inner join route
        on topic.info_class = route.info_class
    left join route as medical
        on topic.info_class = medical.info_class and medical.role_id = 'medical'
    where product.is_company_product
),

usable as (
    select
        topic_id,
        product_id,
        role_id,
        content_key,
        content_id,
        title,
        content_version,
        approval_number,
        indication,
        valid_to
    from (
        select
            'mr' as role_id,
            version.*
        from {{ ref('dim_content_version') }} as version
        where version.may_mr_use
        union all
        select
            'hq' as role_id,
            version.*
        from {{ ref('dim_content_version') }} as version
        where version.may_hq_use
    ) as by_role
    where
        valid_from <= {{ as_of() }}
        and valid_to > {{ as_of() }}
        and superseded_on > {{ as_of() }}
),

matched as (
    select
        asked.*,
        usable.content_key,
        usable.content_id,
        usable.title,
        usable.content_version,
        usable.approval_number,
        usable.indication,
        case when usable.valid_to < cast('9999-12-31' as date) then {{ add_days('usable.valid_to', '-1') }} end
            as last_valid_on,
        count(usable.content_key) over (partition by asked.topic_id, asked.product_id, asked.role_id)
            as n_valid_contents
    from asked
    left join usable
        on
            case when asked.provision = 'may_provide' then asked.topic_id end = usable.topic_id
            and asked.product_id = usable.product_id
            and asked.role_id = usable.role_id
)

select
    topic_id,
    topic_name_ja,
    product_id,
    product_name,
    role_id,
    info_class,
    provision,
    case
        when provision = 'on_request' then 'on_request'
        when provision = 'may_provide' and n_valid_contents > 0 then 'may_provide'
        when provision <> 'not_provided' and can_medical_answer then 'to_medical'
        else 'not_provided'
    end as answer,
    case
        when provision = 'on_request' then '先生から求められたときに提供'
        when provision = 'may_provide' and n_valid_contents > 0 then '提供できる'
        when provision <> 'not_provided' and can_medical_answer then 'Medicalへ'
        else '提供不可'
    end as answer_ja,
    content_key,
    content_id,
    title,
    content_version,
    approval_number,
    indication,
    last_valid_on,
    cast(n_valid_contents as bigint) as n_valid_contents,
    {{ as_of() }} as as_of
from matched
