-- Writes rows; needs INSERT.
INSERT INTO {table} ({columns}) VALUES ;
