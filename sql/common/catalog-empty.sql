-- Empties a table of the catalogue before its rows are put back from a backup; needs DELETE on the table.
DELETE FROM {database}.{table};
