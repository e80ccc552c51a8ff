"""One file over HTTP: resumed after a cut, checked before it gets its name.

Bytes arrive in ``NAME.part``, with the server's validator (ETag or date) in
``NAME.part.validator``. A later call asks for the rest with ``Range`` and ``If-Range``
(RFC 9110, sections 13.1.5 and 14.2): if the file on the server is another one by then,
the server sends all of it and the transfer starts over.
"""

from __future__ import annotations

import hashlib
import http.client
import os
import re
import time
import urllib.error
import urllib.request
from pathlib import Path

from tqdm import tqdm

BLOCK = 1 << 20
TIMEOUT_SECONDS = 60.0
_ALGORITHMS = ("sha256", "sha512", "sha1", "md5")
_AGENT = "diarist-training"


class TransferError(Exception):
    """A download that did not succeed; the message names the URL and the cause."""


def fetch(url: str, target: Path, checksum: str | None = None, *, attempts: int = 5,
          pause_seconds: float = 2.0) -> str:
    """Download ``url`` to ``target`` and return its SHA-256 (hex).

    ``checksum`` is ``algorithm:hex``. A transfer that breaks off is taken up again up to
    ``attempts`` times in a row without progress. A file with the wrong checksum is
    removed, so that the next call starts afresh.
    """
    parsed = parse_checksum(checksum) if checksum else None
    part = target.with_name(target.name + ".part")
    if not target.exists():
        target.parent.mkdir(parents=True, exist_ok=True)
        _complete(url, part, attempts, pause_seconds)
    path = target if target.exists() else part
    digests = digest(path, {"sha256"} | ({parsed[0]} if parsed else set()))
    if parsed and digests[parsed[0]] != parsed[1]:
        path.unlink()
        _validator(part).unlink(missing_ok=True)
        raise TransferError(f"{url}: {parsed[0]} must be {parsed[1]}, is {digests[parsed[0]]}; file removed")
    if path == part:
        os.replace(part, target)
        _validator(part).unlink(missing_ok=True)
    return digests["sha256"]


def parse_checksum(text: str) -> tuple[str, str]:
    """Split ``algorithm:hex`` and check both halves."""
    algorithm, _, value = text.lower().partition(":")
    if algorithm not in _ALGORITHMS:
        raise ValueError(f"checksum must start with one of {', '.join(_ALGORITHMS)} and a colon; given: {text!r}")
    length = hashlib.new(algorithm).digest_size * 2
    if not re.fullmatch(f"[0-9a-f]{{{length}}}", value):
        raise ValueError(f"{algorithm} has {length} hexadecimal digits; given: {value!r}")
    return algorithm, value


def listed_checksum(list_url: str, name: str) -> str:
    """The MD5 of ``name`` from a publisher's md5sum-style list, as ``md5:hex``."""
    try:
        with urllib.request.urlopen(_request(list_url), timeout=TIMEOUT_SECONDS) as answer:
            text = answer.read(BLOCK).decode("utf-8", "replace")
    except (OSError, http.client.HTTPException) as error:
        raise TransferError(f"{list_url}: {error}") from error
    for line in text.splitlines():
        fields = line.split()
        if len(fields) == 2 and fields[1].lstrip("*").rsplit("/", 1)[-1] == name:
            return f"md5:{fields[0].lower()}"
    raise TransferError(f"{list_url}: no checksum for {name}")


def digest(path: Path, algorithms: set[str]) -> dict[str, str]:
    """Hex digests of a file, read once."""
    made = {name: hashlib.new(name) for name in algorithms}
    with open(path, "rb") as handle:
        while block := handle.read(BLOCK):
            for hasher in made.values():
                hasher.update(block)
    return {name: hasher.hexdigest() for name, hasher in made.items()}


def _complete(url: str, part: Path, attempts: int, pause_seconds: float) -> None:
    failures = 0
    while True:
        before = part.stat().st_size if part.exists() else 0
        try:
            _receive(url, part, before)
            return
        except urllib.error.HTTPError as error:
            if error.code == 416:  # the part is longer than the file: not the file we began
                part.unlink(missing_ok=True)
            elif error.code < 500 and error.code not in (408, 429):
                raise TransferError(f"{url}: HTTP {error.code} {error.reason}") from error
            cause: Exception = error
        except (OSError, http.client.HTTPException, EOFError) as error:
            cause = error
        progress = (part.stat().st_size if part.exists() else 0) > before
        failures = 1 if progress else failures + 1
        if failures >= attempts:
            raise TransferError(f"{url}: gave up after {attempts} attempts without progress: {cause}") from cause
        time.sleep(pause_seconds * failures)


def _receive(url: str, part: Path, have: int) -> None:
    """Append what is missing to ``part``; raises ``EOFError`` when the stream ends early."""
    headers = {}
    validator = _validator(part).read_text() if _validator(part).exists() else ""
    if have and validator:
        headers = {"Range": f"bytes={have}-", "If-Range": validator}
    with urllib.request.urlopen(_request(url, headers), timeout=TIMEOUT_SECONDS) as answer:
        resumed = answer.status == 206 and answer.headers.get("Content-Range", "").startswith(f"bytes {have}-")
        if answer.status == 206 and not resumed:
            part.unlink()
            raise EOFError(f"server answered another range: {answer.headers.get('Content-Range')}")
        have = have if resumed else 0
        expected = answer.headers.get("Content-Length")
        total = have + int(expected) if expected and expected.isdigit() else None
        _remember(part, answer.headers)
        with open(part, "ab" if resumed else "wb") as handle, tqdm(
                total=total, initial=have, unit="B", unit_scale=True, desc=part.stem, disable=None) as bar:
            while block := answer.read(BLOCK):
                handle.write(block)
                bar.update(len(block))
    size = part.stat().st_size
    if total is not None and size != total:
        raise EOFError(f"connection ended at byte {size} of {total}")


def _remember(part: Path, headers: http.client.HTTPMessage) -> None:
    tag = headers.get("ETag", "")
    validator = tag if tag and not tag.startswith("W/") else headers.get("Last-Modified", "")
    _validator(part).write_text(validator)


def _validator(part: Path) -> Path:
    return part.with_name(part.name + ".validator")


def _request(url: str, headers: dict[str, str] | None = None) -> urllib.request.Request:
    return urllib.request.Request(url, headers={"User-Agent": _AGENT, **(headers or {})})
