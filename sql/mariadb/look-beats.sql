-- Reads the beats of all keywards, none where there is no table yet; SELECT on keyward.beat.
BEGIN NOT ATOMIC
    DECLARE EXIT HANDLER FOR 1049, 1146 BEGIN END;
    DECLARE EXIT HANDLER FOR 1044, 1142 SELECT 1 AS beats_denied;
    DECLARE EXIT HANDLER FOR 1205 SELECT 1 AS beats_locked;
    SELECT instance, number, written_at FROM keyward.beat ORDER BY written_at DESC LIMIT 32;
END;
