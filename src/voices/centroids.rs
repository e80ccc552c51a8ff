//! Voices out of embeddings.

use ndarray::ArrayView2;

use crate::clustering::centroids;

/// The voice of each speaker, by number: the L2-normalised mean of the rows of `embeddings`
/// `(windows, dim)` that `labels` give to it. `None` for a speaker without rows, or whose rows cancel
/// out.
pub fn voices(embeddings: &ArrayView2<'_, f32>, labels: &[usize]) -> Vec<Option<Vec<f32>>> {
    let speakers = labels.iter().max().map_or(0, |most| most + 1);
    let centroids = centroids(embeddings, labels, speakers);
    let voices = centroids.rows().into_iter().map(|voice| {
        let heard = voice.iter().any(|value| *value != 0.0);
        heard.then(|| voice.to_vec())
    });
    voices.collect()
}

/// The cosine of the angle between unit vectors, -1 to 1.
pub fn cosine(a: &[f32], b: &[f32]) -> f32 {
    let dot: f32 = a.iter().zip(b).map(|(a, b)| a * b).sum();
    dot.clamp(-1.0, 1.0)
}

#[cfg(test)]
mod tests {
    use ndarray::array;

    use super::*;

    #[test]
    fn a_voice_is_the_direction_of_the_mean() {
        let embeddings = array![[1.0, 0.0], [0.0, 1.0], [0.0, 1.0], [1.0, 0.0], [-1.0, 0.0]];
        let voices = voices(&embeddings.view(), &[0, 0, 1, 3, 3]);
        let half = 0.5_f32.sqrt();
        assert_eq!(voices[0], Some(vec![half, half]));
        assert_eq!(voices[1], Some(vec![0.0, 1.0]));
        assert_eq!(voices[2..], [None, None]);
        assert!((cosine(&[half, half], &[0.0, 1.0]) - half).abs() < 1e-6);
    }

    #[test]
    fn nobody_has_no_voice() {
        assert!(voices(&ndarray::Array2::zeros((0, 4)).view(), &[]).is_empty());
    }
}
