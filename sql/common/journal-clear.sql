-- Empties the journal of a move that was interrupted while it was being written; needs DELETE on it.
DELETE FROM {journal};
