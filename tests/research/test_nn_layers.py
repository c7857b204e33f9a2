"""Layers beside PyTorch's: the same names and shapes of weights, the same results, gradients and words."""

import numpy as np
import pytest

import research
from research import nn

IMAGE, VOLUME, SEQUENCE = (2, 4, 6, 7), (2, 4, 4, 5, 6), (2, 4, 9)

LAYERS = [
    ("Linear", (4, 3), {}, [(2, 5, 4)]),
    ("Linear", (4, 3), {"bias": False}, [(4,)]),
    ("Bilinear", (4, 5, 3), {}, [(2, 4), (2, 5)]),
    ("Identity", (), {}, [(2, 3)]),
    ("Flatten", (), {}, [IMAGE]),
    ("Flatten", (2, 3), {}, [IMAGE]),
    ("Unflatten", (1, (2, 2)), {}, [IMAGE]),
    ("Conv1d", (4, 6, 3), {"padding": 1, "stride": 2}, [SEQUENCE]),
    ("Conv1d", (4, 6, 3), {"padding": 2, "padding_mode": "circular"}, [SEQUENCE]),
    ("Conv2d", (4, 6, 3), {"padding": "same", "dilation": 2, "groups": 2}, [IMAGE]),
    ("Conv2d", (4, 6, (3, 2)), {"padding": (1, 2), "padding_mode": "reflect", "bias": False}, [IMAGE]),
    ("Conv2d", (4, 6, 3), {"padding": "same", "padding_mode": "replicate"}, [IMAGE]),
    ("Conv3d", (4, 2, 2), {"stride": (1, 2, 1)}, [VOLUME]),
    ("ConvTranspose1d", (4, 6, 3), {"stride": 2, "output_padding": 1}, [SEQUENCE]),
    ("ConvTranspose2d", (4, 6, 3), {"stride": 2, "padding": 1, "groups": 2}, [IMAGE]),
    ("ConvTranspose3d", (4, 2, 2), {"dilation": 2, "bias": False}, [VOLUME]),
    ("MaxPool1d", (2,), {}, [SEQUENCE]),
    ("MaxPool2d", (3, 2), {"padding": 1, "ceil_mode": True}, [IMAGE]),
    ("MaxPool3d", (2,), {"stride": 1, "dilation": 2}, [VOLUME]),
    ("AvgPool1d", (3,), {"stride": 2, "padding": 1, "count_include_pad": False}, [SEQUENCE]),
    ("AvgPool2d", (2,), {"divisor_override": 3}, [IMAGE]),
    ("AvgPool3d", (2,), {"ceil_mode": True}, [VOLUME]),
    ("LPPool1d", (2.0, 3), {"stride": 2}, [SEQUENCE]),
    ("LPPool2d", (4.0, 2), {}, [IMAGE]),
    ("AdaptiveAvgPool1d", (4,), {}, [SEQUENCE]),
    ("AdaptiveAvgPool2d", ((2, 3),), {}, [IMAGE]),
    ("AdaptiveAvgPool3d", (2,), {}, [VOLUME]),
    ("AdaptiveMaxPool1d", (4,), {}, [SEQUENCE]),
    ("AdaptiveMaxPool2d", (3,), {}, [IMAGE]),
    ("AdaptiveMaxPool3d", (2,), {}, [VOLUME]),
    ("Unfold", ((2, 3),), {"stride": 2}, [IMAGE]),
    ("Fold", ((4, 5), (2, 2)), {}, [(2, 12, 12)]),
    ("ConstantPad1d", ((1, 2), 0.5), {}, [SEQUENCE]),
    ("ConstantPad2d", (1, 0.5), {}, [IMAGE]),
    ("ZeroPad2d", ((1, 2, 0, 1),), {}, [IMAGE]),
    ("ReflectionPad1d", (2,), {}, [SEQUENCE]),
    ("ReflectionPad2d", ((1, 2, 0, 1),), {}, [IMAGE]),
    ("ReflectionPad3d", (1,), {}, [VOLUME]),
    ("ReplicationPad2d", (2,), {}, [IMAGE]),
    ("ReplicationPad3d", (1,), {}, [VOLUME]),
    ("CircularPad1d", (2,), {}, [SEQUENCE]),
    ("CircularPad2d", ((1, 2, 0, 1),), {}, [IMAGE]),
    ("Upsample", (), {"scale_factor": 2}, [IMAGE]),
    ("Upsample", (), {"size": (9, 5), "mode": "bilinear"}, [IMAGE]),
    ("UpsamplingNearest2d", (), {"scale_factor": 3}, [IMAGE]),
    ("UpsamplingBilinear2d", (), {"size": (9, 11)}, [IMAGE]),
    ("PixelShuffle", (2,), {}, [IMAGE]),
    ("PixelUnshuffle", (2,), {}, [(2, 3, 4, 6)]),
    ("BatchNorm1d", (4,), {}, [(5, 4)]),
    ("BatchNorm1d", (4,), {"momentum": None}, [SEQUENCE]),
    ("BatchNorm2d", (4,), {"affine": False}, [IMAGE]),
    ("BatchNorm3d", (4,), {"track_running_stats": False}, [VOLUME]),
    ("InstanceNorm1d", (4,), {"affine": True}, [SEQUENCE]),
    ("InstanceNorm2d", (4,), {"track_running_stats": True}, [IMAGE]),
    ("InstanceNorm3d", (4,), {}, [VOLUME[1:]]),
    ("LayerNorm", ((6, 7),), {}, [IMAGE]),
    ("LayerNorm", (7,), {"bias": False}, [IMAGE]),
    ("GroupNorm", (2, 4), {}, [IMAGE]),
    ("RMSNorm", (7,), {"eps": 1e-3}, [IMAGE]),
    ("LocalResponseNorm", (3,), {"k": 2.0}, [IMAGE]),
    *[
        (name, (), {}, [(3, 4)])
        for name in ("ReLU", "ReLU6", "LeakyReLU", "ELU", "SELU", "CELU", "GELU", "SiLU", "Mish")
    ],
    *[
        (name, (), {}, [(3, 4)])
        for name in ("Softplus", "Softsign", "Softshrink", "Hardshrink", "Tanhshrink", "Sigmoid")
    ],
    *[(name, (), {}, [(3, 4)]) for name in ("Hardtanh", "Hardswish", "LogSigmoid", "Tanh", "GLU")],
    *[(name, (1,), {}, [IMAGE]) for name in ("Softmin", "Softmax", "LogSoftmax")],
    ("Softmax2d", (), {}, [IMAGE]),
    ("LeakyReLU", (0.3,), {}, [(3, 4)]),
    ("GELU", ("tanh",), {}, [(3, 4)]),
    ("Hardtanh", (-0.5, 0.7), {}, [(3, 4)]),
    ("Softplus", (2.0, 1.0), {}, [(3, 4)]),
    ("Threshold", (0.1, 20.0), {}, [(3, 4)]),
    ("PReLU", (), {}, [IMAGE]),
    ("PReLU", (4,), {"init": 0.1}, [IMAGE]),
    ("Dropout", (0.0,), {}, [(3, 4)]),
    ("CosineSimilarity", (), {}, [(3, 4), (3, 4)]),
    ("PairwiseDistance", (1.0,), {"keepdim": True}, [(3, 4), (3, 4)]),
    ("TransformerEncoderLayer", (8, 2, 16), {"dropout": 0.0}, [(5, 3, 8)]),
    ("TransformerEncoderLayer", (8, 2, 16, 0.0, "gelu"), {"batch_first": True, "norm_first": True}, [(3, 5, 8)]),
    ("TransformerDecoderLayer", (8, 4, 16, 0.0), {}, [(5, 3, 8), (6, 3, 8)]),
    ("Transformer", (8, 2, 2, 1, 16, 0.0), {"batch_first": True}, [(3, 5, 8), (3, 4, 8)]),
]


def name_of(row):
    return f"{row[0]}-{'-'.join(map(str, [*row[1], *row[2]]))}"


def pair(name, args, settings):
    """PyTorch's layer in float64 and ours, with its weights, by name."""
    torch = pytest.importorskip("torch")
    torch.manual_seed(0)
    theirs = getattr(torch.nn, name)(*args, **settings).double()
    ours = getattr(nn, name)(*args, **settings).double()
    state = theirs.state_dict()
    for value in state.values():
        if value.is_floating_point() and value.ndim:
            value.copy_(torch.rand_like(value) * 0.5 + 0.1)
    ours.load_state_dict({key: value.numpy() for key, value in state.items()})
    assert list(ours.state_dict()) == list(state) or sorted(ours.state_dict()) == sorted(state)
    return torch, theirs, ours


def compare(torch, theirs, ours, inputs):
    """Results, and the gradients of inputs and parameters."""
    xs = [torch.from_numpy(a).requires_grad_() for a in inputs]
    ys = [research.Tensor(a.copy(), requires_grad=True) for a in inputs]
    expected, out = theirs(*xs), ours(*ys)
    assert tuple(expected.shape) == out.shape
    np.testing.assert_allclose(out.detach().numpy(), expected.detach().numpy(), rtol=1e-9, atol=1e-11)
    weight = np.random.default_rng(9).normal(size=out.shape)
    (expected * torch.from_numpy(weight)).sum().backward()
    (out * research.Tensor(weight)).sum().backward()
    found = dict(ours.named_parameters())
    for name, p in theirs.named_parameters():
        np.testing.assert_allclose(found[name].grad.numpy(), p.grad.numpy(), rtol=1e-8, atol=1e-10, err_msg=name)
    for x, y in zip(xs, ys, strict=True):
        np.testing.assert_allclose(y.grad.numpy(), x.grad.numpy(), rtol=1e-8, atol=1e-10)


@pytest.mark.parametrize("row", LAYERS, ids=name_of)
def test_a_layer_is_pytorchs(row):
    name, args, settings, shapes = row
    torch, theirs, ours = pair(name, args, settings)
    rng = np.random.default_rng(0)
    inputs = [rng.normal(size=shape) for shape in shapes]
    compare(torch, theirs, ours, inputs)
    buffers = dict(ours.named_buffers())
    for key, value in theirs.named_buffers():
        np.testing.assert_allclose(buffers[key].numpy(), value.numpy(), rtol=1e-9, err_msg=key)
    compare(torch, theirs.eval(), ours.eval(), inputs) if not list(ours.parameters()) else None
    np.testing.assert_allclose(
        ours(*map(research.Tensor, inputs)).detach().numpy(),
        theirs(*map(torch.from_numpy, inputs)).detach().numpy(),
        rtol=1e-9,
        atol=1e-11,
    )


@pytest.mark.parametrize("row", [r for r in LAYERS if "Transformer" not in r[0]], ids=name_of)
def test_a_layer_says_what_pytorchs_says(row):
    torch = pytest.importorskip("torch")
    name, args, settings, _ = row
    theirs = repr(getattr(torch.nn, name)(*args, **settings))
    if name in SAID_OTHERWISE:
        assert repr(getattr(nn, name)(*args, **settings)).startswith(name + "(")
    else:
        assert repr(getattr(nn, name)(*args, **settings)) == theirs


SAID_OTHERWISE = {  # with the names of all their settings
    *("MaxPool1d", "MaxPool2d", "MaxPool3d", "AvgPool1d", "AvgPool2d", "AvgPool3d", "LPPool1d", "LPPool2d", "Fold"),
    *("ConstantPad1d", "ConstantPad2d", "ZeroPad2d", "ReflectionPad1d", "ReflectionPad2d", "ReflectionPad3d"),
    *("ReplicationPad2d", "ReplicationPad3d", "CircularPad1d", "CircularPad2d", "Unfold", "CosineSimilarity"),
    *("Upsample", "UpsamplingNearest2d", "UpsamplingBilinear2d", "PixelShuffle", "PixelUnshuffle", "PairwiseDistance"),
    *("Softshrink", "Hardshrink", "Threshold", "Dropout", "LocalResponseNorm", "LayerNorm", "Softplus"),
}

LOSSES = [
    *[(name, {}, "numbers") for name in ("L1Loss", "MSELoss", "SmoothL1Loss", "HuberLoss")],
    ("SmoothL1Loss", {"beta": 0.3}, "numbers"),
    ("HuberLoss", {"delta": 0.3}, "numbers"),
    ("CrossEntropyLoss", {"label_smoothing": 0.1, "ignore_index": 1, "weight": [1.0, 2.0, 0.5, 1.5]}, "labels"),
    ("CrossEntropyLoss", {}, "shares"),
    ("NLLLoss", {"weight": [1.0, 2.0, 0.5, 1.5]}, "labels"),
    ("PoissonNLLLoss", {"full": True}, "counts"),
    ("GaussianNLLLoss", {}, "variances"),
    ("KLDivLoss", {"log_target": True}, "numbers"),
    ("BCELoss", {}, "probabilities"),
    ("BCEWithLogitsLoss", {"pos_weight": [1.0, 2.0, 0.5, 1.5]}, "zeros and ones"),
    ("HingeEmbeddingLoss", {"margin": 0.5}, "signs"),
    ("SoftMarginLoss", {}, "signs"),
    ("MarginRankingLoss", {"margin": 0.2}, "two and signs"),
    ("CosineEmbeddingLoss", {"margin": 0.2}, "two vectors and signs"),
    ("TripletMarginLoss", {"swap": True}, "three"),
    ("TripletMarginWithDistanceLoss", {"margin": 0.5}, "three"),
    ("MultiMarginLoss", {"p": 2, "margin": 0.7, "weight": [1.0, 2.0, 0.5, 1.5]}, "labels"),
    ("MultiLabelMarginLoss", {}, "several labels"),
    ("MultiLabelSoftMarginLoss", {"weight": [1.0, 2.0, 0.5, 1.5]}, "zeros and ones"),
]


def loss_inputs(kind):
    rng = np.random.default_rng(3)
    x, y = rng.normal(size=(5, 4)), rng.normal(size=(5, 4))
    return {
        "numbers": [x, y],
        "labels": [x, np.array([0, 3, 1, 2, 2])],
        "shares": [x, np.exp(y) / np.exp(y).sum(1, keepdims=True)],
        "counts": [x, rng.integers(0, 5, (5, 4)).astype(float)],
        "variances": [x, y, rng.random((5, 4)) + 0.1],
        "probabilities": [rng.random((5, 4)), rng.random((5, 4))],
        "zeros and ones": [x, rng.integers(0, 2, (5, 4)).astype(float)],
        "signs": [x, np.sign(y)],
        "two and signs": [x[:, 0].copy(), y[:, 0].copy(), np.sign(x[:, 1])],
        "two vectors and signs": [x, y, np.sign(x[:, 1])],
        "three": [x, y, rng.normal(size=(5, 4))],
        "several labels": [x, np.array([[0, 3, -1, 2], [1, -1, -1, -1], [-1, 0, 0, 0], [3, 2, 1, 0], [2, -1, 1, 0]])],
    }[kind]


@pytest.mark.filterwarnings("ignore:reduction")  # PyTorch's words about its KLDivLoss
@pytest.mark.parametrize("reduction", ["mean", "sum", "none"])
@pytest.mark.parametrize("row", LOSSES, ids=lambda row: f"{row[0]}-{row[2]}")
def test_a_loss_is_pytorchs(row, reduction):
    torch = pytest.importorskip("torch")
    name, settings, kind = row
    made = []
    for lib, tensor in ((torch, torch.tensor), (research, lambda a: research.tensor(np.asarray(a)))):
        given = {k: tensor(np.asarray(v)) if isinstance(v, list) else v for k, v in settings.items()}
        loss = getattr(lib.nn, name)(reduction=reduction, **given)
        inputs = [tensor(a) for a in loss_inputs(kind)]
        inputs[0].requires_grad_()
        out = loss(*inputs)
        out.sum().backward()
        made.append((out.detach().numpy(), inputs[0].grad.numpy()))
    for ours, theirs in zip(made[1], made[0], strict=True):
        assert ours.shape == theirs.shape
        np.testing.assert_allclose(ours, theirs, rtol=1e-9, atol=1e-12)


ATTENTIONS = [
    ({}, {}),
    ({"batch_first": True, "bias": False}, {"need_weights": False}),
    ({"kdim": 6, "vdim": 10}, {"average_attn_weights": False}),
    ({}, {"attn_mask": "booleans"}),
    ({}, {"attn_mask": "numbers"}),
    ({}, {"attn_mask": "booleans", "key_padding_mask": "booleans", "need_weights": False}),
    ({}, {"attn_mask": "of heads"}),
]


@pytest.mark.parametrize(("settings", "call"), ATTENTIONS)
def test_multihead_attention_is_pytorchs(settings, call):
    torch, theirs, ours = pair("MultiheadAttention", (8, 2), settings)
    rng = np.random.default_rng(2)
    t, s, n = 4, 5, 3
    shapes = [(t, n, 8), (s, n, settings.get("kdim", 8)), (s, n, settings.get("vdim", 8))]
    inputs = [rng.normal(size=shape) for shape in shapes]
    if settings.get("batch_first"):
        inputs = [a.swapaxes(0, 1).copy() for a in inputs]
    masks = {
        "booleans": rng.random((t, s)) > 0.7,
        "numbers": rng.normal(size=(t, s)),
        "of heads": rng.random((n * 2, t, s)) > 0.7,
    }
    masks["booleans"][:, 0] = masks["of heads"][..., 0] = False
    given = {k: masks[v] if isinstance(v, str) else v for k, v in call.items()}
    if "key_padding_mask" in given:
        padding = np.zeros((n, s), bool)
        padding[1, 3:] = True
        given["key_padding_mask"] = padding
    for arrays, module, tensor in ((inputs, theirs, torch.from_numpy), (inputs, ours, research.Tensor)):
        kwargs = {k: tensor(v) if isinstance(v, np.ndarray) else v for k, v in given.items()}
        out, weights = module(*map(tensor, arrays), **kwargs)
        if module is theirs:
            expected, expected_weights = out.detach().numpy(), weights
    np.testing.assert_allclose(out.detach().numpy(), expected, rtol=1e-9)
    assert (weights is None) == (expected_weights is None)
    if weights is not None:
        np.testing.assert_allclose(weights.detach().numpy(), expected_weights.detach().numpy(), rtol=1e-9)


@pytest.mark.parametrize("mode", ["sum", "mean", "max"])
@pytest.mark.parametrize("flat", [True, False])
@pytest.mark.parametrize("padding_idx", [None, 1])
def test_embedding_bag_is_pytorchs(mode, flat, padding_idx):
    torch = pytest.importorskip("torch")
    theirs = torch.nn.EmbeddingBag(6, 3, mode=mode, padding_idx=padding_idx, dtype=torch.float64)
    ours = nn.EmbeddingBag(6, 3, mode=mode, padding_idx=padding_idx).double()
    ours.load_state_dict({"weight": theirs.weight.detach().numpy()})
    numbers = np.array([0, 1, 5, 5, 2, 3, 1, 4])
    inputs = [numbers, np.array([0, 3, 3, 7])] if flat else [numbers.reshape(2, 4)]
    weights = {"per_sample_weights": np.arange(8.0).reshape(inputs[0].shape)} if mode == "sum" else {}
    outs = []
    for module, tensor in ((ours, research.Tensor), (theirs, torch.from_numpy)):
        out = module(*map(tensor, inputs), **{k: tensor(v) for k, v in weights.items()})
        (out**2).sum().backward()
        outs.append((out.detach().numpy(), module.weight.grad.numpy()))
    for a, b in zip(*outs, strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-12)


def test_max_unpooling_goes_back():
    x = research.randn(2, 3, 6, 8)
    out, places = nn.MaxPool2d(2, return_indices=True)(x)
    back = nn.MaxUnpool2d(2)(out, places)
    assert back.shape == x.shape
    np.testing.assert_array_equal(back.numpy()[back.numpy() != 0], x.numpy()[back.numpy() != 0])


def test_an_output_size_of_a_transposed_convolution():
    layer = nn.ConvTranspose2d(1, 1, 3, stride=2)
    x = research.randn(1, 1, 4, 4)
    assert layer(x).shape == (1, 1, 9, 9)
    assert layer(x, output_size=(10, 9)).shape == (1, 1, 10, 9)
    with pytest.raises(ValueError, match=r"output_size is from \[9, 9\] to \[10, 10\] for this input; got \[12, 12\]"):
        layer(x, output_size=(12, 12))


WRONG = [
    (lambda: nn.Linear(0, 3), "in_features as a whole number of at least 1; got 0"),
    (lambda: nn.Conv2d(3, 4, 3, groups=2), "groups divides both channel counts; got 3, 4, groups=2"),
    (lambda: nn.Conv2d(3, 4, (3, 3, 3)), r"Conv2d needs kernel_size as a whole number, or 2 of them; got \(3, 3, 3\)"),
    (lambda: nn.Conv1d(3, 4, 3, padding_mode="mirror"), "Conv1d needs padding_mode 'zeros', .*; got 'mirror'"),
    (lambda: nn.Dropout(1.5), "a probability between 0 and 1; got p=1.5"),
    (lambda: nn.MultiheadAttention(10, 3), "num_heads divides embed_dim; got 3 and 10"),
    (lambda: nn.TransformerEncoderLayer(8, 2, activation="tanh"), "'relu', 'gelu' or a function; got 'tanh'"),
    (lambda: nn.Embedding(3, 2, padding_idx=3), "padding_idx within its 3 rows; got 3"),
    (lambda: nn.MSELoss(reduction="median"), "reduction is 'none', 'mean' or 'sum'; got 'median'"),
    (lambda: nn.ZeroPad2d((1, 2))(research.ones(1, 1, 2, 2)), r"one number, or 4 of them; got \(1, 2\)"),
    (lambda: nn.BatchNorm2d(3)(research.ones(2, 3)), r"BatchNorm2d needs an input of 4 axes; got shape \(2, 3\)"),
]


@pytest.mark.parametrize(("make", "words"), WRONG)
def test_what_cannot_be_is_said(make, words):
    with pytest.raises(ValueError, match=words):
        make()


def test_unknown_settings_are_named():
    with pytest.raises(TypeError, match=r"LeakyReLU takes negative_slope, inplace: .*slope"):
        nn.LeakyReLU(slope=0.1)
    with pytest.raises(TypeError, match="MaxPool2d takes kernel_size"):
        nn.MaxPool2d()
