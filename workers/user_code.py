"""Finds the class that `module: package.module:Class` names: beside the spec first, then among installed packages."""

from __future__ import annotations

import importlib
import sys
import threading
from pathlib import Path
from types import ModuleType

from workers.problems import SpecProblem, listed, nearest, users_line

_one_at_a_time = threading.RLock()  # sys.path and sys.modules are shared by all threads
_loaded: set[str] = set()  # modules of the last user's folder, so that the next load reads the files anew
_on_path: list[str] = []  # that folder, as long as it is on sys.path


def load_class(reference: str, code_dir: str | None) -> type:
    """The class, imported afresh. Raises SpecProblem: no such module or class, or the module's error with its line."""
    module_name, class_name = reference.split(":")
    with _one_at_a_time:
        module = _import(module_name, Path(code_dir or ".").resolve())
    found = getattr(module, class_name, None)
    classes = [
        name for name, value in vars(module).items() if isinstance(value, type) and value.__module__ == module.__name__
    ]
    if found is None:
        raise SpecProblem(
            f"net.module: {_place(module)} has no class {class_name}.{nearest(class_name, classes)} "
            f"Its classes: {listed(classes) or 'none'}."
        )
    if not isinstance(found, type):
        raise SpecProblem(
            f"net.module: {class_name} in {_place(module)} is no class; its classes: {listed(classes) or 'none'}."
        )
    return found


def _import(name: str, folder: Path) -> ModuleType:
    beside = _is_beside(name, folder)
    top = name.split(".")[0]
    for known in list(_loaded):
        sys.modules.pop(known, None)
    _loaded.clear()
    while _on_path:
        sys.path.remove(_on_path.pop())
    if beside and (top in sys.stdlib_module_names or (top in sys.modules and not _lies_in(top, folder))):
        raise SpecProblem(
            f"net.module: {top} is also the name of an installed module; give the file beside the spec another name."
        )
    before = {known.split(".")[0] for known in list(sys.modules)}  # other threads import meanwhile
    importlib.invalidate_caches()
    sys.path.insert(0, str(folder))
    try:
        return importlib.import_module(name)
    except KeyboardInterrupt:
        raise
    except BaseException as error:  # a module may also call sys.exit
        raise SpecProblem(_why(error, name, top, beside, folder)) from None
    finally:
        # last, so that a file of the user's cannot hide an installed module from anything imported later
        sys.path.remove(str(folder))
        sys.path.append(str(folder))
        _on_path.append(str(folder))
        _loaded.update(
            known for known in list(sys.modules) if known.split(".")[0] not in before and _lies_in(known, folder)
        )


def _is_beside(name: str, folder: Path) -> bool:
    path = folder.joinpath(*name.split("."))
    return path.with_suffix(".py").is_file() or (path / "__init__.py").is_file()


def _lies_in(module_name: str, folder: Path) -> bool:
    file = getattr(sys.modules.get(module_name), "__file__", None)
    return bool(file) and Path(str(file)).resolve().is_relative_to(folder) and "site-packages" not in str(file)


def _why(error: BaseException, name: str, top: str, beside: bool, folder: Path) -> str:
    if (
        isinstance(error, ModuleNotFoundError)
        and error.name
        and not beside
        and (error.name == top or name.startswith(error.name))
    ):
        files = sorted(path.stem for path in folder.glob("*.py"))
        return (
            f"net.module: there is no module {name}, neither in {folder} nor among installed packages."
            f"{nearest(name, files)} Python files there: {listed(files[:10]) or 'none'}."
        )
    return f"net.module: importing {name} failed: {users_line(error, folder)}."


def _place(module: ModuleType) -> str:
    return str(getattr(module, "__file__", None) or module.__name__)
