"""The spec of a run: one pydantic model behind the YAML file, the command line's `--set` and the browser's form."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Discriminator,
    Field,
    Tag,
    ValidationError,
    field_validator,
    model_validator,
)
from pydantic_core import PydanticCustomError

from workers.names import PATTERN
from workers.problems import SpecProblem, shown
from workers.spec_errors import not_json, told
from workers.yaml_file import override, read_spec

Scalar = str | int | float | bool


class _Strict(BaseModel):
    # strict: `epochs: yes` must not become 1; unknown keys are mistakes, never ignored
    model_config = ConfigDict(extra="forbid", strict=True, validate_default=True)


def _json_only(value: Any) -> Any:
    """Refuses what the store would not give back as it came."""
    if wrong := not_json(value):
        raise PydanticCustomError(
            "json",
            "takes text, finite numbers, true, false, null, lists and mappings of them; it holds {wrong}",
            {"wrong": wrong},
        )
    return value


class _Data(_Strict):
    source: str
    validation: float = Field(
        0.2,
        gt=0,
        lt=1,
        title="Held-out share",
        description="Share of the rows held out from training to measure accuracy.",
    )
    split_seed: int = Field(
        0,
        ge=0,
        lt=2**32,
        title="Split seed",
        description="Chooses the held-out rows. Apart from `seed`, so that seeds compare.",
    )
    read_ahead_threads: int = Field(
        1,
        ge=0,
        le=16,
        title="Read-ahead threads",
        description="Threads that prepare batches while the net computes; 0 is none.",
    )


class DigitsData(_Data):
    """Scikit-learn's handwritten digits: 1,797 images of 8 by 8 pixels in 0..1, ten classes."""

    model_config = ConfigDict(title="Digits")
    source: Literal["digits"] = Field("digits", description="Where the rows come from.")


class NpzData(_Data):
    """A NumPy file of your own with the arrays x (n, ...) of numbers and y (n,) of labels, or float targets for mse."""

    model_config = ConfigDict(title="NumPy file")
    source: Literal["npz"] = Field("npz", description="Where the rows come from.")
    path: str = Field(
        min_length=1,
        description="The .npz file; a relative path starts at the spec file's folder.",
        examples=["my.npz"],
    )


class ModuleNet(_Strict):
    """A net written in Python: a subclass of research.nn.Module."""

    model_config = ConfigDict(title="Python module")
    module: str = Field(
        pattern=r"^[A-Za-z_][\w.]*:[A-Za-z_]\w*$",
        description="package.module:Class, looked for beside the spec file first, then among installed packages.",
        examples=["digits_cnn:DigitsCNN"],
    )
    arguments: Annotated[dict[str, Any], AfterValidator(_json_only)] = Field(
        default_factory=dict, description="Keyword arguments of the class."
    )


class SGD(_Strict):
    """Stochastic gradient descent."""

    name: Literal["SGD"] = Field("SGD", description="Which update rule.")
    lr: float = Field(0.01, gt=0, le=100, title="Learning rate", description="Step size.")
    momentum: float = Field(0.0, ge=0, lt=1, description="Share of the last step kept in the next.")
    nesterov: bool = Field(False, description="Look ahead along the momentum; needs momentum above 0.")
    weight_decay: float = Field(0.0, ge=0, le=10, title="Weight decay", description="L2 pull of the weights towards 0.")
    schedule: Literal["constant", "cosine"] = Field(
        "constant", title="Schedule", description="constant keeps lr; cosine lets it fall to 0 along the run."
    )

    @model_validator(mode="after")
    def _nesterov_needs_momentum(self) -> SGD:
        if self.nesterov and self.momentum == 0:
            raise PydanticCustomError("nesterov", "nesterov: true needs a momentum above 0")
        return self


class Adam(_Strict):
    """Adam: steps scaled by running means of the gradient and of its square."""

    name: Literal["Adam"] = Field("Adam", description="Which update rule.")
    lr: float = Field(0.001, gt=0, le=100, title="Learning rate", description="Step size.")
    betas: list[Annotated[float, Field(ge=0, lt=1)]] = Field(
        [0.9, 0.999], min_length=2, max_length=2, description="Decay of the two running means, per step."
    )
    eps: float = Field(1e-8, gt=0, le=1, description="Keeps the division finite.")
    weight_decay: float = Field(0.0, ge=0, le=10, title="Weight decay", description="L2 pull of the weights towards 0.")
    schedule: Literal["constant", "cosine"] = Field(
        "constant", title="Schedule", description="constant keeps lr; cosine lets it fall to 0 along the run."
    )


def _one_layer(value: Any) -> Any:
    if isinstance(value, str) or (isinstance(value, dict) and len(value) == 1 and isinstance(next(iter(value)), str)):
        return _json_only(value)
    raise PydanticCustomError("layer", "needs a layer's name, or one name with its arguments, such as Linear: [64, 10]")


def _kind_of_net(value: Any) -> str | None:
    if isinstance(value, list):
        return "layers"
    return "module" if isinstance(value, dict | ModuleNet) else None


Layer = Annotated[str | dict[str, Any], BeforeValidator(_one_layer)]
Layers = Annotated[
    list[Layer], Field(min_length=1, title="Layers", description="Layers of research.nn, first to last.")
]
Net = Annotated[
    Annotated[Layers, Tag("layers")] | Annotated[ModuleNet, Tag("module")],
    Discriminator(
        _kind_of_net, custom_error_type="net", custom_error_message="needs a list of layers, or module: file:Class"
    ),
]

UNIONS: dict[str, dict[str, type[BaseModel]]] = {
    "data": {"digits": DigitsData, "npz": NpzData},
    "net": {"module": ModuleNet},
    "optimizer": {"SGD": SGD, "Adam": Adam},
}


class Experiment(_Strict):
    """What to train, on what, and how."""

    name: str = Field(
        pattern=PATTERN,
        description="The experiment's name: runs of one name are listed together. Letters, digits, - _ and dots.",
        examples=["digits-mlp"],
    )
    data: Annotated[DigitsData | NpzData, Field(discriminator="source")] = Field(
        description="The rows to learn from.", examples=[{"source": "digits"}]
    )
    net: Net = Field(
        description="The net: a list of layers, or a class of your own.",
        examples=[["Flatten", {"Linear": [64, 128]}, "ReLU", {"Linear": [128, 10]}]],
    )
    loss: Literal["cross_entropy", "mse"] = Field(
        "cross_entropy", description="What training makes small: cross_entropy for classes, mse for numbers."
    )
    optimizer: Annotated[SGD | Adam, Field(discriminator="name")] = Field(
        default_factory=lambda: Adam.model_validate({}), description="How the weights are updated."
    )
    epochs: int = Field(20, ge=1, le=100_000, description="Passes over the training rows.")
    batch_size: int = Field(
        32, ge=1, le=1_000_000, title="Batch size", description="Rows in one step, over all workers."
    )
    seed: int = Field(0, ge=0, lt=2**32, description="Of the weights, the shuffling and the dropout.")
    device: str = Field(
        "cpu", pattern=r"^(cpu|cuda(:\d+)?)$", description="cpu, cuda or cuda:N.", examples=["cpu", "cuda:0"]
    )
    workers: int = Field(1, ge=1, le=1024, description="Data-parallel processes; each batch is shared out among them.")
    code_dir: str | None = Field(
        None,
        title="Code folder",
        description="Where `module:` is looked for first; the spec file's folder unless given.",
        json_schema_extra={"advanced": True},
    )

    @model_validator(mode="after")
    def _sizes_agree(self) -> Experiment:
        if self.workers > self.batch_size:
            raise PydanticCustomError(
                "workers", "workers needs to be at most batch_size: a step gives each worker a row"
            )
        if self.workers > 1 and ":" in self.device:
            raise PydanticCustomError("device", "workers above 1 need device: cuda, for each takes a GPU of its own")
        return self

    @classmethod
    def from_yaml(cls, path: str | Path, overrides: list[str] | tuple[str, ...] = ()) -> Experiment:
        """Reads a spec file, with `a.b=c` assignments on top. Raises SpecProblem."""
        path = Path(path).expanduser()
        values = read_spec(path)
        for assignment in overrides:
            override(values, assignment)
        return cls.from_dict(values, where=str(path), folder=path.resolve().parent)

    @field_validator("optimizer", mode="before")
    @classmethod
    def _adam_unless_named(cls, given: Any) -> Any:
        """`--set optimizer.lr=0.01` on a spec without an optimizer changes the default one."""
        return {"name": "Adam", **given} if isinstance(given, dict) else given

    @classmethod
    def from_dict(cls, values: dict[str, Any], *, where: str = "the spec", folder: Path | None = None) -> Experiment:
        """Checks values as a form or a file gives them. Relative paths start at `folder`. Raises SpecProblem."""
        try:
            experiment = cls.model_validate(values)
        except ValidationError as error:
            raise SpecProblem(told(where, error, cls, UNIONS)) from None
        folder = Path(folder) if folder else Path.cwd()
        if experiment.code_dir is None:
            experiment.code_dir = str(folder)
        else:
            code_dir = _resolved(folder, experiment.code_dir, f"{where}: code_dir")
            if isinstance(experiment.net, ModuleNet) and not code_dir.is_dir():
                raise SpecProblem(f"{where}: code_dir: there is no folder {code_dir}.")
            experiment.code_dir = str(code_dir)
        if isinstance(experiment.data, NpzData):
            experiment.data.path = _existing(folder, experiment.data.path, where)
        _check_layers(experiment, where)
        return experiment

    def as_dict(self) -> dict[str, Any]:
        """Plain JSON-able values, from which `from_dict` makes an equal experiment."""
        return self.model_dump(mode="json")

    def params(self) -> dict[str, Scalar]:
        """Flat settings for comparing runs: `optimizer.lr` -> 0.001; the net as one line."""
        flat: dict[str, Scalar] = {}
        for key, value in self.as_dict().items():
            if key in ("name", "code_dir"):
                continue
            if key == "net":
                flat["net"] = net_in_a_line(value)
            elif isinstance(value, dict):
                flat |= {f"{key}.{inner}": _scalar(v) for inner, v in value.items()}
            else:
                flat[key] = _scalar(value)
        return flat


def net_in_a_line(net: list[str | dict[str, Any]] | dict[str, Any]) -> str:
    """`Flatten → Linear(64, 128) → ReLU → Linear(128, 10)`, or `digits_cnn:DigitsCNN(channels=16)`."""
    if isinstance(net, dict):
        return f"{net['module']}({_arguments_in_a_line(net['arguments'])})"
    layers = [{layer: []} if isinstance(layer, str) else layer for layer in net]
    texts = [(name, _arguments_in_a_line(given)) for layer in layers for name, given in layer.items()]
    return " → ".join(f"{name}({arguments})" if arguments else name for name, arguments in texts)


def _arguments_in_a_line(given: Any) -> str:
    if isinstance(given, dict):
        return ", ".join(f"{key}={value}" for key, value in given.items())
    return ", ".join(
        str(value) for value in (given if isinstance(given, list) else [given] if given is not None else [])
    )


def _scalar(value: Any) -> Scalar:
    return value if isinstance(value, str | int | float | bool) else str(value)


def _resolved(folder: Path, given: str, where: str) -> Path:
    try:
        path = (folder / Path(given).expanduser()).resolve()
        path.exists()  # asks the system, which may not take such a name at all
    except (OSError, ValueError, RuntimeError) as error:
        raise SpecProblem(f"{where}: {shown(given)} is no path: {error}.") from None
    return path


def _existing(folder: Path, given: str, where: str) -> str:
    path = _resolved(folder, given, f"{where}: data.path")
    if not path.is_file():
        kind = "a folder" if path.is_dir() else "not there"
        raise SpecProblem(f"{where}: data.path: needs an .npz file; {path} is {kind}.")
    return str(path)


def _check_layers(experiment: Experiment, where: str) -> None:
    from workers.net import check_layers  # brings in `research`, which reading a schema does not need

    check_layers(experiment, where)
