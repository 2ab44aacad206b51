"""Settings that cannot be trusted, through the real program.

Numbered as in the catalogue of bad inputs: 59 to 66. Each is refused with exit code 78, in at most
five lines that name the file, the section and key, and what was expected, and leaves no trace.
"""

import contextlib
import json
import math
import os
import pwd
from collections.abc import Callable
from pathlib import Path
from typing import Any, NoReturn, cast

import pytest
import typer
from conftest import Run
from hypothesis import given, settings
from hypothesis import strategies as st
from typer.core import TyperGroup

from forecast_cli.cli.app import app
from forecast_cli.cli.configured import each_command, key_of, place_of
from forecast_cli.cli.setting_list import list_settings
from forecast_cli.cli.setting_values import Parameter
from forecast_cli.errors import ConfigError
from forecast_cli.settings import Settings, SettingsFile, read_settings

Forecast = Callable[..., Run]


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The working folder, with the settings under test and no store."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("FORECAST_HOME", str(tmp_path / "store"))
    return tmp_path


@pytest.fixture
def refuses(forecast: Forecast, folder: Path) -> Callable[..., str]:
    """Run a command with settings that must be refused; what stderr says."""

    def run(text: str | bytes | None, command: str, *more: str) -> str:
        if text is not None:
            raw = text if isinstance(text, bytes) else text.encode()
            (folder / "forecast.toml").write_bytes(raw)
        before = sorted(folder.iterdir())
        run = forecast(*command.split(), *more)
        assert run.code == 78, run
        assert run.out == ""
        assert run.err.startswith("error: ")
        assert len(run.err.splitlines()) <= 5
        assert "Traceback" not in run.err
        assert sorted(folder.iterdir()) == before
        return run.err

    return run


@pytest.mark.parametrize(
    ("text", "command", "says"),
    [
        pytest.param(
            '[train]\nmodle = "mlp"\n',
            "data list",
            "forecast.toml: train: 'modle' is not a setting|fix: did you mean model?",
            id="59 key of another command",
        ),
        pytest.param(
            "[trian]\nepochs = 1\n", "features", "'trian' is not|mean train?", id="59 section"
        ),
        pytest.param(
            "[data.chekc]\nstrict = true\n", "data list", "data: 'chekc'|check", id="59 subsection"
        ),
        pytest.param("hmoe = '/x'\n", "data list", "'hmoe' is not|home?", id="59 top level"),
        pytest.param("[train]\nforce = true\n", "data list", "train: 'force'", id="59 no option"),
        pytest.param(
            "[backtest]\nforce = true\n", "data list", "backtest: 'force'", id="59 consent"
        ),
        pytest.param("[train]\nhome = 'x'\n", "data list", "train: 'home'", id="59 home inside"),
        pytest.param(
            "[data.remove]\nsymbols = ['A']\n", "data list", "'symbols'", id="59 what is removed"
        ),
        pytest.param(
            '[train]\nmodel = "mlp\n', "data list", "is not TOML|line 2", id="60 open string"
        ),
        pytest.param("[train\n", "data list", "is not TOML|line 1|correct this line", id="60"),
        pytest.param(b"[train]\nmodel = '\xff'\n", "data list", "is not TOML", id="60 Latin-1"),
        pytest.param("x = " + "[" * 5000, "data list", "is not TOML", id="60 5000 brackets"),
        pytest.param(
            "[train]\nepochs = 1\nepochs = 2\n", "data list", "is not TOML|line 3", id="61 key"
        ),
        pytest.param("[train]\n[train]\n", "data list", "is not TOML|line 2", id="61 section"),
        pytest.param(
            "[train]\nmodel = 'mlp'\nepochs = true\n",
            "train",
            "forecast.toml: train.epochs: expected a whole number from 1 to 10000, not true",
            id="62 true for an integer",
        ),
        pytest.param(
            "[train]\nmodel = 'mlp'\nepochs = '5'\n", "train", "train.epochs|'5'", id="62 text"
        ),
        pytest.param("[train]\nmodel = 5\n", "train", "train.model: expected text", id="62 number"),
        pytest.param(
            "[train]\nmodel = 'mlp'\nepochs = 1.0\n", "train", "train.epochs|1.0", id="62 float"
        ),
        pytest.param(
            "[fetch]\nfrom = 'x'\nstrict = 1\n", "fetch", "strict: expected true or", id="62 flag"
        ),
        pytest.param(
            "[predict]\nsymbols = ['A', 1]\n",
            "predict",
            "symbols: expected a list, each text",
            id="62 in a list",
        ),
        pytest.param(
            "[features.format]\nx = 1\n",
            "features",
            "features.format: expected one of table, json",
            id="62 section for a key",
        ),
        pytest.param("train = 1\n", "data list", "train: expected a section", id="62 key"),
        pytest.param(
            "[features]\nformat = 'xml'\n",
            "features",
            "features.format: expected one of table, json, not 'xml'",
            id="62 choice",
        ),
        pytest.param(
            "[predict]\nas_of = '2024-13-01'\n",
            "predict",
            "predict.as_of|is not a date",
            id="62 date",
        ),
        pytest.param(
            "[train]\nmodel = 'mlp'\nlearning_rate = nan\n",
            "train",
            "train.learning_rate: expected a number from 0 to 10, not nan",
            id="63 NaN",
        ),
        pytest.param(
            "[train]\nmodel = 'mlp'\nlearning_rate = -inf\n", "train", "not -inf", id="63 infinity"
        ),
        pytest.param(
            "[train]\nmodel = 'mlp'\nlearning_rate = 1e99\n", "train", "not 1e+99", id="63 1e99"
        ),
        pytest.param(
            "[fetch]\nfrom = 'x'\ntimeout = 1e999\n",
            "fetch",
            "fetch.timeout|not inf",
            id="63 1e999",
        ),
        *(
            pytest.param(
                f"[train]\nmodel = 'mlp'\n{key} = 0x{'f' * 5000}\n",
                "train",
                f"train.{key}: expected|not a number of thousands of digits",
                id=f"63 5000 digits as {key}",
            )
            for key in ("epochs", "learning_rate", "name")
        ),
        *(
            pytest.param(
                f"[train]\nmodel = 'mlp'\nhorizon = [1, {horizon}]\n",
                "train",
                f"train.horizon|a list, each a whole number from 1 to 250, not [1, {horizon}]",
                id=f"64 {horizon}",
            )
            for horizon in (0, -1, 10**9)
        ),
        pytest.param(
            "[predict]\nmodel = '../../etc'\n",
            "predict",
            "forecast.toml: |model name",
            id="65 model",
        ),
        pytest.param(
            "[fetch]\nfrom = 'x'\nsymbols = ['../../etc/passwd']\n",
            "fetch",
            "forecast.toml: |is not a symbol",
            id="65 symbol",
        ),
        pytest.param('[fetch]\nfrom = "a\\u0000b"\n', "fetch", "fetch.from: expected", id="65 NUL"),
    ],
)
def test_refused_settings(
    refuses: Callable[..., str], text: str | bytes, command: str, says: str
) -> None:
    """What is wrong, where, and what was expected."""
    said = refuses(text, command)
    for part in says.split("|"):
        assert part in said


@pytest.mark.parametrize(
    ("text", "command"),
    [
        pytest.param("home = 'loop'\n", "data list", id="home"),
        pytest.param("[fetch]\nfrom = 'loop'\n", "fetch", id="from"),
        pytest.param("[predict]\noutput = 'loop/x.csv'\n", "predict", id="output"),
    ],
)
def test_65_a_link_that_leads_to_itself(
    refuses: Callable[..., str],
    folder: Path,
    monkeypatch: pytest.MonkeyPatch,
    text: str,
    command: str,
) -> None:
    """Followed by nobody."""
    monkeypatch.delenv("FORECAST_HOME")
    (folder / "loop").symlink_to("loop")
    said = refuses(text, command)
    assert "too many levels of symbolic links" in said
    assert "forecast.toml: " in said


def test_66_a_file_that_is_named_and_missing(refuses: Callable[..., str], folder: Path) -> None:
    """Though all that it could say is typed, and whoever names it."""
    said = refuses(None, "features --format table --config", "none.toml")
    assert "none.toml: cannot be read (no such file" in said


def test_66_files_that_are_not_read(
    refuses: Callable[..., str], folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A folder, a link to nowhere or in a circle, more than a megabyte, a pipe, a device."""
    (folder / "folder.toml").mkdir()
    (folder / "nowhere.toml").symlink_to("nothing")
    (folder / "circle.toml").symlink_to("circle.toml")
    (folder / "large.toml").write_bytes(b"#" * 1_000_001)
    os.mkfifo(folder / "pipe.toml")
    (folder / "device.toml").symlink_to("/dev/zero")
    for path in sorted(folder.iterdir()):
        monkeypatch.setenv("FORECAST_CONFIG", path.name)
        assert f"error: {path.name}: " in refuses(None, "features")


@pytest.mark.skipif(os.geteuid() != 0, reason="only root gives files to others")
def test_66_a_file_that_another_user_put_there(
    refuses: Callable[..., str], folder: Path, forecast: Forecast
) -> None:
    """In /tmp, say, where whoever works there would obey it; in a folder of one's own it counts."""
    (folder / "forecast.toml").write_text("")
    os.chown(folder / "forecast.toml", 54321, 54321)
    assert forecast("features").code == 0
    folder.chmod(0o1777)
    assert "forecast.toml: was put by another user" in refuses(None, "features")


def test_66_a_link_to_nowhere_in_the_working_folder(
    refuses: Callable[..., str], folder: Path
) -> None:
    """Is not the same as no file."""
    (folder / "forecast.toml").symlink_to("nothing")
    assert "forecast.toml: cannot be read" in refuses(None, "features")


def test_66_a_file_that_anybody_may_write(refuses: Callable[..., str], folder: Path) -> None:
    """Whoever wants to decides what is trained, and where it is read from."""
    (folder / "forecast.toml").write_text("")
    (folder / "forecast.toml").chmod(0o666)
    assert "may be written by anybody\nfix: chmod o-w forecast.toml" in refuses(None, "features")


def test_an_error_is_an_object_where_json_is_asked_for(forecast: Forecast, folder: Path) -> None:
    """Before a command has begun, too."""
    (folder / "forecast.toml").write_text("nonsense")
    run = forecast("features", "--format", "json")
    assert run.code == 78
    assert json.loads(run.out)["error"]["kind"] == "config"


@pytest.mark.parametrize(
    ("variable", "text", "command", "says"),
    [
        ("FORECAST_TRAIN_EPOCHS", "many", "train --model mlp", "train.epochs: expected a whole"),
        ("FORECAST_TRAIN_HORIZON", "1 0", "train --model mlp", "each a whole number from 1 to 250"),
        ("FORECAST_PREDICT_AS_OF", "today", "predict", "'today' is not a date"),
        ("FORECAST_FEATURES_FORMAT", "xml", "features", "one of table, json, not 'xml'"),
        ("FORECAST_FETCH_TIMEOUT", "nan", "fetch --from x", "from 0.1 to 3600, not 'nan'"),
        ("FORECAST_DATA_CHECK_STRICT", "maybe", "data check", "true or false, not 'maybe'"),
    ],
)
def test_variables_are_settings_too(
    refuses: Callable[..., str],
    monkeypatch: pytest.MonkeyPatch,
    *,
    variable: str,
    text: str,
    command: str,
    says: str,
) -> None:
    """62 to 64 in the environment: the variable is named."""
    monkeypatch.setenv(variable, text)
    said = refuses(None, command)
    assert f"error: {variable}: " in said
    assert says in said


@pytest.mark.parametrize(
    ("make", "says"),
    [
        pytest.param(lambda path: path.write_text(""), "not a directory", id="a file"),
        pytest.param(lambda path: path.symlink_to(path), "too many levels", id="a circle"),
        pytest.param(lambda path: path.symlink_to("nothing"), "leads nowhere", id="to nowhere"),
        pytest.param(
            lambda path: (path.mkdir(), path.chmod(0o777)),
            "written by anybody|chmod o-w",
            id="open",
        ),
    ],
)
@pytest.mark.parametrize("by", ["flag", "variable", "file"])
def test_a_home_folder_that_is_not_safe(
    refuses: Callable[..., str],
    folder: Path,
    monkeypatch: pytest.MonkeyPatch,
    *,
    make: Callable[[Path], object],
    says: str,
    by: str,
) -> None:
    """Refused before anything is read, whoever names it."""
    monkeypatch.delenv("FORECAST_HOME")
    make(folder / "home")
    if by == "variable":
        monkeypatch.setenv("FORECAST_HOME", str(folder / "home"))
    text = "home = 'home'\n" if by == "file" else None
    command = f"predict --home {folder / 'home'}" if by == "flag" else "predict"
    said = refuses(text, command)
    for part in says.split("|"):
        assert part in said


@given(st.binary(max_size=200) | st.text(alphabet="[]{}.=\"'#\n, abc019-_:Tteru+", max_size=80))
@settings(max_examples=200)
def test_any_bytes(tmp_path_factory: pytest.TempPathFactory, content: bytes | str) -> None:
    """Are settings, or a clean refusal."""
    path = tmp_path_factory.getbasetemp() / "any.toml"
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    with contextlib.suppress(ConfigError):
        read_settings(path, {"abc": {"a": None}, "b": None})


_WHATEVER = st.recursive(
    st.booleans()
    | st.integers()
    | st.sampled_from([10**400, -(10**30), math.inf, -math.inf, math.nan, 1e99, -0.0])
    | st.floats()
    | st.text(max_size=50)
    | st.dates()
    | st.datetimes()
    | st.times(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner),
    max_leaves=4,
)


@given(st.data())
@settings(max_examples=100, deadline=None)
def test_any_value_of_any_option(
    tmp_path_factory: pytest.TempPathFactory, data: st.DataObject
) -> None:
    """Holds, or is refused with its place; nothing else happens."""
    root = typer.Context(cast("TyperGroup", typer.main.get_command(app)), info_name="forecast")
    chosen = data.draw(st.sampled_from(list(each_command(root))))
    options = [each for each in cast("list[Parameter]", chosen.command.params) if key_of(each)]
    place = place_of(chosen, data.draw(st.sampled_from(options)))
    values: dict[str, Any] = {place[-1]: data.draw(_WHATEVER)}
    for section in reversed(place[:-1]):
        values = {section: values}
    folder = tmp_path_factory.getbasetemp()
    root.meta["forecast_cli.settings"] = Settings((SettingsFile(folder / "any.toml", values),))
    told = ".".join(place)
    try:
        list_settings(root, with_defaults=True)
    except ConfigError as refused:
        told = refused.message
    assert ".".join(place) in told


def test_a_user_without_any_home(
    refuses: Callable[..., str], forecast: Forecast, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As in a container: no HOME, and no entry in the system's list. Named, a folder will do."""

    def nobody(_uid: int) -> NoReturn:
        raise KeyError

    monkeypatch.setattr(pwd, "getpwuid", nobody)
    for name in ("HOME", "XDG_CONFIG_HOME", "XDG_DATA_HOME"):
        monkeypatch.delenv(name, raising=False)
    assert forecast("data", "list").code == 66
    (folder / "X.csv").write_text("Date,Close\n2024-03-07,1\n2024-03-08,2\n")
    monkeypatch.setenv("XDG_CACHE_HOME", "")
    assert forecast("fetch", "--from", "X.csv", "-q").code == 0
    monkeypatch.delenv("FORECAST_HOME")
    assert "no home folder\nfix: add --home, or set FORECAST_HOME" in refuses(None, "data list")
