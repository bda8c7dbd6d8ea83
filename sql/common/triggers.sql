-- Lists the triggers of a schema in the order they fire; needs TRIGGER on it.
SELECT TRIGGER_NAME AS name
FROM information_schema.TRIGGERS
WHERE TRIGGER_SCHEMA = {schema}
ORDER BY EVENT_OBJECT_TABLE, ACTION_TIMING, EVENT_MANIPULATION, ACTION_ORDER;
