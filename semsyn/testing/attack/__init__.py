"""Attacks: hostile, odd and broken inputs of every kind, made from seeds, on end.

Each module holds the attacks on one door of semsyn. They run for as long as one likes by
``python -m semsyn.testing.attack --minutes N``, and with a few seeds each in the tests.
"""
