-- Lets rows be put back in any order, other tables still naming them; needs no privilege.
SET SESSION foreign_key_checks = 0;
