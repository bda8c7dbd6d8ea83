-- Takes rights from an account; needs GRANT OPTION.
REVOKE {rights} ON {scope} FROM {account};
