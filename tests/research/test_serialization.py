import os
import subprocess
import sys

import numpy as np
import pytest
from safetensors.numpy import save_file

import research as torch
from shared_ops.bits import same_bits

STATE = {"w": np.array([[1.0, np.nan]]), "nest": [{"t": np.int64(3) * np.ones(2, int)}, (1, 2.5, "text", None, True)]}


def test_round_trip(tmp_path):
    path = tmp_path / "state.safetensors"
    torch.save({**STATE, "tensor": torch.ones(2)}, path)
    back = torch.load(path)
    assert same_bits(back["w"].array, STATE["w"])
    assert back["nest"][1] == (1, 2.5, "text", None, True)
    assert isinstance(back["tensor"], torch.Tensor)
    assert [p.name for p in tmp_path.iterdir()] == ["state.safetensors"]


def test_what_cannot_be_saved_is_named_and_nothing_is_written(tmp_path):
    with pytest.raises(TypeError, match=r"value.a.1 is a object"):
        torch.save({"a": [1, object()]}, tmp_path / "x")
    with pytest.raises(TypeError, match="the keys of a saved dict are texts; value has 3"):
        torch.save({3: 1}, tmp_path / "x")
    assert not list(tmp_path.iterdir())


def test_bad_files(tmp_path):
    path = tmp_path / "state"
    with pytest.raises(torch.LoadError, match="there is no file"):
        torch.load(path)
    path.write_bytes(b"no tensors here")
    with pytest.raises(torch.LoadError, match="damaged or no safetensors file"):
        torch.load(path)
    torch.save(STATE, path)
    path.write_bytes(path.read_bytes()[:-3])
    with pytest.raises(torch.LoadError, match="damaged"):
        torch.load(path)
    save_file({"a": np.ones(1)}, path, metadata={"format": "lockstep.state", "version": "99", "tree": "{}"})
    with pytest.raises(torch.LoadError, match="format version 99; this installation reads up to 1"):
        torch.load(path)


def test_a_plain_safetensors_file_is_a_dict_of_tensors(tmp_path):
    save_file({"a": np.ones(2, "float32")}, tmp_path / "theirs")
    assert torch.load(tmp_path / "theirs")["a"].tolist() == [1, 1]


def test_a_kill_in_the_middle_leaves_the_old_file_whole(tmp_path):
    path = tmp_path / "state"
    torch.save({"a": torch.ones(1)}, path)
    code = (
        "import os, signal, research, numpy as np\n"
        "os.replace = lambda *_: os.kill(os.getpid(), signal.SIGKILL)\n"
        f"research.save({{'a': np.zeros(100000)}}, {str(path)!r})"
    )
    root = os.path.dirname(os.path.dirname(torch.__file__))
    run = subprocess.run([sys.executable, "-c", code], cwd=root, check=False)
    assert run.returncode == -9
    assert torch.load(path)["a"].tolist() == [1]


def test_keys_with_dots_and_arrays_without_axes(tmp_path):
    torch.save({"a.b": torch.ones(1), "a": {"b": torch.zeros(1)}, "scalar": torch.tensor(3.0)}, tmp_path / "s")
    back = torch.load(tmp_path / "s")
    assert (back["a.b"].item(), back["a"]["b"].item(), back["scalar"].shape) == (1, 0, ())


def test_npz_files_are_dicts_of_tensors(tmp_path):
    np.savez(tmp_path / "theirs.npz", **{"layer.weight": np.ones((2, 2)), "n": np.arange(3)})
    state = torch.load(tmp_path / "theirs.npz")
    assert state["layer.weight"].tolist() == [[1, 1], [1, 1]]
    whole = (tmp_path / "theirs.npz").read_bytes()
    (tmp_path / "cut").write_bytes(whole[: len(whole) // 2])
    np.savez(tmp_path / "evil.npz", x=np.array([print], object))
    for name in ("cut", "evil.npz"):
        with pytest.raises(torch.LoadError, match=f"{name} is damaged, or no .npz file of arrays"):
            torch.load(tmp_path / name)


def test_files_of_pytorchs_users(tmp_path):
    theirs = pytest.importorskip("torch")
    from safetensors.torch import save_file as save_theirs

    save_theirs({"w": theirs.ones(2, 2), "half": theirs.arange(3, dtype=theirs.bfloat16)}, tmp_path / "state")
    state = torch.load(tmp_path / "state")
    assert state["w"].tolist() == [[1, 1], [1, 1]]
    assert state["half"].dtype == torch.bfloat16
