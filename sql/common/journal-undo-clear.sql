-- Removes how a move is undone, as it is written anew; needs DELETE on the journal.
DELETE FROM {journal} WHERE kind = 'UNDO';
