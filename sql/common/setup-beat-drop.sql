-- Removes set-up's own beat, and those a day old that interrupted set-ups left; needs SELECT and DELETE on keyward.beat.
DELETE FROM keyward.beat
WHERE instance = {instance}
    OR (instance LIKE 'setup-%' AND written_at < CAST(UNIX_TIMESTAMP(NOW(6)) * 1000000 AS SIGNED) - 86400000000);
