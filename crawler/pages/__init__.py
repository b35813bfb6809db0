"""Page objects: from the bytes of one response to typed records, with no network, no database and no Scrapy."""
