-- Reads how federated users become users of Keystone; needs SELECT on its schema.
SELECT id AS name, rules AS rules FROM {schema}.mapping ORDER BY id LIMIT 1000;
