-- What Medical has to do, case by case: no person, and no office either, for its few cases would say of whom they are. Who
-- acts on a case opens its record in the CRM.
select
    inquiry.inquiry_key,
    inquiry.inquiry_id,
    branch.organization_id as branch_id,
    inquiry.category,
    inquiry.received_on,
    case when inquiry.is_open then 'answer' else 'complete_record' end as to_do,
    case when inquiry.is_open then inquiry.waited_business_days end as waited_business_days,
    inquiry.is_open and inquiry.accepted_at is null and not coalesce(inquiry.is_accepted_in_time, true)
        as is_acceptance_overdue,
    inquiry.is_open and not coalesce(inquiry.is_answered_in_time, true) as is_answer_overdue,
    {{ local_date('inquiry.answered_at') }} as answered_on,
    inquiry.gl_has_requester,
    inquiry.gl_has_request_text,
    inquiry.gl_has_date,
    inquiry.gl_has_provider,
    inquiry.gl_has_material,
    inquiry.gl_has_evidence,
    inquiry.gl_states_negative_data,
    inquiry.gl_states_unapproved
from {{ ref('fct_medical_inquiry') }} as inquiry
left join {{ ref('dim_organization') }} as office
    on inquiry.office_id = office.organization_id and office.level = 'office'
left join {{ ref('dim_organization') }} as branch
    on office.parent_organization_key = branch.organization_key
where inquiry.is_open or (inquiry.category = 'off_label' and not inquiry.gl_record_complete)
