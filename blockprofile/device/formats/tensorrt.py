"""TensorRT's ``trtexec --exportProfile``: every layer's mean time in ms, fused ones joined by `` + ``."""

from __future__ import annotations

from blockprofile.device.formats.trace import NodeTime, ProfileFile, Trace, number_of

SHAPE = "a JSON list whose first entry is `count`"


def recognises(file: ProfileFile) -> bool:
    """Tell whether the file is one."""
    data = file.json
    return isinstance(data, list) and bool(data) and isinstance(data[0], dict) and list(data[0]) == ["count"]


def read(file: ProfileFile) -> Trace:
    """Read the layers' mean times.

    Raises
    ------
    DataError
        If the file holds several profiles, or a layer has no name or time.
    """
    counts = [entry["count"] for entry in file.json if isinstance(entry, dict) and "count" in entry]
    if len(counts) > 1:
        raise file.error(f"it holds {len(counts)} profiles; give each model a file of its own")
    runs = int(number_of(file, file.json[0], ["count"], "the first entry"))
    nodes = []
    for entry in file.json[1:]:
        name = entry.get("name") if isinstance(entry, dict) else None
        if not isinstance(name, str):
            raise file.error("a layer has no name")
        if "averageMs" in entry:
            ms = number_of(file, entry, ["averageMs"], f"layer {name!r}")
        else:
            ms = number_of(file, entry, ["timeMs"], f"layer {name!r}") / max(1, runs)
        nodes.append(NodeTime(name, ms))
    return Trace(file.path, tuple(nodes), None, runs)
