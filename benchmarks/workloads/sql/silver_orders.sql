SELECT
    order_id,
    customer_id,
    product_id,
    quantity,
    CAST(unit_price AS DOUBLE) AS unit_price,
    COALESCE(discount, 0.0) AS discount,
    status,
    CAST(ordered_at AS TIMESTAMP) AS ordered_at,
    CAST(CAST(ordered_at AS TIMESTAMP) AS DATE) AS order_date,
    updated_at,
    LOWER(TRIM(channel)) AS channel
FROM orders
WHERE status IN ('completed', 'pending', 'shipped', 'cancelled', 'returned')
    AND CAST(unit_price AS DOUBLE) > 0
