-- Counts and sums up the rows of a range, one row out, or gives up after so many seconds; needs SELECT.
SET STATEMENT max_statement_time = {seconds} FOR
SELECT COUNT(*) AS row_count, {checksum} AS checksum FROM {table}{index} WHERE {range};
