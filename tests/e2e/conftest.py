"""Fixtures: a Lab a test, or one a file; its logs beside a failure; a deadline for each test."""
import signal

import pytest

from assay_testing import Lab


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item, call):
    report = (yield).get_result()
    if not report.failed:
        return
    for name in ("lab", "shared_lab"):
        if name in getattr(item, "funcargs", {}):
            report.sections.append(("programs", item.funcargs[name].text_of_logs()))


@pytest.fixture(autouse=True)
def deadline(request):
    """A test that hangs is interrupted, so that what it started is ended."""
    marker = request.node.get_closest_marker("deadline")
    seconds = marker.args[0] if marker else 60

    def interrupt(signum, frame):
        raise TimeoutError(f"the test took more than {seconds} s")

    before = signal.signal(signal.SIGALRM, interrupt)
    signal.alarm(seconds)
    yield
    signal.alarm(0)
    signal.signal(signal.SIGALRM, before)


@pytest.fixture
def lab():
    lab = Lab()
    yield lab
    lab.close()


@pytest.fixture(scope="module")
def shared_lab():
    lab = Lab()
    yield lab
    lab.close()


def pytest_configure(config):
    config.addinivalue_line("markers", "deadline(seconds): how long the test may take; 60 if not said")
