-- Describes the triggers of a schema in the order they fire; needs TRIGGER on it.
SELECT TRIGGER_NAME AS name, ACTION_TIMING AS timing, EVENT_MANIPULATION AS event, EVENT_OBJECT_TABLE AS of_table,
    ACTION_STATEMENT AS statement, DEFINER AS definer
FROM information_schema.TRIGGERS WHERE TRIGGER_SCHEMA = {schema}
ORDER BY EVENT_OBJECT_TABLE, ACTION_TIMING, EVENT_MANIPULATION, ACTION_ORDER;
