-- Marks the last question of a look: an error that comes after this answer is about the beats; no privilege.
SELECT 1 AS beats_next;
