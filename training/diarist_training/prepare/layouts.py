"""How each corpus lies on disk once unpacked: folder in, utterances out.

Every function takes the corpus's root and yields utterances whose ``path`` is relative
to that root, in a fixed order. A layout that is not there raises ``LayoutError`` with
what was looked for. Whether a file can be used is not decided here.
"""

from __future__ import annotations

import csv
import hashlib
from collections.abc import Iterator
from pathlib import Path

from ..manifest import Utterance, read_manifest

CHILD_BELOW_YEARS = 14
_GENDERS = {"m": "male", "f": "female", "male": "male", "female": "female"}
_VOXCELEB1_TEST = {f"id{number}" for number in range(10270, 10310)}


class LayoutError(ValueError):
    """The folder does not look like the corpus."""


def shared(root: Path) -> Iterator[Utterance]:
    """A folder that already has a ``manifest.tsv``: its rows, to validate and thin out."""
    yield from read_manifest(_must_exist(root / "manifest.tsv"))


def librispeech(root: Path) -> Iterator[Utterance]:
    """``[LibriSpeech/]SUBSET/SPEAKER/CHAPTER/*.flac`` and ``SPEAKERS.TXT``.

    Subsets ``dev-*`` and ``test-*`` become split ``verify``, the others ``train``.
    """
    base = root / "LibriSpeech" if (root / "LibriSpeech").is_dir() else root
    genders = {}
    for line in _must_exist(base / "SPEAKERS.TXT").read_text(encoding="utf-8").splitlines():
        fields = [field.strip() for field in line.split("|")]
        if not line.startswith(";") and len(fields) >= 3:
            genders[fields[0]] = _GENDERS.get(fields[1].lower(), "")
    for path in _files(base, "*/*/*/*.flac", "SUBSET/SPEAKER/CHAPTER/*.flac"):
        subset, speaker = path.relative_to(base).parts[:2]
        yield Utterance(str(path.relative_to(root)), f"librispeech/{speaker}",
                        "verify" if subset.startswith(("dev", "test")) else "train",
                        "librispeech", "en", genders.get(speaker, ""))


def voxceleb(root: Path) -> Iterator[Utterance]:
    """VoxCeleb1 ``.../wav/idNNNNN/VIDEO/*.wav``, VoxCeleb2 ``.../aac/idNNNNN/VIDEO/*.m4a``.

    The forty speakers of VoxCeleb1's official test become split ``verify``. Both corpora
    share one id space without collisions; the language is not known.
    """
    paths = sorted(path for kind in ("wav", "m4a", "flac") for path in root.glob(f"**/id*/*/*.{kind}"))
    if not paths:
        raise LayoutError(f"no idNNNNN/VIDEO/*.wav or *.m4a below {root}")
    for path in paths:
        speaker = path.parts[-3]
        yield Utterance(str(path.relative_to(root)), f"voxceleb/{speaker}",
                        "verify" if speaker in _VOXCELEB1_TEST else "train", "voxceleb")


def commonvoice(root: Path, table: str = "validated.tsv") -> Iterator[Utterance]:
    """``[cv-corpus-*/]LANGUAGE/TABLE`` and ``LANGUAGE/clips/*.mp3``; one client id is one speaker."""
    tables = sorted([*root.glob(table), *root.glob(f"*/{table}"), *root.glob(f"cv-corpus-*/*/{table}")])
    if not tables:
        raise LayoutError(f"no LANGUAGE/{table} below {root}")
    for listing in tables:
        with open(listing, newline="", encoding="utf-8") as handle:
            reader = csv.DictReader(handle, delimiter="\t", quoting=csv.QUOTE_NONE)
            missing = {"client_id", "path"} - set(reader.fieldnames or ())
            if missing:
                raise LayoutError(f"{listing}: header lacks {', '.join(sorted(missing))}")
            for row in reader:
                name = row["path"] if Path(row["path"]).suffix else row["path"] + ".mp3"
                client = hashlib.sha256(row["client_id"].encode()).hexdigest()[:16]
                gender = _GENDERS.get((row.get("gender") or "").split("_")[0].lower(), "")
                yield Utterance(str((listing.parent / "clips" / name).relative_to(root)),
                                f"commonvoice/cv_{client}", "train", "commonvoice",
                                row.get("locale") or listing.parent.name, gender)


def speechocean762(root: Path) -> Iterator[Utterance]:
    """``[speechocean762/]WAVE/SPEAKERnnnn/*.WAV`` with Kaldi tables in ``train`` and ``test``."""
    base = _speechocean_base(root)
    for half in ("train", "test"):
        speakers, genders = _table(base / half / "utt2spk"), _table(base / half / "spk2gender", False)
        for utterance, speaker in sorted(speakers.items()):
            path = base / "WAVE" / f"SPEAKER{speaker}" / f"{utterance}.WAV"
            yield Utterance(str(path.relative_to(root)), f"speechocean762/SPEAKER{speaker}",
                            "verify" if half == "test" else "train", "speechocean762", "en",
                            _GENDERS.get(genders.get(speaker, "").lower(), ""))


def speechocean762_children(root: Path) -> list[str]:
    """Speaker ids that ``spk2age`` gives an age below ``CHILD_BELOW_YEARS``."""
    base = _speechocean_base(root)
    ages = {**_table(base / "train" / "spk2age", False), **_table(base / "test" / "spk2age", False)}
    return sorted(f"speechocean762/SPEAKER{speaker}" for speaker, age in ages.items()
                  if age.isdigit() and int(age) < CHILD_BELOW_YEARS)


def _speechocean_base(root: Path) -> Path:
    return root / "speechocean762" if (root / "speechocean762").is_dir() else root


def _table(path: Path, required: bool = True) -> dict[str, str]:
    """A Kaldi table: key and value, parted by white space. Ids lose their ``SPEAKER`` prefix."""
    if not required and not path.exists():
        return {}
    lines = (line.split() for line in _must_exist(path).read_text(encoding="utf-8").splitlines())
    return {fields[0].removeprefix("SPEAKER"): fields[1].removeprefix("SPEAKER")
            for fields in lines if len(fields) == 2}


def _must_exist(path: Path) -> Path:
    if not path.exists():
        raise LayoutError(f"{path} is not there")
    return path


def _files(base: Path, pattern: str, shape: str) -> list[Path]:
    paths = sorted(base.glob(pattern))
    if not paths:
        raise LayoutError(f"no {shape} below {base}")
    return paths


LAYOUTS = {"shared": shared, "librispeech": librispeech, "voxceleb": voxceleb,
           "commonvoice": commonvoice, "speechocean762": speechocean762}
