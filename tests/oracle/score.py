"""Scores annotation pairs with pyannote.metrics.

Reads JSON on standard input: a list of cases, each with `reference` and `hypothesis` (lists of
`[start, end, speaker]`), `uem` (a list of `[start, end]`, or null), `collar` and `skip_overlap`.
Writes `scores`, one per case: total, missed, false alarm, confusion and rate of DER, error,
speakers and rate of JER, or null where the optimal mapping is not unique, as the rates then depend
on which one a solver happens to find; and `corpora`: for each combination of collar and overlap
rule the DER and JER of its scored cases together.
"""

import json
import sys
import warnings

import numpy
from pyannote.core import Annotation, Segment, Timeline
from pyannote.metrics.diarization import DiarizationErrorRate, JaccardErrorRate
from scipy.optimize import linear_sum_assignment

warnings.filterwarnings("ignore", message="'uem' was approximated")


def annotation(turns):
    result = Annotation()
    for track, (start, end, speaker) in enumerate(turns):
        result[Segment(start, end), track] = speaker
    return result


def unique(metric, reference, hypothesis, uem):
    """Whether the optimal mapping survives changes too small to make another one optimal."""
    reference, hypothesis = metric.uemify(
        reference, hypothesis, uem=uem, collar=metric.collar, skip_overlap=metric.skip_overlap
    )
    shared = hypothesis * reference
    random = numpy.random.default_rng(0)
    found = set()
    for _ in range(8):
        moved = shared * (1 + 1e-7 * random.random(shared.shape))
        rows, columns = linear_sum_assignment(-moved)
        found.add(tuple((r, c) for r, c in zip(rows, columns) if shared[r, c] > 0))
    return len(found) == 1


def score(case, der, jer):
    arguments = {
        "reference": annotation(case["reference"]),
        "hypothesis": annotation(case["hypothesis"]),
        "uem": case["uem"] and Timeline([Segment(*part) for part in case["uem"]]),
    }
    if not unique(der, **arguments):
        return None
    rates = der(**arguments, detailed=True)
    jaccard = jer(**arguments, detailed=True)
    return [
        rates["total"], rates["missed detection"], rates["false alarm"], rates["confusion"],
        rates["diarization error rate"],
        jaccard["speaker error"], jaccard["speaker count"], jaccard["jaccard error rate"],
    ]


def main():
    cases = json.load(sys.stdin)
    scores, corpora = [None] * len(cases), []
    for key in sorted({(case["collar"], case["skip_overlap"]) for case in cases}):
        options = {"collar": key[0], "skip_overlap": key[1]}
        der, jer = DiarizationErrorRate(**options), JaccardErrorRate(**options)
        for index, case in enumerate(cases):
            if (case["collar"], case["skip_overlap"]) == key:
                scores[index] = score(case, der, jer)
        corpora.append([*key, abs(der), abs(jer)])
    json.dump({"scores": scores, "corpora": corpora}, sys.stdout)


if __name__ == "__main__":
    main()
