"""The chain from one picture's bytes to every condition file of it: take in, look, place, assess, draw, encode.

The contract that must not break: with the same bytes, class, size and eyes the same files come out, whatever the other
pictures of the batch are; a picture that can't be used is a `Rejected` or a `Verdict`, never a crash.
"""
