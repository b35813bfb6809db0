"""The student: one small network of our own that sees parse, DensePose, pose and garment mask in one pass.

The contract that must not break: everything here runs from a plain folder (`vitonhd`, `preprocess`) with torch,
torchvision, numpy, Pillow, OpenCV, timm and safetensors; nothing is downloaded.
"""
