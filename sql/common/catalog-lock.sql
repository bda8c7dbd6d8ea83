-- Ends a question whose rows stay as they are until the transaction ends; needs UPDATE on the table.
 FOR UPDATE;
