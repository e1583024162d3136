"""The command line: parse, call one function, format the answer or the error."""
