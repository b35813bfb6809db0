"""Pictures: fetched once per address, proved to be what they claim, stored by content, compared with each other."""
