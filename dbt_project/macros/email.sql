{#-
    What became of an e-mail, as numbers to add up or to take the largest of: sent, delivered, clicked (by the physician),
    delivered_readable (whether it was opened can be seen: no privacy proxy) and, of these, opened.

    email  alias of fct_email_recipient
-#}
{% macro email_flags(email) -%}
    case when {{ email }}.is_sent then 1 else 0 end as sent,
    case when {{ email }}.is_sent and {{ email }}.is_delivered then 1 else 0 end as delivered,
    case when {{ email }}.is_delivered and {{ email }}.is_human_clicked then 1 else 0 end as clicked,
    case when {{ email }}.is_delivered and not coalesce({{ email }}.is_privacy_proxy_open, false) then 1 else 0 end
        as delivered_readable,
    case
        when
            {{ email }}.is_delivered and {{ email }}.is_opened and not coalesce({{ email }}.is_privacy_proxy_open, false)
            then 1
        else 0
    end as opened
{%- endmacro %}
