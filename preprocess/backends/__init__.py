"""Networks with their own pre- and post-processing behind four small interfaces: parse, DensePose, pose, garment mask.

The contract that must not break: RGB pictures of any size in, stored forms out (CIHP-20, DensePose ids, BODY_25,
masks), pixel for pixel the size of the picture.
"""
