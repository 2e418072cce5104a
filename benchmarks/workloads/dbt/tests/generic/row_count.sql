{% test row_count(model) %}
SELECT COUNT(*) AS total FROM {{ model }} HAVING COUNT(*) < 1
{% endtest %}
