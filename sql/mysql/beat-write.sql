-- Writes a beat; a late one that was thought lost never overwrites a newer one; INSERT, UPDATE, SELECT on keyward.beat.
INSERT INTO keyward.beat (instance, number, written_at) VALUES ({instance}, {number}, {written_at}) AS late
ON DUPLICATE KEY UPDATE written_at = IF(late.number > beat.number, late.written_at, beat.written_at),
    number = GREATEST(beat.number, late.number);
