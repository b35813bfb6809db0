"""Intake: from a shop's untrusted bytes to an upright sRGB picture, framed to 3:4 without distortion."""
