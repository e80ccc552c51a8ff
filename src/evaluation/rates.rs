//! Both error rates of one pair of annotations.

use super::mapping;
use super::sweep::Sweep;
use crate::domain::{Annotation, DiarizationErrorRate, JaccardErrorRate, Score};

/// The score of two annotations that hold nothing but what is to be scored.
pub(super) fn of(reference: &Annotation, hypothesis: &Annotation) -> Score {
    let sweep = Sweep::new(reference, hypothesis);
    let times = Times::of(&sweep);
    let mapping = mapping::optimal_mapping(&times.shared, sweep.speakers[0]);
    Score {
        der: diarization_error_rate(&sweep, &mapping),
        jer: jaccard_error_rate(&times, &mapping),
    }
}

/// Who spoke for how long, and with whom, in seconds.
struct Times {
    reference: Vec<f64>,
    hypothesis: Vec<f64>,
    /// Time both speak, by hypothesis and reference; simultaneous turns of one speaker count
    /// as often as they occur, as in pyannote.metrics.
    shared: Vec<Vec<f64>>,
    /// The same with every instant counted once.
    both: Vec<Vec<f64>>,
}

impl Times {
    fn of(sweep: &Sweep) -> Self {
        let [references, hypotheses] = sweep.speakers;
        let mut times = Self {
            reference: vec![0.0; references],
            hypothesis: vec![0.0; hypotheses],
            shared: vec![vec![0.0; references]; hypotheses],
            both: vec![vec![0.0; references]; hypotheses],
        };
        sweep.for_each(|stretch| {
            for &reference in stretch.reference.keys() {
                times.reference[reference] += stretch.seconds;
            }
            for (&hypothesis, said) in stretch.hypothesis {
                times.hypothesis[hypothesis] += stretch.seconds;
                for (&reference, meant) in stretch.reference {
                    times.both[hypothesis][reference] += stretch.seconds;
                    times.shared[hypothesis][reference] += stretch.seconds * (said * meant) as f64;
                }
            }
        });
        times
    }
}

fn diarization_error_rate(sweep: &Sweep, mapping: &[Option<usize>]) -> DiarizationErrorRate {
    let mut der = DiarizationErrorRate::default();
    sweep.for_each(|stretch| {
        let meant: usize = stretch.reference.values().sum();
        let said: usize = stretch.hypothesis.values().sum();
        let right: usize = stretch
            .hypothesis
            .iter()
            .filter_map(|(&speaker, &said)| {
                let meant = stretch.reference.get(&mapping[speaker]?)?;
                Some(said.min(*meant))
            })
            .sum();
        der.total += stretch.seconds * meant as f64;
        der.missed += stretch.seconds * meant.saturating_sub(said) as f64;
        der.false_alarm += stretch.seconds * said.saturating_sub(meant) as f64;
        der.confusion += stretch.seconds * (meant.min(said) - right) as f64;
    });
    der
}

fn jaccard_error_rate(times: &Times, mapping: &[Option<usize>]) -> JaccardErrorRate {
    let mut speaker_error = times.reference.len() as f64;
    for (hypothesis, reference) in mapping.iter().enumerate() {
        if let Some(reference) = *reference {
            let both = times.both[hypothesis][reference];
            let either = times.reference[reference] + times.hypothesis[hypothesis] - both;
            speaker_error -= both / either;
        }
    }
    JaccardErrorRate {
        speaker_error,
        speakers: times.reference.len() as f64,
    }
}
