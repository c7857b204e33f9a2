"""The browser app and the command line: launch, watch, compare, promote, predict. Imports only `workers` and `db`."""
