"""Augmentation on whole batches on the training device, by name.

Every random choice comes from the generator that is passed in, so a batch is a pure
function of the seed and the step.
"""
