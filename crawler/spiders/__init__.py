"""Scrapy's part: one spider that works through a run's frontier, and the components that keep it polite and safe."""
