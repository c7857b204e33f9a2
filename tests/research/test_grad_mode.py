"""no_grad and its kin, as blocks, decorators, for generators, and per thread."""

import threading

import pytest

import research as torch


def recorded():
    return (torch.ones(1, requires_grad=True) * 2).requires_grad


@pytest.mark.parametrize("mode", [torch.no_grad, torch.inference_mode, lambda: torch.set_grad_enabled(False)])
def test_blocks_end_even_when_they_fail(mode):
    def fails():
        with mode():
            assert not recorded()
            raise KeyError

    with pytest.raises(KeyError):
        fails()
    assert recorded()


def test_blocks_lie_inside_each_other():
    with torch.no_grad():
        with torch.enable_grad():
            assert recorded()
            with torch.no_grad():
                assert not recorded()
            assert recorded()
        assert not recorded()


@pytest.mark.parametrize("decorate", [torch.no_grad, torch.no_grad(), torch.inference_mode, torch.inference_mode()])
def test_decorators_with_and_without_brackets(decorate):
    assert not decorate(recorded)()
    assert recorded()


def test_inference_mode_can_be_off():
    with torch.inference_mode(False):
        assert recorded()


def test_set_grad_enabled_holds_from_the_call_on():
    torch.set_grad_enabled(False)
    try:
        assert not recorded()
    finally:
        torch.set_grad_enabled(True)
    assert recorded()


def test_set_grad_enabled_decorates_the_function_alone():
    decorated = torch.set_grad_enabled(False)(recorded)
    assert recorded()
    assert not decorated()


def test_a_generator_has_the_mode_and_its_user_has_not():
    @torch.no_grad()
    def turns():
        sent = yield recorded()
        yield sent, recorded()

    running = turns()
    assert next(running) is False
    assert recorded()
    assert running.send("a") == ("a", False)


def test_a_recursive_function_comes_back_to_its_callers_mode():
    @torch.no_grad()
    def down(n):
        return recorded() if n == 0 else down(n - 1)

    assert not down(3)
    assert recorded()


def test_each_thread_has_its_own_mode():
    seen = []
    with torch.no_grad():
        thread = threading.Thread(target=lambda: seen.append(recorded()))
        thread.start()
        thread.join()
    assert seen == [True]
