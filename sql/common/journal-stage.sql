-- Says in its comment how far a move is, and makes it anew, which puts on disk what was written; needs ALTER on the journal.
ALTER TABLE {journal} COMMENT = {comment}, FORCE;
