{#- A view: the keys stay in the private file that the build was given. -#}
{{ config(materialized='view') }}

select physician_key
from {{ source('stops', 'stopped_physician') }}
