"""Errors are sorted by what to do next, and a vendor's errors become ours at the edge."""

import asyncio
import inspect

import pytest

from sophia_metrics.errors import (
    ConfigurationError,
    ProcessingError,
    ServiceUnavailableError,
    SophiaError,
    handle_service_errors,
)

SECRET = "sk-live-do-not-print"  # noqa: S105 - a planted secret


class VendorError(Exception):
    pass


class VendorTimeoutError(VendorError):
    pass


def raising(error, **axis):
    @handle_service_errors("reading the bill of acme", **axis)
    def read(account: str, *, page: int = 1) -> str:
        """Read one page."""
        if error is not None:
            raise error
        return f"{account}/{page}"

    return read


@pytest.mark.parametrize(
    ("axis", "ours"),
    [
        ("unavailable", ServiceUnavailableError),
        ("processing", ProcessingError),
        ("configuration", ConfigurationError),
    ],
)
def test_a_listed_error_becomes_ours_of_that_axis(axis, ours):
    with pytest.raises(ours) as caught:
        raising(VendorError(SECRET), **{axis: (VendorError,)})("a")

    assert type(caught.value) is ours


def test_the_cause_is_kept():
    fault = VendorError("gone")

    with pytest.raises(ServiceUnavailableError) as caught:
        raising(fault, unavailable=(VendorError,))("a")

    assert caught.value.__cause__ is fault


def test_the_message_says_what_failed_and_what_to_do_and_never_what_the_vendor_quoted():
    with pytest.raises(ConfigurationError) as caught:
        raising(VendorError(SECRET), configuration=(VendorError,), advice="set ACME_KEY")("a")

    assert str(caught.value) == "reading the bill of acme failed with VendorError: set ACME_KEY"


def test_the_message_ends_where_no_advice_is_known():
    with pytest.raises(ProcessingError, match=r"^reading the bill of acme failed with VendorError$"):
        raising(VendorError(SECRET), processing=(VendorError,))("a")


@pytest.mark.parametrize("kind", [ConfigurationError, ServiceUnavailableError, ProcessingError])
def test_an_error_of_ours_passes_through_as_it_is(kind):
    fault = kind("already sorted")

    with pytest.raises(kind) as caught:
        raising(fault, unavailable=(Exception,))("a")

    assert caught.value is fault


def test_an_error_that_is_not_listed_passes_through_as_it_is():
    with pytest.raises(KeyError):
        raising(KeyError("x"), unavailable=(VendorError,))("a")


@pytest.mark.parametrize("is_turned", [False, True])
def test_the_nearest_of_several_listed_kinds_decides(is_turned):
    axes = [("unavailable", (VendorTimeoutError,)), ("processing", (VendorError,))]

    with pytest.raises(ServiceUnavailableError):
        raising(VendorTimeoutError(), **dict(reversed(axes) if is_turned else axes))("a")
    with pytest.raises(ProcessingError):
        raising(VendorError(), **dict(axes))("a")


def test_a_good_call_returns_what_the_function_returns():
    assert raising(None, unavailable=(VendorError,))("acme", page=2) == "acme/2"


def test_name_docstring_and_signature_are_kept():
    read = raising(None)

    assert (read.__name__, read.__doc__) == ("read", "Read one page.")
    assert str(inspect.signature(read)) == "(account: str, *, page: int = 1) -> str"


def async_raising(error):
    @handle_service_errors("asking acme", unavailable=(VendorError,))
    async def ask(question: str) -> str:
        await asyncio.sleep(0)
        if error is not None:
            raise error
        return question

    return ask


def test_an_async_function_stays_one_and_returns_its_value():
    ask = async_raising(None)

    assert inspect.iscoroutinefunction(ask)
    assert asyncio.run(ask("how much?")) == "how much?"


def test_the_errors_of_an_async_function_are_translated_with_their_cause():
    fault = VendorError(SECRET)

    with pytest.raises(ServiceUnavailableError) as caught:
        asyncio.run(async_raising(fault)("how much?"))

    assert caught.value.__cause__ is fault


def test_an_async_function_passes_our_errors_through():
    fault = ProcessingError("already sorted")

    with pytest.raises(ProcessingError) as caught:
        asyncio.run(async_raising(fault)("how much?"))

    assert caught.value is fault


def test_a_generator_is_refused_since_its_errors_arise_later():
    def pages():
        yield 1

    with pytest.raises(TypeError, match="pages is a generator"):
        handle_service_errors("paging")(pages)


def test_the_three_axes_are_the_whole_tree():
    assert set(SophiaError.__subclasses__()) == {ConfigurationError, ServiceUnavailableError, ProcessingError}
