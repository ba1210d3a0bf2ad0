-- Times only: what was asked stays with Medical.
with rule as (
    select * from {{ rows_in_force('medical_access_rule') }} as in_force
),

-- What is asked beyond the label must be asked unprompted: the same topic through the same representative again and
-- again within days is for compliance to look at.
beyond_label as (
    select
        inquiry.inquiry_id,
        inquiry.topic_id,
        employee.employee_key,
        {{ local_date('inquiry.received_at') }} as received_on
    from {{ ref('int_medical_inquiry') }} as inquiry
    inner join {{ ref('int_inquiry_employee') }} as employee
        on inquiry.inquiry_id = employee.inquiry_id
    where
        inquiry.reject_reason is null
        and inquiry.category = 'off_label'
        and inquiry.call_id is not null
        and inquiry.topic_id is not null
),

burst as (
    select later.inquiry_id
    from beyond_label as later
    cross join rule
    inner join beyond_label as earlier
        on
            later.employee_key = earlier.employee_key
            and later.topic_id = earlier.topic_id
            and {{ days_between('earlier.received_on', 'later.received_on') }} between 0 and rule.burst_days - 1
    group by later.inquiry_id
    having count(*) >= max(rule.burst_min_inquiries)
)

select
    {{ surrogate_key(["'crm_medical_inquiry'", 'inquiry.inquiry_id']) }} as inquiry_key,
    inquiry.inquiry_id,
    account.physician_key,
    employee.employee_key,
    employee.office_code as office_id,
    case when inquiry.category in ('on_label', 'safety') then inquiry.product_id end as product_id,
    inquiry.category,
    inquiry.call_id is not null as is_from_mr,
    inquiry.received_at,
    inquiry.handed_off_at,
    inquiry.accepted_at,
    inquiry.answered_at,
    inquiry.mr_notified_at,
    {{ local_date('inquiry.received_at') }} as received_on,
    inquiry.answered_at is null as is_open,
    {{ days_between(local_date('inquiry.received_at'), local_date('inquiry.answered_at')) }} as handoff_days,
    answered_day.business_day_number - received_day.business_day_number as handoff_business_days,
    case when inquiry.answered_at is null then as_of_day.business_day_number else answered_day.business_day_number end
    - received_day.business_day_number as waited_business_days,
    case
        when inquiry.mr_notified_at is not null and inquiry.answered_at is not null
        then notified_day.business_day_number - answered_day.business_day_number <= 2
        when inquiry.answered_at is not null and as_of_day.business_day_number - answered_day.business_day_number > 2
        then false
    end as notified_within_2_business_days,
    inquiry.is_unsolicited,
    inquiry.gl_has_requester,
    inquiry.gl_has_request_text,
    inquiry.gl_has_date,
    inquiry.gl_has_provider,
    inquiry.gl_has_material,
    inquiry.gl_has_evidence,
    inquiry.gl_states_negative_data,
    inquiry.gl_states_unapproved,
    -- A field that is missing outweighs a record called complete, and a record called incomplete its fields.
    coalesce(
        inquiry.gl_record_complete and inquiry.has_all_gl_fields,
        inquiry.gl_record_complete,
        inquiry.has_all_gl_fields,
        false
    ) as gl_record_complete,
    case
        when accepted_day.business_day_number - received_day.business_day_number <= rule.reach_business_days then true
        when as_of_day.business_day_number - received_day.business_day_number > rule.reach_business_days then false
    end as is_accepted_in_time,
    case
        when answered_day.business_day_number - received_day.business_day_number <= rule.answer_business_days then true
        when answered_day.business_day_number - received_day.business_day_number > rule.answer_business_days then false
        when as_of_day.business_day_number - received_day.business_day_number > rule.answer_business_days then false
    end as is_answered_in_time,
    burst.inquiry_id is not null as completes_burst
from {{ ref('int_medical_inquiry') }} as inquiry
cross join rule
left join burst
    on inquiry.inquiry_id = burst.inquiry_id
left join {{ ref('int_account') }} as account
    on inquiry.account_id = account.account_id
left join {{ ref('int_inquiry_employee') }} as employee
    on inquiry.inquiry_id = employee.inquiry_id
left join {{ ref('dim_date') }} as received_day
    on {{ local_date('inquiry.received_at') }} = received_day.date_on
left join {{ ref('dim_date') }} as accepted_day
    on {{ local_date('inquiry.accepted_at') }} = accepted_day.date_on
left join {{ ref('dim_date') }} as answered_day
    on {{ local_date('inquiry.answered_at') }} = answered_day.date_on
left join {{ ref('dim_date') }} as notified_day
    on {{ local_date('inquiry.mr_notified_at') }} = notified_day.date_on
left join {{ ref('dim_date') }} as as_of_day
    on {{ as_of() }} = as_of_day.date_on
where inquiry.reject_reason is null
