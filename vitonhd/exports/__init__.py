"""Exports of a data set into the layouts that other try-on models and tools read.

The contract that must not break: an export is complete when its pair files (or its index) are there, which are written
last; an item that a layout can't hold is a line of `rejections.jsonl` with its reason, never an end.
"""
