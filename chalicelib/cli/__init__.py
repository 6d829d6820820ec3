"""The operator's command line: works over HTTP with a stored session."""
