"""Others' weights: what there is under which licence, how it comes here, and how it gets into a network.

The contract that must not break: nothing is fetched unasked, and a file is data, never code.
"""
