"""What ``download`` does: choose archives, fetch, check, unpack."""

from __future__ import annotations

import argparse
import sys
import tarfile
import zipfile
from pathlib import Path
from urllib.parse import urlsplit

from .sources import BY_HAND, SOURCES, Archive
from .transfer import TransferError, fetch, listed_checksum


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's flags."""
    parser.add_argument("corpus", choices=[*SOURCES, *BY_HAND])
    parser.add_argument("--output", type=Path, default=Path("data"), help="folder for the archives")
    parser.add_argument("--part", action="append", help="only this part, such as train-clean-100; repeatable")
    parser.add_argument("--base-url", help="fetch from a mirror: replaces everything up to the file's name")
    parser.add_argument("--checksum", help="ALGORITHM:HEX of the one archive asked for, from a source you trust")
    parser.add_argument("--unpack", action="store_true", help="unpack beside the archive when it is complete")


def run(args: argparse.Namespace) -> int:
    """Fetch the archives; prints path, SHA-256 and how each was checked."""
    if args.corpus in BY_HAND:
        print(BY_HAND[args.corpus], file=sys.stderr)
        return 2
    source = SOURCES[args.corpus]
    wanted = [archive for archive in source.archives if not args.part or archive.part in args.part]
    unknown = set(args.part or ()) - {archive.part for archive in source.archives}
    if unknown:
        known = ", ".join(archive.part for archive in source.archives)
        print(f"{args.corpus} has no part {', '.join(sorted(unknown))}; parts: {known}", file=sys.stderr)
        return 2
    if args.checksum and len(wanted) != 1:
        print(f"--checksum needs exactly one archive; asked for {len(wanted)}: add --part", file=sys.stderr)
        return 2
    print(f"{args.corpus}: {source.licence}")
    try:
        for archive in wanted:
            _fetch(archive, args)
    except (TransferError, ValueError) as error:
        print(error, file=sys.stderr)
        return 1
    return 0


def _fetch(archive: Archive, args: argparse.Namespace) -> None:
    name = urlsplit(archive.url).path.rsplit("/", 1)[-1]
    url, list_url = archive.url, archive.checksum_list
    if args.base_url:
        url = f"{args.base_url.rstrip('/')}/{name}"
        list_url = list_url and f"{args.base_url.rstrip('/')}/{list_url.rsplit('/', 1)[-1]}"
    checksum = args.checksum or archive.checksum
    if checksum is None and list_url:
        checksum = listed_checksum(list_url, name)
    target = args.output / args.corpus / name
    seen = fetch(url, target, checksum)
    how = f"matches {checksum}" if checksum else "UNCHECKED: no published checksum is known; compare this value"
    print(f"{target}  sha256:{seen}  {how}")
    if args.unpack:
        unpack(target, target.parent)


def unpack(archive: Path, folder: Path) -> None:
    """Unpack a tar or zip archive; members that would leave ``folder`` are refused."""
    if tarfile.is_tarfile(archive):
        with tarfile.open(archive) as handle:
            handle.extractall(folder, filter="data")
        return
    with zipfile.ZipFile(archive) as handle:
        root = folder.resolve()
        for name in handle.namelist():
            if not (root / name).resolve().is_relative_to(root):
                raise ValueError(f"{archive}: member {name!r} leaves the folder")
        handle.extractall(folder)
