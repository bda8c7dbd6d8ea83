-- Makes an account that may do nothing yet, and fails when there is one; needs CREATE USER.
CREATE USER {account} IDENTIFIED BY {password}{require};
