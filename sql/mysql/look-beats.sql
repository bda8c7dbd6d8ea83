-- Reads the beats of all keywards; without its table, or while that is locked, the statement is refused; SELECT on keyward.beat.
SELECT /*+ MAX_EXECUTION_TIME(200) */ instance, number, written_at FROM keyward.beat ORDER BY written_at DESC LIMIT 32;
