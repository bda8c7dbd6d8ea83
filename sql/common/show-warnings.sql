-- Reads what the last statement was warned of; needs no privilege.
SHOW WARNINGS LIMIT 65535;
