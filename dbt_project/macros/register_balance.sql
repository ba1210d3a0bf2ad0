{#-
    Whether the published stories tell of success and failure in the proportion of all that were written (R57): each
    of the three shares differs by at most `points` hundredths. In whole numbers, so that exactly ten points is ten.

        balanced, selected (it must say so), nothing_published
-#}
{% macro register_balance(pool, published, kinds, points) -%}
    case
        when coalesce({{ published }}, 0) = 0 then 'nothing_published'
        {%- for part_of_pool, part_of_published in kinds %}
        when
            abs({{ part_of_published }} * {{ pool }} - {{ part_of_pool }} * {{ published }}) * 100
            > {{ points }} * {{ pool }} * {{ published }}
            then 'selected'
        {%- endfor %}
        else 'balanced'
    end
{%- endmacro %}
