-- Counts from 1 to {most} where there are no sequence tables, in the column seq; anybody.
(SELECT seq FROM JSON_TABLE(CONCAT('[0', REPEAT(',0', {most} - 1), ']'), '$[*]' COLUMNS (seq FOR ORDINALITY)) AS counted)
