//! Giving speakers the names of those whose voiceprints are known.

use serde::{Deserialize, Serialize};

use super::{Calibration, Voiceprint, centroids::cosine};
use crate::evaluation::optimal_mapping;

/// Somebody whose voice is known.
#[derive(Debug, Clone, PartialEq)]
pub struct Enrolment {
    /// The name.
    pub label: String,
    /// The voice. Several enrolments may have one label: then the most similar one counts.
    pub voiceprint: Voiceprint,
}

/// How names are given.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Matching {
    /// Whether a name goes to one speaker at most.
    pub exclusive: bool,
    /// Confidence, 0 to 100, below which a speaker stays without a name.
    pub threshold: f32,
}

impl Default for Matching {
    fn default() -> Self {
        Self {
            exclusive: true,
            threshold: 0.0,
        }
    }
}

/// Who a speaker is.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Identity {
    /// The name given; none where nobody is similar enough, or somebody else is more so.
    pub label: Option<String>,
    /// The confidence in every name, 0 to 100, in the order in which names first occur: the
    /// probability that the voice is theirs. Empty for a speaker without a voice.
    pub confidence: Vec<(String, f32)>,
}

/// Gives each of `speakers` (unit vectors, or none for a speaker without a voice) the name that
/// `matching` allows. If names are exclusive, those pairs are chosen whose cosines are highest in
/// sum (H. W. Kuhn, "The Hungarian method for the assignment problem", 1955); otherwise each speaker
/// gets the most similar name.
pub fn identify(
    speakers: &[Option<Vec<f32>>],
    enrolments: &[Enrolment],
    matching: Matching,
    calibration: Calibration,
) -> Vec<Identity> {
    let labels = labels(enrolments);
    let cosines: Vec<Vec<f32>> = speakers
        .iter()
        .flatten()
        .map(|voice| {
            let of = |label: &&str| best(voice, enrolments, label);
            labels.iter().map(of).collect()
        })
        .collect();
    let confidence = |cosine: f32| 100.0 * calibration.probability(cosine);
    // Above zero for every pair that may be, so that the worst of them is better than none.
    let weight = |cosine: f32| {
        if confidence(cosine) >= matching.threshold {
            f64::from(cosine) + 1.0 + f64::from(f32::EPSILON)
        } else {
            0.0
        }
    };
    let weights: Vec<Vec<f64>> = cosines
        .iter()
        .map(|row| row.iter().copied().map(weight).collect())
        .collect();
    let chosen = if matching.exclusive {
        optimal_mapping(&weights, labels.len())
    } else {
        weights.iter().map(|row| highest(row)).collect()
    };
    let mut matched = chosen.into_iter().zip(&cosines);
    speakers
        .iter()
        .map(|voice| {
            let Some((chosen, cosines)) = voice.as_ref().and_then(|_| matched.next()) else {
                return Identity::default();
            };
            let labelled = labels.iter().zip(cosines);
            Identity {
                label: chosen.map(|index| labels[index].to_owned()),
                confidence: labelled
                    .map(|(label, &cosine)| ((*label).to_owned(), confidence(cosine)))
                    .collect(),
            }
        })
        .collect()
}

/// The distinct names in order of first occurrence.
fn labels(enrolments: &[Enrolment]) -> Vec<&str> {
    let mut labels = Vec::new();
    for Enrolment { label, .. } in enrolments {
        if !labels.contains(&label.as_str()) {
            labels.push(label.as_str());
        }
    }
    labels
}

/// The highest cosine of `voice` with a voiceprint of `label`.
fn best(voice: &[f32], enrolments: &[Enrolment], label: &str) -> f32 {
    let own = enrolments
        .iter()
        .filter(|enrolment| enrolment.label == label);
    own.map(|enrolment| cosine(voice, enrolment.voiceprint.values()))
        .fold(-1.0, f32::max)
}

/// Where the highest weight is, if there is one above zero; of equals the first.
fn highest(weights: &[f64]) -> Option<usize> {
    let mut best = None;
    for (index, &weight) in weights.iter().enumerate() {
        if weight > best.map_or(0.0, |(_, weight)| weight) {
            best = Some((index, weight));
        }
    }
    best.map(|(index, _)| index)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::EmbeddingSpace;

    const CALIBRATION: Calibration = Calibration {
        slope: 10.0,
        midpoint: 0.5,
    };

    /// A unit vector in the plane.
    fn at(degrees: f32) -> Vec<f32> {
        let (sine, cosine) = degrees.to_radians().sin_cos();
        vec![cosine, sine]
    }

    fn enrolled(label: &str, degrees: f32) -> Enrolment {
        Enrolment {
            label: label.to_owned(),
            voiceprint: Voiceprint::new(EmbeddingSpace::from_bytes([0; 16]), at(degrees)).unwrap(),
        }
    }

    fn names(
        speakers: &[Option<Vec<f32>>],
        enrolments: &[Enrolment],
        exclusive: bool,
        threshold: f32,
    ) -> Vec<Option<String>> {
        let matching = Matching {
            exclusive,
            threshold,
        };
        let identities = identify(speakers, enrolments, matching, CALIBRATION);
        identities.into_iter().map(|own| own.label).collect()
    }

    #[test]
    fn exclusive_names_are_given_so_that_the_whole_fits_best() {
        let enrolments = [enrolled("Ann", 0.0), enrolled("Bob", 90.0)];
        // Both are nearer to Ann.
        let speakers = [Some(at(10.0)), Some(at(40.0))];
        let named = |name: &str| Some(name.to_owned());
        assert_eq!(
            names(&speakers, &enrolments, true, 0.0),
            [named("Ann"), named("Bob")]
        );
        assert_eq!(
            names(&speakers, &enrolments, false, 0.0),
            [named("Ann"), named("Ann")]
        );
        // Bob is at 50 degrees from the second: a confidence of 80.8.
        assert_eq!(
            names(&speakers, &enrolments, true, 81.0),
            [named("Ann"), None]
        );
    }

    #[test]
    fn there_are_more_speakers_than_names_and_the_other_way_round() {
        let one = [enrolled("Ann", 0.0)];
        let speakers = [Some(at(30.0)), None, Some(at(5.0))];
        let ann = || Some("Ann".to_owned());
        assert_eq!(names(&speakers, &one, true, 0.0), [None, None, ann()]);
        let many = [enrolled("Bob", 180.0), enrolled("Ann", 0.0)];
        assert_eq!(names(&[Some(at(1.0))], &many, true, 0.0), [ann()]);
        // As unlike as can be, and still the only one there is.
        assert_eq!(names(&[Some(at(180.0))], &one, true, 0.0), [ann()]);
        assert!(names(&[], &many, true, 0.0).is_empty());
    }

    #[test]
    fn the_most_similar_of_one_persons_voiceprints_counts() {
        let enrolments = [
            enrolled("Ann", 90.0),
            enrolled("Bob", 40.0),
            enrolled("Ann", 0.0),
        ];
        let identities = identify(
            &[Some(at(0.0)), None],
            &enrolments,
            Matching::default(),
            CALIBRATION,
        );
        assert_eq!(identities[0].label.as_deref(), Some("Ann"));
        let labels: Vec<_> = identities[0].confidence.iter().map(|(l, _)| l).collect();
        assert_eq!(labels, ["Ann", "Bob"]);
        // 100 / (1 + e^-5)
        assert!((identities[0].confidence[0].1 - 99.33).abs() < 0.01);
        assert_eq!(identities[1], Identity::default());
    }
}
