"""The VITON-HD data set format as code: labels, keypoints, DensePose, pictures, the folder tree and tar shards.

The contract that must not break: what is stored is CIHP ids, BODY_25 points and DensePose ids at 768x1024, and this
package needs numpy and Pillow only and imports nothing else of ours.
"""
