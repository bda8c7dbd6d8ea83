-- Moves tables to the dated schema, all or none; needs ALTER and DROP here, CREATE and INSERT there.
RENAME TABLE {renames};
