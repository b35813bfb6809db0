"""The shell of Lookbook: command line, settings, progress and logging. The work is done in the other packages."""
