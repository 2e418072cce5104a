SELECT region, customer_id, revenue, orders, place
FROM (
    SELECT
        *,
        ROW_NUMBER() OVER (PARTITION BY region ORDER BY revenue DESC, customer_id) AS place
    FROM (
        SELECT region, customer_id, SUM(amount) AS revenue, COUNT(*) AS orders
        FROM order_facts
        GROUP BY region, customer_id
    ) AS sums
) AS ranked
WHERE place <= 100
