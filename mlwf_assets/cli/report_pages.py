"""The reports below one folder as pages: its files as they are, its folders as lists of links.

Nothing outside the folder and nothing hidden in it is given away, whatever the path says.
"""

import html
from collections.abc import Awaitable, Callable
from pathlib import Path
from urllib.parse import quote

from aiohttp import web


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
    names = sorted(folder.iterdir()) if folder.is_dir() else []
    items = [f"{path.name}/" if path.is_dir() else path.name for path in names if not path.name.startswith(".")]
    links = "".join(f'<li><a href="./{quote(item)}">{html.escape(item)}</a></li>' for item in items)
    title = "Reports" if folder == root else f"Reports: {html.escape(folder.relative_to(root).as_posix())}"
    up = "" if folder == root else '<p><a href="../">all above</a></p>'
    return (
        f'<!doctype html><html lang="en"><meta charset="utf-8"><title>{title}</title>'
        '<body style="font: 16px/1.6 system-ui; max-width: 45rem; margin: 3rem auto">'
        f"<h1>{title}</h1>{up}<ul>{links or '<li>none yet</li>'}</ul></body></html>"
    )
