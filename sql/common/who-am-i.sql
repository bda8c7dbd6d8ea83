-- Tells which account the login was taken for; needs no privilege.
SELECT CURRENT_USER() AS account;
