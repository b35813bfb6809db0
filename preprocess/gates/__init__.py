"""Quality gates: what a photo or a packshot must be, each limit in one table, each rejection with its figure."""
