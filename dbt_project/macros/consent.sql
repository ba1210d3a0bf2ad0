{#-
    Which of two words of consent at one instant counts: the smallest first. An opt-out before all, then what is still
    pending. Words of different instants: the later one counts.
-#}
{% macro consent_rank(event) -%}
    case {{ event }}.consent_state when 'opted_out' then 0 when 'pending' then 1 else 2 end
{%- endmacro %}

{#- The word of a rank. -#}
{% macro consent_word(rank) -%}
    case {{ rank }} when 0 then 'opted_out' when 1 then 'pending' else 'opted_in' end
{%- endmacro %}
