"""The runner: the catalogue's pictures through the chain into artifacts, and each product's choice.

The contract that must not break: what a run leaves is a function of the catalogue, the backend and the parameters; a
run that was killed at any moment and run again ends in the same rows and the same blobs as an undisturbed one.
"""
