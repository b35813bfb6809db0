"""DensePose R-CNN (R50-FPN, schedule s1x) in torch and torchvision's operators alone, without detectron2.

The contract that must not break: state-dict names are the model zoo's 335, and every stage equals detectron2's
(preprocessing facts, sections 1.2 and 1.3).
"""
