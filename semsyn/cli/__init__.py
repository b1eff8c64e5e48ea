"""The command line, ``semsyn`` or ``python -m semsyn``: one file per command."""
