//! What happens to windows before they are compared.
//!
//! **Centring.** Everything in a recording shares its room, channel and noise, and embeddings have a
//! common part for it. Taking away a share of their mean leaves more of the voices. All of the mean
//! would leave a lone speaker with nothing but noise.
//!
//! **Denoising.** An embedding of 1.5 s is a noisy picture of a voice, and what decides between
//! merging two clusters is often the noise. Two averages, each weighted by cosine so that voices are not
//! blurred into one another, take much of it away: over the windows just before and after, which
//! mostly are the same voice, and over the nearest windows anywhere in the recording (the row-wise
//! affinity refinement of Q. Wang et al., "Speaker diarization with LSTM", ICASSP 2018, done on
//! the embeddings themselves).

use ndarray::{Array1, Array2, ArrayView1, ArrayView2, Axis, Slice};

use super::{ClusteringError, Wanted, still};

/// What a window's neighbour in time weighs, beside 1 for the window itself, at cosine 1.
const NEXT: f32 = 0.7;

/// Rows multiplied at once.
const BLOCK: usize = 256;

/// `windows` without `share` (0 to below 1) of their mean, as unit vectors.
pub(super) fn centre(windows: &ArrayView2<'_, f32>, share: f32) -> Array2<f32> {
    let mut centred = windows.to_owned();
    if let Some(mut mean) = windows.mean_axis(Axis(0)) {
        mean *= share;
        centred -= &mean;
    }
    normalise(&mut centred);
    centred
}

/// Scales every row to unit length; rows of zeros stay.
fn normalise(rows: &mut Array2<f32>) {
    for mut row in rows.rows_mut() {
        let norm = row.dot(&row).sqrt();
        if norm > 0.0 {
            row /= norm;
        }
    }
}

/// `windows`, unit vectors in order of time, each averaged with the windows beside it and with
/// `neighbours - 1` others, the nearest. These are sought within stretches of at most `stretch`
/// windows. With no `neighbours` nothing is changed.
pub(super) fn denoise(
    windows: &ArrayView2<'_, f32>,
    neighbours: usize,
    stretch: usize,
    wanted: Wanted<'_>,
) -> Result<Array2<f32>, ClusteringError> {
    if neighbours == 0 {
        return Ok(windows.to_owned());
    }
    let steadied = over_time(windows);
    let mut denoised = Array2::zeros(windows.raw_dim());
    let starts = (0..windows.nrows()).step_by(stretch);
    for rows in starts.map(|start| Slice::from(start..(start + stretch).min(windows.nrows()))) {
        over_space(
            &steadied.slice_axis(Axis(0), rows),
            neighbours,
            &mut denoised.slice_axis_mut(Axis(0), rows),
            wanted,
        )?;
    }
    Ok(denoised)
}

/// Each window with the one before and the one after.
fn over_time(windows: &ArrayView2<'_, f32>) -> Array2<f32> {
    let mut steadied = windows.to_owned();
    for second in 1..windows.nrows() {
        let [a, b] = [second - 1, second].map(|index| windows.row(index));
        let weight = NEXT * a.dot(&b).max(0.0);
        steadied.row_mut(second - 1).scaled_add(weight, &b);
        steadied.row_mut(second).scaled_add(weight, &a);
    }
    normalise(&mut steadied);
    steadied
}

/// Each window with its nearest ones.
fn over_space(
    windows: &ArrayView2<'_, f32>,
    neighbours: usize,
    denoised: &mut ndarray::ArrayViewMut2<'_, f32>,
    wanted: Wanted<'_>,
) -> Result<(), ClusteringError> {
    let count = windows.nrows();
    let nearest = neighbours.min(count);
    for first in (0..count).step_by(BLOCK) {
        still(wanted)?;
        let block = windows.slice_axis(Axis(0), Slice::from(first..(first + BLOCK).min(count)));
        let cosines = block.dot(&windows.t()); // (block, windows)
        for (index, cosines) in cosines.rows().into_iter().enumerate() {
            let mean = mean_of_nearest(windows, &cosines, first + index, nearest);
            denoised.row_mut(first + index).assign(&mean);
        }
    }
    Ok(())
}

/// The mean of the `nearest` windows to window `index`, itself among them, as a unit vector.
fn mean_of_nearest(
    windows: &ArrayView2<'_, f32>,
    cosines: &ArrayView1<'_, f32>,
    index: usize,
    nearest: usize,
) -> Array1<f32> {
    let mut ranked = cosines.to_vec();
    let (_, least, _) = ranked.select_nth_unstable_by(nearest - 1, |a, b| b.total_cmp(a));
    let least = least.max(0.0);
    let mut mean = windows.row(index).to_owned();
    for (other, &cosine) in cosines.iter().enumerate() {
        if cosine >= least && other != index {
            mean.scaled_add(cosine, &windows.row(other));
        }
    }
    let norm = mean.dot(&mean).sqrt();
    if norm > 0.0 {
        mean /= norm;
    }
    mean
}

#[cfg(test)]
mod tests {
    use super::*;
    use ndarray::arr2;

    #[test]
    fn likes_move_together_and_opposites_stay_apart() {
        let voices = [[1.0_f32, 0.3], [1.0, -0.3], [-0.3, 1.0], [0.3, 1.0]];
        let mut windows = arr2(&voices);
        for mut row in windows.rows_mut() {
            let norm = row.dot(&row).sqrt();
            row /= norm;
        }
        let denoised = denoise(&windows.view(), 2, 100, &|| true).unwrap();
        let cosine = |rows: &Array2<f32>, a: usize, b: usize| rows.row(a).dot(&rows.row(b));
        assert!(cosine(&denoised, 0, 1) > cosine(&windows, 0, 1));
        assert!(cosine(&denoised, 2, 3) > cosine(&windows, 2, 3));
        assert!(cosine(&denoised, 0, 2) < 0.3);
        let norms = denoised.rows().into_iter().map(|row| row.dot(&row));
        assert!(norms.into_iter().all(|norm| (norm - 1.0).abs() < 1e-6));
    }

    #[test]
    fn centring_takes_away_what_all_share() {
        let windows = arr2(&[[0.8_f32, 0.6, 0.0], [0.8, 0.0, 0.6]]);
        let cosine = |rows: &Array2<f32>| rows.row(0).dot(&rows.row(1));
        let centred = centre(&windows.view(), 0.3);
        assert!(cosine(&centred) < cosine(&windows));
        let alone = arr2(&[[0.6_f32, 0.8], [0.6, 0.8]]);
        let apart = centre(&alone.view(), 0.3) - &alone;
        assert!(apart.iter().all(|difference| difference.abs() < 1e-6));
        assert_eq!(centre(&Array2::zeros((0, 2)).view(), 0.3).nrows(), 0);
    }

    #[test]
    fn no_neighbours_no_change_and_odd_input_stays_finite() {
        let windows = arr2(&[[1.0_f32, 0.0], [0.0, 1.0], [0.0, 0.0]]);
        let changed = |rows: &Array2<f32>, n| denoise(&rows.view(), n, 2, &|| true).unwrap();
        assert_eq!(changed(&windows, 0), windows);
        for neighbours in [1, 2, 50] {
            let denoised = changed(&windows, neighbours);
            assert!(denoised.iter().all(|value| value.is_finite()));
        }
        assert_eq!(changed(&Array2::zeros((0, 2)), 5).nrows(), 0);
    }
}
