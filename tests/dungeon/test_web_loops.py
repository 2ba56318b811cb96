"""The web server looks at its connections for ever, whatever goes wrong with one of them."""

import time

import pytest

from tests.serving import PING, RawSocket, serving

pytestmark = pytest.mark.full  # pings take seconds


@pytest.fixture(scope="module")
def served():
    options = ("--ping-interval", "1", "--ping-timeout", "2")
    with serving("tests.failing_application:application", *options) as served:
        yield served


def test_a_connection_that_fails_under_the_look_keeps_no_other_from_its_pings(served):
    with RawSocket(served.port, "/echo"):
        served.get("/break")
        time.sleep(2.5)  # a look at all connections comes every two seconds
        with RawSocket(served.port, "/echo") as other:
            assert other.next()[0] == PING
            other.rest()  # it answers none, and is dropped for it: that is looked at as well


def test_an_application_that_fails_unheard_keeps_no_other_from_being_closed(served):
    with RawSocket(served.port, "/fail") as failing:
        failing.rest()
    with RawSocket(served.port, "/raise") as other:
        assert other.close_code() == 1011
