-- Routes by how late they arrive. Ties are broken by name, so that the answer is always the same.
SELECT
    origin,
    dest,
    COUNT(*) AS flights,
    SUM(missed) AS cancelled,
    ROUND(AVG(arr_delay), 2) AS mean_arr_delay,
    MAX(arr_delay) AS worst_arr_delay
FROM df
GROUP BY origin, dest
HAVING COUNT(*) >= 100
ORDER BY mean_arr_delay DESC, origin, dest
