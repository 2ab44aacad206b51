# ruff: noqa: INP001 - a hook of mkdocs, no package
"""Links from a page to the program's source, on the site as in the repository.

In the repository `[forecast_cli/models/heads.py:DistributionHead](../forecast_cli/models/heads.py)`
leads to the file. The site shows every file that is linked like this as a page of its own, and the
link leads to the line at which the symbol is defined. A file or symbol that does not exist fails
the build.
"""

import ast
import re
from pathlib import Path
from typing import Any

from mkdocs.exceptions import PluginError
from mkdocs.structure.files import File, Files

ROOT = Path(__file__).parents[1]
LINK = re.compile(r"\[`?([\w/]+\.py):([\w.]+)`?\]\(((?:\.\./)+)([\w/]+\.py)\)")
"""A link to source: the file and symbol it shows, the way up, and the file it leads to."""
_SOURCES = "source"


def line_of(path: str, symbol: str) -> int:
    """The line at which a file defines a symbol, such as `Class.method`; KeyError if none."""
    body = ast.parse((ROOT / path).read_text()).body
    *classes, name = symbol.split(".")
    for owner in classes:
        body = next((n.body for n in body if isinstance(n, ast.ClassDef) and n.name == owner), [])
    for node in body:
        if name in _names(node):
            return node.lineno
    raise KeyError(f"{path} defines no {symbol}")


def _names(node: ast.stmt) -> set[str]:
    if isinstance(node, ast.FunctionDef | ast.ClassDef):
        return {node.name}
    targets = node.targets if isinstance(node, ast.Assign) else [getattr(node, "target", None)]
    return {target.id for target in targets if isinstance(target, ast.Name)}


def on_files(files: Files, config: Any) -> Files:  # noqa: ANN401 - mkdocs' own
    """Add a page for each source file that a page links to."""
    linked = {
        match[4] for page in files.documentation_pages() for match in LINK.finditer(_text(page))
    }
    for path in sorted(linked):
        files.append(File.generated(config, f"{_SOURCES}/{path}.md", content=_page(path)))
    return files


def _text(page: File) -> str:
    return page.content_string


def _page(path: str) -> str:
    source = (ROOT / path).read_text()
    head = f"---\nsearch:\n  exclude: true\nhide: [toc]\n---\n\n# {path}\n\n"
    return f'{head}````python linenums="1"\n{source}````\n'


def on_page_markdown(markdown: str, page: Any, **_: Any) -> str:  # noqa: ANN401 - mkdocs' own
    """Let links to source lead to those pages, at the line."""
    up = "../" * page.file.src_uri.count("/")

    def on_site(match: re.Match[str]) -> str:
        path, symbol = match[1], match[2]
        if path != match[4]:
            raise PluginError(f"{page.file.src_uri}: {path} is shown, {match[4]} is linked")
        try:
            line = line_of(path, symbol)
        except (KeyError, OSError) as error:
            raise PluginError(f"{page.file.src_uri}: {error}") from error
        return f"[`{path}:{symbol}`]({up}{_SOURCES}/{path}.md#__codelineno-0-{line})"

    return LINK.sub(on_site, markdown)


def on_page_content(html: str, page: Any, **_: Any) -> None:  # noqa: ANN401 - mkdocs' own
    """Tell mkdocs, which looks for the targets of links, of the lines in a page of source."""
    page.present_anchor_ids.update(re.findall(r'id="(__codelineno-[\d-]+)"', html))
