"""`python -m lookbook`, for workers that have the code but not the installed command."""

from lookbook.cli import main

main()
