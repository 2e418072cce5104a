SELECT
    orders.*,
    customers.region,
    customers.segment,
    products.category,
    products.cost,
    orders.amount - orders.quantity * products.cost AS margin
FROM orders
JOIN customers ON orders.customer_id = customers.customer_id
JOIN products ON orders.product_id = products.product_id
