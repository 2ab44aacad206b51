"""Which versions of what this program stands on are too old to be safe."""

from typing import Final

from packaging.version import InvalidVersion, Version

SAFE_VERSIONS: Final = {
    "keras": "3.15.1",  # CVE-2026-12481, -12482 and fifteen more: loading a file runs its code
    "pyarrow": "23.0.1",  # CVE-2023-47248: code in a file; CVE-2026-25087
    "curl_cffi": "0.15.0",  # CVE-2026-33752: a redirect reaches into the local network
    "filelock": "3.20.3",  # CVE-2026-22701: a link in the place of the lock
    "urllib3": "2.7.0",  # CVE-2025-66418, CVE-2026-44431
    "protobuf": "6.33.5",  # CVE-2026-0994
    "jinja2": "3.1.6",  # CVE-2025-27516: out of the sandbox
    "joblib": "1.2.0",  # CVE-2022-21797; nothing here loads with it
}
"""Package to the first version without a known hole that could be reached from here."""

SAFE_PYTHON: Final = "3.11.14"
"""Up to here, CPython follows links out of archives and hangs on some: CVE-2025-4517, -8194."""


def is_older(installed: str, lowest: str) -> bool:
    """Whether a version comes before another; one that cannot be read does."""
    try:
        return Version(installed) < Version(lowest)
    except InvalidVersion:
        return True
