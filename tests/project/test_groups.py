"""The tests themselves: a file is told by one process, or houses are built twice over."""

import os

import pytest


@pytest.mark.skipif("PYTEST_XDIST_WORKER" not in os.environ, reason="one process tells them all")
def test_a_file_is_told_by_one_process(request):
    """pytest-xdist takes the group from the test's name, where the name of pytest holds it."""
    assert request.node.nodeid.endswith("@project/test_groups.py")
