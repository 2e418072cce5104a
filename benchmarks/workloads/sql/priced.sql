SELECT
    order_id,
    customer_id,
    product_id,
    quantity,
    CAST(unit_price AS DOUBLE) AS unit_price,
    COALESCE(discount, 0.0) AS discount,
    status,
    ordered_at,
    updated_at,
    LOWER(TRIM(channel)) AS channel,
    quantity * CAST(unit_price AS DOUBLE) * (1 - COALESCE(discount, 0.0)) AS amount,
    CASE WHEN quantity >= 15 THEN 'bulk' WHEN quantity >= 5 THEN 'medium' ELSE 'small' END AS size_band
FROM orders
WHERE unit_price IS NOT NULL
