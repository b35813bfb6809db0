"""One module per noun of the command line: options in, a stage function called, a JSON summary out."""
