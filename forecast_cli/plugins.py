"""Networks of other projects, found through the entry-point group `forecast_cli.networks`.

An entry point names a builder, `build(inputs, config) -> tensor`, as the six of
`models/networks.py` are. Finding one imports nothing of it; only training does.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from forecast_cli.errors import UsageError

if TYPE_CHECKING:
    from importlib.metadata import EntryPoint

GROUP: Final = "forecast_cli.networks"


@dataclass(frozen=True)
class Plugin:
    """A network that is installed beside this program.

    distribution: name and version of the project it comes from, "forecast-gru 1.0".
    """

    distribution: str
    entry_point: "EntryPoint"

    def builder(self) -> Callable[..., Any]:
        """Import it. Raises UsageError when that fails: it is not this program's code."""
        try:
            build: Callable[..., Any] = self.entry_point.load()
        except Exception as error:
            raise UsageError(
                f"the plug-in {self.entry_point.name} of {self.distribution} cannot be imported:"
                f" {error}",
                fix=f"reinstall {self.distribution.split()[0]}, or choose another network",
            ) from error
        return build


def plugin_names() -> list[str]:
    """The names of all installed plug-in networks, sorted."""
    from importlib.metadata import entry_points  # noqa: PLC0415 - a third of a command's start

    return sorted({found.name for found in entry_points(group=GROUP)})


def find_plugin(name: str) -> Plugin | None:
    """The plug-in network of a name, or None. Raises UsageError when two projects offer it."""
    from importlib.metadata import entry_points  # noqa: PLC0415 - as above

    found = list(entry_points(group=GROUP, name=name))
    if not found:
        return None
    sources = [f"{each.dist.name} {each.dist.version}" for each in found if each.dist]
    if len(found) > 1:
        raise UsageError(f"{name} is offered by {' and by '.join(sources)}", fix="uninstall one")
    return Plugin(sources[0], found[0])
