"""Where the public corpora are, under which licence, and how their archives are checked.

A checksum is either read from the publisher's own list next to the archive, or pinned
here when independent public recipes agree on it, or given by the user. None is guessed:
where there is no known one, the download says so and records the SHA-256 it saw.
"""

from __future__ import annotations

from dataclasses import dataclass

_OPENSLR = "https://www.openslr.org/resources"
_LIBRISPEECH = ("dev-clean", "dev-other", "test-clean", "test-other", "train-clean-100", "train-clean-360",
                "train-other-500")


@dataclass(frozen=True)
class Archive:
    """One file to fetch. ``checksum`` is ``algorithm:hex``; ``checksum_list`` an md5sum-style URL."""

    part: str
    url: str
    checksum: str | None = None
    checksum_list: str | None = None


@dataclass(frozen=True)
class Source:
    """A corpus: its licence and its archives."""

    licence: str
    archives: tuple[Archive, ...]


SOURCES: dict[str, Source] = {
    "librispeech": Source("CC BY 4.0 (OpenSLR 12)", tuple(
        Archive(part, f"{_OPENSLR}/12/{part}.tar.gz", checksum_list=f"{_OPENSLR}/12/md5sum.txt")
        for part in _LIBRISPEECH)),
    "speechocean762": Source("CC BY 4.0 (OpenSLR 101)", (
        Archive("all", f"{_OPENSLR}/101/speechocean762.tar.gz"),)),
    "musan": Source("CC BY 4.0 and public domain (OpenSLR 17)", (
        Archive("all", f"{_OPENSLR}/17/musan.tar.gz", checksum="md5:0c472d4fc0c5141eca47ad1ffeb2a7df"),)),
    "rirs": Source("Apache-2.0 (OpenSLR 28)", (
        Archive("all", f"{_OPENSLR}/28/rirs_noises.zip", checksum="md5:e6f48e257286e05de56413b4779d8ffb"),)),
    "voxconverse": Source("CC BY 4.0, for research; copyright of the videos stays with their owners", (
        Archive("dev", "https://www.robots.ox.ac.uk/~vgg/data/voxconverse/data/voxconverse_dev_wav.zip"),
        Archive("test", "https://www.robots.ox.ac.uk/~vgg/data/voxconverse/data/voxconverse_test_wav.zip"),
        Archive("rttm", "https://github.com/joonson/voxconverse/archive/refs/heads/master.zip"))),
}

#: Corpora that no script may fetch, and what to do instead.
BY_HAND = {
    "voxceleb": "VoxCeleb1 and 2 are given out to registered users only. Ask for access at "
                "https://mm.kaist.ac.kr/datasets/voxceleb/, fetch the parts with the account you get, join them as the "
                "page says, unpack, then run `prepare voxceleb`.",
    "commonvoice": "Common Voice asks every user to accept its terms. Fetch a language from "
                   "https://commonvoice.mozilla.org/datasets, unpack, then run `prepare commonvoice`.",
}
