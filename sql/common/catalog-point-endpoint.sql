-- Gives an endpoint of Keystone's catalogue another address; needs UPDATE and SELECT on the table.
UPDATE {database}.endpoint SET url = {to} WHERE id = {id} AND url = {from};
