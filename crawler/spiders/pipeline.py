"""Scrapy's item pipeline: what a page brought goes into the catalogue in one transaction with its frontier row."""

from __future__ import annotations

from typing import Self

from scrapy.crawler import Crawler
from sqlalchemy.exc import OperationalError

from crawler.spiders.failures import Outcome
from crawler.spiders.shop import FetchedPage, ShopSpider


class CataloguePipeline:
    """Stores the page and tells the spider that it is no longer in flight, whatever happened."""

    def __init__(self, crawler: Crawler) -> None:
        self._crawler = crawler

    @classmethod
    def from_crawler(cls, crawler: Crawler) -> Self:
        return cls(crawler)

    def process_item(self, item: FetchedPage) -> FetchedPage:
        spider = self._crawler.spider
        assert isinstance(spider, ShopSpider)
        try:
            spider.work.writer.store(item.task, item.parsed, item.fetched)
        except OperationalError as error:
            spider.storage_failed(error)
        except Exception:
            spider.logger.exception("the catalogue could not take %s", item.task.url)
            spider.end(item.task, Outcome("rejected", "not-storable", final=True), item.fetched)
        finally:
            spider.release(item.task)
        return item
