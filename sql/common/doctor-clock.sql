-- Asks a server for the time in microseconds since 1970; needs no privilege.
SELECT TIMESTAMPDIFF(MICROSECOND, '1970-01-01', UTC_TIMESTAMP(6)) AS micros;
