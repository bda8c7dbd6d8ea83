-- Gives rights to an account; needs GRANT OPTION.
GRANT {rights} ON {scope} TO {account};
