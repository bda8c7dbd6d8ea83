-- Counts and sums up the rows of a range: one row out; needs SELECT.
SELECT COUNT(*) AS row_count, {checksum} AS checksum FROM {table}{index} WHERE {range};
