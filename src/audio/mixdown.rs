//! Many channels to one.

use super::AudioError;

/// Appends one channel made of `planes` (one slice of equally many samples per channel) to `mono`:
/// the `channel`-th, counted from 1, or the mean of all.
pub(super) fn mix_down(
    planes: &[Vec<f32>],
    channel: Option<u16>,
    mono: &mut Vec<f32>,
) -> Result<(), AudioError> {
    if let Some(channel) = channel {
        let plane = usize::from(channel)
            .checked_sub(1)
            .and_then(|index| planes.get(index))
            .ok_or(AudioError::NoSuchChannel {
                channel,
                channels: planes.len(),
            })?;
        mono.extend_from_slice(plane);
        return Ok(());
    }
    let Some((first, others)) = planes.split_first() else {
        return Ok(());
    };
    let start = mono.len();
    mono.extend_from_slice(first);
    if others.is_empty() {
        // Untouched, so that mono audio comes out bit for bit as it went in.
        return Ok(());
    }
    let mixed = &mut mono[start..];
    for plane in others {
        for (sum, sample) in mixed.iter_mut().zip(plane) {
            *sum += sample;
        }
    }
    let scale = 1.0 / planes.len() as f32;
    for sample in mixed {
        *sample *= scale;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_mean_of_all_or_the_one_asked_for() {
        let planes = [vec![1.0, 0.5], vec![0.0, 0.5], vec![-1.0, -0.25]];
        let mut mono = vec![9.0];
        mix_down(&planes, None, &mut mono).unwrap();
        mix_down(&planes, Some(3), &mut mono).unwrap();
        assert_eq!(mono, [9.0, 0.0, 0.25, -1.0, -0.25]);
    }

    #[test]
    fn channels_count_from_one_and_end_at_the_last() {
        let planes = [vec![1.0], vec![0.0]];
        for channel in [0, 3] {
            let error = mix_down(&planes, Some(channel), &mut Vec::new()).unwrap_err();
            assert_eq!(
                error.to_string(),
                format!(
                    "channel must be between 1 and 2, the number of channels; given: {channel}"
                )
            );
        }
    }
}
