SELECT
    customers.customer_id,
    customers.segment,
    products.category,
    COUNT(*) AS orders,
    SUM(orders.quantity) AS quantity,
    SUM(orders.quantity * products.cost) AS cost
FROM orders
JOIN customers ON orders.customer_id = customers.customer_id
JOIN products ON orders.product_id = products.product_id
GROUP BY customers.customer_id, customers.segment, products.category
