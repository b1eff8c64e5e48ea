"""The pyramid of modulated blocks that SPADE's generator has and most others inherit."""
