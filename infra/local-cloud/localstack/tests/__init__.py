"""Tests of the patches. Run in this folder's parent with `python -m unittest discover -s tests -t .`.

Each patch has a test of its gap, against LocalStack as shipped. When a later LocalStack fails that test, the gap is closed and
the patch can be removed.
"""
