"""The bridge: what is promoted gives research's bits, and what would not is refused and leaves nothing."""

import numpy as np
import pytest

import production as tf
import research as torch
from production.promote import PromotionError, promote
from research import nn
from shared_ops.bits import same_bits


class Branchy(nn.Module):
    """A small net with a bit of everything."""

    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(1, 4, 3, padding=1)
        self.pool = nn.MaxPool2d(2)
        self.drop = nn.Dropout(0.5)
        self.head = nn.Linear(64, 10)
        self.tied = self.head.bias
        self.register_buffer("shift", torch.randn(10))

    def forward(self, x):
        h = self.drop(self.pool(torch.relu(self.conv(x))))
        logits = self.head(h.reshape(x.shape[0], -1)) + self.tied
        return {"logits": logits - self.shift, "probabilities": torch.softmax(logits, dim=1)}


MODELS = {
    "mlp": (lambda: nn.Sequential(nn.Linear(6, 8), nn.Tanh(), nn.Linear(8, 3), nn.Softmax()), (5, 6)),
    "cnn": (Branchy, (5, 1, 8, 8)),
    "averages": (
        lambda: nn.Sequential(nn.AvgPool2d(2), nn.Flatten(), nn.GELU(), nn.Linear(4, 2)),
        (4, 1, 4, 4),
    ),
}


@pytest.mark.parametrize("name", MODELS)
def test_a_promoted_model_gives_the_same_bits(name, tmp_path):
    torch.manual_seed(0)
    make, shape = MODELS[name]
    model = make()
    promotion = promote(model, torch.randn(*shape), tmp_path / "model", provenance={"run": "r1"})
    assert [b["rows"] for b in promotion.proof["batches"]] == [shape[0], 1, 2, 7, 8]
    assert promotion.proof["bit_for_bit"]
    assert model.training  # as it was
    assert all(isinstance(p, nn.Parameter) for p in model.parameters())
    loaded = tf.load(tmp_path / "model")
    assert loaded.provenance == {"run": "r1"}
    x = np.random.default_rng(1).normal(size=(33, *shape[1:])).astype("float32")
    want = model.eval()(torch.tensor(x))
    got = loaded.predict(x)
    for key in want if isinstance(want, dict) else [None]:
        assert same_bits((want[key] if key else want).array, got[key] if key else got)


def test_a_promoted_model_of_two_inputs_and_integers(tmp_path):
    class Lookup(nn.Module):
        def __init__(self):
            super().__init__()
            self.table = nn.Parameter(torch.randn(7, 4))

        def forward(self, rows, weights):
            return (self.table[rows] * weights).sum(1), rows.argmax(1)

    example = np.array([[0, 6, 3], [1, 2, 5]]), np.ones((2, 3, 1), "float32")
    promote(Lookup(), example, tmp_path / "m", input_names=["rows", "weights"])
    assert list(tf.load(tmp_path / "m").signature["outputs"]) == ["output_0", "output_1"]


class OnValues(nn.Module):
    def forward(self, x):
        if x.sum() > 0:
            return x
        return -x


class OnBatchSize(nn.Module):
    def forward(self, x):
        return x * 2 if x.shape[0] == 2 else torch.relu(x)


class Alternating(nn.Module):
    calls = 0

    def forward(self, x):
        type(self).calls += 1
        return x * 2 if self.calls == 1 else torch.relu(x)


class Counting(nn.Module):
    calls = 0

    def forward(self, x):
        type(self).calls += 1
        return x * 1.5 * self.calls


class LoopsOverRows(nn.Module):
    def forward(self, x):
        return torch.stack([row * 2 for row in x])


class HiddenTensor(nn.Module):
    def __init__(self):
        super().__init__()
        self.hidden = torch.ones(3)

    def forward(self, x):
        return x * self.hidden


class Constant(nn.Module):
    def forward(self, x):
        return torch.ones(2)


class FixedBatch(nn.Module):
    def forward(self, x):
        return x.reshape(4, 3)


@pytest.mark.parametrize(
    ("model", "words"),
    [
        (OnValues, r"test_promote\.py line \d+: if x\.sum\(\) > 0: asks for the value of gt:0"),
        (OnBatchSize, r"the size 'batch' is not known until.*test_promote\.py line \d+: return x \* 2 if x\.shape"),
        (Alternating, r"the example batch research applied relu where the graph has mul, at test_promote"),
        (
            Counting,
            r"mul_1 is the first op whose bits differ from research, at test_promote\.py line \d+",
        ),
        (LoopsOverRows, r"the size 'batch' is not known until the graph runs.*test_promote\.py line \d+"),
        (
            HiddenTensor,
            r"Parameter, or its buffer: self\.register_buffer.*line \d+: return x \* self\.hidden",
        ),
        (Constant, "forward must return what it computed from its inputs"),
        (FixedBatch, r"reshape needs as many values after as before.*x\.reshape\(4, 3\)"),
    ],
)
def test_what_would_differ_is_refused_with_its_line(model, words, tmp_path):
    with pytest.raises(PromotionError, match=words):
        promote(model(), np.ones((4, 3), "float32"), tmp_path / "model")
    assert not list(tmp_path.iterdir())


def test_a_graph_with_one_wrong_bit_is_refused(tmp_path, monkeypatch):
    """The proof looks at what was saved and loaded: one bit off in a weight on the way is enough."""
    from production import saved_model

    read = saved_model._arrays

    def one_bit_off(path):
        arrays = read(path)
        if path.name == "weights.safetensors":
            arrays["0.bias"].view("uint32")[0] ^= 1
        return arrays

    monkeypatch.setattr(saved_model, "_arrays", one_bit_off)
    with pytest.raises(PromotionError, match="differs from research"):
        promote(nn.Sequential(nn.Linear(3, 2)), np.ones((4, 3), "float32"), tmp_path / "model")
    assert not list(tmp_path.iterdir())


def test_examples_need_a_batch_axis(tmp_path):
    for example in (np.float32(1), np.ones((0, 3)), (np.ones((2, 3)), np.ones((3, 3)))):
        with pytest.raises(PromotionError, match="need a batch axis in front"):
            promote(nn.Identity(), example, tmp_path / "model")
    promote(nn.ReLU(), np.ones((2, 3)), tmp_path / "model")
    with pytest.raises(FileExistsError, match="never written over"):
        promote(nn.ReLU(), np.ones((2, 3)), tmp_path / "model")


class Keeper(nn.Module):
    """Keeps things between calls, as real modules do."""

    def __init__(self):
        super().__init__()
        self.register_buffer("run", torch.ones(3))
        self.layer = nn.Linear(3, 3)
        self.history, self.cache = [], None

    def forward(self, x):
        self.cache = self.layer.weight * 2
        self.history.append(x)
        self.run = self.run * 0.9 + x.sum(0) * 0.1
        return self.layer(x) @ self.cache


def test_the_model_and_the_example_are_left_as_they_were(tmp_path):
    model, example = Keeper(), np.ones((4, 3), "float32")
    model.layer.eval()
    promote(model, example, tmp_path / "model")
    assert (model.history, model.cache, model.run.tolist()) == ([], None, [1, 1, 1])
    assert (model.training, model.layer.training) == (True, False)
    assert isinstance(model.layer.weight, nn.Parameter)
    assert "run" not in vars(model)

    class Writes(nn.Module):
        def forward(self, x):
            x += 1
            return x

    promote(Writes(), example, tmp_path / "writes")
    np.testing.assert_array_equal(example, 1)


def test_a_refused_dropout_leaves_the_generator_alone(tmp_path):
    class Drops(nn.Module):
        def forward(self, x):
            return nn.functional.dropout(x, 0.5)

    with pytest.raises(PromotionError, match=r"dropout\(x, p, training=self.training\)"):
        promote(Drops(), np.ones((4, 3), "float32"), tmp_path / "model")
    assert torch.randn(2).shape == (2,)


def test_arrays_without_axes(tmp_path):
    class Scaled(nn.Module):
        def __init__(self):
            super().__init__()
            self.scale = nn.Parameter(torch.tensor(3.0))

        def forward(self, x):
            return x / np.sqrt(8) * self.scale, x.sum()

    promote(Scaled(), np.ones((4, 3), "float32"), tmp_path / "model")
    assert tf.load(tmp_path / "model").predict(np.ones((1, 3)))["output_1"] == 3


@pytest.mark.parametrize(
    ("model", "example", "names", "words"),
    [
        (lambda x: x, np.ones((2, 3)), None, "takes a research.nn.Module; got a function"),
        (nn.ReLU(), np.ones((2, 3)), ["a:0"], "input_names needs 1 different names"),
        (nn.ReLU(), np.ones((2, 3)), ["a", "a"], "input_names needs 1 different names"),
        (nn.ReLU(), np.array([["text"]]), None, "example inputs are arrays of .*; got <U4"),
        (nn.ReLU(), np.ones((2, 3), "complex64"), None, "got complex64"),
    ],
)
def test_wrong_calls_in_words(model, example, names, words, tmp_path):
    with pytest.raises(PromotionError, match=words):
        promote(model, example, tmp_path / "model", input_names=names)
    with pytest.raises(PromotionError, match="cannot be saved"):
        promote(nn.ReLU(), np.ones((2, 3)), tmp_path / "model", provenance={"x": object()})
    assert not list(tmp_path.iterdir())
