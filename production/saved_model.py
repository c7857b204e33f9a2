"""SavedModel: a graph, its weights and its own proof in a folder, loaded without the code that made it.

    manifest.json        format, signature, proof, provenance, and a SHA-256 of each other file
    graph.json           the operations that the outputs need
    weights.safetensors  variables and constants
    golden.safetensors   inputs and the outputs they gave, which `verify` repeats

No pickle, no code. A folder is written beside its place and moved there whole.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import shutil
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from production.graph import Graph, Node
from production.graph_json import DAMAGE, GraphJsonError, graph_from_json, graph_to_json, spec_from_json, spec_to_json
from production.plan import FeedError, needed_operations
from production.session import Session
from shared_ops.bits import same_bits
from shared_ops.dim import Dim, bind
from shared_ops.spec import Spec

FORMAT, VERSION = "lockstep.model", 1
MANIFEST, GRAPH, WEIGHTS, GOLDEN = "manifest.json", "graph.json", "weights.safetensors", "golden.safetensors"
MAX_JSON_BYTES = 64 * 1024 * 1024
MOST_VALUES = 2**31  # in one array of a golden run
MOST_ROUNDING = 1e-4  # what another processor or BLAS may do to a result; more is another result


class SavedModelError(ValueError):
    """A folder that is no saved model, is damaged, comes from a newer version, or does not repeat its own results."""


class SavedModel:
    """A loaded model, for any number of threads. `signature` is {"inputs": {name: Spec}, "outputs": {name: Spec}}."""

    def __init__(
        self, path: Path, graph: Graph, session: Session, manifest: Mapping[str, Any], golden: dict[str, np.ndarray]
    ):
        self.path, self.graph, self.session, self.golden = path, graph, session, golden
        self.proof, self.provenance = manifest.get("proof", {}), manifest.get("provenance", {})
        ends = manifest["signature"]
        self.inputs = {name: graph.get_tensor_by_name(entry["node"]) for name, entry in ends["inputs"].items()}
        self.outputs = {name: graph.get_tensor_by_name(entry["node"]) for name, entry in ends["outputs"].items()}
        self.signature: dict[str, dict[str, Spec]] = {
            "inputs": {name: node.spec for name, node in self.inputs.items()},
            "outputs": {name: node.spec for name, node in self.outputs.items()},
        }

    def run(self, inputs: Mapping[str, Any]) -> dict[str, np.ndarray]:
        """All outputs by name. Raises FeedError for an input that is missing, unknown or of another shape or dtype."""
        if inputs.keys() != self.inputs.keys():
            raise FeedError(f"the model takes inputs {', '.join(self.inputs)}; got {', '.join(inputs) or 'none'}")
        return self.session.run(self.outputs, {self.inputs[name]: value for name, value in inputs.items()})

    def predict(self, *arrays: Any) -> Any:
        """The output for the inputs in the signature's order; a dict when there are several outputs."""
        if len(arrays) != len(self.inputs):
            raise TypeError(f"the model takes {len(self.inputs)} inputs ({', '.join(self.inputs)}); got {len(arrays)}")
        out = self.run(dict(zip(self.inputs, arrays, strict=True)))
        return next(iter(out.values())) if len(out) == 1 else out

    def verify(self) -> dict[str, Any]:
        """Repeat the golden run: {"bit_for_bit": …, "largest_difference": |got - saved| / (1 + |saved|)}."""
        inputs = {name: self.golden[f"input.{name}"] for name in self.inputs}
        out = self.run(inputs)
        wanted = {name: self.golden[f"output.{name}"] for name in self.outputs}
        return {
            "bit_for_bit": all(same_bits(out[name], wanted[name]) for name in wanted),
            "largest_difference": max(_difference(out[name], wanted[name]) for name in wanted),
        }


# writing ----------------------------------------------------------------------------------------------------------
def save(
    path: str | os.PathLike,
    session: Session,
    inputs: Mapping[str, Node],
    outputs: Mapping[str, Node],
    golden_inputs: Mapping[str, Any],
    **about: Mapping[str, Any],
) -> Path:
    """Save what `outputs` need of the session's graph, with the variables' present values. All or nothing.

    `golden_inputs` is one batch that the model will repeat whenever it is loaded; `about` may be `proof` and
    `provenance`, JSON-able dicts that are kept with it. Raises FileExistsError when
    something stands at `path` already, ValueError for a graph that draws random numbers.
    """
    with staging(path) as folder:
        write(folder, session, inputs, outputs, golden_inputs, **about)
    return Path(path)


def write(
    folder: Path,
    session: Session,
    inputs: Mapping[str, Node],
    outputs: Mapping[str, Node],
    golden_inputs: Mapping[str, Any],
    *,
    proof: Mapping[str, Any] | None = None,
    provenance: Mapping[str, Any] | None = None,
) -> None:
    """Write the files of a saved model into an empty folder."""
    from safetensors.numpy import save as to_bytes

    needed = needed_operations(outputs.values(), inputs.values())
    operations = sorted({*needed, *(node.operation for node in inputs.values())}, key=lambda o: o.order)
    random = next((o for o in operations if o.followers), None)
    if random is not None:
        raise ValueError(f"a saved model gives the same result each time; {random.name} draws random numbers")
    variables = {o.name: session.value(o.outputs[0]) for o in operations if o.type == "variable"}
    constants = {o.name: o.value for o in operations if o.type == "constant"}
    golden = {f"input.{k}": np.asarray(v, dtype=inputs[k].dtype) for k, v in golden_inputs.items()}
    results = session.run(dict(outputs), {inputs[k]: v for k, v in golden_inputs.items()})
    golden |= {f"output.{k}": v for k, v in results.items()}
    files = {
        GRAPH: json.dumps(graph_to_json(operations), indent=1).encode(),
        WEIGHTS: to_bytes({k: np.asarray(v, order="C") for k, v in {**variables, **constants}.items()}),
        GOLDEN: to_bytes({k: np.asarray(v, order="C") for k, v in golden.items()}),
    }
    ends = {"inputs": inputs, "outputs": outputs}
    manifest = {
        "format": FORMAT,
        "version": VERSION,
        "signature": {
            end: {name: {"node": node.name, **spec_to_json(node.spec)} for name, node in nodes.items()}
            for end, nodes in ends.items()
        },
        "files": {name: hashlib.sha256(content).hexdigest() for name, content in files.items()},
        "proof": dict(proof or {}),
        "provenance": dict(provenance or {}),
    }
    for name, content in {**files, MANIFEST: json.dumps(manifest, indent=1).encode()}.items():
        (folder / name).write_bytes(content)


def add_proof(folder: Path, proof: Mapping[str, Any]) -> None:
    """Enter a proof into the manifest of a model that is still being written."""
    manifest = _json(folder / MANIFEST)
    (folder / MANIFEST).write_text(json.dumps(manifest | {"proof": dict(proof)}, indent=1))


@contextlib.contextmanager
def staging(path: str | os.PathLike) -> Iterator[Path]:
    """A folder beside `path` that becomes `path` when the block ends well, and is gone when it does not."""
    path = Path(path)
    if path.exists():
        raise FileExistsError(f"{path} is there already; a saved model is never written over")
    path.parent.mkdir(parents=True, exist_ok=True)
    folder = Path(tempfile.mkdtemp(dir=path.parent, prefix=f".{path.name}."))
    try:
        folder.chmod(0o755)
        yield folder
        os.rename(folder, path)
    except BaseException:
        shutil.rmtree(folder, ignore_errors=True)
        raise


# reading ----------------------------------------------------------------------------------------------------------
def load(path: str | os.PathLike, verify: bool = True) -> SavedModel:
    """Load a saved model and, unless told otherwise, let it repeat its golden run.

    Raises SavedModelError, in words, when the folder is foreign, damaged or newer, or when the golden run differs by
    more than rounding (another processor or BLAS may round otherwise; `model.proof["at_load"]` says what was seen).
    """
    path = Path(path)
    manifest = _manifest(path)
    for name, digest in manifest["files"].items():
        if name not in (GRAPH, WEIGHTS, GOLDEN) or _sha256(path, name) != digest:
            raise SavedModelError(f"{path / name} is damaged: its content is not what was saved (SHA-256 differs)")
    weights, golden = _arrays(path / WEIGHTS), _arrays(path / GOLDEN)
    try:
        graph = graph_from_json(_json(path / GRAPH), weights)
        session = Session(graph)
        for operation in graph.operations:
            if operation.type == "variable":
                session.load(operation.outputs[0], weights[operation.name])
        model = SavedModel(path, graph, session, manifest, golden)
        for end in ("inputs", "outputs"):
            for name, entry in manifest["signature"][end].items():
                if spec_from_json(entry) != model.signature[end][name]:
                    raise GraphJsonError(f"the signature's {name} is not what the graph has")
    except DAMAGE as error:
        raise SavedModelError(f"{path} is damaged or foreign: {error}") from error
    if verify:
        _prove(model)
    return model


def _prove(model: SavedModel) -> None:
    try:
        _check_sizes(model)
        with np.errstate(all="ignore"):
            seen = model.verify()
    except DAMAGE as error:
        raise SavedModelError(f"{model.path} cannot repeat its golden run: {error}") from error
    model.proof = {**model.proof, "at_load": seen}
    if not seen["bit_for_bit"] and not seen["largest_difference"] < MOST_ROUNDING:
        raise SavedModelError(
            f"{model.path} does not repeat its golden run: outputs differ by {seen['largest_difference']:.2g} of "
            "their size; do not use it, promote the run again"
        )


def _check_sizes(model: SavedModel) -> None:
    """A model that says it makes more values than any machine holds is not run to find out."""
    sizes: dict[str, int] = {}
    for name, node in model.inputs.items():
        pairs = zip(node.shape, model.golden[f"input.{name}"].shape, strict=True)
        sizes |= {str(want): have for want, have in pairs if isinstance(want, Dim)}
    for operation in model.graph.operations:
        for node in operation.outputs:
            values = bind(node.spec.size, sizes)
            if not 0 <= values <= MOST_VALUES:
                raise GraphJsonError(f"{node.name}, {node.spec}, would have {values} values")


def _manifest(path: Path) -> dict[str, Any]:
    if not path.is_dir() or not (path / MANIFEST).is_file():
        raise SavedModelError(f"{path} is no saved model: a saved model is a folder with a {MANIFEST}")
    manifest = _json(path / MANIFEST)
    if not isinstance(manifest, dict) or manifest.get("format") != FORMAT:
        raise SavedModelError(f"{path} is no saved model of ours: its {MANIFEST} does not say format {FORMAT!r}")
    if not isinstance(manifest.get("version"), int) or manifest["version"] > VERSION:
        raise SavedModelError(
            f"{path} has format version {manifest.get('version')}; this installation reads up to {VERSION}: upgrade it"
        )
    if not all(isinstance(manifest.get(key), dict) for key in ("proof", "provenance")):
        raise SavedModelError(f"{path / MANIFEST} is damaged: it has no proof or no provenance")
    files, ends = manifest.get("files"), manifest.get("signature")
    if not isinstance(files, dict) or set(files) != {GRAPH, WEIGHTS, GOLDEN}:
        raise SavedModelError(f"{path / MANIFEST} is damaged: it does not list the model's files")
    if not isinstance(ends, dict) or not all(isinstance(ends.get(e), dict) and ends[e] for e in ("inputs", "outputs")):
        raise SavedModelError(f"{path / MANIFEST} is damaged: it has no signature")
    return manifest


def _json(path: Path) -> Any:
    try:
        if path.stat().st_size > MAX_JSON_BYTES:
            raise SavedModelError(f"{path} is larger than a graph can be")
        return json.loads(path.read_bytes())
    except (OSError, ValueError, RecursionError) as error:
        raise SavedModelError(f"{path} is damaged: {error}") from error


def _sha256(path: Path, name: str) -> str:
    try:
        if (path / name).is_symlink() or not (path / name).is_file():
            raise SavedModelError(f"{path} is damaged: {name} cannot be read (it is no plain file)")
        with open(path / name, "rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise SavedModelError(f"{path} is damaged: {name} cannot be read ({error.strerror})") from error


def _arrays(path: Path) -> dict[str, np.ndarray]:
    from safetensors import SafetensorError
    from safetensors.numpy import load_file

    try:
        return load_file(path)
    except (SafetensorError, OSError, ValueError) as error:
        raise SavedModelError(f"{path} is damaged: {error}") from error


def _difference(a: np.ndarray, b: np.ndarray) -> float:
    if a.shape != b.shape:
        return float("inf")
    if a.size == 0 or same_bits(a, b):
        return 0.0
    a, b = a.astype(np.float64), b.astype(np.float64)
    differs = ~((a == b) | (np.isnan(a) & np.isnan(b)))
    with np.errstate(all="ignore"):
        return float(np.max(np.abs(a - b) / (1 + np.abs(b)), where=differs, initial=0.0))
