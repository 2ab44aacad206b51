"""What the package must never do, found in its syntax trees: run what lies in a file, and the like.

Names, imports, attributes, keywords and texts are looked at, not lines: a comment may speak of
pickle. Whatever must be done after all is done in one place, which stands below.
"""

import ast
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Final

import pytest
from conftest import ROOT

PACKAGE: Final = ROOT / "forecast_cli"
Node = ast.AST


@dataclass(frozen=True)
class Ban:
    """name: what it is called below. reason: what it does. allowed: modules that may."""

    name: str
    reason: str
    breaks: Callable[[Node], bool]
    allowed: tuple[str, ...] = ()


def _dotted(node: Node) -> str:
    """The text of a name such as `pq.write_table`; empty for what is none."""
    if isinstance(node, ast.Name):
        return node.id
    if isinstance(node, ast.Attribute):
        return f"{_dotted(node.value)}.{node.attr}"
    return ""


def imports(*modules: str) -> Callable[[Node], bool]:
    """`import module`, `from module import x` and below it, and `import_module("module")`."""

    def imported(node: Node) -> Iterator[str]:
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        if isinstance(node, ast.ImportFrom) and node.module:
            yield node.module
            yield from (f"{node.module}.{alias.name}" for alias in node.names)
        if isinstance(node, ast.Call) and names("import_module", "__import__")(node.func):
            yield from (str(of.value) for of in node.args if isinstance(of, ast.Constant))

    return lambda node: any(
        name == module or name.startswith(f"{module}.")
        for name in imported(node)
        for module in modules
    )


def names(*ends: str) -> Callable[[Node], bool]:
    """A use of a name, or its import: `load_model` is also `keras.models.load_model`."""

    def breaks(node: Node) -> bool:
        if isinstance(node, ast.ImportFrom):
            used = [f"{node.module}.{alias.name}" for alias in node.names]
        else:
            used = [_dotted(node)]
        return any(name == end or name.endswith(f".{end}") for name in used for end in ends)

    return breaks


def calls(*functions: str) -> Callable[[Node], bool]:
    """A call of a plain name: `exec(...)`, not `self.exec(...)`."""
    return lambda node: isinstance(node, ast.Call) and _dotted(node.func) in functions


def keyword(name: str, value: object) -> Callable[[Node], bool]:
    """A keyword of a call with a constant value."""
    return lambda node: (
        isinstance(node, ast.keyword)
        and node.arg == name
        and isinstance(node.value, ast.Constant)
        and node.value.value is value
    )


def returned(name: str) -> Callable[[Node], bool]:
    """`return name` and `return name(...)`."""

    def breaks(node: Node) -> bool:
        if not isinstance(node, ast.Return) or node.value is None:
            return False
        value = node.value.func if isinstance(node.value, ast.Call) else node.value
        return _dotted(value) == name

    return breaks


BANS: Final = (
    Ban("pickle", "runs code", imports("pickle", "cPickle", "cloudpickle", "dill", "shelve")),
    Ban("joblib", "loads pickles", imports("joblib")),
    Ban("marshal", "crashes on bad data", imports("marshal")),
    Ban("yaml", "its default loader runs code", imports("yaml", "ruamel")),
    Ban("h5py", "reads other files; its library has open holes", imports("h5py", "tables")),
    Ban("archives", "members lead out of the folder", imports("tarfile", "zipfile")),
    Ban("unpacking", "as above", names("extractall", "unpack_archive")),
    Ban("eval", "runs text", calls("eval", "exec", "compile", "__import__")),
    Ban("subprocess", "starts programs", imports("subprocess", "pty", "pexpect")),
    Ban("os.system", "starts a shell", names("os.system", "os.popen")),
    Ban("shell", "starts a shell", keyword("shell", value=True)),
    Ban(
        "load_model",
        "runs what the file names",
        names(
            "load_model",
            "load_weights",
            "load_weights_from_file",
            "model_from_json",
            "deserialize_keras_object",
            "from_config",
            "get_file",
        ),
    ),
    Ban(
        "Lambda", "bytecode in a model", names("keras.layers.Lambda", "layers.Lambda", "TFSMLayer")
    ),
    Ban(
        "unsafe mode",
        "lets a model run its code",
        lambda node: (
            names("enable_unsafe_deserialization")(node)
            or keyword("safe_mode", value=False)(node)
            or keyword("safe_mode", value=None)(node)
        ),
    ),
    Ban("allow_pickle", "numpy then runs code", keyword("allow_pickle", value=True)),
    Ban("verify", "TLS without a check", keyword("verify", value=False)),
    Ban(
        "Arrow IPC",
        "may crash on bad data",
        lambda node: (
            imports("pyarrow.ipc", "pyarrow.feather")(node)
            or names("pa.ipc", "pa.feather", "pyarrow.ipc", "read_feather")(node)
        ),
    ),
    Ban(
        "Parquet writer",
        "elsewhere than in the one that is atomic, with checksums",
        names("pq.write_table", "parquet.write_table", "ParquetWriter", "to_parquet"),
        allowed=("data/store.py", "data/parquet.py"),
    ),
    Ban("Markup", "text that is not escaped", names("Markup", "jinja2.Template")),
    Ban("Template", "jinja2 without autoescape", calls("Template")),
    Ban(
        "|safe",
        "text that is not escaped",
        lambda node: (
            isinstance(node, ast.Constant)
            and isinstance(node.value, str)
            and "|safe" in node.value.replace(" ", "")
        ),
    ),
    Ban("print", "results go through one module", calls("print"), allowed=("cli/console.py",)),
    Ban("typer.Exit", "returned, it is exit code 0", returned("typer.Exit")),
    Ban("mktemp", "another process may take the name first", names("tempfile.mktemp")),
)


def broken(source: str, module: str) -> list[str]:
    """Every ban that a module's source breaks, with its line."""
    return [
        f"{module}:{getattr(node, 'lineno', '?')}: {ban.name}: {ban.reason}"
        for node in ast.walk(ast.parse(source))
        for ban in BANS
        if module not in ban.allowed and ban.breaks(node)
    ]


MODULES = sorted(str(path.relative_to(PACKAGE)) for path in PACKAGE.rglob("*.py"))


@pytest.mark.parametrize("module", MODULES)
def test_the_package_does_none_of_it(module: str) -> None:
    """Each module's syntax tree, whole."""
    assert broken((PACKAGE / module).read_text(), module) == []


def test_templates_escape_everything() -> None:
    """No template marks a text as safe or turns escaping off."""
    templates = [path for path in PACKAGE.rglob("*") if path.suffix in {".html", ".j2", ".svg"}]
    assert templates
    for path in templates:
        text = path.read_text().replace(" ", "")
        assert "|safe" not in text
        assert "autoescapefalse" not in text


PLANTED: Final = (
    ("import pickle", "pickle"),
    ("from dill import loads", "pickle"),
    ("def f():\n    import cloudpickle as cp", "pickle"),
    ("import importlib\nimportlib.import_module('pickle')", "pickle"),
    ("from joblib import load", "joblib"),
    ("import marshal", "marshal"),
    ("import yaml", "yaml"),
    ("import h5py._hl.files", "h5py"),
    ("import tarfile", "archives"),
    ("archive.extractall(folder)", "unpacking"),
    ("shutil.unpack_archive(path)", "unpacking"),
    ("eval(text)", "eval"),
    ("exec(compile_)", "eval"),
    ("from subprocess import run", "subprocess"),
    ("os.system(text)", "os.system"),
    ("run(text, shell=True)", "shell"),
    ("keras.saving.load_model(path)", "load_model"),
    ("from keras.models import load_model", "load_model"),
    ("network.load_weights(path)", "load_model"),
    ("keras.utils.get_file(url)", "load_model"),
    ("keras.layers.Lambda(f)", "Lambda"),
    ("from keras.layers import TFSMLayer", "Lambda"),
    ("keras.config.enable_unsafe_deserialization()", "unsafe mode"),
    ("f(path, safe_mode=False)", "unsafe mode"),
    ("np.load(path, allow_pickle=True)", "allow_pickle"),
    ("get(url, verify=False)", "verify"),
    ("pa.ipc.open_file(path)", "Arrow IPC"),
    ("import pyarrow.feather", "Arrow IPC"),
    ("pq.write_table(table, path)", "Parquet writer"),
    ("pq.ParquetWriter(path, schema)", "Parquet writer"),
    ("frame.to_parquet(path)", "Parquet writer"),
    ("from markupsafe import Markup", "Markup"),
    ("Template(text)", "Template"),
    ("text = '{{ name | safe }}'", "|safe"),
    ("print(1)", "print"),
    ("def f():\n    return typer.Exit(3)", "typer.Exit"),
    ("tempfile.mktemp()", "mktemp"),
)


@pytest.mark.parametrize(("source", "name"), PLANTED)
def test_each_ban_is_found(source: str, name: str) -> None:
    """Planted, it is found, by its name."""
    assert any(f": {name}: " in found for found in broken(source, "planted.py"))


def test_every_ban_is_planted_above() -> None:
    """No ban is without proof that it can be broken."""
    assert {name for _, name in PLANTED} == {ban.name for ban in BANS}


@pytest.mark.parametrize(
    "source",
    [
        "# pickle and eval",
        '"""Nothing is loaded with pickle, os.system or yaml."""',
        "raise typer.Exit(3)",
        "console.print(table)",
        "model.evaluate(x)\nself.exec(x)",
        "np.load(path, allow_pickle=False)",
        "re.compile(pattern)",
        "write_table(path, table)",
    ],
)
def test_what_only_looks_like_it_is_let_through(source: str) -> None:
    """Comments, texts and other things of similar names."""
    assert broken(source, "planted.py") == []


def test_an_allowed_module_may() -> None:
    """The one writer writes; it may do nothing else of the list."""
    assert broken("pq.write_table(table, path)", "data/store.py") == []
    assert len(broken("pq.write_table(table, path)\nimport pickle", "data/store.py")) == 1
