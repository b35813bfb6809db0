"""Synthetic people in synthetic garments, rendered with exact labels for every pixel.

The contract that must not break: everything follows from a seed and an index, and every truth of a picture (parse,
DensePose, garment masks, flow, depth) is read off the same fragments: one triangle and its weights per pixel.
"""
