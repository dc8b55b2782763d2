"""The reports below one folder as pages: its files as they are, its folders as tables of links, workflows first.

Nothing outside the folder and nothing hidden in it is given away, whatever the path says.
"""

import datetime as dt
import html
from collections.abc import Awaitable, Callable
from pathlib import Path
from urllib.parse import quote

from aiohttp import web

REPORT = "report.html"
_HEAD_OF_ALL, _HEAD_OF_ONE = ("workflow", "report", "written", ""), ("file", "", "written")
_STYLE = (
    "body{font:16px/1.6 system-ui;max-width:52rem;margin:3rem auto;padding:0 1rem;color:#222;background:#fff}"
    "table{border-collapse:collapse;width:100%}td,th{text-align:left;padding:.45rem 1.2rem .45rem 0;"
    "border-bottom:1px solid #ddd}th{font-weight:normal;color:#666;font-size:.85rem}"
    "@media (prefers-color-scheme:dark){body{color:#ddd;background:#181818}a{color:#8ab4f8}td,th{border-color:#444}"
    "th{color:#aaa}}"
)


def serve_folder(folder: Path) -> Callable[[web.Request], Awaitable[web.StreamResponse]]:
    """Make the handler of a route with a `path` in it.

    Args:
        folder: need not exist yet.
    """
    root = folder.resolve()

    async def handle(request: web.Request) -> web.StreamResponse:
        target = _find(root, request.match_info["path"])
        if target is None:
            raise web.HTTPNotFound(text="There is no such report.")
        if target.is_file():
            return web.FileResponse(target, headers={"Cache-Control": "no-cache"})
        if not request.path.endswith("/"):
            raise web.HTTPFound(request.rel_url.raw_path + "/")
        return web.Response(text=_list_folder(root, target), content_type="text/html", charset="utf-8")

    return handle


def _find(root: Path, path: str) -> Path | None:
    """The file or folder that a path names, if it may be seen."""
    try:
        target = (root / path).resolve()
        inside = target.relative_to(root)
        exists = target == root or target.exists()
    except (ValueError, OSError):  # outside, a NUL byte, too long a name
        return None
    hidden = any(part.startswith(".") for part in inside.parts)
    return target if exists and not hidden else None


def _list_folder(root: Path, folder: Path) -> str:
    shown = [path for path in folder.iterdir() if not path.name.startswith(".")] if folder.is_dir() else []
    if folder == root:
        return _page("Reports", _HEAD_OF_ALL, [_workflow_row(path) for path in _newest_first(shown) if path.is_dir()])
    title = f"Reports: {html.escape(folder.relative_to(root).as_posix())}"
    rows = [_file_row(path) for path in sorted(shown)]
    return _page(title, _HEAD_OF_ONE, rows, up='<p><a href="../">all above</a></p>')


def _newest_first(folders: list[Path]) -> list[Path]:
    return sorted(folders, key=lambda path: _changed_s(path / REPORT) or 0.0, reverse=True)


def _workflow_row(folder: Path) -> tuple[str, ...]:
    """A workflow: its report, when it was written, and all that was published beside it."""
    name = quote(folder.name)
    written = _changed_s(folder / REPORT)
    report = "not yet" if written is None else f'<a href="./{name}/{REPORT}">report</a>'
    return f"<b>{html.escape(folder.name)}</b>", report, _when(written), f'<a href="./{name}/">all files</a>'


def _file_row(path: Path) -> tuple[str, ...]:
    item = f"{path.name}/" if path.is_dir() else path.name
    size = f"{path.stat().st_size:,} bytes" if path.is_file() else ""
    return f'<a href="./{quote(item)}">{html.escape(item)}</a>', size, _when(_changed_s(path))


def _changed_s(path: Path) -> float | None:
    try:
        return path.stat().st_mtime
    except OSError:
        return None


def _when(changed_s: float | None) -> str:
    return "" if changed_s is None else f"{dt.datetime.fromtimestamp(changed_s).astimezone():%Y-%m-%d %H:%M}"


def _page(title: str, head: tuple[str, ...], rows: list[tuple[str, ...]], *, up: str = "") -> str:
    lines = "".join(f"<tr>{''.join(f'<td>{cell}</td>' for cell in row)}</tr>" for row in rows)
    table = f"<table><thead><tr>{''.join(f'<th>{name}</th>' for name in head)}</tr></thead>{lines}</table>"
    nothing = "<p>None yet: <code>mlwf run</code> writes them.</p>"
    return (
        f'<!doctype html><html lang="en"><meta charset="utf-8"><title>{title}</title><style>{_STYLE}</style>'
        f"<body><h1>{title}</h1>{up}{table if rows else nothing}</body></html>"
    )
