{% test condition(model, column_name, that) %}
SELECT {{ column_name }} FROM {{ model }} WHERE NOT ({{ that }})
{% endtest %}
