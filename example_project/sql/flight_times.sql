-- Clock readings become timestamps. A reading of 517 is 05:17; 2400 is midnight of the next day.
--
-- The file gives the scheduled hour twice: `hour` by New York's clock and `time_hour` in UTC.
-- Their difference is New York's offset on that day, so no time zone rule is repeated here.
-- All other times are counted from the scheduled one; the node's tests hold them to the readings.
WITH readings AS (
    SELECT
        flights.*,
        strptime(flights.time_hour, '%Y-%m-%dT%H:%M:%SZ') AS hour_utc,
        (flights.dep_time // 100 % 24) * 60 + flights.dep_time % 100 AS dep_clock,
        (flights.arr_time // 100 % 24) * 60 + flights.arr_time % 100 AS arr_clock,
        (flights.sched_dep_time // 100) * 60 + flights.sched_dep_time % 100 AS sched_dep_clock,
        (flights.sched_arr_time // 100) * 60 + flights.sched_arr_time % 100 AS sched_arr_clock,
        airports.tz AS dest_tz,
        airports.dst AS dest_dst,
        airports.name AS dest_name
    FROM flights
    LEFT JOIN airports ON flights.dest = airports.faa
),

offsets AS (
    SELECT
        *,
        (hour - EXTRACT(hour FROM hour_utc) + 36) % 24 - 12 AS origin_offset
    FROM readings
),

both_offsets AS (
    SELECT
        *,
        -- Daylight saving starts and ends together, where it is kept at all (dst 'A').
        CASE WHEN dest_dst = 'A' THEN dest_tz + origin_offset + 5 ELSE dest_tz END AS dest_offset
    FROM offsets
),

durations AS (
    SELECT
        *,
        (arr_clock - dep_clock - (dest_offset - origin_offset) * 60 + 2880) % 1440
            AS elapsed,
        (sched_arr_clock - sched_dep_clock - (dest_offset - origin_offset) * 60 + 2880) % 1440
            AS sched_elapsed,
        hour_utc + INTERVAL (minute) MINUTE AS scheduled_utc
    FROM both_offsets
)

SELECT
    carrier,
    flight,
    tailnum,
    origin,
    dest,
    dest_name IS NOT NULL AS dest_known,
    month,
    time_hour,
    hour_utc,
    distance,
    air_time,
    dep_delay,
    arr_delay,
    dep_time IS NULL AS cancelled,
    dep_clock,
    arr_clock,
    elapsed,
    scheduled_utc,
    scheduled_utc + INTERVAL (origin_offset) HOUR AS scheduled_local,
    scheduled_utc + INTERVAL (sched_elapsed) MINUTE AS scheduled_arrival_utc,
    scheduled_utc + INTERVAL (dep_delay) MINUTE AS departed_utc,
    scheduled_utc + INTERVAL (dep_delay + origin_offset * 60) MINUTE AS departed_local,
    scheduled_utc + INTERVAL (dep_delay + elapsed) MINUTE AS arrived_utc,
    scheduled_utc + INTERVAL (dep_delay + elapsed + dest_offset * 60) MINUTE AS arrived_local
FROM durations
