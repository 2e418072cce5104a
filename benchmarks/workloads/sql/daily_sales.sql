SELECT
    order_date,
    region,
    category,
    COUNT(*) AS orders,
    SUM(amount) AS revenue,
    SUM(margin) AS margin,
    AVG(amount) AS mean_amount,
    COUNT(DISTINCT customer_id) AS customers
FROM order_facts
WHERE status <> 'cancelled'
GROUP BY order_date, region, category
