-- Says in its comment how far a move is; needs ALTER on the journal.
ALTER TABLE {journal} COMMENT = {comment};
