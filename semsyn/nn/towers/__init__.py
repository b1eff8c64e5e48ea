"""Trained networks that losses, metrics and critics look through. Their weights are not part of semsyn."""
