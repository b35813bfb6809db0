"""Imports of other people's data sets, VITON-HD's and Dress Code's layouts, into trees of ours.

The contract that must not break: nothing is made up and nothing foreign is trusted: what can't be taken is a line of
`rejections.jsonl` with its reason, and what is right already is copied byte for byte.
"""
