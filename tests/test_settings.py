"""Settings: what `forecast.toml` may say, where it lies, and how it is refused."""

from pathlib import Path

import pytest

from forecast_cli.errors import ConfigError
from forecast_cli.settings import Names, Settings, load_settings, read_settings

KNOWN: Names = {"home": None, "train": {"model": None}, "data": {"check": {"strict": None}}}


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The working folder; this user's settings lie in `user/forecast` beside it."""
    work = tmp_path / "work"
    work.mkdir()
    monkeypatch.chdir(work)
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "user"))
    return work


def write(path: Path, text: str) -> Path:
    """A settings file."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    return path


def test_without_a_file_nothing_is_set() -> None:
    """The defaults hold."""
    assert load_settings(lambda: KNOWN) == Settings()


def test_the_working_folder_goes_before_the_user(folder: Path, tmp_path: Path) -> None:
    """Key by key."""
    write(
        tmp_path / "user/forecast/forecast.toml",
        '[checks]\nrange_violation = "drop"\nzero_volume = "ignore"\n',
    )
    write(folder / "forecast.toml", '[checks]\nrange_violation = "error"\n')
    assert load_settings(lambda: KNOWN).checks == {
        "range_violation": "error",
        "zero_volume": "ignore",
    }


def test_a_named_file_is_the_only_one(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """FORECAST_CONFIG leaves no doubt about what is read."""
    write(folder / "forecast.toml", '[checks]\nrange_violation = "error"\n')
    other = write(tmp_path / "other.toml", '[checks]\nzero_volume = "note"\n')
    monkeypatch.setenv("FORECAST_CONFIG", str(other))
    assert load_settings(lambda: KNOWN).checks == {"zero_volume": "note"}


@pytest.mark.parametrize(
    ("text", "message", "fix"),
    [
        ('[cheks]\nx = "drop"\n', "'cheks' is not a setting", "did you mean checks"),
        ('[train]\nmodle = "mlp"\n', "train: 'modle' is not a setting", "did you mean model"),
        ("[data.check]\nx = 1\n", "data.check: 'x' is not a setting", "use one of strict"),
        ("[data]\ncheck = 1\n", "data.check: expected a section, not 1", "write [data.check]"),
        (
            '[checks]\nrange_violatoin = "drop"\n',
            "checks: 'range_violatoin' is not a setting",
            "did you mean range_violation",
        ),
        ('[checks]\nzzz = "drop"\n', "'zzz' is not a setting", "use one of newest_first, "),
        ('[checks]\nrange_violation = "dorp"\n', "checks.range_violation: .* not 'dorp'", ""),
        ("[checks]\nrange_violation = true\n", "checks.range_violation: ", ""),
        ("checks = 1\n", "checks: expected a section, not 1", "write [checks]"),
        (
            '[checks]\nlarge_jump = "drop"\n',
            "checks.large_jump: 'drop' is not possible",
            "use error or warn or note or ignore",
        ),
        ('[checks]\nbad_price = "warn"\n', "checks.bad_price: 'warn'", "always an error"),
        ("[checks\n", "is not TOML .*line 1", "correct this line"),
        ('[checks]\nzero_volume = "note"\nzero_volume = "warn"\n', "is not TOML .*line 3", ""),
        ("\xff", "is not TOML", ""),
    ],
)
def test_a_wrong_file_is_refused(folder: Path, text: str, message: str, fix: str) -> None:
    """One sentence with file and place, exit code 78, and the nearest right word (59-63)."""
    path = folder / "forecast.toml"
    path.write_bytes(text.encode("latin-1"))
    with pytest.raises(ConfigError, match=message) as caught:
        read_settings(path, KNOWN)
    assert str(path) in caught.value.message
    assert fix in (caught.value.fix or "")
    assert caught.value.exit_code == 78


def test_files_that_are_not_read(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Missing though named, a folder, and what anybody may write (66)."""
    monkeypatch.setenv("FORECAST_CONFIG", str(folder / "none.toml"))
    with pytest.raises(ConfigError, match=r"none\.toml: cannot be read"):
        load_settings(lambda: KNOWN)
    monkeypatch.setenv("FORECAST_CONFIG", str(folder))
    with pytest.raises(ConfigError, match="cannot be read"):
        load_settings(lambda: KNOWN)
    monkeypatch.delenv("FORECAST_CONFIG")
    write(folder / "forecast.toml", "").chmod(0o666)
    with pytest.raises(ConfigError, match="may be written by anybody") as caught:
        load_settings(lambda: KNOWN)
    assert "chmod o-w" in str(caught.value.fix)
