-- Every current decision; one in words that the register does not define is kept as it is, without meaning.
select
    register.material_number,
    regexp_replace(register.content_version, '[.]0$', '') as content_version,
    register.decided_on,
    word.decision,
    register.department,
    register.batch_id,
    case
        when word.decision is null then 'unparseable'
        when
            row_number() over (
                partition by
                    register.material_number,
                    regexp_replace(register.content_version, '[.]0$', ''),
                    register.decided_on,
                    case when word.decision is null then 0 else 1 end
                order by
                    register.batch_delivered_at desc,
                    register.landing_id desc,
                    register.row_number desc,
                    register.content_version
            ) > 1
        then 'duplicate'
    end as reject_reason
from {{ ref('stg_content_decision') }} as register
left join {{ ref('content_decision_word') }} as word
    on register.decision_word = word.decision_word
