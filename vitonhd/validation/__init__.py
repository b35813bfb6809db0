"""The validator: what is wrong in a VITON-HD data set, named by code, file, figure and limit.

The contract that must not break: nothing in a data set makes it raise, and memory does not grow with its pictures.
"""
