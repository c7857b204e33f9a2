"""Saving, loading without the code, and what a damaged or hostile folder gets."""

import json
import random
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import production as tf

ROOT = Path(tf.__file__).parent.parent
BATCH = np.random.default_rng(0).normal(size=(3, 4)).astype("float32")


@pytest.fixture
def saved(tmp_path):
    with tf.Graph().as_default():
        x = tf.placeholder(tf.float32, (None, 4), name="x")
        tail = tf.layers.dense(x, 5, activation=tf.nn.relu)[:, 1:] * float("inf")
        out = tf.where(tf.greater(tail, 1.0), 0.5, tf.reshape(tail, (x.shape[0], -1)))
        tf.layers.dense(x, 99, name="unused")
        session = tf.Session()
        session.run(tf.global_variables_initializer())
        path = tf.save(tmp_path / "model", session, {"x": x}, {"y": out}, {"x": BATCH}, provenance={"run": "r1"})
        return path, session.run(out, {x: BATCH})


def test_round_trip_has_the_same_bits(saved):
    path, want = saved
    model = tf.load(path)
    np.testing.assert_array_equal(model.predict(BATCH), want)
    assert model.predict(BATCH[:1]).shape == (1, 4)
    assert str(model.signature["inputs"]["x"]) == "float32[batch, 4]"
    assert model.provenance == {"run": "r1"}
    assert model.proof["at_load"]["bit_for_bit"]
    assert "unused" not in (path / "graph.json").read_text()
    assert sorted(p.name for p in path.iterdir()) == [
        "golden.safetensors",
        "graph.json",
        "manifest.json",
        "weights.safetensors",
    ]


def test_it_runs_where_research_cannot_be_imported(saved):
    code = (
        "import sys; sys.modules['research'] = None\n"
        "import production, numpy as np\n"
        f"print(production.load({str(saved[0])!r}).predict(np.ones((2, 4))).shape)"
    )
    run = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert run.stdout.strip() == "(2, 4)"


def test_wrong_inputs_in_words(saved):
    model = tf.load(saved[0])
    with pytest.raises(tf.FeedError, match=r"x:0 is float32\[batch, 4\]; it was fed float64\[2, 5\]"):
        model.predict(np.ones((2, 5)))
    with pytest.raises(tf.FeedError, match="the model takes inputs x; got z"):
        model.run({"z": BATCH})
    with pytest.raises(TypeError, match=r"takes 1 inputs \(x\); got 2"):
        model.predict(BATCH, BATCH)


def test_nothing_is_written_over_and_nothing_half_written(saved, tmp_path):
    with tf.Graph().as_default():
        x = tf.placeholder(tf.float32, (None,), name="x")
        out = x + tf.random_normal((1,))
        with pytest.raises(FileExistsError, match="never written over"):
            tf.save(saved[0], tf.Session(), {"x": x}, {"y": x * 1}, {"x": [1.0]})
        with pytest.raises(ValueError, match="draws random numbers"):
            tf.save(tmp_path / "other", tf.Session(), {"x": x}, {"y": out}, {"x": [1.0]})
    assert [p.name for p in tmp_path.iterdir()] == ["model"]


def test_foreign_and_newer_folders(saved, tmp_path):
    for path in (tmp_path, tmp_path / "nowhere"):
        with pytest.raises(tf.SavedModelError, match=r"a saved model is a folder with a manifest\.json"):
            tf.load(path)
    manifest = saved[0] / "manifest.json"
    content = json.loads(manifest.read_text())
    manifest.write_text(json.dumps({**content, "version": 99}))
    with pytest.raises(tf.SavedModelError, match="format version 99; this installation reads up to 1"):
        tf.load(saved[0])
    manifest.write_text(json.dumps({**content, "format": "theirs"}))
    with pytest.raises(tf.SavedModelError, match="no saved model of ours"):
        tf.load(saved[0])
    manifest.write_text("{")
    with pytest.raises(tf.SavedModelError, match="is damaged"):
        tf.load(saved[0])


@pytest.mark.parametrize("name", ["graph.json", "weights.safetensors", "golden.safetensors"])
def test_a_changed_byte_is_noticed(saved, name):
    file = saved[0] / name
    content = bytearray(file.read_bytes())
    content[len(content) // 2] ^= 1
    file.write_bytes(content)
    with pytest.raises(tf.SavedModelError, match=f"{name} is damaged: its content is not what was saved"):
        tf.load(saved[0])
    file.unlink()
    with pytest.raises(tf.SavedModelError, match=f"{name} cannot be read"):
        tf.load(saved[0])
    file.symlink_to("/dev/zero")
    with pytest.raises(tf.SavedModelError, match="no plain file"):
        tf.load(saved[0])


def rehash(path):
    """What somebody would do who changes a model on purpose."""
    import hashlib

    manifest = json.loads((path / "manifest.json").read_text())
    manifest["files"] = {n: hashlib.sha256((path / n).read_bytes()).hexdigest() for n in manifest["files"]}
    (path / "manifest.json").write_text(json.dumps(manifest))


def _append_expand(graph, size):
    """An op whose result nobody could hold, in front of the output."""
    last = graph[-1]
    spec = {"dtype": "float32", "shape": [size, *last["outputs"][0]["shape"]]}
    shape = {"tuple": [size, *({"size": n} if isinstance(n, str) else n for n in spec["shape"][1:])]}
    inputs = [[len(graph) - 1, 0]]
    graph.append({"name": "big", "type": "expand", "inputs": inputs, "attrs": {"shape": shape}, "outputs": [spec]})


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda g: g[-1].update(type="eval"), "unknown op 'eval'"),
        (lambda g: g[-1].update(inputs=[[99, 0]]), "it reads operation 99, which does not come before it"),
        (lambda g: g[-1].update(inputs=[[len(g) - 1, 0]]), "which does not come before it"),
        (lambda g: g[0]["outputs"][0].update(dtype="object"), "no array looks like"),
        (lambda g: g[0]["outputs"][0].update(shape=["__import__('os')"]), "a size is made of names"),
        (lambda g: g[-1]["outputs"][0].update(shape=["batch", 7]), "the file says it gives"),
        (lambda g: g.append({"type": "add"}), "operation"),
        (lambda g: g.clear(), "damaged or foreign"),
        (lambda g: g[0]["outputs"][0].update(shape=["5//0", 4]), "damaged or foreign"),
        (lambda g: g[0]["outputs"][0].update(shape=[1e999, 4]), "damaged or foreign"),
        (lambda g: g[0]["outputs"][0].update(shape=["-" * 200_000 + "a"]), "at most 1000 characters"),
        (lambda g: g[0]["outputs"][0].update(shape=["*".join(f"(a{i}+b{i})" for i in range(40))]), "at most 64 terms"),
        (lambda g: _append_expand(g, 10**12), "would have"),
        (lambda g: g[-1].update(attrs={"index": {"tuple": [{"ellipsis": 1}, {"ellipsis": 1}]}}), "damaged or foreign"),
    ],
)
def test_hostile_graphs_are_refused(saved, change, words):
    graph = json.loads((saved[0] / "graph.json").read_text())
    change(graph)
    (saved[0] / "graph.json").write_text(json.dumps(graph))
    rehash(saved[0])
    with pytest.raises(tf.SavedModelError, match=words):
        tf.load(saved[0])


def test_other_weights_do_not_repeat_the_golden_run(saved):
    from safetensors.numpy import load_file, save_file

    file = saved[0] / "weights.safetensors"
    save_file({k: v * -3 for k, v in load_file(file).items()}, file)
    rehash(saved[0])
    with pytest.raises(tf.SavedModelError, match="does not repeat its golden run"):
        tf.load(saved[0])


def test_a_thousand_mutations_get_one_kind_of_error(saved):
    """Bytes of any file changed at random, hashes mended: it loads, or says SavedModelError; nothing else."""
    draw = random.Random(0)
    originals = {p.name: p.read_bytes() for p in saved[0].iterdir()}
    refused = 0
    for _ in range(1000):
        name = draw.choice(list(originals))
        content = bytearray(originals[name])
        for _ in range(draw.randint(1, 3)):
            content[draw.randrange(len(content))] = draw.randrange(256)
        content = content[: draw.randrange(len(content))] if draw.random() < 0.2 else content
        (saved[0] / name).write_bytes(content)
        if name != "manifest.json":
            rehash(saved[0])
        try:
            tf.load(saved[0])
        except tf.SavedModelError:
            refused += 1
        (saved[0] / name).write_bytes(originals[name])
        (saved[0] / "manifest.json").write_bytes(originals["manifest.json"])
    assert 500 < refused < 1000
