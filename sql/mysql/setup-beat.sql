-- Writes set-up's own beat by the master's clock; needs INSERT and UPDATE on keyward.beat.
INSERT INTO keyward.beat (instance, number, written_at)
VALUES ({instance}, 1, CAST(UNIX_TIMESTAMP(NOW(6)) * 1000000 AS SIGNED)) AS late
ON DUPLICATE KEY UPDATE number = beat.number + 1, written_at = late.written_at;
