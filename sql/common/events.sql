-- Lists the events of a schema; needs EVENT on it.
SELECT EVENT_NAME AS name FROM information_schema.EVENTS WHERE EVENT_SCHEMA = {schema} ORDER BY EVENT_NAME;
