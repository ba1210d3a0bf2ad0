{#-
    Which of two words of consent at one instant counts: the smallest first. An opt-out before all, then what is still
    pending (int_consent_interval has the same order). Words of different instants: the later one counts.
-#}
{% macro consent_rank(event) -%}
    case {{ event }}.consent_state when 'opted_out' then 0 when 'pending' then 1 else 2 end
{%- endmacro %}
