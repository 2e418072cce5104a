SELECT
    customer_id,
    TRIM(customer_name) AS customer_name,
    LOWER(email) AS email,
    segment,
    region,
    signed_up
FROM customers
