-- The rules in force: the highest version, with the limits that hold for all of them.
select
    rule.moment_id,
    rule.name_ja,
    rule.name_en,
    rule.trigger_kind,
    rule.trigger_value,
    rule.trigger_days,
    rule.trigger_share,
    rule.window_days,
    rule.priority,
    rule.wants_mr_contact,
    setting.max_opened_per_mr_week,
    setting.min_precision,
    setting.min_judged,
    rule.rule_version
from {{ rows_in_force('moment_rule') }} as rule
inner join {{ ref('moment_setting') }} as setting
    on rule.rule_version = setting.rule_version
