use super::*;
use ndarray::Array1;
use proptest::prelude::*;

const DIM: usize = 32;

/// A value between -1 and 1 that depends on `seed` alone.
fn noise(seed: u64) -> f32 {
    let mut state = seed.wrapping_add(0x9e37_79b9_7f4a_7c15);
    state = (state ^ (state >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    state = (state ^ (state >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    ((state ^ (state >> 31)) >> 40) as f32 / (1 << 23) as f32 - 1.0
}

/// Windows of the given speakers: unit vectors around one axis a speaker.
fn windows(speakers: &[usize]) -> Array2<f32> {
    let mut rows = Array2::zeros((speakers.len(), DIM));
    for (index, &speaker) in speakers.iter().enumerate() {
        let mut row = Array1::from_shape_fn(DIM, |dim| 0.08 * noise((index * DIM + dim) as u64));
        row[speaker] += 1.0;
        row /= row.dot(&row).sqrt();
        rows.row_mut(index).assign(&row);
    }
    rows
}

/// `count` windows of `speakers` in turn, changing every `turn` windows.
fn conversation(count: usize, speakers: usize, turn: usize) -> Vec<usize> {
    (0..count).map(|index| index / turn % speakers).collect()
}

fn all() -> Vec<Box<dyn Clustering>> {
    [Method::Agglomerative, Method::Hdbscan, Method::Vbx]
        .into_iter()
        .map(|method| {
            by_name(&Settings {
                method,
                ..Settings::default()
            })
        })
        .collect()
}

fn bounds(exact: Option<usize>, min: Option<usize>, max: Option<usize>) -> SpeakerBounds {
    SpeakerBounds::new(exact, min, max).unwrap()
}

#[test]
fn speakers_are_found_and_numbered_by_first_appearance() {
    let truth = conversation(120, 3, 10);
    for clustering in all() {
        let clusters = clustering
            .cluster(windows(&truth).view(), SpeakerBounds::ANY)
            .unwrap();
        assert_eq!(clusters.labels, truth, "{}", clustering.name());
        assert_eq!(clusters.centroids.dim(), (3, DIM));
        assert_eq!(clusters.warning, None);
    }
}

#[test]
fn one_speaker_stays_one() {
    for clustering in all() {
        let clusters = clustering
            .cluster(windows(&[5; 80]).view(), SpeakerBounds::ANY)
            .unwrap();
        assert_eq!(clusters.labels, [0; 80], "{}", clustering.name());
    }
}

#[test]
fn the_number_of_speakers_asked_for_is_the_number_given() {
    let rows = windows(&conversation(100, 4, 5));
    for clustering in all() {
        for (bounds, expected) in [
            (bounds(Some(2), None, None), 2),
            (bounds(Some(6), None, None), 6),
            (bounds(None, None, Some(3)), 3),
            (bounds(None, Some(5), Some(9)), 5),
            (bounds(None, Some(2), Some(9)), 4),
        ] {
            let clusters = clustering.cluster(rows.view(), bounds).unwrap();
            let name = clustering.name();
            assert_eq!(clusters.centroids.nrows(), expected, "{name} {bounds:?}");
            assert_eq!(clusters.labels.iter().max(), Some(&(expected - 1)));
        }
    }
}

#[test]
fn hdbscan_says_when_it_cannot_split() {
    let rows = windows(&conversation(100, 2, 5));
    let hdbscan = &all()[1];
    let clusters = hdbscan
        .cluster(rows.view(), bounds(Some(5), None, None))
        .unwrap();
    let warning = clusters.warning.unwrap().to_string();
    assert!(
        warning.contains("agglomerative instead of hdbscan"),
        "{warning}"
    );
}

#[test]
fn an_outlier_is_no_speaker() {
    let mut truth = conversation(100, 2, 10);
    truth[55] = 9;
    for clustering in all() {
        let clusters = clustering
            .cluster(windows(&truth).view(), SpeakerBounds::ANY)
            .unwrap();
        assert_eq!(clusters.centroids.nrows(), 2, "{}", clustering.name());
        // Told that there are three, the same window may well be the third.
        let three = bounds(Some(3), None, None);
        let clusters = clustering.cluster(windows(&truth).view(), three).unwrap();
        assert_eq!(clusters.centroids.nrows(), 3, "{}", clustering.name());
    }
}

#[test]
fn few_windows_are_no_problem() {
    for clustering in all() {
        let name = clustering.name();
        let nothing = clustering
            .cluster(windows(&[]).view(), SpeakerBounds::ANY)
            .unwrap();
        assert_eq!(nothing.labels, [0; 0], "{name}");
        assert_eq!(nothing.warning, None);
        for count in 1..5 {
            let rows = windows(&vec![3; count]);
            let clusters = clustering.cluster(rows.view(), SpeakerBounds::ANY).unwrap();
            assert_eq!(clusters.labels, vec![0; count], "{name}");
            let many = bounds(Some(count + 1), None, None);
            let clusters = clustering.cluster(rows.view(), many).unwrap();
            let warning = clusters.warning.unwrap().to_string();
            let expected = format!("{} speakers asked for, {count} found", count + 1);
            assert!(warning.starts_with(&expected), "{name}: {warning}");
        }
    }
}

#[test]
fn identical_windows_are_one_speaker() {
    for row in [windows(&[1]), Array2::zeros((1, DIM))] {
        let rows = row.broadcast((50, DIM)).unwrap();
        for clustering in all() {
            let one = clustering.cluster(rows, SpeakerBounds::ANY).unwrap();
            assert!(one.centroids.iter().all(|value| value.is_finite()));
            if row.sum() > 0.0 {
                assert_eq!(one.labels, [0; 50], "{}", clustering.name());
            }
            let two = clustering
                .cluster(rows, bounds(Some(2), None, None))
                .unwrap();
            assert_eq!(two.centroids.nrows(), 2, "{}", clustering.name());
        }
    }
}

#[test]
fn values_that_are_not_finite_are_named() {
    let mut rows = windows(&[0; 9]);
    rows[[7, 3]] = f32::NAN;
    for clustering in all() {
        let error = clustering
            .cluster(rows.view(), SpeakerBounds::ANY)
            .unwrap_err();
        assert!(error.to_string().contains("row 7 "), "{error}");
    }
}

#[test]
fn every_linkage_works() {
    let truth = conversation(60, 3, 5);
    for name in [
        "single", "complete", "average", "weighted", "ward", "centroid", "median",
    ] {
        let settings = Settings {
            linkage: serde_json::from_value(name.into()).unwrap(),
            ..Settings::default()
        };
        let bounds = bounds(Some(3), None, None);
        let clusters = by_name(&settings)
            .cluster(windows(&truth).view(), bounds)
            .unwrap();
        assert_eq!(clusters.labels, truth, "{name}");
    }
}

#[test]
fn condensing_keeps_speakers_apart() {
    let truth = conversation(700, 4, 7);
    let rows = windows(&truth);
    let condensed = condense::condense(&rows.view(), 100, &|| true).unwrap();
    assert!((4..=100).contains(&condensed.points.nrows()));
    assert_eq!(condensed.weights.iter().sum::<usize>(), 700);
    let agglomerative = Agglomerative::new(&Settings::default());
    let clusters = agglomerative.cluster_points(&rows.view(), &condensed, SpeakerBounds::ANY);
    assert_eq!(clusters.labels, truth);
}

#[test]
fn settings_beyond_their_limits_are_named() {
    let settings = Settings {
        threshold: 2.5,
        ..Settings::default()
    };
    assert_eq!(
        settings.validate().unwrap_err().to_string(),
        "clustering.threshold must be between 0 and 2; given: 2.5"
    );
    Settings::default().validate().unwrap();
    assert!(
        "kmeans"
            .parse::<Method>()
            .unwrap_err()
            .to_string()
            .ends_with("\"kmeans\"")
    );
}

proptest! {
    #[test]
    fn bounds_hold_whatever_the_windows(
        truth in prop::collection::vec(0_usize..6, 1..60),
        min in 1_usize..5,
        more in 0_usize..5,
    ) {
        let rows = windows(&truth);
        let bounds = bounds(None, Some(min), Some(min + more));
        for clustering in all() {
            let clusters = clustering.cluster(rows.view(), bounds).unwrap();
            let found = clusters.centroids.nrows();
            prop_assert!(bounds.contains(found) || truth.len() < min);
            prop_assert_eq!(clusters.warning.is_some() && truth.len() < min, truth.len() < min);
            let again = clustering.cluster(rows.view(), bounds).unwrap();
            prop_assert_eq!(clusters, again);
        }
    }
}

#[test]
fn what_nobody_wants_any_more_is_given_up_soon() {
    let rows = windows(&[[0; 60], [1; 60]].concat());
    for clustering in [Method::Agglomerative, Method::Hdbscan, Method::Vbx].map(|method| {
        by_name(&Settings {
            method,
            ..Settings::default()
        })
    }) {
        let asked = std::cell::Cell::new(0);
        let wanted = || {
            asked.set(asked.get() + 1);
            asked.get() < 2
        };
        let bounds = SpeakerBounds::ANY;
        let given_up = clustering.cluster_while(rows.view(), bounds, &wanted);
        assert_eq!(given_up.unwrap_err(), ClusteringError::Unwanted);
        assert_eq!(asked.get(), 2);
    }
}
