with accepted as (
    select
        call_id,
        product_id,
        place_in_call
    from {{ ref('int_call_product') }}
    where reject_reason is null
),

own as (
    select
        call.call_id,
        accepted.product_id,
        accepted.place_in_call,
        accepted.call_id as detail_call_id
    from {{ ref('int_call') }} as call
    inner join accepted
        on call.call_id = accepted.call_id
    where call.reject_reason is null
),

inherited as (
    select
        call.call_id,
        accepted.product_id,
        accepted.place_in_call,
        accepted.call_id as detail_call_id
    from {{ ref('int_call') }} as call
    inner join accepted
        on call.parent_call_id = accepted.call_id
    where
        call.reject_reason is null
        and not exists (select 1 from own where own.call_id = call.call_id)
)

select * from own
union all
select * from inherited
