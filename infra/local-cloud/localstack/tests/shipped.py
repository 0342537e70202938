"""Undoes patches after a test, so that each test of a gap sees LocalStack as shipped."""

from typing import Any
from unittest import TestCase


def restore(test: TestCase, *attributes: tuple[Any, str]) -> None:
    """Restores the attributes (owner, name) to their present values when the test ends."""
    for owner, name in attributes:
        test.addCleanup(setattr, owner, name, getattr(owner, name))
