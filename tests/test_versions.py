"""Versions below which a dependency has a known hole: not installed, not locked, not allowed."""

import re
import tomllib
from importlib.metadata import PackageNotFoundError, version

import pytest
from conftest import ROOT
from packaging.requirements import Requirement

from forecast_cli.workflows.versions import SAFE_VERSIONS, is_older

PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
REQUIREMENTS = [
    Requirement(text)
    for texts in (PROJECT["dependencies"], *PROJECT["optional-dependencies"].values())
    for text in texts
]


def floor(requirement: Requirement) -> str:
    """The oldest version that a requirement allows."""
    (lowest,) = (part.version for part in requirement.specifier if part.operator == ">=")
    return lowest


@pytest.mark.parametrize("package", SAFE_VERSIONS)
def test_no_known_bad_version_is_installed(package: str) -> None:
    """Read from the installed set: an index without advisories would report none."""
    try:
        installed = version(package)
    except PackageNotFoundError:
        pytest.skip(f"{package} is not installed")
    assert not is_older(installed, SAFE_VERSIONS[package])


def test_no_known_bad_version_is_locked() -> None:
    """Every pin of requirements.lock is at or above its floor, whatever is installed here."""
    text = (ROOT / "requirements.lock").read_text()
    pins = dict(re.findall(r"^([A-Za-z0-9._-]+)==([^\s;]+)", text, re.MULTILINE))
    assert {"keras", "pyarrow", "filelock", "jinja2", "protobuf"} <= set(pins)
    for package, lowest in SAFE_VERSIONS.items():
        if package in pins:
            assert not is_older(pins[package], lowest), package


@pytest.mark.parametrize("requirement", REQUIREMENTS, ids=str)
def test_no_known_bad_version_is_allowed(requirement: Requirement) -> None:
    """Each dependency has a floor, and none of them lies below the safe one."""
    assert not is_older(floor(requirement), SAFE_VERSIONS.get(requirement.name, "0"))


@pytest.mark.parametrize(
    ("installed", "lowest", "older"),
    [
        ("3.15.0", "3.15.1", True),  # keras with a bypass of its safe mode
        ("14.0.0", "23.0.1", True),  # pyarrow with remote code
        ("3.9.2", "3.15.1", True),  # not as text is ordered
        ("3.15.1", "3.15.1", False),
        ("26.0.1", "23.0.1", False),
        ("3.15.1rc1", "3.15.1", True),
        ("3.15.1.post1", "3.15.1", False),
        ("2.7", "2.7.0", False),
        ("not a version", "1.0", True),
    ],
)
def test_a_known_bad_version_is_told(installed: str, lowest: str, *, older: bool) -> None:
    """Numbers are compared as numbers; what cannot be read is not trusted."""
    assert is_older(installed, lowest) is older
