"""The demo shop: the demo catalogue at MUSINSA's and SSF's own addresses and in their formats, from a local port.

The contract that must not break: nothing here needs more than the standard library, pydantic and the catalogue's
records, which load numpy through `vitonhd` and no renderer; the crawler is sent here by its host map alone.
"""
