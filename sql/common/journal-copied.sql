-- Lists the tables that stand whole in the dated schema, so that the old ones may be dropped; needs SELECT on the journal.
SELECT name FROM {journal} WHERE kind = 'COPIED';
