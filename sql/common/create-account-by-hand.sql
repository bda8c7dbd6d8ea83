-- Makes an account that may do nothing yet; needs CREATE USER.
CREATE USER IF NOT EXISTS {account} IDENTIFIED BY {password}{require};
