import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared_ops.dim import Dim, DimError, bind

n, m = Dim("n"), Dim("m")
small = st.integers(-5, 5)


def test_equal_polynomials_are_equal():
    assert (n + 1) * 2 == 2 * n + 2
    assert n * m == m * n
    assert n != m
    assert n - n == 0
    assert hash(n + 1) == hash(1 + n)


def test_division_that_comes_out_even():
    assert (n * 64) // 64 == n
    assert (n * m * 6) // (n * 2) == m * 3
    assert (2 * n) % 2 == 0


def test_division_that_does_not_stays_a_name():
    assert str((n + 1) // 2) == "((n + 1)//2)"
    assert ((n + 1) // 2).bind({"n": 7}) == 4


@given(small, small, small, st.integers(0, 9), st.integers(1, 9))
def test_arithmetic_agrees_with_numbers(a, b, c, n_is, m_is):
    sizes = {"n": n_is, "m": m_is}
    value = bind(a * n * m + b * n + c, sizes)
    assert value == a * n_is * m_is + b * n_is + c
    assert bind((n + c) // m, sizes) == (n_is + c) // m_is


@given(small, small, st.integers(1, 4), st.integers(-5, 5), st.integers(0, 9))
def test_divisions_inside_of_sums_and_products(a, b, by, times, n_is):
    value = ((n + a) // by) * times * (n // 2) + (n % by) * 3 - (b + n) // by
    number = ((n_is + a) // by) * times * (n_is // 2) + (n_is % by) * 3 - (b + n_is) // by
    assert bind(value, {"n": n_is}) == number
    assert not isinstance(value, Dim) or bind(Dim.parse(str(value)), {"n": n_is}) == number


@given(small, small, small)
def test_words_and_back(a, b, c):
    dim = a * n * m + b * n + c
    assert not isinstance(dim, Dim) or Dim.parse(str(dim)) == dim


@pytest.mark.parametrize("ask", [int, bool, range, lambda d: d > 3, lambda d: d == 3, lambda d: d in (3, 16)])
def test_an_unknown_size_has_no_number(ask):
    with pytest.raises(DimError, match="the size 'n' is not known until the graph runs"):
        ask(n)


@pytest.mark.parametrize("text", ["__import__('os')", "n**99", "n()", "n.x", "1.5", "'a'"])
def test_only_sizes_are_parsed(text):
    with pytest.raises(ValueError, match="a size is made of names"):
        Dim.parse(text)


def test_a_size_from_a_file_cannot_take_all_day():
    with pytest.raises(DimError, match="at most 64 terms"):
        Dim.parse("*".join(f"(a{i}+b{i})" for i in range(40)))
    with pytest.raises(ValueError, match="at most 1000 characters"):
        Dim.parse("-" * 200_000 + "a")


def test_bind_reaches_into_settings():
    assert bind((n, slice(0, n + 1), None), {"n": 3}) == (3, slice(0, 4), None)
