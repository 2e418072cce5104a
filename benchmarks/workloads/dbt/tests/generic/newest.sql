{% test newest(model, column_name, days) %}
SELECT MAX({{ column_name }}) AS newest
FROM {{ model }}
HAVING MAX({{ column_name }}) < CURRENT_DATE - INTERVAL ({{ days }}) DAY
{% endtest %}
