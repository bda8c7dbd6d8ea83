-- Reads how long the server runs and how many replicas read from it; no privilege.
SELECT VARIABLE_NAME AS status_of, VARIABLE_VALUE AS value
FROM information_schema.GLOBAL_STATUS WHERE VARIABLE_NAME IN ('UPTIME', 'SLAVES_CONNECTED');
