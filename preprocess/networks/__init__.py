"""The published networks, written here from their descriptions: architecture only, no pictures and no files.

The contract that must not break: state-dict names and shapes are those of the published checkpoints, and outputs equal
the published networks' (`tests/preprocess/test_network_*.py`).
"""
