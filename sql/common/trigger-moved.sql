-- Makes a trigger on the table that was moved; needs TRIGGER on the dated schema and SET USER.
CREATE DEFINER = {definer} TRIGGER {name} {timing} {event} ON {table} FOR EACH ROW {statement};
