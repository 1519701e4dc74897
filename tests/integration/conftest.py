import pytest

from running_server import RunningServer


@pytest.fixture(scope="module")
def server():
    """One server for the tests of a file; its data have to be right at the end."""
    with RunningServer("--min-free-bytes", "0") as running:
        yield running
        assert running.runs, running.log[-4000:]
        assert running.api.problems() == []
