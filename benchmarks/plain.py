"""The marts of Shirube as one plain DuckDB script, from the same lake, to compare the pipeline's time with.

This is what a person would write who wants the numbers once and quickly: one connection, temporary tables, DuckDB's
own idioms, natural keys. It has none of what the pipeline is for: no star that others can query, no contracts, no
tests, no audit, no lineage, no release, nothing that can be traced back to a file. It makes the same numbers;
`tests/benchmarks` compares them cell by cell.

    python benchmarks/plain.py HOME OUT

HOME is a data home with a lake and a finished build: the script reads the ledger's export that this build read
(`warehouse/builds/<the id in warehouse/last>/ledger`, as `shirube build` leaves it). OUT receives one Parquet file per mart.
"""

# ruff: noqa: E501 -- the lines of SQL follow the statements' sense

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from string import Template

import duckdb

SEEDS = Path(__file__).resolve().parents[1] / "dbt_project" / "seeds"
MARTS = (
    "mart_channel_quality",
    "mart_channel_preference",
    "mart_preference_diversity",
    "mart_channel_fit",
    "mart_journey",
    "mart_journey_exposure",
    "mart_cx",
    "mart_medical_handoff",
    "mart_data_trust",
    "fct_kpi_value",
)
Z = "1.959963984540054"


def latest(source: str, columns: str, version: str, key: str = "id") -> str:
    """The newest row of each key among all deliveries of a source."""
    return f"""
        select {columns}, is_deleted
        from read_parquet('$lake/{source}/*.parquet', union_by_name = true) join delivery using (_landing_id)
        qualify row_number() over (partition by {key} order by {version} desc nulls last, delivered_at desc,
            file_name desc, _landing_id desc, _row_number desc) = 1""".replace(
        ", is_deleted",
        "" if source in ("survey_qualtrics", "jdnet_delivery", "content_decision") else ", is_deleted",
    )


def scope(mr: bool = True) -> str:
    """Scope columns of a query grouped by `sets`."""
    people = [("mr", "employee", "max(office_id)")] if mr else []
    levels = [*people, ("office", "office_id", "max(branch_id)"), ("branch", "branch_id", "'company'")]
    types = " ".join(f"when grouping({key}) = 0 then '{name}'" for name, key, _ in levels)
    names = " ".join(f"when grouping({key}) = 0 then {key}" for _, key, _ in levels)
    parents = " ".join(f"when grouping({key}) = 0 then {parent}" for _, key, parent in levels)
    return (
        f"case {types} else 'company' end as scope_type, case {names} else 'company' end as scope_id, "
        f"case {parents} else 'company' end as parent_scope_id"
    )


def sets(columns: str, mr: bool = True) -> str:
    """Grouping sets of `columns` for the company, its branches, offices and representatives."""
    levels = ["", ", branch_id", ", office_id", *([", employee"] if mr else [])]
    return "grouping sets (" + ", ".join(f"({columns}{level})" for level in levels) + ")"


UPPER, LOWER = {"company": "branch", "office": "mr"}, {"company": "segment", "branch": "office"}
HIDING = """
create macro gives_away(family) as case when family.whole is null then false
    when family.whole_hidden then family.hidden + family.beside < least(5, family.whole)
    when family.hidden_parts = 0 then coalesce(nullif(family.beside, 0), family.unplaced) between 1 and 4
    else family.hidden_parts + (family.beside > 0)::integer < 2
        or family.hidden + family.beside < family.hidden_parts + (family.beside > 0)::integer + 3 end
"""


def look(cells: str, role: str, family: str, bases: list[str], totals: dict[str, str]) -> str:
    """`cells` after one look at wholes and their parts: where hidden ones are given away, one more is hidden."""
    families, flags = [], []
    for base in bases:
        total, size = totals.get(base, base), f"struct_pack(n := {base}, name, part)"
        parts = f"filter (role = 'part' and {base}_suppressed) over f"
        families.append(
            f"struct_pack(whole := max({total}) filter (role = 'whole') over f, "
            f"whole_hidden := coalesce(bool_or({total}_suppressed) filter (role = 'whole') over f, false), "
            f"hidden := coalesce(sum({base}) {parts}, 0), hidden_parts := count(*) {parts}, "
            f"beside := greatest(0, max({total}) filter (role = 'whole') over f "
            f"- coalesce(sum({base}) filter (role = 'part') over f, 0)), "
            f"unplaced := coalesce(max({base}) filter (role = 'unplaced') over f, 0), next := min({size}) filter "
            f"(role = 'part' and {base} > 0 and not {base}_suppressed) over f) as {base}_family"
        )
        chosen = f"gives_away({base}_family) and role = 'part' and {size} = {base}_family.next"
        lonely = f"gives_away({base}_family) and {base}_family.next is null"
        if total == base:
            chosen += f" or ({lonely} and role = 'whole' and {base} > 0)"
        else:
            chosen += f" or ({base} > 0 and {base}_family.whole_hidden)"
            flags.append(f"{total}_suppressed or coalesce({lonely}, false) as {total}_suppressed")
        flags.append(f"{base}_suppressed or coalesce({chosen}, false) as {base}_suppressed")
    return (
        f"select * exclude (role, {', '.join(f'{base}_family' for base in bases)}) replace ({', '.join(flags)}) "
        f"from (select *, {', '.join(families)} from (select *, {role} as role from ({cells})) "
        f"window f as (partition by {family}))"
    )


def look_at_scopes(cells: str, parts: dict[str, str], keys: str, bases: list[str]) -> str:
    """`cells` after a look at the scopes; `parts` names the part of each type of scope."""
    wholes, members = (", ".join(f"'{name}'" for name in names) for names in (parts, parts.values()))
    role = (
        f"case when scope_type in ({wholes}) then 'whole' when scope_type in ({members}) and scope_id is null "
        f"then 'unplaced' when scope_type in ({members}) then 'part' end"
    )
    family = " ".join(f"when scope_type in ('{w}', '{p}') then '{w}'" for w, p in parts.items())
    own = f"if(scope_type in ({members}), parent_scope_id, scope_id)"
    return look(cells, role, f"case {family} else scope_type end, {own}, {keys}", bases, {})


def protected(
    mart: str,
    keys: str,
    bases: dict[str, str],
    additive: str = "",
    totals: dict[str, str] | None = None,
    repeated: dict[str, str] | None = None,
) -> str:
    """`mart` from the table `cells`, without groups of 1 to 4 physicians and without what would reveal one."""
    totals, repeated = totals or {}, repeated or {}
    small = ", ".join(
        f"coalesce({base} between 1 and 4 or ({base} > 0 and scope_id is null), false) as {base}_suppressed"
        for base in bases
    )
    # Ties are broken by name, and representatives go by a hash in the pipeline.
    key = "replace(replace(base64(unhex(substr(md5('employee|' || scope_id), 1, 18))), '+', 'A'), '/', 'a')"
    name = f"if(scope_type = 'mr', {key}, scope_id) as name"
    query = f"select *, {name}, coalesce({additive or 'null'}, '') as part, {small} from cells"
    others = ", ".join(key for key in keys.split(", ") if key != additive)
    within = f"scope_type, scope_id, {others}"
    role = f"if({additive} is null, 'whole', 'part')"
    within_scope = [base for base in bases if base not in repeated]
    looks = [UPPER, LOWER, None, LOWER, UPPER, None, LOWER, UPPER] if additive else [UPPER, LOWER, UPPER]
    for parts in looks:
        if parts is None:
            query = look(query, role, within, within_scope, totals)
        else:
            query = look_at_scopes(query, parts, keys, list(bases))
    for base, columns in repeated.items():
        same = ", ".join(key for key in keys.split(", ") if key not in columns.split())
        whole = " and ".join(f"{column} is null" for column in columns.split())
        query = (
            f"select * replace ({base}_suppressed or coalesce(bool_or({base}_suppressed) filter ({whole}) "
            f"over (partition by scope_type, scope_id, {same}), false) as {base}_suppressed) from ({query})"
        )
    hidden = [
        f"case when not {base}_suppressed then {column} end as {column}"
        for base, measures in bases.items()
        for column in (base, *measures.split())
    ]
    return (
        f"create table {mart} as select * exclude (parent_scope_id, name, part) replace ({', '.join(hidden)}) "
        f"from ({query}) where scope_id is not null"
    )


def kpi(
    kpi_id: str,
    mart: str,
    numerator: str,
    denominator: str,
    physicians: str,
    split: str = "",
    values: str = "",
    is_count: bool = False,
) -> str:
    """The values of one KPI; `values` names value and interval where it is not numerator / denominator."""
    times = f" * {denominator}::double" if is_count else ""
    p, n = f"({numerator} / {denominator})", f"{denominator}::double"
    centre, spread = (
        f"({p} + {Z} * {Z} / (2 * {n}))",
        f"{Z} * sqrt({p} * (1 - {p}) / {n} + {Z} * {Z} / (4 * {n} * {n}))",
    )
    value, low, high = (
        values.split()
        if values
        else (p + times, *(f"({centre} {sign} {spread}) / (1 + {Z} * {Z} / {n}){times}" for sign in "-+"))
    )
    suppressed = f"{physicians}_suppressed" if physicians else "false"
    columns = ", ".join(
        f"{c if c in split else 'null::text'} as {c}"
        for c in ("channel_id", "product_id", "phase_id", "breakdown")
    )
    return f"""select '{kpi_id}' as kpi_id, period_type, period_start, period_end, scope_type, scope_id, {columns},
        {numerator if not values else "null::bigint"} as numerator, {denominator} as denominator,
        case when {denominator} > 0 then {value} end as value, case when {denominator} > 0 then {low} end as ci_low,
        case when {denominator} > 0 then {high} end as ci_high, {suppressed} as is_suppressed
        from {mart} where {suppressed} or {denominator} is not null"""


def same(table: str) -> str:
    """Join of the wanted journey cells with one of the counted tables."""
    columns = ("scope_type", "period_type", "period_start")
    equal = " and ".join(f"wanted.{column} = {table}.{column}" for column in columns)
    parts = " and ".join(
        f"coalesce(wanted.{column}, '') = coalesce({table}.{column}, '')"
        for column in ("scope_id", "product_id", "phase_id")
    )
    return f"{equal} and {parts}"


PEOPLE = f"""
create macro tokyo(instant) as timezone('Asia/Tokyo', instant)::date;

create table delivery as
select landing_id as _landing_id, sighting.source, max(sighting.file_name) as file_name,
    max(sighting.delivered_at) as delivered_at, max(sighting.delivered_on) as delivered_on
from '$ledger/sighting.parquet' as sighting join '$ledger/batch.parquet' as batch using (landing_id)
where state = 'landed'
group by all;

create table today as select max(delivered_on) as as_of from delivery;

create table physician as
select distinct physician_code as physician from read_parquet('$lake/dcf_physician/*.parquet', union_by_name = true);

create table physician_picture as
select physician_code as physician, specialty_code, practice_type_code, graduation_year, deletion_reason,
    delivered_on as seen_on
from read_parquet('$lake/dcf_physician/*.parquet', union_by_name = true)
join '$ledger/sighting.parquet' as sighting on _landing_id = sighting.landing_id
qualify row_number() over (
    partition by physician_code, delivered_on order by delivered_at desc, _landing_id desc, _row_number desc) = 1;

create table physician_version as
select * replace (case when seen_on = min(seen_on) over (partition by physician) then date '1900-01-01' else seen_on end
    as seen_on)
from physician_picture;

create table account_version as
select id as account_id, is_deleted, master_record_id, is_person_account, email_token, external_id, is_target, member_id,
    nullif(split_part(trim(territory, ';'), ';', 1), '') as territory, tokyo(system_modstamp) as changed_on,
    tokyo(created_at) as created_on,
    row_number() over (partition by id order by system_modstamp desc nulls last, delivered_at desc, _landing_id desc,
        _row_number desc) as recency,
    row_number() over (partition by id order by system_modstamp nulls first, delivered_at, _landing_id, _row_number)
        as version
from read_parquet('$lake/crm_account/*.parquet', union_by_name = true) join delivery using (_landing_id);

create table account as
with newest as (from account_version where recency = 1)
select own.account_id, own.is_person_account, survivor.account_id as survivor_id,
    survivor.external_id like (select any_value(external_id_pattern) from '$seeds/test_account_rule.csv') as is_test,
    physician.physician
from newest as own
left join newest as second on own.master_record_id = second.account_id
left join newest as third on second.master_record_id = third.account_id
left join newest as survivor on survivor.account_id
    = coalesce(third.master_record_id, second.master_record_id, own.master_record_id, own.account_id)
left join physician on survivor.external_id = physician.physician;

create table identity as
with said as (
    unpivot (
        select account_id, version, account.physician, survivor_id as person, coalesce(member_id, '') as member,
            coalesce(email_token, '') as email, case when version > 1 then changed_on
                else least(coalesce(created_on, date '1900-01-01'), changed_on) end as begins_on
        from account_version join account using (account_id) where coalesce(account.is_person_account, true)
    ) on member, email into name kind value reference
),
changed as (
    select * from said
    qualify reference is distinct from lag(reference) over (partition by kind, account_id order by version)
),
held as (
    select *, coalesce(lead(begins_on) over (partition by kind, account_id order by version), date '9999-12-31') as ends_on
    from changed
),
candidate as (
    select 'dcf_code' as kind, physician as reference, physician, physician as person, date '1900-01-01' as valid_from,
        date '9999-12-31' as valid_to
    from physician
    union all select 'account', account_id, physician, survivor_id, date '1900-01-01', date '9999-12-31' from account
    where coalesce(is_person_account, true)
    union all select kind, reference, physician, person, case when begins_on = min(begins_on) over (
        partition by kind, reference) then date '1900-01-01' else begins_on end, ends_on
    from held where reference <> '' and begins_on < ends_on
),
stretch as (
    select kind, reference, day as valid_from, lead(day) over (partition by kind, reference order by day) as valid_to
    from (select kind, reference, valid_from as day from candidate union select kind, reference, valid_to from candidate)
)
select kind, reference, stretch.valid_from, stretch.valid_to, max(physician) as physician
from stretch join candidate using (kind, reference)
where stretch.valid_from >= candidate.valid_from and stretch.valid_to <= candidate.valid_to
group by all having count(distinct coalesce(physician, person)) = 1;

create table assignment as
with version as (
    select id as user_id, employee_number, role, territory, office_code as office_id, branch_code as branch_id,
        coalesce(is_active, true) and not coalesce(is_deleted, false) as is_active,
        coalesce(effective_on, date '1900-01-01') as starts_on
    from read_parquet('$lake/crm_user/*.parquet', union_by_name = true) join delivery using (_landing_id)
    qualify row_number() over (partition by id, starts_on order by system_modstamp desc nulls last, delivered_at desc,
        _landing_id desc, _row_number desc) = 1
)
select *, coalesce(max(employee_number) over u, user_id) as employee,
    case when row_number() over s = 1 then date '1900-01-01' else starts_on end as valid_from,
    coalesce(lead(starts_on) over s, date '9999-12-31') as valid_to
from version
window u as (partition by user_id), s as (partition by user_id order by starts_on);

create table product as
select external_id as product_id, id, name, coalesce(is_company_product, false) as is_company_product
from ({latest("crm_product", "id, external_id, name, is_company_product, system_modstamp", "system_modstamp")})
where external_id is not null
qualify row_number() over (partition by external_id order by coalesce(is_deleted, false), system_modstamp desc, id) = 1;

create table product_name as
select called, max(product_id) as product_id
from (
    select product_id as called, product_id from product
    union select name, product_id from product where name is not null
    union select id, external_id from read_parquet('$lake/crm_product/*.parquet', union_by_name = true)
    where external_id is not null
)
group by all having count(distinct product_id) = 1;

create table consent as
select row.id, account.physician, row.channel as consent_channel, opt.consent_state, captured_at, expires_on,
    coalesce(answer.channel_id, channel.channel_id) as wanted_channel,
    lower(coalesce(entered_by, 'physician')) = 'physician' as is_own, preference_topic as topic_id,
    case when coalesce(row.is_deleted, false) then 'deleted_in_source' when account.is_test then 'test_record'
        when row.account_id is null then 'anonymous' when captured_at is null then 'unparseable'
        when opt.consent_state is null and wanted_channel is null then 'unparseable' end as reject
from ({latest("crm_consent", "id, account_id, channel, opt_type, captured_at, expires_on, preferred_channel, entered_by, preference_topic", "system_modstamp")}) as row
left join '$seeds/consent_opt_type.csv' as opt using (opt_type)
left join '$seeds/preferred_channel_answer.csv' as answer on preferred_channel = answer.answer
left join '$seeds/channel.csv' as channel on preferred_channel = channel.channel_id
left join account using (account_id);

create table consent_change as
select physician, consent_channel, captured_at, bool_or(consent_state = 'opted_out') as is_opted_out,
    bool_or(consent_state = 'pending') as is_pending, max(expires_on) as expires_on
from consent
where reject is null and physician is not null and consent_channel is not null and consent_state is not null
group by all;
"""

LOGS = rf"""
create table call as
with current as (
    {
    latest(
        "crm_call",
        '''id, account_id, call_date, call_datetime, status, parent_call_id, attendee_type, user_id,
    owner_id, duration_minutes, channel, reaction, request, question_recorded, usage_statement, topic_id''',
        "system_modstamp",
    )
}
),
header as (select distinct parent_call_id from current where not coalesce(is_deleted, false))
select current.id as call_id, current.account_id, current.parent_call_id, attendee_type, duration_minutes, topic_id,
    coalesce(call_date, tokyo(call_datetime)) as occurred_on, coalesce(current.user_id, owner_id) as user_id,
    coalesce(by_role.channel_id, for_all.channel_id, 'mr_visit') as channel_id, role.role,
    case when lower(reaction) in ('positive', 'neutral', 'negative', 'question') then lower(reaction) end as reaction,
    coalesce(request, false) as is_request,
    coalesce(question_recorded, false) or lower(coalesce(reaction, '')) = 'question' as is_question,
    case when lower(usage_statement) in ('trial', 'continued', 'stopped') then lower(usage_statement) end as usage_said,
    case when coalesce(is_deleted, false) then 'deleted_in_source'
        when coalesce(status, '') not in ('Submitted_vod', 'Submitted_vod__c') then 'out_of_scope'
        when header.parent_call_id is not null then 'out_of_scope'
        when not coalesce(account.is_person_account, true) then 'out_of_scope'
        when account.is_test then 'test_record' when current.account_id is null then 'anonymous'
        when call_date is null and call_datetime is null then 'unparseable' end as reject
from current
left join header on current.id = header.parent_call_id
left join account using (account_id)
left join assignment as role on coalesce(current.user_id, owner_id) = role.user_id
    and coalesce(call_date, tokyo(call_datetime)) >= role.valid_from
    and coalesce(call_date, tokyo(call_datetime)) < role.valid_to
left join '$seeds/call_channel.csv' as by_role on current.channel = by_role.call_channel
    and role.role = by_role.employee_role
left join '$seeds/call_channel.csv' as for_all on current.channel = for_all.call_channel
    and for_all.employee_role = 'any';

create table call_detail as
select detail.id, detail.call_id, product_name.product_id, priority,
    case when coalesce(is_deleted, false) then 'deleted_in_source' when product_id is null then 'out_of_scope'
        when row_number() over (partition by call_id, coalesce(is_deleted, false), product_id
            order by priority nulls last, detail.id) > 1 then 'duplicate' end as reject
from ({latest("crm_call_detail", "id, call_id, product_id as called, priority", "system_modstamp")}) as detail
left join product_name using (called);

create table call_product as
with placed as (
    select call_id, product_id, row_number() over (partition by call_id order by priority nulls last, id)
        as place_in_call
    from call_detail where reject is null
),
own as (
    select call.call_id, product_id, place_in_call, call_id as detail_call_id
    from call join placed using (call_id) where call.reject is null
)
from own
union all
select call.call_id, product_id, place_in_call, placed.call_id
from call join placed on call.parent_call_id = placed.call_id
where call.reject is null and call.call_id not in (select call_id from own);

create table email as
select row.id as email_id, row.account_id, coalesce(sent_at, created_at) as sent_at, status, product_name.product_id,
    case when lower(sender_department) = 'mr' then 'mr_email' else 'hq_email' end as channel_id,
    coalesce(lower(sender_department), 'hq') as sender, survey_wave, link_count, topic_id,
    case when coalesce(is_deleted, false) then 'deleted_in_source'
        when coalesce(status, '') in ('Saved_vod', 'Scheduled_vod', 'Pending_vod', 'Group_vod') then 'out_of_scope'
        when account.is_test then 'test_record' when row.account_id is null then 'opted_out_of_tracking'
        when sent_at is null and created_at is null then 'unparseable' end as reject
from ({
    latest(
        "crm_sent_email",
        '''id, account_id, sent_at, created_at, status, product_id as called,
    sender_department, survey_wave, link_count, topic_id''',
        "system_modstamp",
    )
}) as row
left join product_name using (called)
left join account using (account_id);

create table bot_list as
from '$seeds/bot_user_agent.csv' where rule_version = (select max(rule_version) from '$seeds/bot_rule.csv');

create table proxy_list as
from '$seeds/privacy_proxy_user_agent.csv' where rule_version = (select max(rule_version) from '$seeds/bot_rule.csv');

create table hidden_link_list as
from '$seeds/hidden_link.csv' where rule_version = (select max(rule_version) from '$seeds/bot_rule.csv');

create table agent as
select user_agent, client_name,
    exists (from bot_list as bot where lower(user_agent) like pattern) as is_bot,
    exists (from proxy_list as proxy
        where lower(user_agent) like pattern or lower(client_name) like pattern) as is_proxy
from (select distinct user_agent, client_name
    from read_parquet('$lake/crm_email_activity/*.parquet', union_by_name = true));

create table hidden as
select distinct click_url
from read_parquet('$lake/crm_email_activity/*.parquet', union_by_name = true)
where exists (from hidden_link_list as rule where lower(click_url) like pattern);

create table activity as
select row.id as activity_id, row.sent_email_id as email_id, activity_at, kind.email_event, row.click_url,
    coalesce(is_bot, false) as is_bot, coalesce(is_proxy, false) as is_proxy,
    hidden.click_url is not null as is_hidden,
    case when coalesce(is_deleted, false) then 'deleted_in_source'
        when kind.email_event is null or activity_at is null then 'unparseable'
        when email.email_id is null then 'anonymous' else email.reject end as reject
from ({
    latest(
        "crm_email_activity",
        "id, sent_email_id, activity_at, event_type, click_url, user_agent, client_name",
        "system_modstamp",
    )
}) as row
left join agent on row.user_agent is not distinct from agent.user_agent
    and row.client_name is not distinct from agent.client_name
left join hidden on row.click_url = hidden.click_url
left join '$seeds/email_event_type.csv' as kind using (event_type)
left join email on row.sent_email_id = email.email_id;

create table click as
with delivered as (
    select email_id, min(activity_at) as delivered_at from activity
    where email_event = 'delivered' and reject is null group by all
),
click as (
    select email_id, activity_at, is_bot, is_hidden, link_count, epoch(activity_at) as second,
        second - epoch(coalesce(delivered_at, sent_at)) as age,
        row_number() over (partition by email_id, click_url order by activity_at, activity_id) = 1 as is_first
    from activity join email using (email_id) left join delivered using (email_id)
    where email_event = 'clicked' and activity.reject is null
),
counted as (
    select *, count(*) filter (where is_first) over (
        partition by email_id order by second range between current row and $burst_seconds following) as links
    from click
)
select email_id, activity_at, not (is_hidden or is_bot or coalesce(age < $min_seconds, false) or max(
    case when link_count >= $burst_links and links >= $burst_share * link_count then 1 else 0 end) over (
    partition by email_id order by second range between $burst_seconds preceding and current row) = 1) as is_human
from counted;

create table email_outcome as
with seen as (
    select email_id, bool_or(email_event = 'delivered') as is_delivered,
        bool_or(email_event in ('opened', 'clicked', 'viewed', 'downloaded', 'unsubscribed')) as was_used,
        bool_or(email_event = 'opened' and not is_proxy) as is_opened,
        bool_or(email_event = 'opened' and is_proxy) as is_proxy_open
    from activity where reject is null group by all
),
bounce as (
    select email_id, bool_or(not exists (from activity as later
        where later.email_id = bounce.email_id and later.reject is null and later.activity_at > bounce.activity_at
            and later.activity_at <= bounce.activity_at + to_hours($resolve_hours) and later.email_event
            in ('delivered', 'opened', 'clicked', 'viewed', 'downloaded', 'unsubscribed'))) as is_returned
    from activity as bounce where email_event = 'bounced' and reject is null group by all
),
clicked as (
    select email_id, bool_or(is_human) as is_human_clicked, min(activity_at) filter (where is_human) as clicked_at
    from click group by all
)
select email_id, coalesce(status, '') not in ('Dropped_vod', 'Failed_vod')
    and not coalesce(is_returned, coalesce(status, '') = 'Bounced_vod')
    and (coalesce(status, '') = 'Delivered_vod' or coalesce(is_delivered, false) or coalesce(was_used, false))
        as is_delivered,
    coalesce(is_opened, false) as is_opened, coalesce(is_proxy_open, false) as is_proxy_open,
    coalesce(is_human_clicked, false) as is_human_clicked, clicked_at
from email left join seen using (email_id) left join bounce using (email_id) left join clicked using (email_id)
where email.reject is null;

create table segment as
select row.*, regexp_extract(topic, '(PRD-[A-Z])', 1) as product, regexp_extract(topic, '#(C[0-9]+)', 1) as content,
    nullif(product, '') as product_id, nullif(content, '') as content_id, identity.physician,
    case when email_token is null then 'anonymous'
        when joined_at is null or left_at is null or left_at < joined_at then 'unparseable'
        when row_number() over (partition by meeting_id, email_token, joined_at, left_at order by _row_number) > 1
            then 'duplicate' end as reject
from (
    select meeting_id, topic, meeting_start_at, meeting_end_at, email_token, joined_at, left_at, _row_number
    from read_parquet('$lake/webinar_zoom/*.parquet', union_by_name = true) join delivery using (_landing_id)
    qualify dense_rank() over (partition by meeting_id order by delivered_at desc, file_name desc, _landing_id desc) = 1
) as row
left join identity on kind = 'email' and email_token = reference
    and tokyo(joined_at) >= identity.valid_from and tokyo(joined_at) < identity.valid_to;

create table attendance as
with stay as (
    select *, epoch(joined_at) as j, epoch(left_at) as l, max(l) over (partition by meeting_id, email_token
        order by j, l rows between unbounded preceding and 1 preceding) as until
    from segment where reject is null
)
select meeting_id || email_token as attendance_id, max(physician) as physician, max(product_id) as product_id,
    max(content_id) as content_id, min(joined_at) as joined_at, max(epoch(meeting_end_at) - epoch(meeting_start_at)) as running,
    sum(case when until is null or until <= j then l - j when until < l then l - until else 0 end) as attended
from stay group by meeting_id, email_token;

create table portal_file as
select vendor, period, delivery_id, physician_code, portal_member_id, product_name.product_id, content_id, topic_id,
    delivered_on_day as sent_on, read_on, is_completed, viewed_seconds, read_count, reaction, delivered_at,
    row._landing_id, row._row_number,
    physician_code is null and coalesce(delivered_count, 0) > 1 as is_aggregated
from (
    select * exclude (delivered_on, file_name), portal.delivered_on as delivered_on_day
    from read_parquet('$lake/portal_delivery/*.parquet', union_by_name = true) as portal
    join delivery using (_landing_id)
    qualify dense_rank() over (partition by vendor, period
        order by delivered_at desc, file_name desc, _landing_id desc) = 1
) as row
left join product_name on row.product_name = called;

create table content as
select content_id, case when count(distinct product_id) = 1 then max(product_id) end as product_id,
    case when count(distinct topic_id) = 1 then max(topic_id) end as topic_id
from (
    select content_id, product_id, topic_id from portal_file where content_id is not null
    union select content_id, product_id, null from segment where content_id is not null
    union select material_number, null, topic_id
    from read_parquet('$lake/content_approval/*.parquet', union_by_name = true)
    join '$seeds/topic.csv' as topic on topic_name = name_ja
)
group by all;

create table web_event as
with event as (
    select event_id, coalesce(derived_at, collector_at) as occurred_at, user_id as member_id, domain_session_id, se_value,
        coalesce(nullif(regexp_extract(page_urlpath, '(C[0-9]{{3,}})', 1), ''),
            nullif(regexp_extract(se_label, '(C[0-9]{{3,}})', 1), '')) as content_id,
        coalesce(nullif(regexp_extract(upper(page_urlpath), '(PRD-[A-Z])', 1), ''),
            nullif(regexp_extract(upper(se_label), '(PRD-[A-Z])', 1), '')) as product_id,
        case when lower(se_action) in ('search', 'download', 'view') then lower(se_action)
            when lower(se_category) in ('search', 'download') then lower(se_category) else 'page' end as action,
        case when row_number() over (partition by event_id, event_fingerprint
                order by delivered_at, _landing_id, _row_number) > 1 then 'duplicate'
            when lower(app_id) like '%test%' or lower(app_id) like '%staging%' then 'test_record'
            when coalesce(derived_at, collector_at) is null or domain_session_id is null then 'unparseable'
            when user_id is null then 'anonymous' end as reason
    from read_parquet('$lake/web_snowplow/*.parquet', union_by_name = true) join delivery using (_landing_id)
),
known as (
    select event.*, identity.physician
    from event left join identity on kind = 'member' and member_id = reference
        and tokyo(occurred_at) >= identity.valid_from and tokyo(occurred_at) < identity.valid_to
),
refusal as (from consent_change where consent_channel = 'web_tracking')
select known.*, case when reason is null and is_opted_out then 'opted_out_of_tracking' else reason end as reject
from known asof left join refusal on known.physician = refusal.physician and occurred_at >= captured_at;

create table web_contact as
with placed as (
    select *, coalesce(content_id, first_value(content_id ignore nulls) over (
        partition by domain_session_id, member_id order by occurred_at, event_id
        rows between unbounded preceding and unbounded following)) as contact_content
    from web_event where reject is null
),
paced as (
    select *, epoch(occurred_at) - lag(epoch(occurred_at)) over (
        partition by domain_session_id, member_id, contact_content order by occurred_at, event_id) as pause
    from placed
)
select row_number() over () as contact_id, physician, contact_content as content_id,
    coalesce(named_product, product_id) as product_id, tokyo(started_at) as occurred_on, seconds, has_search,
    has_download, acts
from (
    select domain_session_id, member_id, contact_content, max(physician) as physician, max(product_id) as named_product,
        min(occurred_at) as started_at, greatest(sum(least(coalesce(pause, 0), $web_idle)),
            sum(case when action = 'view' then coalesce(se_value, 0) else 0 end)) as seconds,
        bool_or(action = 'search') as has_search, bool_or(action = 'download') as has_download,
        list(distinct tokyo(occurred_at)) filter (where action in ('search', 'download')) as acts
    from paced group by domain_session_id, member_id, contact_content
)
left join content on contact_content = content.content_id;

create table portal as
with seen as (
    select distinct physician, content_id, occurred_on from web_contact
    where physician is not null and content_id is not null
),
known as (
    select portal_file.*, identity.physician, row_number() over (
        partition by vendor, delivery_id
        order by delivered_at desc, period desc, _landing_id desc, _row_number) as copy
    from portal_file left join identity on kind = 'dcf_code' and physician_code = reference
)
select known.*, case when is_aggregated then null when copy > 1 then 'duplicate'
    when physician_code is null and portal_member_id is null then 'anonymous' when sent_on is null then 'unparseable'
    when seen.physician is not null then 'duplicate' end as reject
from known left join seen on known.physician = seen.physician and known.content_id = seen.content_id
    and coalesce(read_on, sent_on) = occurred_on;

create table survey as
select row.response_id, identity.physician, wave, coalesce(recorded_at, ended_at, started_at) as answered_at,
    coalesce(product_name.product_id, product_code) as product_id, coalesce(asked.channel_id, row.channel) as channel_id,
    coalesce(lower(distribution_channel) = 'mr', false) as is_mr_sent, csat, nps, usefulness, ces,
    coalesce(answer.channel_id, wanted.channel_id) as wanted_channel, stage.usage_stage, stage.evidence_kind,
    case when lower(status) in ('spam', '8', 'survey preview', '1', 'test') then 'test_record'
        when not coalesce(is_finished, true) then 'out_of_scope'
        when coalesce(recorded_at, ended_at, started_at) is null then 'unparseable'
        when coalesce(external_reference, recipient_email_token) is null then 'anonymous'
        when coalesce(csat, nps, usefulness, ces) is null and wanted_channel is null and stage.usage_stage is null
            then 'out_of_scope' end as reject
from ({
    latest(
        "survey_qualtrics",
        '''response_id, external_reference, recipient_email_token, wave, recorded_at, ended_at,
    started_at, product_code, channel, distribution_channel, csat, nps, usefulness, ces, preferred_channel, usage_stage,
    status, is_finished''',
        "recorded_at",
        "response_id",
    )
}) as row
left join identity on reference = coalesce(external_reference, recipient_email_token)
    and kind = case when external_reference is not null then 'member' else 'email' end
    and tokyo(coalesce(recorded_at, ended_at, started_at)) >= identity.valid_from
    and tokyo(coalesce(recorded_at, ended_at, started_at)) < identity.valid_to
left join product_name on product_code = called
left join '$seeds/preferred_channel_answer.csv' as asked on row.channel = asked.answer
left join '$seeds/preferred_channel_answer.csv' as answer on preferred_channel = answer.answer
left join '$seeds/channel.csv' as wanted on preferred_channel = wanted.channel_id
left join '$seeds/usage_stage.csv' as stage on row.usage_stage = stage.answer_ja;

create table suggestion as
select case when coalesce(row.is_deleted, false) then 'deleted_in_source'
        when not coalesce(account.is_person_account, true) then 'out_of_scope' when account.is_test then 'test_record'
        when row.account_id is null then 'anonymous'
        when posted_on is null and created_at is null then 'unparseable' end as reject
from ({latest("crm_suggestion", "id, account_id, posted_on, created_at", "system_modstamp")}) as row
left join account using (account_id);

create table page as
with material as (
    select id as key_message_id, coalesce(is_training, false) as is_training
    from ({
    latest("crm_key_message", "id, is_training", "system_modstamp")
}) where not coalesce(is_deleted, false)
),
current as (
    from ({latest("crm_call_key_message", "id, call_id, key_message_id", "system_modstamp")})
    left join material using (key_message_id)
),
shown as (
    from current where not coalesce(is_deleted, false) and not coalesce(is_training, false) and key_message_id is not null
),
own as (select shown.id, call.call_id from shown join call using (call_id) where reject is null),
used as (
    select id from own
    union select shown.id from shown join call on shown.call_id = call.parent_call_id
    where reject is null and call.call_id not in (select call_id from own)
)
select case when coalesce(is_deleted, false) then 'deleted_in_source' when coalesce(is_training, false) then 'out_of_scope'
    when key_message_id is null then 'unparseable' when id not in (from used) then 'out_of_scope' end as reject
from current;

create table decision as
select case when known.decision_word is null then 'unparseable'
    when row_number() over (
        partition by material_number, regexp_replace(content_version, '[.]0$$', ''), decided_on, known.decision_word is null
        order by delivered_at desc, _landing_id desc, _row_number desc, content_version) > 1 then 'duplicate'
        end as reject
from ({
    latest(
        "content_decision",
        "material_number, content_version, decided_on, decision_word, delivered_at, _landing_id, _row_number",
        "decided_on",
        "material_number, content_version, decided_on",
    )
}) as row
left join read_csv('$seeds/content_decision_word.csv', all_varchar = true) as known using (decision_word);

create table inquiry as
select row.id as inquiry_id, row.account_id, account.physician, coalesce(received_at, created_at) as received,
    tokyo(received) as received_on, product_name.product_id, coalesce(lower(category), 'unknown') as category,
    row.call_id, row.owner_id, tokyo(answered_at) as answered_on, tokyo(mr_notified_at) as notified_on,
    case when coalesce(is_deleted, false) then 'deleted_in_source' when account.is_test then 'test_record'
        when row.account_id is null then 'anonymous'
        when received_at is null and created_at is null then 'unparseable' end as reject
from ({
    latest(
        "crm_medical_inquiry",
        '''id, account_id, received_at, created_at, product_name, category, call_id, owner_id,
    answered_at, mr_notified_at''',
        "system_modstamp",
    )
}) as row
left join product_name on row.product_name = called
left join account using (account_id);

create table session as
with row as (
    from ({
    latest(
        "crm_multichannel_activity",
        '''id, account_id, record_type, site, started_at, duration_seconds, session_id, url, sent_email_id, call_id,
    external_id, primary_key_text''',
        "system_modstamp",
    )
})
),
rule as (
    select record_type, site, channel_id as rule_channel from '$seeds/session_channel.csv'
    where rule_version = (select max(rule_version) from '$seeds/session_channel.csv')
),
refusal as (from consent_change where consent_channel = 'web_tracking'),
known as (
    select row.id as session_id, row.account_id, row.started_at, duration_seconds, row.call_id, row.sent_email_id,
        rule_channel as channel_id, account.physician,
        coalesce(nullif(regexp_extract(upper(url), '(PRD-[A-Z])', 1), ''), content.product_id) as product_id,
        case when coalesce(row.is_deleted, false) then 'deleted_in_source'
            when not coalesce(account.is_person_account, true) then 'out_of_scope' when account.is_test then 'test_record'
            when row.call_id is not null then case
                when row.call_id in (select parent_call_id from call where reject is null and parent_call_id is not null)
                    then 'part_of_contact'
                when call.call_id is null then 'out_of_scope' else coalesce(call.reject, 'part_of_contact') end
            when row.sent_email_id is not null then case
                when email.email_id is null then 'out_of_scope' else coalesce(email.reject, 'part_of_contact') end
            when rule_channel is null then 'out_of_scope' when row.account_id is null then 'anonymous'
            when row.started_at is null then 'unparseable'
            when primary_key_text is not null and row_number() over (
                partition by primary_key_text, row.account_id, coalesce(row.is_deleted, false),
                    coalesce(row.call_id, row.sent_email_id) is null
                order by row.started_at nulls last, row.id) > 1 then 'duplicate' end as reason,
        (row.session_id, account.physician) in (
            select (domain_session_id, physician) from web_event where reject is null and physician is not null)
        or (row.external_id, account.physician) in (
            select (vendor || ':' || delivery_id, physician) from portal
            where reject is null and not is_aggregated and physician is not null) as is_told
    from row left join rule on row.record_type = rule.record_type and lower(row.site) = rule.site
    left join account using (account_id) left join call using (call_id)
    left join email on row.sent_email_id = email.email_id
    left join content on content.content_id = nullif(regexp_extract(url, '(C[0-9]{{3,}})', 1), '')
)
select known.*, coalesce(reason, case when is_opted_out then 'opted_out_of_tracking' when is_told then 'duplicate' end)
    as reject
from known asof left join refusal on known.physician = refusal.physician and started_at >= captured_at;

create table session_line as
with material as (
    select id as key_message_id, coalesce(is_training, false) as is_training, product_name.product_id
    from ({
    latest("crm_key_message", "id, is_training, product_id as called", "system_modstamp")
}) left join product_name using (called) where not coalesce(is_deleted, false)
),
shown as (
    select call_id as shown_call from ({
    latest("crm_call_key_message", "call_id, key_message_id", "system_modstamp")
})
    left join material using (key_message_id)
    where not coalesce(is_deleted, false) and not coalesce(is_training, false) and key_message_id is not null
),
page_use as (
    select call_id from call where reject is null
        and (call_id in (from shown where shown_call is not null)
            or parent_call_id in (from shown where shown_call is not null))
)
select line.activity_id as session_id, session.call_id, material.product_id,
    coalesce(duration_seconds, video_viewed_seconds) as seconds,
    coalesce(kind.is_completion, false)
        or coalesce(video_length_seconds > 0 and video_last_second >= video_length_seconds, false) as is_completion,
    case when coalesce(line.is_deleted, false) then 'deleted_in_source' when session.session_id is null then 'out_of_scope'
        when coalesce(material.is_training, false) then 'out_of_scope'
        when session.reject = 'part_of_contact' and line.key_message_id is not null
            and session.call_id in (select call_id from call where reject is null)
            then case when session.call_id in (select call_id from page_use) then 'duplicate' end
        else session.reject end as reject
from ({
    latest(
        "crm_multichannel_activity_line",
        '''id, activity_id, event_type, duration_seconds, key_message_id, video_length_seconds, video_last_second,
    video_viewed_seconds''',
        "system_modstamp",
    )
}) as line
left join (select session_id, call_id, reject from session) as session on line.activity_id = session.session_id
left join material using (key_message_id)
left join (from '$seeds/session_event.csv'
    where rule_version = (select max(rule_version) from '$seeds/session_event.csv')) as kind using (event_type);

create table facility_delivery as
select case when transaction_class = 'cancelled' then 'deleted_in_source' when product_id is null then 'out_of_scope'
    when transaction_class is null then 'unparseable' end as reject
from ({
    latest(
        "jdnet_delivery",
        "unified_product_code, transaction_type",
        "created_on",
        "wholesaler_code, wholesaler_branch, slip_number, line_number",
    )
}) as line
left join read_csv('$seeds/unified_product.csv', all_varchar = true) as own using (unified_product_code)
left join read_csv('$seeds/jdnet_transaction.csv', all_varchar = true) as kind using (transaction_type);
"""

REGISTERS = """
create table register as
with known as (
    select 'initiative' as register, initiative_id as id, updated_at as version, '' as answer, null::date as day,
        _landing_id, _row_number
    from read_parquet('$lake/initiative/*.parquet', union_by_name = true)
    union all select 'story', story_id, updated_at, outcome, null, _landing_id, _row_number
    from read_parquet('$lake/story/*.parquet', union_by_name = true)
    union all select 'strategy_document', strategy_version, updated_on, '', effective_from, _landing_id, _row_number
    from read_parquet('$lake/strategy_document/*.parquet', union_by_name = true)
),
newest as (
    from known join delivery using (_landing_id)
    qualify row_number() over (partition by register, id order by version desc nulls last, delivered_at desc,
        file_name desc, _landing_id desc, _row_number desc) = 1
)
select register as source, case when register = 'story' and answer not in ('うまくいった', 'どちらとも言えない', 'うまくいかなかった')
        or register = 'story' and answer is null or register = 'strategy_document' and day is null then 'unparseable'
    when register = 'strategy_document' and row_number() over (
        partition by register, day order by version desc nulls last, id desc) > 1 then 'duplicate' end as reject
from newest
union all
select 'initiative_assignment', case when not is_readable then 'unparseable'
    when row_number() over (partition by is_readable, initiative_id, unit, unit_code
        order by recorded_at nulls last, delivered_at, _landing_id, _row_number) > 1 then 'duplicate' end
from (
    select *, case unit when '医師' then physician_code when '営業所' then office_code end as unit_code,
        unit_code is not null and coalesce(arm in ('実施', '比較'), false) as is_readable
    from read_parquet('$lake/initiative_assignment/*.parquet', union_by_name = true) join delivery using (_landing_id)
);
"""

FACTS = """
create table touchpoint as
with opt as (from consent_change),
mail as (
    select email.*, identity.physician
    from email left join identity on kind = 'account' and account_id = reference where reject is null
)
select 'crm_call' as source, call_id as record, identity.physician, occurred_on, channel_id,
    case when channel_id = 'msl_visit' then 'pull' else 'push' end as direction,
    case when channel_id = 'msl_visit' or role in ('MSL', 'Medical') then 'medical' else 'mr' end as initiator,
    case when is_request then 4 when is_question or reaction is not null then 3
        when channel_id <> 'in_person_event' and duration_minutes >= $visit_minutes then 2 else 1 end as depth,
    product_id, false as is_opted_out, false as is_opted_in, occurred_on as seen_on, place_in_call, attendee_type, usage_said,
    topic_id
from call left join call_product using (call_id) left join identity on kind = 'account' and account_id = reference
where reject is null
union all
select 'crm_sent_email', mail.email_id, mail.physician, tokyo(sent_at), channel_id, 'push',
    case sender when 'mr' then 'mr' when 'medical' then 'medical' else 'hq' end,
    case when is_human_clicked then 2 when is_delivered then 1 else 0 end,
    case when sender <> 'medical' then product_id end, coalesce(is_opted_out, false),
    coalesce(not is_opted_out and not is_pending and (expires_on is null or tokyo(sent_at) <= expires_on), false),
    tokyo(clicked_at), null, null, null, case when sender <> 'medical' then topic_id end
from mail join email_outcome using (email_id)
asof left join opt on mail.physician = opt.physician and mail.channel_id = opt.consent_channel
    and mail.sent_at >= opt.captured_at
union all
select 'crm_medical_inquiry', inquiry_id, identity.physician, received_on, 'medical_inquiry', 'pull', 'physician', 4,
    case when category in ('on_label', 'safety') then product_id end, false, false, received_on, null, null, null,
    null
from inquiry left join identity on kind = 'account' and account_id = reference where reject is null
union all
select 'webinar_zoom', attendance_id, physician, tokyo(joined_at), 'webinar', 'push', 'hq',
    case when attended >= $webinar_seconds or attended >= $webinar_share * running then 2 else 1 end,
    attendance.product_id, false, false, tokyo(joined_at), null, null, null, topic_id
from attendance left join content using (content_id)
union all
select 'portal_delivery', vendor || delivery_id, physician, sent_on, 'portal', 'push', 'third_party',
    case when coalesce(is_completed, false) or viewed_seconds >= $portal_seconds then 2
        when read_on is not null or read_count > 0 then 1 else 0 end, product_id, false, false, coalesce(read_on, sent_on),
    null, null, null, topic_id
from portal where reject is null and not is_aggregated
union all
select 'web_snowplow', contact_id::text, physician, occurred_on, 'owned_web', 'pull', 'physician',
    case when has_download or has_search or seconds >= $web_seconds then 2 else 1 end, product_id, false, false, occurred_on,
    null, null, null, null
from web_contact
union all
select 'crm_multichannel_activity', session_id, identity.physician, tokyo(started_at), channel_id, 'pull', 'physician',
    case when is_completed
        or coalesce(duration_seconds, seconds) >= case channel_id when 'portal' then $portal_seconds else $web_seconds end
        then 2 else 1 end, coalesce(session.product_id, told.product_id), false, false, tokyo(started_at),
    null, null, null, null
from session left join (
    select session_id, sum(seconds) as seconds, bool_or(is_completion) as is_completed,
        case when count(distinct product_id) = 1 then max(product_id) end as product_id
    from session_line where reject is null and call_id is null group by all
) as told using (session_id) left join identity on kind = 'account' and account_id = reference
where reject is null;

create table preference as
select physician, tokyo(captured_at) as recorded_on, wanted_channel as channel_id, topic_id,
    case when is_own then 'consent_form' else 'mr_entered' end as source, id as record
from consent where reject is null and wanted_channel is not null
union all
select physician, tokyo(answered_at), wanted_channel, null, 'survey', response_id
from survey where reject is null and wanted_channel is not null;

create table channel_month as
with wish as (
    select physician, topic_id, recorded_on, list(distinct channel_id) as channels
    from preference where physician is not null and (source <> 'mr_entered' or not exists (
        from preference as own where own.physician = preference.physician and own.source <> 'mr_entered'
            and own.topic_id is not distinct from preference.topic_id
            and own.recorded_on between preference.recorded_on - 365 and preference.recorded_on))
    group by all
),
contact as (
    select physician, channel_id, source, record, min(occurred_on) as occurred_on, max(depth) as depth,
        max(topic_id) as topic_id, bool_or(direction = 'push') as is_push, bool_or(is_opted_out) as is_opted_out, bool_or(is_opted_in) as is_opted_in
    from touchpoint where physician is not null and initiator <> 'medical' group by all
),
wished as (
    select contact.*, case when occurred_on <= of_topic.recorded_on + 365 then of_topic.channels
        when occurred_on <= general.recorded_on + 365 then general.channels end as channels
    from contact
    asof left join wish as of_topic on contact.physician = of_topic.physician
        and contact.topic_id = of_topic.topic_id and contact.occurred_on > of_topic.recorded_on
    asof left join (from wish where topic_id is null) as general on contact.physician = general.physician
        and contact.occurred_on > general.recorded_on
),
chosen as (
    select physician, channel_id, last_day(occurred_on) as month_end, is_push, depth,
        is_push and channels is not null as has_choice,
        has_choice and not is_opted_out and (is_opted_in or list_contains(channels, channel_id)) as honours
    from wished
)
select physician, channel_id, month_end, count(*) filter (where is_push) as pushes,
    count(*) filter (where depth >= 1) as delivered, count(*) filter (where depth >= 2) as effective,
    count(*) filter (where has_choice) as with_choice, count(*) filter (where honours) as honouring
from chosen group by all;

create table topic_month as
select physician, channel_id, topic_id, last_day(occurred_on) as month_end, count(*) as pushes
from (
    select physician, channel_id, source, record, min(occurred_on) as occurred_on, max(topic_id) as topic_id
    from touchpoint where physician is not null and initiator <> 'medical'
    group by physician, channel_id, source, record having bool_and(direction = 'push')
)
group by all;

create table product_month as
select physician, channel_id, product_id, last_day(occurred_on) as month_end, count(*) filter (where depth >= 1) as delivered,
    count(*) filter (where depth >= 2) as effective
from touchpoint where physician is not null and initiator <> 'medical' group by all;

create table contact_month as
with contact as (
    select physician, source, record, min(occurred_on) as occurred_on,
        max(case when direction = 'push' and initiator <> 'medical' and depth >= 1 then 1 else 0 end) as is_push
    from touchpoint where physician is not null group by all
),
day as (select physician, occurred_on, count(*) as contacts, sum(is_push) as pushes from contact group by all)
select physician, last_day(occurred_on) as month_end, sum(contacts) as contacts, sum(pushes) as pushes,
    coalesce(max(pushes_30d) filter (where pushes > 0), 0) as max_pushes_30d
from (select *, sum(pushes) over (partition by physician order by occurred_on
    range between interval 29 days preceding and current row) as pushes_30d from day)
group by all;

create table email_recipient as
select touchpoint.physician, touchpoint.channel_id, touchpoint.product_id, last_day(occurred_on) as month_end,
    status is null or status not in ('Dropped_vod', 'Failed_vod') as is_sent,
    coalesce(email_outcome.is_delivered, false) as is_delivered, is_opened, is_proxy_open, is_human_clicked
from email join email_outcome using (email_id)
join touchpoint on email.email_id = touchpoint.record and touchpoint.source = 'crm_sent_email'
where physician is not null and initiator <> 'medical';

create table physician_month as
with month as (
    select distinct last_day(d::date) as month_end
    from today, generate_series((select min(occurred_on) from touchpoint), as_of, interval 1 day) as days(d)
    where month_end <= as_of and month_end > as_of - interval 36 months
),
held as (
    select account.physician, account.account_id, territory, coalesce(is_target, false) as is_target,
        case when version = 1 then date '1900-01-01' else changed_on end as valid_from,
        coalesce(lead(changed_on) over (partition by account.account_id order by version), date '9999-12-31') as valid_to,
        coalesce(is_deleted, false) as is_gone
    from account_version join account using (account_id)
    where account.physician is not null and account_id = survivor_id
),
target as (
    select physician, month_end, bool_or(is_target) as is_target, arg_min(territory, account_id) as territory
    from held join month on valid_from <= month_end and valid_to > month_end where not is_gone group by all
),
representative as (
    select month_end, territory, min(employee) as employee, arg_min(office_id, employee) as office_id, arg_min(branch_id, employee) as branch_id
    from assignment join month on valid_from <= month_end and valid_to > month_end
    where role = 'MR' and is_active and territory is not null group by all
),
wanted as (from physician cross join month)
select wanted.physician, wanted.month_end, coalesce(is_target, false) as is_target, deletion_reason is null as is_active,
    coalesce(specialty_group, case when specialty_code is not null then '不明(' || specialty_code || ')' else '不明' end)
        as specialty_group,
    coalesce(practice_type, 'unknown') as practice_type,
    coalesce(case when year(as_of) - graduation_year < 10 then '0-9' when year(as_of) - graduation_year < 20 then '10-19'
        when year(as_of) - graduation_year < 30 then '20-29' when graduation_year is not null then '30+' end, 'unknown')
        as career_band,
    employee, office_id, branch_id
from wanted
asof join physician_version on wanted.physician = physician_version.physician
    and wanted.month_end >= physician_version.seen_on
cross join today
left join read_csv('$seeds/specialty_group.csv', all_varchar = true) using (specialty_code)
left join read_csv('$seeds/practice_type.csv', all_varchar = true) using (practice_type_code)
left join target on wanted.physician = target.physician and wanted.month_end = target.month_end
left join representative on target.territory = representative.territory
    and wanted.month_end = representative.month_end;

create table period as
with month as (
    select distinct month_end, date_trunc('month', month_end)::date as month_start
    from physician_month where month_end >= (select min(month_end) from contact_month where contacts > 0)
)
select period_type, months_long,
    (month_start - to_months(((month(month_start) + 8) % 12 % months_long)::integer))::date as period_start,
    max(month_end) as period_end
from month, (values ('month', 1), ('quarter', 3), ('half', 6), ('fiscal_year', 12)) as length(period_type, months_long)
group by all having count(*) = months_long;

create table period_month as
select period_type, period_start, period_end, last_day(m::date) as month_end
from period, generate_series(period_start::timestamp, period_end::timestamp, interval 1 month) as months(m);

create table member as
select period_type, period_start, period_end, physician_month.* exclude (month_end, is_target, is_active),
    is_target and is_active as is_in_universe
from period join physician_month on period_end = month_end;
"""

QUALITY = f"""
create table physician_cell as
select period_type, period_start, physician, channel_id, product_id, sum(delivered)::bigint as delivered,
    sum(effective)::bigint as effective, sum(sent)::bigint as sent, sum(mailed)::bigint as mailed, max(clicked) as clicked,
    max(readable) as readable, max(opened) as opened, sum(pushes)::bigint as pushes, max(max_30d)::bigint as max_30d
from (
    select period_type, period_start, physician, channel_id, null as product_id, 1 as all_products,
        sum(delivered) as delivered, sum(effective) as effective, 0 as sent, 0 as mailed, 0 as clicked, 0 as readable,
        0 as opened, 0 as pushes, 0 as max_30d
    from period_month join channel_month using (month_end)
    where channel_id not in ('medical_inquiry', 'msl_visit')
    group by grouping sets ((period_type, period_start, physician), (period_type, period_start, physician, channel_id))
    union all
    select period_type, period_start, physician, channel_id, product_id, 0, sum(delivered), sum(effective), 0, 0, 0, 0, 0, 0, 0
    from period_month join product_month using (month_end)
    where channel_id not in ('medical_inquiry', 'msl_visit') group by all
    union all
    select period_type, period_start, physician, channel_id, product_id, grouping(product_id), 0, 0,
        count(*) filter (where is_sent), count(*) filter (where is_sent and is_delivered),
        max((is_delivered and is_human_clicked)::integer), max((is_delivered and not is_proxy_open)::integer),
        max((is_delivered and is_opened and not is_proxy_open)::integer), 0, 0
    from period_month join email_recipient using (month_end)
    group by grouping sets ((period_type, period_start, physician, channel_id),
        (period_type, period_start, physician, channel_id, product_id))
    union all
    select period_type, period_start, physician, null, null, 1, 0, 0, 0, 0, 0, 0, 0, sum(pushes), max(max_pushes_30d)
    from period_month join contact_month using (month_end) group by all
)
where all_products = 1 or product_id is not null
group by all;

create table placed as
select physician_cell.*, period_end, is_in_universe, case when product_id is null then employee end as employee,
    office_id, branch_id
from physician_cell join member using (period_type, period_start, physician);

create table universe as
select period_type, period_start, period_end, {scope()}, count(*) filter (where is_in_universe) as n_target_physicians
from member group by {sets("period_type, period_start, period_end")};

create table frequency as
with histogram as (
    select period_type, period_start, channel_id, delivered, {scope()}, count(*) as n
    from placed where product_id is null and is_in_universe and delivered > 0
    group by {sets("period_type, period_start, channel_id, delivered")}
),
ranked as (
    select *, sum(n) over w as up_to, sum(n) over (
        partition by scope_type, scope_id, period_type, period_start, channel_id) as everyone
    from histogram
    window w as (partition by scope_type, scope_id, period_type, period_start, channel_id order by delivered
        rows unbounded preceding)
)
select scope_type, scope_id, period_type, period_start, channel_id,
    (min(delivered) filter (where up_to >= (everyone + 1) // 2)
        + min(delivered) filter (where up_to >= (everyone + 2) // 2)) / 2 as frequency_median,
    min(delivered) filter (where up_to >= greatest(1, round((everyone - {Z} * sqrt(everyone)) / 2)))
        as frequency_median_low,
    min(delivered) filter (where up_to >= least(everyone, round(1 + (everyone + {Z} * sqrt(everyone)) / 2)))
        as frequency_median_high,
    min(delivered) filter (where up_to >= ceil(everyone * 0.9::double)) as frequency_p90
from ranked group by all;

create table cells as
select scoped.* exclude (delivered, effective, n_delivered, sent, mailed, n_emailed, n_mailed, clicked, readable, opened,
        n_pushed, n_over),
    n_target_physicians, case when scoped.product_id is null then n_reached_physicians end
        as n_frequency_physicians,
    frequency_median, frequency_median_low, frequency_median_high, frequency_p90,
    case when scoped.channel_id is not null then n_delivered end as n_delivered_physicians,
    case when scoped.channel_id is not null then delivered end as delivered_contacts,
    case when scoped.channel_id is not null then effective end as effective_contacts,
    case when sent > 0 then n_emailed end as n_emailed_physicians, nullif(sent, 0) as emails_sent,
    case when sent > 0 then mailed end as emails_delivered, case when sent > 0 then n_mailed end as n_email_recipients,
    case when sent > 0 then clicked end as n_clicking_physicians,
    case when sent > 0 then readable end as n_open_readable_physicians,
    case when sent > 0 then opened end as n_opening_physicians,
    case when scoped.channel_id is null then n_pushed end as n_pushed_physicians,
    case when scoped.channel_id is null then n_over end as n_over_contacted_physicians
from (
    select period_type, period_start, period_end, channel_id, product_id, {scope()}, sum(delivered) as delivered,
        sum(effective) as effective, count(*) filter (where delivered > 0) as n_delivered,
        count(*) filter (where is_in_universe and delivered > 0) as n_reached_physicians, sum(sent) as sent,
        sum(mailed) as mailed, count(*) filter (where sent > 0) as n_emailed,
        count(*) filter (where mailed > 0) as n_mailed, sum(clicked) as clicked, sum(readable) as readable,
        sum(opened) as opened, count(*) filter (where pushes > 0) as n_pushed,
        count(*) filter (where max_30d > 8) as n_over
    from placed group by {sets("period_type, period_start, period_end, channel_id, product_id")}
) as scoped
join (select * exclude (parent_scope_id, period_end) from universe) as universe
    on scoped.scope_type = universe.scope_type and scoped.scope_id is not distinct from universe.scope_id
    and scoped.period_type = universe.period_type and scoped.period_start = universe.period_start
left join frequency
    on scoped.scope_type = frequency.scope_type and scoped.scope_id = frequency.scope_id
    and scoped.period_type = frequency.period_type and scoped.period_start = frequency.period_start
    and scoped.channel_id is not distinct from frequency.channel_id and scoped.product_id is null;
insert into cells by name
select universe.*, used.channel_id, 0 as n_reached_physicians
from universe cross join (select distinct channel_id from period_month join channel_month using (month_end)
    where channel_id not in ('medical_inquiry', 'msl_visit')) as used
where not exists (from cells where cells.scope_type = universe.scope_type
    and cells.scope_id is not distinct from universe.scope_id and cells.period_type = universe.period_type
    and cells.period_start = universe.period_start and cells.channel_id = used.channel_id and cells.product_id is null);
"""

PREFERENCE = f"""
create table choosable as
select channel_id from '$seeds/channel.csv' where channel_id not in ('call_centre', 'medical_inquiry', 'msl_visit');

create table affinity as
with exposure as (
    select period_end as snapshot_on, physician, channel_id, sum(delivered)::double as exposures,
        sum(effective)::double as responses, any_value(coalesce(specialty_group, 'unknown')) as segment
    from period
    join channel_month on month_end > period_end - interval 6 months and month_end <= period_end
        and month_end >= (period_start - interval 5 months)
    join choosable using (channel_id)
    join (select period_end, physician, specialty_group from member where period_type = 'month') using (period_end, physician)
    where period_type = 'month'
    group by all having exposures > 0
),
sums as (
    select snapshot_on, channel_id, segment, count(*) as k, sum(exposures) as n, sum(responses) as x,
        sum(exposures * exposures) as nn, sum((responses * responses / exposures)::decimal(38, 12))::double as xx,
        x / n as p,
        n - nn / n - (k - 1) as room, ((xx - x * p) / (p * (1 - p)) - (k - 1)) / room as rho
    from exposure group by all
)
select exposure.*, p as prior_mean, case when k < 5 or x = 0 or x = n or room <= 0 then 10 when rho <= 0 then 200
        else greatest(2, least(200, (1 - rho) / rho)) end::double as prior_strength,
    (responses + prior_strength * p) / (exposures + prior_strength) as affinity,
    case when exposures >= 5 then row_number() over (partition by snapshot_on, physician
        order by exposures < 5, affinity desc, channel_id) end as revealed_rank
from exposure join sums using (snapshot_on, channel_id, segment);

create table first_place as
with pair as (
    select leader.snapshot_on, leader.physician, leader.affinity as a, rival.affinity as b,
        a * (1 - a) / (leader.exposures + leader.prior_strength + 1)
            + b * (1 - b) / (rival.exposures + rival.prior_strength + 1) as v,
        greatest(-8, least(8, (a - b) / sqrt(v))) as z
    from affinity as leader join affinity as rival using (snapshot_on, physician)
    where leader.revealed_rank = 1 and leader.channel_id <> rival.channel_id
)
select snapshot_on, physician, greatest(0, 1 - sum(1 - case when v > 0 then 1 / (1 + exp(-(1.5976 * z + 0.07056 * z * z * z)))
    when a > b then 1 when a < b then 0 else 0.5 end)) as probability_first
from pair group by all;

create table stated as
with placed as (
    select *, row_number() over (partition by physician, source, topic_id order by recorded_on desc, record desc) as place
    from preference
),
newest as (
    select period_end as snapshot_on, placed.*
    from period join placed on recorded_on between period_end - 365 and period_end join choosable using (channel_id)
    where period_type = 'month' and physician is not null
    qualify row_number() over (partition by snapshot_on, physician, topic_id, channel_id
        order by source = 'mr_entered', recorded_on desc, place, md5(source || '|' || record)) = 1
)
select *, row_number() over (partition by snapshot_on, physician, topic_id
    order by source = 'mr_entered', recorded_on desc, place, md5(source || '|' || record)) as stated_rank
from newest;

create table mart_channel_preference as
select snapshot_on, physician, topic_id, channel_id, is_in_universe, stated_rank, source as stated_source,
    recorded_on as stated_on, exposures::bigint as exposures, responses::bigint as responses,
    case when exposures >= 5 then affinity end as affinity, revealed_rank, prior_mean, prior_strength,
    case when topic_id is null then first_place.probability_first end as probability_first,
    case when bool_or(stated_rank = 1) over (partition by snapshot_on, physician, topic_id) then 'stated'
        when first_place.probability_first >= 0.7 then 'revealed' else 'undetermined' end as preference_basis,
    case preference_basis when 'stated' then stated_rank when 'revealed' then revealed_rank end as preference_rank
from (
    from affinity full join (from stated where topic_id is null) using (snapshot_on, physician, channel_id)
    union all by name from stated where topic_id is not null
)
join (select period_end as snapshot_on, physician, is_in_universe from member where period_type = 'month')
    using (snapshot_on, physician)
left join first_place using (snapshot_on, physician);

create table cells as
with choice as (
    select period_type, period_start, period_end, branch_id, office_id, career_band, channel_id,
        coalesce(specialty_group, 'unknown') || '|' || coalesce(practice_type, 'unknown') as segment
    from member left join (select snapshot_on, physician, channel_id from mart_channel_preference
        where preference_rank = 1 and topic_id is null) as first on period_end = snapshot_on and member.physician = first.physician
    where is_in_universe
),
counted as (
    select period_type, period_start, period_end, channel_id, count(*)::double as n,
        case when grouping(segment) = 0 then 'segment' when grouping(office_id) = 0 then 'office'
            when grouping(branch_id) = 0 then 'branch' else 'company' end as scope_type,
        case when grouping(segment) = 0 then segment when grouping(office_id) = 0 then office_id
            when grouping(branch_id) = 0 then branch_id else 'company' end as scope_id,
        case when grouping(segment) = 1 and grouping(office_id) = 0 then max(branch_id) else 'company' end
            as parent_scope_id,
        case when grouping(career_band) = 0 then 'career_band=' || career_band end as breakdown
    from choice
    group by grouping sets ((period_type, period_start, period_end, channel_id),
        (period_type, period_start, period_end, channel_id, branch_id),
        (period_type, period_start, period_end, channel_id, office_id),
        (period_type, period_start, period_end, channel_id, segment),
        (period_type, period_start, period_end, channel_id, segment, career_band))
),
shared as (
    select *, case when channel_id is not null then n / sum(n) filter (where channel_id is not null) over (
        partition by period_type, period_start, scope_type, scope_id, breakdown) end as share
    from counted
),
summed as (
    select scope_type, scope_id, parent_scope_id, period_type, period_start, period_end, breakdown,
        sum(n) as n_target_physicians, coalesce(sum(n) filter (where channel_id is not null), 0) as known,
        count(share) as chosen, -sum(share * ln(share)) as entropy, sum(share * ln(share) * ln(share)) as moment,
        {Z} * sqrt(greatest(0, moment - entropy * entropy) / known) as half, ln((select count(*) from choosable)) as most
    from shared group by all
)
select * exclude (known, chosen, entropy, moment, half, most), known as n_known_physicians,
    known as n_choosing_physicians, entropy / most as diversity, greatest(0, (entropy - half) / most) as diversity_low,
    case when chosen = 1 and known > 6 then -(3 / known * ln(3 / known) + (1 - 3 / known) * ln(1 - 3 / known)) / most
        when chosen = 1 then ln(2) / most else least(1, (entropy + half) / most) end as diversity_high
from summed;
"""

FIT = f"""
create table cells as
with preferred as (
    select period_type, period_start, physician, coalesce(topic_id, '') as about, channel_id
    from period join mart_channel_preference on snapshot_on = period_start - 1 where preference_rank <= 2
),
known as (select distinct period_type, period_start, physician, about from preferred),
pushed as (
    select period_month.period_type, period_month.period_start, topic_month.physician, channel_id, pushes as n,
        coalesce(known.about, '') as about
    from period_month join topic_month using (month_end)
    left join known on known.period_type = period_month.period_type
        and known.period_start = period_month.period_start
        and known.physician = topic_month.physician and known.about = topic_month.topic_id
    where channel_id not in ('medical_inquiry', 'msl_visit')
),
fitting as (
    select period_type, period_start, physician, sum(n) as with_preference,
        sum(n) filter (where preferred.physician is not null) as in_preferred
    from pushed join known using (period_type, period_start, physician, about)
    left join preferred using (period_type, period_start, physician, about, channel_id)
    group by all
),
contacted as (
    select period_type, period_start, physician, sum(with_choice) as with_choice, sum(honouring) as honouring
    from period_month join channel_month using (month_end)
    where channel_id not in ('medical_inquiry', 'msl_visit') group by all having sum(pushes) > 0
),
one as (from contacted left join fitting using (period_type, period_start, physician))
select period_type, period_start, period_end, {scope()}, count(*) filter (where is_in_universe) as n_target_physicians,
    count(*) filter (where is_in_universe and one.physician is not null) as n_pushed_physicians,
    count(*) filter (where with_preference > 0) as n_physicians_with_preference,
    coalesce(sum(with_preference), 0) as push_contacts_with_preference,
    coalesce(sum(in_preferred), 0) as push_contacts_in_preferred_channel,
    count(*) filter (where with_choice > 0) as n_physicians_with_choice,
    coalesce(sum(with_choice), 0) as push_contacts_with_choice, coalesce(sum(honouring), 0) as push_contacts_honouring_choice
from member left join one using (period_type, period_start, physician)
group by {sets("period_type, period_start, period_end")};
"""

JOURNEY = f"""
create table evidence as
with contact as (from touchpoint where physician is not null and product_id is not null),
engaged as (
    select physician, product_id, case source when 'crm_call' then 'engaged_mr_judged' else 'engaged_observed' end as kind,
        seen_on as day
    from contact
    where depth >= 2 and case source when 'crm_call' then initiator = 'mr' when 'crm_sent_email'
        then initiator <> 'medical' else true end
),
call as (from contact where source = 'crm_call' and initiator = 'mr'),
answer as (
    select physician, product_id, tokyo(answered_at) as day, usage_stage, evidence_kind, nps from survey
    where reject is null and physician is not null and product_id is not null
)
select distinct * from (
    from engaged
    union all select physician, product_id, 'engaged_any', day from engaged
    union all select physician, product_id, 'pull_act', unnest(acts) from web_contact
    where physician is not null and product_id is not null
    union all select physician, product_id, 'request_observed', occurred_on from contact
    where source = 'crm_medical_inquiry'
    union all select physician, product_id, 'request_mr_recorded', occurred_on from call where depth >= 4
    union all select physician, product_id, usage_said || '_mr_recorded', occurred_on from call
    where usage_said is not null and place_in_call = 1
    union all select physician, product_id, 'peer_act', occurred_on from call where attendee_type = 'Speaker_vod'
    union all select physician, product_id, evidence_kind, day from answer
    where evidence_kind is not null and evidence_kind <> 'awareness_stated'
    union all select physician, product_id, 'awareness_stated', day from answer
    where usage_stage not in ('unaware', 'stopped')
    union all select physician, product_id, 'promoter_stated', day from answer where nps >= $promoter
)
where day <= (select as_of from today);

create table phase as
with rule as (
    select evidence_kind as kind, pattern, window_days::integer + $hysteresis as holds, window_days::integer as days,
        min_gap_days::integer as gap, rank::integer as rank, evidence_level
    from '$seeds/journey_phase_rule.csv' join '$seeds/journey_phase.csv' using (phase_id)
),
month_last as (
    from evidence
    qualify row_number() over (partition by physician, product_id, kind, last_day(day) order by day desc) = 1
),
held as (
    select physician, product_id, rank, evidence_level, day as oldest, day as since, day + holds as until
    from month_last join rule using (kind) where pattern = 'single'
    union all
    select later.physician, later.product_id, rank, evidence_level, max(earlier.day), later.day,
        max(earlier.day) + any_value(holds)
    from month_last as later join rule using (kind)
    join evidence as earlier on later.physician = earlier.physician and later.product_id = earlier.product_id
        and later.kind = earlier.kind and earlier.day between later.day - days and later.day - gap
    where pattern = 'two_days'
    group by later.physician, later.product_id, later.kind, rank, evidence_level, later.day
    union all
    select stated.physician, stated.product_id, rank, evidence_level, least(stated.day, act.day),
        greatest(stated.day, act.day), least(stated.day, act.day) + holds
    from evidence as stated join rule using (kind)
    join evidence as act on stated.physician = act.physician and stated.product_id = act.product_id
        and act.kind = 'peer_act' and abs(stated.day - act.day) <= days
    where pattern = 'with_act'
),
month as (select distinct month_end from physician_month),
stop as (select physician, product_id, day from evidence where kind in ('stopped_stated', 'stopped_mr_recorded')),
best as (
    select physician, product_id, month_end, max(rank * 4 + case evidence_level when 'A' then 3 when 'B' then 2 else 1 end)
        as score
    from held join month on month_end between since and until
    where not exists (from stop where stop.physician = held.physician and stop.product_id = held.product_id
        and stop.day between held.oldest and month.month_end)
    group by all
),
stopped as (select physician, product_id, min(day) as day from stop group by all),
reached as (
    select physician, product_id, month_end, score, coalesce(month_end >= day, false) as has_stopped,
        max(score // 4) over (partition by physician, product_id order by month_end) as highest
    from (select physician, month_end, product_id from physician_month, product where is_company_product)
    left join best using (physician, product_id, month_end) left join stopped using (physician, product_id)
)
select physician, product_id, month_end, case when score is not null then 'P' || score // 4
    when has_stopped or highest >= 2 then 'PX' else 'P0' end as phase_id, coalesce(score % 4 = 1, false) as is_judged,
    case when phase_id in ('PX', 'P0') then 0 else score // 4 end as rank,
    case phase_id when 'P0' then 0 when 'PX' then 1 else rank + 1 end as place, has_stopped and score is null as by_stop
from reached;

-- A phase left by a statement is judged by the best statement on record.
update phase set is_judged = true
where by_stop and (physician, product_id) not in (
    select (physician, product_id) from evidence where kind = 'stopped_stated');
update phase set is_judged = true
where by_stop and exists (select 1 where month_end < (select min(day) from evidence
    where kind = 'stopped_stated' and evidence.physician = phase.physician and evidence.product_id = phase.product_id));

create table transition as
select start.physician, start.product_id, start.month_end, last_day(start.month_end + to_months($horizon_months)) as end_on,
    start.phase_id, ended.rank > start.rank as is_forward
from phase as start
join phase as ended on start.physician = ended.physician and start.product_id = ended.product_id
    and last_day(start.month_end + to_months($horizon_months)) = ended.month_end
join physician_month as last on last.physician = ended.physician and last.month_end = ended.month_end
    and last.is_active and last.is_target
join physician_month as first on first.physician = start.physician and first.month_end = start.month_end
    and first.is_active and first.is_target
where start.phase_id not in ('P6', 'PX') and start.month_end
    >= last_day((select min(month_end) from phase) + to_months($warm_up_months - 1));

create table phase_count as
with standing as (
    select period_type, period_start, period_end, employee, office_id, branch_id, member.physician, product_id, phase_id,
        place, is_judged
    from member join phase on member.physician = phase.physician and period_end = month_end where is_in_universe
),
standing_once as (
    from standing
    union all
    select * replace (null as product_id) from standing qualify row_number() over (
        partition by period_type, period_start, physician order by place desc, is_judged, product_id) = 1
)
select period_type, period_start, period_end, product_id, phase_id, {scope()}, count(*) as n_in_phase,
    count(*) filter (where is_judged) as n_judged_only
from standing_once group by {sets("period_type, period_start, period_end, product_id, phase_id")};

create table moved as
with start as (
    select period_type, period_start, period_end, employee, office_id, branch_id, member.physician, product_id, phase_id,
        is_forward::integer as is_forward
    from member join transition on member.physician = transition.physician and period_end = end_on where is_in_universe
),
level as (
    select period_type, period_start, period_end, physician, product_id, phase_id, max(is_forward) as is_forward,
        employee, office_id, branch_id
    from start
    group by grouping sets ((period_type, period_start, period_end, physician, employee, office_id, branch_id),
        (period_type, period_start, period_end, physician, employee, office_id, branch_id, product_id),
        (period_type, period_start, period_end, physician, employee, office_id, branch_id, product_id, phase_id))
)
select period_type, period_start, product_id, phase_id, {scope()}, count(*) as n_at_start,
    sum(is_forward) as n_moved_forward
from level group by {sets("period_type, period_start, product_id, phase_id")};

create table unseen as
with seen as (
    select distinct period_type, period_start, physician from period join contact_month
    on month_end <= period_end and month_end >= date_trunc('month', period_end) - interval 5 months where contacts > 0
)
select period_type, period_start, null::text as product_id, null::text as phase_id, {scope()}, count(*) as n_observable,
    count(*) filter (where seen.physician is null) as n_unseen
from member left join seen using (period_type, period_start, physician)
where is_in_universe and (select min(period_start) from period) <= date_trunc('month', period_end) - interval 5 months
group by {sets("period_type, period_start, period_end")};

create table cells as
with total as (
    select scope_type, scope_id, max(parent_scope_id) as parent_scope_id, period_type, period_start, period_end,
        product_id, sum(n_in_phase) as n_target_physicians
    from phase_count group by all
),
wanted as (
    select total.*, phase_id
    from total cross join (values ('P0'), ('PX'), ('P1'), ('P2'), ('P3'), ('P4'), ('P5'), ('P6'), (null)) as p(phase_id)
)
select wanted.scope_type, wanted.scope_id, wanted.parent_scope_id, wanted.period_type, wanted.period_start,
    wanted.period_end, wanted.product_id, wanted.phase_id, n_target_physicians,
    case when wanted.phase_id is not null then coalesce(n_in_phase, 0) end as n_in_phase,
    case when wanted.phase_id is not null then coalesce(n_judged_only, 0) end as n_judged_only,
    n_at_start, n_moved_forward, n_observable, n_unseen
from wanted
left join phase_count on {same("phase_count")}
left join moved on {same("moved")}
left join unseen on {same("unseen")};
"""

EXPOSURE = f"""
create macro student(v) as {Z} + ((power({Z}, 3) + {Z}) / 4 + ((5 * power({Z}, 5) + 16 * power({Z}, 3) + 3 * {Z}) / 96
    + (3 * power({Z}, 7) + 19 * power({Z}, 5) + 17 * power({Z}, 3) - 15 * {Z}) / 384 / v) / v) / v;
create table mart_journey_exposure as
with start as (
    select transition.physician, transition.product_id, transition.month_end,
        (date_trunc('month', transition.month_end) + interval 3 months)::date as outcome_month, phase_id,
        coalesce(specialty_group, 'unknown') as specialty, coalesce(practice_type, 'unknown') as practice,
        coalesce(employee, 'unassigned') as cluster, is_forward::integer as moved
    from transition join physician_month using (physician, month_end)
),
busy as (
    select start.physician, start.month_end, sum(contacts) as contacts
    from (select distinct physician, month_end from start) as start join contact_month
    on start.physician = contact_month.physician and contact_month.month_end < date_trunc('month', start.month_end)
        and contact_month.month_end >= date_trunc('month', start.month_end) - interval 3 months
    group by all
),
layered as (
    select start.*, (product_id, phase_id, specialty, practice, case when coalesce(contacts, 0) = 0 then 0
        when contacts <= 3 then 1 when contacts <= 9 then 2 when contacts <= 18 then 3 else 4 end) as stratum
    from start left join busy using (physician, month_end)
),
everyone as (
    select outcome_month, stratum, cluster, count(*) as n, sum(moved) as moved from layered group by all
),
touched as (
    select distinct physician, month_end, product.product_id, channel_id
    from product_month join product on product.product_id = coalesce(product_month.product_id, product.product_id)
    where delivered > 0 and channel_id not in ('medical_inquiry', 'msl_visit')
),
exposed as (
    select channel_id, outcome_month, stratum, cluster, count(*) as n, sum(moved) as moved
    from layered join touched using (physician, month_end, product_id)
    group by all
),
arm as (
    select period_type, period_start, period_end, channel.channel_id, stratum, cluster,
        sum(coalesce(exposed.n, 0))::double as n1, sum(coalesce(exposed.moved, 0))::double as m1,
        sum(everyone.n - coalesce(exposed.n, 0))::double as n0,
        sum(everyone.moved - coalesce(exposed.moved, 0))::double as m0
    from period join everyone on outcome_month between period_start and period_end
    cross join (select distinct channel_id from exposed) as channel
    left join exposed using (channel_id, outcome_month, stratum, cluster)
    group by all
),
weighed as (
    select *, sum(n1) over w as s1, sum(n0) over w as s0, s1 + s0 as s, s1 * s0 / s as weight, sum(m1) over w / s1 as r1,
        sum(m0) over w / s0 as r0, (sum(m1) over w + sum(m0) over w) / s as r
    from arm window w as (partition by period_type, period_start, channel_id, stratum)
    qualify s1 > 0 and s0 > 0
),
differing as (
    select *, sum(weight * (r1 - r0) * n1 / s1) over w / sum(weight * n1 / s1) over w as d
    from weighed window w as (partition by period_type, period_start, channel_id)
),
flag as (select channel_id, 1::bigint << rank() over (order by channel_id) as bit from (select distinct channel_id from exposed)),
person as (
    select period_type, period_start, physician, bit_or(of_stratum.bits & coalesce(of_start.bits, 0)) as yes,
        bit_or(of_stratum.bits & ~coalesce(of_start.bits, 0)) as no
    from layered join period on outcome_month between period_start and period_end
    join (
        select period_type, period_start, stratum, bit_or(bit) as bits from weighed join flag using (channel_id) group by all
    ) as of_stratum using (period_type, period_start, stratum)
    left join (
        select physician, month_end, product_id, bit_or(bit) as bits from touched join flag using (channel_id) group by all
    ) as of_start using (physician, month_end, product_id)
    group by all
),
people as (
    select period_type, period_start, channel_id, count(*) filter ((yes & bit) > 0) as n_physicians_exposed,
        count(*) filter ((no & bit) > 0) as n_physicians_unexposed
    from person, flag group by all
),
clustered as (
    select period_type, period_start, period_end, channel_id, cluster, sum(n1) as n1, sum(n0) as n0,
        sum(weight * n1 / s1) as part, sum(weight * r1 * n1 / s1) as r1, sum(weight * r0 * n1 / s1) as r0,
        sum(sqrt(s / (s - 1)) * (s0 / s * (m1 - n1 * (r + d * s0 / s)) - s1 / s * (m0 - n0 * (r - d * s1 / s)))) as deviation
    from differing group by all
),
compared as (
    select period_type, period_start, period_end, channel_id, any_value(n_physicians_exposed) as n1_physicians,
        any_value(n_physicians_unexposed) as n0_physicians, case when n1_physicians > 4 then sum(n1)::bigint end as n_exposed,
        case when n0_physicians > 4 then sum(n0)::bigint end as n_unexposed,
        count(*) as n_clusters, n1_physicians >= 30 and n0_physicians >= 30 as is_enough,
        case when is_enough then sum(r1) / sum(part) end as rate_exposed,
        case when is_enough then sum(r0) / sum(part) end as rate_unexposed, rate_exposed - rate_unexposed as difference,
        case when n_clusters > 4 then student(n_clusters - 1) * sqrt(sum(deviation * deviation) * n_clusters / (n_clusters - 1)) / sum(part) end
            as half
    from clustered join people using (period_type, period_start, channel_id) group by all
)
select * exclude (is_enough, half, n1_physicians, n0_physicians), case when n1_physicians > 4 then n1_physicians end as n_physicians_exposed,
    case when n0_physicians > 4 then n0_physicians end as n_physicians_unexposed,
    case when half > 1e-9 then difference - half end as difference_low,
    case when half > 1e-9 then difference + half end as difference_high
from compared;
"""

CX = f"""
create table cells as
with invitation as (
    select account.physician, survey_wave as wave, min(tokyo(sent_at)) as invited_on,
        bool_or(coalesce(is_delivered, false)) as is_delivered, bool_or(channel_id = 'mr_email') as is_mr_sent
    from email join email_outcome using (email_id) join account using (account_id)
    where survey_wave is not null and account.physician is not null group by all
),
answer as (
    unpivot (
        select response_id, survey.physician, product_id, channel_id, tokyo(answered_at) as responded_on,
            survey.is_mr_sent or coalesce(invitation.is_mr_sent, false) as is_mr_sent, csat, nps, usefulness
        from survey left join invitation using (physician, wave) where reject is null and survey.physician is not null
    ) on csat, nps, usefulness into name item value score
),
level as (
    select * replace (null as channel_id, null as product_id) from answer
    union all select * replace (null as product_id) from answer where channel_id is not null
    union all select * replace (null as channel_id) from answer where product_id is not null
),
last_answer as (
    select period_type, period_start, level.*
    from period join level on responded_on between period_start and period_end
    qualify row_number() over (partition by period_type, period_start, physician, item, channel_id, product_id
        order by responded_on desc, md5(response_id || '|' || item) desc) = 1
),
scored as (
    select period_type, period_start, period_end, channel_id, product_id, {scope()},
        count(*) filter (item = 'csat') as n_csat, count(*) filter (item = 'csat' and score >= 4) as n_csat_top2,
        count(*) filter (item = 'csat' and is_mr_sent) as n_csat_mr_sent,
        count(*) filter (item = 'usefulness') as n_usefulness,
        count(*) filter (item = 'usefulness' and score >= 8) as n_usefulness_top, count(*) filter (item = 'nps') as n_nps,
        count(*) filter (item = 'nps' and score >= 9) as n_promoters,
        count(*) filter (item = 'nps' and score between 7 and 8) as n_passives,
        count(*) filter (item = 'nps' and score <= 6) as n_detractors
    from last_answer join member using (period_type, period_start, physician)
    group by {sets("period_type, period_start, period_end, channel_id, product_id")}
),
invited as (
    select period_type, period_start, period_end, null::text as channel_id, null::text as product_id, {scope()}, count(*) as n_invited,
        sum(has_response::integer) as n_responded
    from (
        select period_type, period_start, physician, bool_or((physician, wave) in (
            select (physician, wave) from survey where reject is null and physician is not null)) as has_response
        from period join invitation on invited_on between period_start and period_end where is_delivered group by all
    ) join member using (period_type, period_start, physician)
    group by {sets("period_type, period_start, period_end")}
)
select * exclude (net, spread),
    case when n_nps >= 100 then greatest(-100, 100 * (net - {Z} * spread)) end as nps_low,
    case when n_nps >= 100 then least(100, 100 * (net + {Z} * spread)) end as nps_high
from (
    select *, case when n_nps >= 100 then 100 * (n_promoters - n_detractors) / n_nps end as nps,
        -- Three answers are added: 3/4 a promoter, 3/4 a detractor, the rest passive.
        (n_promoters - n_detractors) / (n_nps + 3) as net,
        sqrt(((n_promoters + n_detractors + 1.5) / (n_nps + 3) - net * net) / (n_nps + 3)) as spread
    from (
        select scope_type, scope_id, max(parent_scope_id) as parent_scope_id, period_type, period_start, period_end,
            channel_id, product_id, max(columns('^n_'))
        from (from scored union all by name from invited) group by all
    )
);
"""

MEDICAL = f"""
create table cells as
with day as (
    select d::date as day, sum((isodow(d) <= 5 and holiday.name_ja is null and closing.name_ja is null)::integer)
        over (order by d) as number
    from generate_series(timestamp '2015-01-01', timestamp '2035-12-31', interval 1 day) as days(d)
    left join '$seeds/japanese_holiday.csv' as holiday on d::date = date_on
    left join '$seeds/company_closing_day.csv' as closing on month(d) = closing.month and day(d) = closing.day
),
asked as (
    select coalesce(inquiry.physician, inquiry_id) as physician, office_id, branch_id, received_on, answered_on,
        coalesce(answered.number, current.number) - received.number as waited, answered_on is not null as is_answered,
        case when is_answered or waited > $answer_days then is_answered and waited <= $answer_days end as in_time,
        inquiry.call_id is not null and is_answered as from_mr, case when from_mr then
            case when notified_on is not null then notified.number - answered.number <= 2
                when current.number - answered.number > 2 then false end end as is_closed
    from inquiry cross join today
    left join call using (call_id)
    left join assignment on coalesce(call.user_id, inquiry.owner_id) = assignment.user_id
        and received_on >= valid_from and received_on < valid_to
    left join day as received on received_on = received.day
    left join day as answered on answered_on = answered.day
    left join day as notified on notified_on = notified.day
    left join day as current on as_of = current.day
    where inquiry.reject is null
),
placed as (
    select period_type, period_start, period_end, asked.* exclude (branch_id), office.branch_id
    from period join asked on received_on between period_start and period_end
    left join (select office_id, arg_max(branch_id, (starts_on, user_id)) as branch_id from assignment where office_id is not null group by all) as office
        using (office_id)
),
counted as (
    select period_type, period_start, period_end, {scope(mr=False)}, count(*) as inquiries,
        count(*) filter (where is_answered) as answered, count(distinct physician) as n_physicians,
        count(distinct physician) filter (where is_closed is not null) as n_physicians_answered_from_mr,
        count(*) filter (where is_closed is not null) as answered_from_mr,
        count(*) filter (where is_closed) as loops_closed,
        count(distinct physician) filter (where in_time is not null) as n_physicians_answer_due,
        count(in_time) as answers_due, count(*) filter (where in_time) as answered_in_time
    from placed group by {sets("period_type, period_start, period_end", mr=False)}
),
daily as (
    select period_type, period_start, waited, {scope(mr=False)}, count(*)::double as leaving,
        count(*) filter (where is_answered)::double as n
    from placed group by {sets("period_type, period_start, waited", mr=False)}
),
risk as (
    select *, sum(leaving) over (partition by scope_type, scope_id, period_type, period_start order by waited desc) as waiting
    from daily
),
survival as (
    select *, sum(case when n < waiting then ln(1 - n / waiting) else 0 end) over w as log_share,
        sum(case when n < waiting then n / (waiting * (waiting - n)) else 0 end) over w as greenwood,
        bool_or(n = waiting) over w as is_over, case when is_over then 0 else exp(log_share) end as share,
        case when is_over then 0 when log_share = 0 then 1 else exp(log_share * exp({Z} * sqrt(greenwood) / -log_share))
            end as low,
        case when is_over then 0 when log_share = 0 then 1 else exp(log_share * exp(-{Z} * sqrt(greenwood) / -log_share))
            end as high
    from risk window w as (partition by scope_type, scope_id, period_type, period_start order by waited)
),
median as (
    select scope_type, scope_id, period_type, period_start,
        min(waited) filter (where share <= 0.5 + 1e-9) as handoff_days_median,
        min(waited) filter (where low <= 0.5 + 1e-9) as handoff_days_median_low,
        min(waited) filter (where high <= 0.5 + 1e-9) as handoff_days_median_high,
        min(waited) filter (where share <= 0.1 + 1e-9) as handoff_days_p90
    from survival group by all
)
select counted.*, handoff_days_median, handoff_days_median_low, handoff_days_median_high, handoff_days_p90
from counted join median on counted.scope_type = median.scope_type and counted.period_type = median.period_type
    and counted.scope_id is not distinct from median.scope_id and counted.period_start = median.period_start;
"""

TRUST = f"""
create table mart_data_trust as
with landed as (
    select source.source, source.is_expected, source.freshness_hours as promised_hours, is_periodic, state, rows_in, rows_landed,
        rows_quarantined, event_max_on, delivered.delivered_on
    from '$ledger/batch.parquet' as batch
    join (select landing_id, max(delivered_on) as delivered_on from '$ledger/sighting.parquet' group by all) as delivered
        using (landing_id)
    join '$ledger/source.parquet' as source using (source)
),
outcome as (
    select source, count(*) as kept_rows, count(*) filter (where reject is null) as rows_in_core,
        count(*) filter (where reject = 'duplicate') as duplicates
    from (
        select 'crm_call' as source, reject from call
        union all select 'crm_call_detail', coalesce(reject, case when (call_id, product_id) not in (
            select (detail_call_id, product_id) from call_product) then 'out_of_scope' end) from call_detail
        union all select 'crm_sent_email', reject from email union all select 'crm_email_activity', reject from activity
        union all select 'crm_consent', reject from consent union all select 'crm_medical_inquiry', reject from inquiry
        union all select 'crm_suggestion', reject from suggestion
        union all select 'crm_multichannel_activity', reject from session
        union all select 'crm_multichannel_activity_line', reject from session_line
        union all select 'crm_call_key_message', reject from page union all select 'content_decision', reject from decision
        union all select 'webinar_zoom', reject from segment union all select 'portal_delivery', reject from portal
        union all select 'survey_qualtrics', reject from survey union all select 'web_snowplow', reject from web_event
        union all select 'jdnet_delivery', reject from facility_delivery
        union all select 'link_review', null from read_parquet('$lake/link_review/*.parquet', union_by_name = true)
        union all from register
    ) group by all
),
delivered as (
    select source, max(promised_hours) as promised_hours, bool_or(is_periodic) as is_periodic, count(*) as deliveries,
        max(delivered_on) filter (where state = 'landed') as last_delivered_on, sum(rows_in) as rows_in,
        sum(rows_landed) as rows_landed, sum(rows_quarantined) as rows_quarantined,
        sum(rows_landed) filter (where state = 'landed') as rows_standing
    from landed group by all
),
linked as (
    select source, count(*) as rows_to_match, count(physician) as rows_matched from touchpoint group by all
    union all select 'survey_qualtrics', count(*), count(physician) from survey
    where reject is null and coalesce(csat, nps, usefulness, ces) is not null or (reject is null and (
        wanted_channel is not null or usage_stage is not null))
    union all select 'crm_consent', count(*), count(physician) from consent
    where reject is null and consent_state is not null
),
per_source as (
    select delivered.* exclude (rows_standing), coalesce(rows_in_core, 0) as rows_in_core,
        case when outcome.source is null then 0 else rows_standing - rows_in_core end as rows_rejected,
        case when outcome.source is null then 0 else duplicates + rows_standing - kept_rows end as rows_duplicate,
        rows_to_match, rows_matched
    from delivered left join outcome using (source) left join linked using (source)
),
target as (
    select physician from member where period_type = 'month' and is_in_universe
    and period_start = (select max(period_start) from period where period_type = 'month')
),
covered as (
    select source, count(distinct physician) as n_covered_physicians
    from touchpoint, (select max(period_end) as period_end from period where period_type = 'month')
    where physician in (from target) and occurred_on <= period_end and occurred_on > period_end - 90
    group by grouping sets ((source), ())
),
fresh as (
    select source, count(*) as n_deliveries_timed, quantile_disc(24 * (delivered_on - event_max_on), 0.95)
        as freshness_hours_p95, list_sort(list(24 * (delivered_on - event_max_on))) as sorted,
        {Z} * sqrt(count(*) * 0.0475) as half, case when count(*) * 0.95 - half >= 1
            then sorted[floor(count(*) * 0.95 - half)::bigint] end as freshness_hours_p95_low,
        sorted[ceil(count(*) * 0.95 + half)::bigint] as freshness_hours_p95_high
    from landed where state = 'landed' and event_max_on is not null and source in (select source from touchpoint)
    group by grouping sets ((source), ())
)
select 'company' as scope_type, 'company' as scope_id, 'month' as period_type, period_start, period_end, rows.source,
    'source=' || rows.source as breakdown, deliveries, last_delivered_on, promised_hours,
    case when logs.source is not null and is_periodic then last_delivered_on
        else last_delivered_on + ceil(promised_hours / 24)::integer end as covered_until, rows_in, rows_landed, rows_quarantined,
    rows_in_core, rows_rejected, rows_duplicate, rows_to_match, rows_matched, (select count(*) from target)
        as n_target_physicians, false as n_target_physicians_suppressed,
    case when rows.source is null or logs.source is not null then coalesce(n_covered_physicians, 0) end
        as n_covered_physicians,
    n_deliveries_timed, freshness_hours_p95, freshness_hours_p95_low, freshness_hours_p95_high
from (
    from per_source
    union all
    select null, null, null, sum(deliveries), max(last_delivered_on), sum(columns('^rows_')) from per_source
) as rows
join (select period_start, period_end from period where period_type = 'month' order by all desc limit 1) on true
left join covered on rows.source is not distinct from covered.source
left join fresh on rows.source is not distinct from fresh.source
left join (select distinct source from touchpoint) as logs on rows.source = logs.source;
"""

KPIS = " union all ".join(
    [
        kpi(
            "journey.forward_transition_rate",
            "mart_journey",
            "n_moved_forward",
            "n_at_start",
            "n_at_start",
            "product_id phase_id",
        ),
        kpi(
            "journey.physicians_in_phase",
            "mart_journey",
            "n_in_phase",
            "n_target_physicians",
            "n_in_phase",
            "product_id phase_id",
            is_count=True,
        ),
        kpi("journey.unseen_rate", "mart_journey", "n_unseen", "n_observable", "n_observable"),
        kpi(
            "preference.coverage_rate",
            "mart_preference_diversity",
            "n_known_physicians",
            "n_target_physicians",
            "n_target_physicians",
            "breakdown",
        ),
        kpi(
            "preference.diversity",
            "mart_preference_diversity",
            "none",
            "n_choosing_physicians",
            "n_choosing_physicians",
            "breakdown",
            "diversity diversity_low diversity_high",
        ),
        kpi(
            "fit.choice_honoured_rate",
            "mart_channel_fit",
            "push_contacts_honouring_choice",
            "push_contacts_with_choice",
            "n_physicians_with_choice",
        ),
        kpi(
            "fit.channel_fit_rate",
            "mart_channel_fit",
            "push_contacts_in_preferred_channel",
            "push_contacts_with_preference",
            "n_physicians_with_preference",
        ),
        kpi(
            "medical.closed_loop_rate",
            "mart_medical_handoff",
            "loops_closed",
            "answered_from_mr",
            "n_physicians_answered_from_mr",
        ),
        kpi(
            "medical.answered_in_time_rate",
            "mart_medical_handoff",
            "answered_in_time",
            "answers_due",
            "n_physicians_answer_due",
        ),
        kpi(
            "medical.handoff_days_median",
            "mart_medical_handoff",
            "none",
            "inquiries",
            "n_physicians",
            "",
            "handoff_days_median handoff_days_median_low handoff_days_median_high",
        ),
        kpi(
            "channel.over_contact_rate",
            "mart_channel_quality",
            "n_over_contacted_physicians",
            "n_pushed_physicians",
            "n_pushed_physicians",
        ),
        kpi(
            "channel.reach_rate",
            "mart_channel_quality",
            "n_reached_physicians",
            "n_target_physicians",
            "n_target_physicians",
            "channel_id product_id",
        ),
        kpi(
            "channel.effective_contact_rate",
            "mart_channel_quality",
            "effective_contacts",
            "delivered_contacts",
            "n_delivered_physicians",
            "channel_id product_id",
        ),
        kpi(
            "channel.delivered_rate",
            "mart_channel_quality",
            "emails_delivered",
            "emails_sent",
            "n_emailed_physicians",
            "channel_id product_id",
        ),
        kpi(
            "email.unique_human_click_rate",
            "mart_channel_quality",
            "n_clicking_physicians",
            "n_email_recipients",
            "n_email_recipients",
            "channel_id product_id",
        ),
        kpi(
            "email.open_rate_reference",
            "mart_channel_quality",
            "n_opening_physicians",
            "n_open_readable_physicians",
            "n_open_readable_physicians",
            "channel_id product_id",
        ),
        kpi(
            "channel.frequency_median",
            "mart_channel_quality",
            "none",
            "n_frequency_physicians",
            "n_frequency_physicians",
            "channel_id",
            "frequency_median frequency_median_low frequency_median_high",
        ),
        kpi(
            "cx.usefulness_top_rate",
            "mart_cx",
            "n_usefulness_top",
            "n_usefulness",
            "n_usefulness",
            "channel_id product_id",
        ),
        kpi("cx.csat_top2_rate", "mart_cx", "n_csat_top2", "n_csat", "n_csat", "channel_id product_id"),
        kpi("cx.nps", "mart_cx", "none", "n_nps", "n_nps", "channel_id product_id", "nps nps_low nps_high"),
        kpi("cx.response_rate", "mart_cx", "n_responded", "n_invited", "n_invited"),
        kpi("cx.mr_sent_share", "mart_cx", "n_csat_mr_sent", "n_csat", "n_csat", "channel_id product_id"),
        kpi("trust.match_rate", "mart_data_trust", "rows_matched", "rows_to_match", "", "breakdown"),
        kpi(
            "trust.coverage_rate",
            "mart_data_trust",
            "n_covered_physicians",
            "n_target_physicians",
            "n_target_physicians",
            "breakdown",
        ),
        kpi(
            "trust.freshness_hours_p95",
            "mart_data_trust",
            "none",
            "n_deliveries_timed",
            "",
            "breakdown",
            "freshness_hours_p95 freshness_hours_p95_low freshness_hours_p95_high",
        ),
    ]
)


QUALITY_BASES = {
    "n_target_physicians": "n_reached_physicians",
    "n_frequency_physicians": "frequency_median frequency_median_low frequency_median_high frequency_p90",
    "n_delivered_physicians": "delivered_contacts effective_contacts",
    "n_emailed_physicians": "emails_sent emails_delivered",
    "n_email_recipients": "n_clicking_physicians",
    "n_open_readable_physicians": "n_opening_physicians",
    "n_pushed_physicians": "n_over_contacted_physicians",
}
DIVERSITY_BASES = {
    "n_target_physicians": "n_known_physicians",
    "n_choosing_physicians": "diversity diversity_low diversity_high",
}
FIT_BASES = {
    "n_target_physicians": "n_pushed_physicians",
    "n_physicians_with_preference": "push_contacts_with_preference push_contacts_in_preferred_channel",
    "n_physicians_with_choice": "push_contacts_with_choice push_contacts_honouring_choice",
}
JOURNEY_BASES = {
    "n_target_physicians": "",
    "n_in_phase": "n_judged_only",
    "n_at_start": "n_moved_forward",
    "n_observable": "n_unseen",
}
CX_BASES = {
    "n_csat": "n_csat_top2 n_csat_mr_sent",
    "n_usefulness": "n_usefulness_top",
    "n_nps": "n_promoters n_passives n_detractors nps nps_low nps_high",
    "n_invited": "n_responded",
}
MEDICAL_BASES = {
    "n_physicians": "inquiries answered handoff_days_median handoff_days_median_low handoff_days_median_high "
    "handoff_days_p90",
    "n_physicians_answered_from_mr": "answered_from_mr loops_closed",
    "n_physicians_answer_due": "answers_due answered_in_time",
}
PERIOD = "period_type, period_start, period_end"
DROP_CELLS = "drop table cells;"


def statements() -> Iterator[str]:
    """Every statement of the script in order."""
    scripts = [
        HIDING,
        PEOPLE,
        LOGS,
        REGISTERS,
        FACTS,
        QUALITY,
        protected(
            "mart_channel_quality",
            f"{PERIOD}, channel_id, product_id",
            QUALITY_BASES,
            "product_id",
            repeated={"n_target_physicians": "channel_id product_id"},
        ),
        DROP_CELLS,
        PREFERENCE,
        protected("mart_preference_diversity", f"{PERIOD}, breakdown", DIVERSITY_BASES, "breakdown"),
        DROP_CELLS,
        FIT,
        protected("mart_channel_fit", PERIOD, FIT_BASES),
        DROP_CELLS,
        JOURNEY,
        protected(
            "mart_journey",
            f"{PERIOD}, product_id, phase_id",
            JOURNEY_BASES,
            "phase_id",
            {"n_in_phase": "n_target_physicians"},
            {"n_target_physicians": "phase_id"},
        ),
        DROP_CELLS,
        EXPOSURE,
        CX,
        protected("mart_cx", f"{PERIOD}, channel_id, product_id", CX_BASES),
        DROP_CELLS,
        MEDICAL,
        protected("mart_medical_handoff", PERIOD, MEDICAL_BASES),
        TRUST,
        f"create table fct_kpi_value as {KPIS}",
    ]
    for script in scripts:
        yield from (statement for statement in script.split(";\n") if statement.strip())


def run(home: Path, out: Path) -> None:
    """Compute every mart from the lake of `home` and write it to `out` as Parquet."""
    out.mkdir(parents=True, exist_ok=True)
    connection = duckdb.connect(
        config={"threads": 2, "memory_limit": "3GB", "temp_directory": str(out / ".spill")}
    )
    connection.execute("set timezone = 'UTC'; set preserve_insertion_order = false")
    rules = {
        "bot_rule": "burst_seconds, min_seconds_after_delivery as min_seconds, burst_min_links as burst_links, "
        "burst_share_of_links as burst_share",
        "bounce_rule": "resolve_hours",
        "engagement_rule": "visit_min_minutes as visit_minutes, webinar_min_share as webinar_share, "
        "webinar_min_seconds as webinar_seconds, portal_min_seconds as portal_seconds, "
        "web_min_seconds as web_seconds, web_idle_cut_seconds as web_idle",
        "journey_setting": "hysteresis_days as hysteresis, transition_horizon_months as horizon_months, "
        "promoter_min_score as promoter, warm_up_months",
        "medical_access_rule": "answer_business_days as answer_days",
    }
    last = (home / "warehouse" / "last").read_text(encoding="ascii").strip()
    ledger = home / "warehouse" / "builds" / last / "ledger"
    values = {"lake": home / "lake", "ledger": ledger, "seeds": SEEDS}
    for seed, columns in rules.items():
        found = connection.execute(
            f"select {columns} from '{SEEDS / seed}.csv' order by rule_version desc limit 1"
        )
        row = found.fetchone()
        assert row is not None
        values |= dict(zip((column[0] for column in found.description), row, strict=True))
    for statement in statements():
        connection.execute(Template(statement).substitute(values))
    for mart in MARTS:
        connection.execute(f"copy {mart} to '{out / mart}.parquet'")


if __name__ == "__main__":
    run(Path(sys.argv[1]), Path(sys.argv[2]))
