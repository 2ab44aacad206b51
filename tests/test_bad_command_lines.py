"""Command lines and surroundings that are wrong, hostile or poor, through the real program.

Numbered as in the catalogue of bad inputs, 67 to 77. A refusal says in at most five lines what is
wrong and what to do, prints no traceback and leaves the store as it was.
"""

import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from datetime import date
from pathlib import Path

import pytest
from conftest import SAMPLE_DATA, Run, unprivileged

from forecast_cli.config import model_config
from forecast_cli.workflows.train import train

Forecast = Callable[..., Run]
PYTHON = (sys.executable, "-B", "-m", "forecast_cli")


@pytest.fixture(scope="module")
def home(sample_home: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The sample store with a small linear model; whoever writes into it breaks the next test."""
    folder = tmp_path_factory.mktemp("bad") / "home"
    shutil.copytree(sample_home, folder)
    config = model_config("linear", horizons=(1,), epochs=1)
    train(["^GSPC"], config=config, home=folder, until=date(2018, 6, 29))
    return folder


def state(home: Path) -> dict[str, tuple[int, bytes]]:
    """Every file with its time and content."""
    files = sorted(path for path in home.rglob("*") if path.is_file() and path.suffix != ".lock")
    return {str(path): (path.stat().st_mtime_ns, path.read_bytes()) for path in files}


@pytest.fixture
def refuses(forecast: Forecast, home: Path) -> Callable[..., str]:
    """Run what must be refused; what stderr says."""

    def run(code: int, command: str, *arguments: str | Path) -> str:
        before = state(home)
        run = forecast(*command.split(), "--home", home, *arguments)
        assert (run.code, run.out) == (code, ""), run
        assert "Traceback" not in run.err
        assert "\x1b" not in run.err
        if run.err.startswith("error: "):  # usage errors of single options come in a frame
            assert len(run.err.splitlines()) <= 5
        assert state(home) == before
        return " ".join(run.err.replace("│", " ").split())

    return run


NO_SYMBOLS = [
    pytest.param("../../etc/passwd", id="67 path"),
    pytest.param("/etc/passwd", id="67 absolute path"),
    pytest.param("..\\x", id="67 backslash"),
    pytest.param("%2e%2e", id="67 encoded"),
    pytest.param("", id="68 empty"),
    pytest.param("A" * 300, id="68 too long"),
    pytest.param("A\n", id="68 newline"),
    pytest.param("A\nB", id="68 newline inside"),
    pytest.param("\u0410APL", id="68 Cyrillic A"),
    pytest.param("\uff21APL", id="68 full-width A"),
    pytest.param("A PL", id="68 blank"),
    pytest.param("A\x1b[31m", id="68 escape sequence"),
    pytest.param("=cmd|'/C calc'!A1", id="68 formula"),
]


@pytest.mark.parametrize("symbol", NO_SYMBOLS)
@pytest.mark.parametrize(
    "command",
    ["predict", "train --model mlp", "backtest --model mlp", "data show", "data check",
     "data remove --yes", f"fetch --from {SAMPLE_DATA / 'AAPL.csv'}"],
)  # fmt: skip
def test_what_is_no_symbol(refuses: Callable[..., str], command: str, symbol: str) -> None:
    """67, 68: symbols are data and never paths; whatever looks like one of another kind is not."""
    assert "is not a symbol" in refuses(2, command, "--", symbol)


def test_one_symbol_in_several_writings(forecast: Forecast, home: Path, tmp_path: Path) -> None:
    """69: the same symbol twice, or in two cases, counts once."""
    twice = ("^GSPC", "^gspc", "^GSPC")
    predicted = forecast("predict", "--home", home, "--format", "csv", *twice)
    assert (predicted.code, len(predicted.out.splitlines())) == (0, 2)
    checked = forecast("data", "check", "--home", home, *twice)
    assert checked.code == 0
    assert "1 series checked" in checked.out
    source = ("--from", SAMPLE_DATA / "AAPL.csv", "--home", tmp_path, "--format", "csv")
    assert forecast("fetch", *source[:4], "AAPL", "aapl").code == 0
    assert len(forecast("data", "list", *source[2:]).out.splitlines()) == 2


def test_start_after_end(refuses: Callable[..., str]) -> None:
    """70: no bar lies between."""
    options = ("--start", "2024-01-02", "--end", "2024-01-01")
    said = refuses(2, "fetch", "--from", SAMPLE_DATA, *options)
    assert "start 2024-01-02 lies after end 2024-01-01" in said


@pytest.mark.parametrize(
    ("command", "options"),
    [
        ("train --model mlp", "--learning-rate nan"),
        ("train --model mlp", "--learning-rate inf"),
        ("train --model mlp", "--learning-rate -1"),
        ("train --model mlp", "--epochs 0"),
        ("train --model mlp", "--epochs 1e99"),
        ("train --model mlp", "--horizon 1000000000"),
        ("train --model mlp", "--units 0"),
        ("train --model mlp", "--time-budget nan"),
        ("backtest --model mlp", "--cost-bps nan"),
        ("backtest --model mlp", "--folds 0"),
        ("fetch --from x", "--timeout nan"),
        ("fetch --from x", "--pause -1"),
    ],
)
def test_numbers_out_of_range(refuses: Callable[..., str], command: str, options: str) -> None:
    """71: NaN and infinity are no settings; ranges are told before anything is read."""
    name, value = options.split()
    said = refuses(2, command, name, value)
    assert name in said or name[2:].replace("-", "_") in said


@pytest.mark.parametrize(
    ("command", "code", "says"),
    [
        ("backtest --model lsmt", 2, "did you mean lstm?"),
        ("backtest --model xyz", 2, "choose from linear, logistic, mlp, cnn, rnn, lstm"),
        ("train --model lsmt", 2, "lstm"),
        ("predict --model linaer", 66, "linear"),
    ],
)
def test_an_unknown_model(refuses: Callable[..., str], command: str, code: int, says: str) -> None:
    """72: a network that does not exist is a usage error, a model that is not trained is absent."""
    assert says in refuses(code, command)


def test_an_existing_output(
    forecast: Forecast, refuses: Callable[..., str], home: Path, tmp_path: Path
) -> None:
    """73: nothing is overwritten, and that is said before any work; --force does it."""
    output = tmp_path / "forecasts.csv"
    output.write_text("mine")
    assert "add --force" in refuses(73, "predict", "--output", output)
    assert "add --force" in refuses(73, "backtest --model mlp", "--report", output)
    assert output.read_text() == "mine"
    assert forecast("predict", "^GSPC", "--home", home, "--output", output, "--force").code == 0
    assert output.read_text().startswith("symbol,interval,cutoff")
    assert "does not exist" in refuses(73, "predict", "--output", tmp_path / "none" / "x.csv")


@pytest.fixture
def read_only(home: Path) -> Iterator[Path]:
    """The store, below a folder that others may enter, and nobody may write into."""
    top = Path(tempfile.mkdtemp())
    shutil.copytree(home, top / "home")
    shutil.copy(SAMPLE_DATA / "AAPL.csv", top / "NEW.csv")
    for path in (top, *top.rglob("*")):
        path.chmod(0o555 if path.is_dir() else 0o444)
    yield top
    for path in (top, *top.rglob("*")):
        path.chmod(0o755)
    shutil.rmtree(top)


def test_a_read_only_folder(forecast: Forecast, read_only: Path) -> None:
    """74: a store that cannot be written is 73, and is read all the same."""
    home = read_only / "home"
    options = ("--home", home, "--price-basis", "split-adjusted")
    forecast("predict", "^GSPC", "--home", home)  # whatever is imported late
    with unprivileged():
        fetched = forecast("fetch", "NEW", "--from", read_only / "NEW.csv", *options)
        unrecorded = forecast("predict", "^GSPC", "--home", home)
        predict = ("predict", "^GSPC", "--home", home, "--no-ledger")
        predicted = forecast(*predict, "--format", "csv")
        written = forecast(*predict, "--output", read_only / "x.csv")
    assert fetched.code == 73, fetched
    assert "cannot be written (permission denied)" in fetched.err
    assert (unrecorded.code, unrecorded.out) == (73, "")
    assert "add --no-ledger" in unrecorded.err
    assert (predicted.code, predicted.err) == (0, "")
    assert written.code == 73
    assert "Traceback" not in fetched.err + written.err


def shell(command: str, home: Path, **environment: str) -> "subprocess.CompletedProcess[str]":
    """A process of the program, with the redirections of a shell; `forecast` stands for it."""
    program = " ".join(f'"{part}"' for part in PYTHON)
    return subprocess.run(
        ["/bin/bash", "-c", command.replace("forecast", program, 1)],
        env={"FORECAST_HOME": str(home), "PATH": os.environ["PATH"], **environment},
        capture_output=True,
        text=True,
        check=False,
    )


needs_bash = pytest.mark.skipif(not Path("/bin/bash").exists(), reason="needs bash")


@needs_bash
@pytest.mark.skipif(not Path("/dev/full").exists(), reason="this system has no /dev/full")
@pytest.mark.parametrize("form", ["table", "json"])
def test_a_full_disk_under_stdout(home: Path, form: str) -> None:
    """74: results that could not be written are no success."""
    done = shell(f"forecast predict ^GSPC --format {form} > /dev/full", home)
    assert done.returncode == 74
    assert done.stderr.count("\n") == 1
    assert "cannot be written to stdout (no space left on device)" in done.stderr


@needs_bash
def test_a_full_disk_under_the_store(home: Path, tmp_path: Path) -> None:
    """74: no file may grow beyond a block; what is stored stays whole."""
    shutil.copytree(home, tmp_path / "home")
    before = state(tmp_path / "home")
    source = f"--from {SAMPLE_DATA / 'AAPL.csv'} --price-basis split-adjusted"
    done = shell(f"ulimit -f 1; forecast fetch NEW {source}", tmp_path / "home")
    assert done.returncode == 74, done
    assert "Traceback" not in done.stderr
    assert state(tmp_path / "home") == before


@needs_bash
@pytest.mark.parametrize(
    ("command", "code"),
    [
        ("forecast data list | true; exit ${PIPESTATUS[0]}", 141),
        ("forecast predict ^GSPC --format json | true; exit ${PIPESTATUS[0]}", 141),
        ("forecast predict ^GSPC >&-", 0),
        ("forecast predict ^GSPC --format csv <&- >&- 2>&-", 0),
        ("forecast predict --model none 2>/dev/full", 66),
        ("forecast --help >&-", 0),
    ],
)
def test_closed_streams(home: Path, command: str, code: int) -> None:
    """75: a reader who left is 141, a stream closed from the start takes nothing; no traceback."""
    done = shell(command, home)
    # a reader may leave after all was written
    assert done.returncode in {code, 0 if code == 141 else code}
    assert "Traceback" not in done.stderr
    assert "BrokenPipe" not in done.stderr
    assert code == 66 or done.stderr == ""


def test_a_question_without_a_terminal(
    refuses: Callable[..., str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """76: nobody is there to answer; the option that answers is named."""
    with Path(os.devnull).open() as nobody:
        monkeypatch.setattr(sys, "stdin", nobody)
        assert "--yes" in refuses(2, "data remove AAPL")
        assert "--yes" in refuses(2, "models remove linear")


@pytest.mark.parametrize("where", ["HOME", "XDG_DATA_HOME"])
def test_poor_surroundings(home: Path, tmp_path: Path, where: str) -> None:
    """77: no HOME, no locale, a zone that is none, the root folder, forty columns: a forecast."""
    environment = {"LANG": "C", "LC_ALL": "C", "TZ": "bogus", "COLUMNS": "40", where: str(tmp_path)}
    done = subprocess.run(
        [*PYTHON, "predict", "--home", home, "^GSPC"],
        env=environment, cwd="/", capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert (done.returncode, done.stderr) == (0, "")
    assert "90 % range" in done.stdout
    empty = subprocess.run(
        [*PYTHON, "predict"], env={}, cwd="/", capture_output=True, text=True, check=False
    )
    assert empty.returncode in {66, 78}
    assert "Traceback" not in empty.stderr


def test_a_clock_set_back(
    forecast: Forecast, sample_home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """77: forecasts follow the bars and not the clock; a fetch takes no bar from the future."""
    shutil.copytree(sample_home, tmp_path / "home")
    before = state(tmp_path / "home")
    import forecast_cli.workflows.fetch as module  # noqa: PLC0415 - its clock is replaced

    class Past(date):
        """A calendar that shows a day before the bars."""

        @classmethod
        def today(cls) -> "Past":
            return cls(2010, 1, 4)

    monkeypatch.setattr(module, "date", Past)
    run = forecast("fetch", "--from", SAMPLE_DATA / "AAPL.csv", "--home", tmp_path / "home")
    assert run.code in {0, 65}
    assert "Traceback" not in run.err
    bars = {path: of for path, of in state(tmp_path / "home").items() if "/bars/" in path}
    assert bars == {path: of for path, of in before.items() if "/bars/" in path}


def test_control_characters_do_not_reach_the_terminal(forecast: Forecast, tmp_path: Path) -> None:
    """A hostile file name is shown, not obeyed."""
    name = tmp_path / "x\x1b[31m.csv"
    run = forecast("fetch", "--from", name, "--home", tmp_path)
    assert run.code == 66
    assert "\x1b" not in run.err
