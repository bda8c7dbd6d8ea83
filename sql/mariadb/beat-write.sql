-- Writes a beat; a late one that was thought lost never overwrites a newer one; INSERT, UPDATE, SELECT on keyward.beat.
INSERT INTO keyward.beat (instance, number, written_at) VALUES ({instance}, {number}, {written_at})
ON DUPLICATE KEY UPDATE written_at = IF(VALUES(number) > number, VALUES(written_at), written_at),
    number = GREATEST(number, VALUES(number));
