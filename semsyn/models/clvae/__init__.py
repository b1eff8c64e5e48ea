"""clVAE: its config, network, original files, cards and recipe."""
