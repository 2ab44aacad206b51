"""docs/cron.md as it is followed: each of its examples is parsed or run, and so is cron itself."""

import os
import re
import subprocess
import time
import tomllib
from collections.abc import Callable, Iterator
from configparser import ConfigParser
from pathlib import Path
from shutil import which

import pytest
from conftest import ROOT
from nightly import Nightly

from forecast_cli import errors
from forecast_cli.cli.configured import names
from forecast_cli.errors import ForecastError

TEXT = (ROOT / "docs" / "cron.md").read_text()
SOAK = bool(os.environ.get("FORECAST_SOAK"))


def blocks(language: str) -> list[str]:
    """The examples in one language."""
    return re.findall(rf"```{language}\n(.*?)```", TEXT, flags=re.DOTALL)


def crontab_lines() -> list[str]:
    """The lines of the crontabs that run something."""
    lines = (line.strip() for block in blocks("crontab") for line in block.splitlines())
    return [line for line in lines if re.match(r"[\d*]", line)]


def kinds(of: type[ForecastError] = ForecastError) -> Iterator[type[ForecastError]]:
    """Every error a user can meet."""
    for kind in of.__subclasses__():
        yield kind
        yield from kinds(kind)


def test_every_exit_code_is_told() -> None:
    """Those of the errors, and those that no error has; none that does not exist."""
    table = TEXT[TEXT.index("## Exit codes") : TEXT.index("## What it says")]
    rows = re.findall(r"^\| ([\d, ]+) \|", table, re.MULTILINE)
    told = {int(code) for row in rows for code in row.split(",")}
    signals = {errors.INTERRUPTED, errors.PIPE_CLOSED, errors.TERMINATED}
    assert told == {0, 1, *signals, *(kind.exit_code for kind in kinds())}


def test_the_configuration_is_one_of_ours() -> None:
    """Every section and key of the example is an option of a command."""
    import typer  # noqa: PLC0415 - the program, only here

    from forecast_cli.cli.app import app  # noqa: PLC0415

    (example,) = blocks("toml")
    known = names(typer.main.get_command(app))  # type: ignore[arg-type]  # a group
    for section, values in tomllib.loads(example).items():
        if section != "home":
            assert set(values) <= set(known[section] or {}), section


def test_the_example_does_a_night(tmp_path: Path) -> None:
    """The configuration of the page, with files where it looks for them: forecasts, and silence."""
    job = Nightly(tmp_path / "job")
    (example,) = blocks("toml")
    job.config.write_text(example)
    night = job.run()
    assert (night.code, night.out, night.err) == (0, "", "")
    assert str(job.cutoff) in (job.folder / "forecasts.csv").read_text()
    assert job.run("doctor", "--quick").code == 0


def test_the_crontab_lines_are_what_cron_takes() -> None:
    """Five fields, a full path, a settings file, and no per cent sign, which ends a line there."""
    assert len(crontab_lines()) == 2
    for line in crontab_lines():
        *fields, command = line.split(None, 5)
        assert all(re.fullmatch(r"[\d*/,-]+", field) for field in fields), fields
        assert command.startswith("/")
        assert "--config /" in command
        assert "%" not in line
    assert all("CRON_TZ=" in block for block in blocks("crontab")[:1])


def test_the_units_are_what_systemd_takes(tmp_path: Path) -> None:
    """A service that runs once and a timer in the exchange's zone; 75 is no failure."""
    service, timer = (ConfigParser(interpolation=None, strict=True) for _ in range(2))
    for parser, text in zip((service, timer), blocks("ini"), strict=True):
        parser.optionxform = str  # type: ignore[assignment,method-assign]  # keys keep their case
        parser.read_string(text)
    assert service["Service"]["Type"] == "oneshot"
    assert service["Service"]["SuccessExitStatus"] == str(errors.TryAgainError.exit_code)
    assert service["Service"]["ExecStart"].startswith("/")
    analyze = which("systemd-analyze")
    if analyze:
        calendar = timer["Timer"]["OnCalendar"]
        subprocess.run([analyze, "calendar", calendar], check=True, capture_output=True)


def test_the_container_runs_the_program() -> None:
    """Every instruction is one of Docker's, the user is not the superuser, a run is the default."""
    (text,) = blocks("dockerfile")
    lines = text.replace("\\\n", " ").splitlines()
    words = [line.split(None, 1)[0] for line in lines]
    assert set(words) <= {"FROM", "RUN", "USER", "WORKDIR", "VOLUME", "ENTRYPOINT", "CMD"}
    assert words.index("USER") < words.index("ENTRYPOINT")
    assert 'ENTRYPOINT ["forecast"]' in lines
    assert lines[-1].startswith('CMD ["run"')


@pytest.fixture
def mail(tmp_path: Path) -> Iterator[Path]:
    """What cron would mail goes to a file: needs a machine of one's own, whose mail waits."""
    sendmail, kept = Path("/usr/sbin/sendmail"), Path("/usr/sbin/sendmail.kept")
    if not SOAK or os.geteuid() or not which("cron"):
        pytest.skip("needs cron, the superuser and FORECAST_SOAK=1")
    box = tmp_path / "mail"
    if os.path.lexists(sendmail):
        sendmail.rename(kept)
    sendmail.write_text(f"#!/bin/sh\ncat >> {box}\n")
    sendmail.chmod(0o755)
    yield box
    sendmail.unlink()
    if os.path.lexists(kept):
        kept.rename(sendmail)


def test_cron_itself(tmp_path: Path, mail: Path) -> None:
    """Debian's cron: forecasts at the minute and no mail; a failure is mailed with its sentence."""
    job = Nightly(tmp_path / "job")
    assert job.run().code == 0
    job.publish(1)
    settings = "".join(f"{name}={value}\n" for name, value in job.environment().items())
    # cron's clock is the machine's, the run's is moved
    command = " ".join(job.command("run")).replace("%", r"\%")
    tab = Path("/etc/cron.d/forecast-test")
    tab.write_text(f"{settings}SHELL=/bin/sh\nMAILTO=root\n* * * * * root {command}\n")
    tab.chmod(0o644)
    forecasts = job.folder / "forecasts.csv"
    try:
        with subprocess.Popen(["cron", "-f"]) as cron:  # noqa: S607 - where it was found
            _wait(lambda: str(job.cutoff) in forecasts.read_text(), "no forecast at the minute")
            time.sleep(10)
            assert not mail.exists(), mail.read_text()
            away = job.prices.rename(job.folder / "away")
            _wait(mail.exists, "no mail of a failure")
            time.sleep(2)
            assert "failed: fetch" in mail.read_text()
            away.rename(job.prices)
            cron.terminate()
    finally:
        tab.unlink()


def _wait(for_: Callable[[], bool], otherwise: str) -> None:
    deadline = time.monotonic() + 130
    while not for_():
        assert time.monotonic() < deadline, otherwise
        time.sleep(0.5)
