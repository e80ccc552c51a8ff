//! The hidden Markov model over windows: forward and backward once.

use ndarray::{Array1, Array2, Axis};

/// What is known of a sequence once all of it has been seen.
pub(super) struct Posterior {
    /// How probable each speaker is in each window, `(windows, speakers)`.
    pub(super) shares: Array2<f64>,
    /// How probable it is that a turn that begins is each speaker's, as it turned out.
    pub(super) prior: Array1<f64>,
    /// Log-likelihood of the windows.
    pub(super) log_evidence: f64,
}

/// Windows with these log-likelihoods, `(windows, speakers)`: the same speaker goes on with probability
/// `stay`, otherwise somebody, the same one perhaps, begins by `prior`.
pub(super) fn posterior(log_likelihoods: Array2<f64>, prior: &Array1<f64>, stay: f64) -> Posterior {
    // Scaled by each window's best, so that nothing underflows.
    let mut likelihoods = log_likelihoods;
    let mut log_evidence = 0.0;
    for mut row in likelihoods.rows_mut() {
        let most = row.fold(f64::MIN, |most, &value| most.max(value));
        row.mapv_inplace(|value| (value - most).exp());
        log_evidence += most;
    }
    let count = likelihoods.nrows();
    let mut shares = Array2::zeros(likelihoods.raw_dim());
    let mut scales = vec![0.0; count];
    let mut expected = prior.clone();
    for (index, likelihood) in likelihoods.rows().into_iter().enumerate() {
        let mut now = &expected * &likelihood;
        scales[index] = now.sum().max(f64::MIN_POSITIVE);
        log_evidence += scales[index].ln();
        now /= scales[index];
        expected = &now * stay + prior * (1.0 - stay);
        shares.row_mut(index).assign(&now);
    }
    let mut began = Array1::zeros(prior.len());
    let mut later = Array1::ones(prior.len());
    for index in (0..count).rev() {
        let mut share = shares.row_mut(index);
        share *= &later;
        let total = share.sum().max(f64::MIN_POSITIVE);
        share /= total;
        let here = &likelihoods.row(index) * &later / scales[index];
        if index == 0 {
            began += &share;
        } else {
            began.scaled_add(1.0 - stay, &(prior * &here));
        }
        later = &here * stay + (1.0 - stay) * prior.dot(&here);
    }
    let total = began.sum().max(f64::MIN_POSITIVE);
    debug_assert_eq!(shares.len_of(Axis(1)), began.len());
    Posterior {
        shares,
        prior: began / total,
        log_evidence,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ndarray::arr2;

    /// Every sequence of speakers by itself.
    fn exhaustive(log_likelihoods: &Array2<f64>, prior: &Array1<f64>, stay: f64) -> Posterior {
        let (count, speakers) = log_likelihoods.dim();
        let mut shares = Array2::zeros((count, speakers));
        let mut total = 0.0;
        for number in 0..speakers.pow(count as u32) {
            let path: Vec<_> = (0..count)
                .map(|index| number / speakers.pow(index as u32) % speakers)
                .collect();
            let mut probability = prior[path[0]];
            for pair in path.windows(2) {
                let same = if pair[0] == pair[1] { stay } else { 0.0 };
                probability *= same + (1.0 - stay) * prior[pair[1]];
            }
            for (index, &speaker) in path.iter().enumerate() {
                probability *= log_likelihoods[[index, speaker]].exp();
            }
            for (index, &speaker) in path.iter().enumerate() {
                shares[[index, speaker]] += probability;
            }
            total += probability;
        }
        Posterior {
            shares: shares / total,
            prior: prior.clone(),
            log_evidence: total.ln(),
        }
    }

    #[test]
    fn it_sums_over_all_sequences() {
        let log_likelihoods = arr2(&[
            [-1.0, -3.0, 0.5],
            [0.2, 0.1, -0.4],
            [-700.0, -702.0, -701.0],
            [2.0, -2.0, 0.0],
            [0.0, 0.3, 0.1],
        ]);
        let prior = Array1::from_vec(vec![0.5, 0.2, 0.3]);
        for stay in [0.0, 0.7, 1.0] {
            let found = posterior(log_likelihoods.clone(), &prior, stay);
            let expected = exhaustive(&log_likelihoods, &prior, stay);
            let apart = (&found.shares - &expected.shares).mapv(f64::abs);
            assert!(apart.iter().all(|&apart| apart < 1e-9), "{apart}");
            assert!((found.prior.sum() - 1.0).abs() < 1e-9);
        }
    }

    #[test]
    fn the_evidence_is_that_of_all_sequences() {
        let log_likelihoods = arr2(&[[-1.0, -3.0], [0.2, 0.1], [2.0, -2.0]]);
        let prior = Array1::from_vec(vec![0.6, 0.4]);
        let found = posterior(log_likelihoods.clone(), &prior, 0.7);
        let expected = exhaustive(&log_likelihoods, &prior, 0.7);
        assert!((found.log_evidence - expected.log_evidence).abs() < 1e-9);
    }
}
