-- Counts and sums up the rows of a range, one row out, or gives up after so many milliseconds; needs SELECT.
SELECT /*+ MAX_EXECUTION_TIME({milliseconds}) */ COUNT(*) AS row_count, {checksum} AS checksum
FROM {table}{index} WHERE {range};
