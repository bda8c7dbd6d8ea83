-- Writes down one object that cannot be renamed; needs INSERT on the journal.
INSERT INTO {journal} VALUES ({number}, {kind}, {name}, {definition}, {moved}, {client}, {moved_client}, {connection},
    {collation}, {mode}, {zone});
