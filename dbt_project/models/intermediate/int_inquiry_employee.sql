-- The representative an inquiry came through: the caller of the call it was raised in, else the record's owner.
with asked as (
    select
        inquiry.inquiry_id,
        {{ local_date('inquiry.received_at') }} as received_on,
        coalesce(call.user_id, inquiry.owner_id) as user_id
    from {{ ref('int_medical_inquiry') }} as inquiry
    left join {{ ref('int_call') }} as call
        on inquiry.call_id = call.call_id
)

select
    asked.inquiry_id,
    employee.employee_key,
    employee.office_code
from asked
inner join {{ ref('int_employee_period') }} as employee
    on
        asked.user_id = employee.user_id
        and asked.received_on >= employee.valid_from
        and asked.received_on < employee.valid_to
