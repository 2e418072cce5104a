SELECT
    *,
    quantity * unit_price * (1 - discount) AS amount,
    CASE WHEN quantity >= 15 THEN 'bulk' WHEN quantity >= 5 THEN 'medium' ELSE 'small' END AS size_band
FROM df
