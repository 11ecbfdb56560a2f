"""The rules of the house that code can check: who imports whom, what an import does, what a module offers."""

import ast
import importlib
import json
import pkgutil
import subprocess
import sys
import tomllib
from pathlib import Path

import grimp
import pytest
from importlinter.api import read_configuration
from importlinter.application.use_cases import SUCCESS, lint_imports

import sophia_metrics
from sophia_metrics import errors

ROOT = Path(sophia_metrics.__file__).parent.parent
PACKAGES = ("sophia_metrics", "flows", "tasks")
FILES = sorted(file for package in PACKAGES for file in (ROOT / package).rglob("*.py"))
LIBRARY = sorted(
    module.name
    for module in pkgutil.walk_packages(sophia_metrics.__path__, "sophia_metrics.")
    if not module.name.startswith("sophia_metrics.cli")
)

WATCHER = """
import importlib, json, os, sys
import snowflake.connector # binds a socket to see whether there is IPv6, and its C parts fail with another datetime
seen = set()
# What other libraries do when they are imported is theirs: only our own modules are watched.
def ours():
    frame = sys._getframe(2)
    while frame is not None:
        name = frame.f_globals.get("__name__", "")
        if name.startswith("sophia_metrics"):
            return f"{name}:{frame.f_lineno}"
        if not name.startswith(("os", "collections", "datetime", "time", "importlib", "watched")):
            return None
        frame = frame.f_back
    return None
def hook(event, arguments):
    if event.startswith("socket.") and event != "socket.__new__":
        seen.add(f"network: {event}")
sys.addaudithook(hook)
class Watched(type(os.environ)):
    def __getitem__(self, key):
        if place := ours():
            seen.add(f"environment: {place}")
        return super().__getitem__(key)
inner = os.environ
os.environ = Watched(inner._data, inner.encodekey, inner.decodekey, inner.encodevalue, inner.decodevalue)
import datetime, time
class Clock(datetime.datetime):
    @classmethod
    def now(cls, tz=None):
        if place := ours():
            seen.add(f"clock: {place}")
        return super().now(tz)
real = datetime.datetime
for name in sys.argv[1:]:
    datetime.datetime = Clock
    module = importlib.import_module(name)
    datetime.datetime = real
print(json.dumps(sorted(seen)))
"""


def named(path):
    return ".".join(path.relative_to(ROOT).with_suffix("").parts)


def test_the_contracts_of_imports_hold(monkeypatch, capsys):
    monkeypatch.chdir(ROOT)
    read_configuration()

    assert lint_imports(cache_dir=None, is_debug_mode=False) is SUCCESS, capsys.readouterr().out


def test_every_folder_with_modules_is_a_package_since_the_contracts_do_not_see_others():
    folders = {file.parent for file in FILES}

    assert [str(folder) for folder in sorted(folders) if not (folder / "__init__.py").is_file()] == []


def test_no_module_imports_itself_through_others():
    graph = grimp.build_graph(*PACKAGES, cache_dir=None)
    circular = [module for module in graph.modules if any(module in chain for chain in _chains_back(graph, module))]

    assert circular == []


def _chains_back(graph, module):
    for imported in graph.find_modules_directly_imported_by(module):
        chain = graph.find_shortest_chain(imported, module)
        if chain is not None:
            yield chain


def test_importing_the_library_asks_no_network_no_environment_and_no_clock():
    done = subprocess.run(
        [sys.executable, "-c", WATCHER, *LIBRARY], capture_output=True, text=True, check=False, cwd=ROOT
    )

    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout.splitlines()[-1]) == []


def test_the_library_reads_the_clock_nowhere():
    clocks = {"now", "utcnow", "today", "time", "time_ns"}
    owners = {"datetime", "date", "time"}
    calls = [
        f"{named(file)}:{node.lineno}"
        for file in FILES
        if file.is_relative_to(ROOT / "sophia_metrics") and not file.is_relative_to(ROOT / "sophia_metrics/cli")
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8")))
        if isinstance(node, ast.Call)
        and isinstance(node.func, ast.Attribute)
        and node.func.attr in clocks
        and isinstance(node.func.value, ast.Name)
        and node.func.value.id in owners
    ]

    assert calls == []


def test_the_library_reads_the_environment_in_settings_alone():
    readers = {
        named(file)
        for file in FILES
        if file.is_relative_to(ROOT / "sophia_metrics") and not file.is_relative_to(ROOT / "sophia_metrics/cli")
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8")))
        if isinstance(node, ast.Attribute) and node.attr in {"environ", "getenv"}
    }

    assert readers == {"sophia_metrics.settings"}


def test_no_flow_is_named_like_a_package_since_prefect_puts_its_folder_first_on_the_path():
    installed = set(sys.stdlib_module_names) | {module.name for module in pkgutil.iter_modules()}
    flows = {file.stem for file in (ROOT / "flows").glob("*.py")} - {"__init__"}

    assert flows & installed == set()
    assert all("_" in flow for flow in flows)  # verb_noun


@pytest.mark.parametrize("package", ["flows", "tasks"])
def test_an_orchestrating_package_runs_nothing_itself(package):
    content = ast.parse((ROOT / package / "__init__.py").read_text(encoding="utf-8")).body

    assert [type(node) for node in content] == [ast.Expr]  # its docstring


@pytest.mark.parametrize("file", FILES, ids=named)
def test_a_module_says_what_it_is(file):
    docstring = ast.get_docstring(ast.parse(file.read_text(encoding="utf-8")))

    assert docstring
    assert docstring.splitlines()[0].endswith((".", ":", "?"))


@pytest.mark.parametrize("name", LIBRARY)
def test_the_names_that_a_module_offers_are_sorted_and_are_there(name):
    module = importlib.import_module(name)
    public = list(getattr(module, "__all__", []))
    is_package = hasattr(module, "__path__")

    assert public or is_package, "a module without __all__ offers nothing"
    assert [each for each in public if not hasattr(module, each)] == []
    assert len(set(public)) == len(public)


@pytest.mark.parametrize("name", LIBRARY)
def test_a_module_offers_every_class_and_function_of_its_own_that_has_a_public_name_and_a_user(name):
    """A public name that another module imports stands in __all__."""
    module = importlib.import_module(name)
    offered = set(getattr(module, "__all__", []))

    assert USED.get(name, set()) - offered == set()


def _used_names() -> dict[str, set[str]]:
    """Return, by module of the library, the names that other modules import from it."""
    used: dict[str, set[str]] = {}
    for file in FILES:
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            if isinstance(node, ast.ImportFrom) and node.module and node.module in LIBRARY:
                modules = {name for name in LIBRARY if name.startswith(f"{node.module}.")}
                names = {alias.name for alias in node.names if f"{node.module}.{alias.name}" not in modules}
                used.setdefault(node.module, set()).update(names)
    return used


USED = _used_names()


def test_the_package_offers_its_errors_and_its_version():
    tree = {name for name in errors.__all__ if name.endswith("Error")}

    assert set(sophia_metrics.__all__) == tree | {"__version__"}
    assert all(getattr(sophia_metrics, name) is getattr(errors, name) for name in tree)


def test_the_version_is_that_of_the_project():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]

    assert sophia_metrics.__version__ == project["version"]


def test_no_module_catches_everything():
    blanket = [
        f"{named(file)}:{node.lineno}"
        for file in FILES
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8")))
        if isinstance(node, ast.ExceptHandler)
        and (node.type is None or (isinstance(node.type, ast.Name) and node.type.id == "Exception"))
    ]

    assert blanket == []
