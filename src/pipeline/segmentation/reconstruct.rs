//! From activity in chunks to turns.

use ndarray::Array2;

use super::scan::Heard;
use crate::domain::{Annotation, Segment, SpeakerLabel, Timeline, Turn};
use crate::pipeline::settings::Settings;

/// Who speaks when.
pub(super) struct Reconstructed {
    /// Turns, which may overlap.
    pub(super) annotation: Annotation,
    /// The same with at most one speaker at any instant: the most active one.
    pub(super) exclusive: Annotation,
    /// When anybody speaks.
    pub(super) speech: Timeline,
    /// Clusters in order of first appearance: the speaker with number `n` is cluster `order[n]`.
    pub(super) order: Vec<usize>,
}

/// The recording, frame by frame.
struct Frames {
    /// How active each cluster is, 0 to 1, `(frames, clusters)`: the mean over chunks.
    scores: Array2<f32>,
    /// How many are active: the rounded mean over chunks.
    counts: Vec<usize>,
}

/// Puts chunks together: `labels` are the clusters of local speakers, `margins` how sure that is.
pub(super) fn reconstruct(
    heard: &Heard,
    labels: &[usize],
    clusters: usize,
    margins: &[f32],
    settings: &Settings,
) -> Reconstructed {
    let frames = frames(heard, labels, clusters);
    let count = frames.counts.len();
    let geometry = heard.geometry;
    let end = heard.samples as f64 / f64::from(crate::domain::SAMPLE_RATE);
    let segment = |from: usize, to: usize| {
        let to = if to == count {
            end
        } else {
            geometry.start(to).min(end)
        };
        Segment::new(geometry.start(from).min(end), to)
    };
    let active = active(&frames, clusters);
    let speech: Timeline = runs(count, |frame| frames.counts[frame] > 0)
        .map(|(from, to)| segment(from, to))
        .collect();
    let mut kept = Vec::new();
    for cluster in 0..clusters {
        let own = runs(count, |frame| active[[frame, cluster]]);
        let own: Timeline = own.map(|(from, to)| segment(from, to)).collect();
        let own = own.support(settings.min_duration_off);
        let long = |segment: &&Segment| {
            segment.duration() >= settings.min_duration_on - Segment::PRECISION
        };
        kept.extend(
            own.segments()
                .iter()
                .filter(long)
                .map(|&own| (own, cluster)),
        );
    }
    kept.sort_by(|a, b| a.0.cmp(&b.0).then(a.1.cmp(&b.1)));
    let mut order: Vec<usize> = Vec::new();
    for (_, cluster) in &kept {
        if !order.contains(cluster) {
            order.push(*cluster);
        }
    }
    let turn = |segment: Segment, cluster: usize| Turn {
        segment,
        speaker: SpeakerLabel::nth(order.iter().position(|&own| own == cluster).unwrap_or(0)),
        confidence: Some(confidence(heard, labels, margins, cluster, segment)),
    };
    let annotation: Annotation = kept
        .iter()
        .map(|&(own, cluster)| turn(own, cluster))
        .collect();
    let exclusive = alone(&kept, &frames, heard)
        .into_iter()
        .map(|(from, to, cluster)| turn(segment(from, to), cluster))
        .collect();
    Reconstructed {
        annotation,
        exclusive,
        speech: speech.support(0.0),
        order,
    }
}

/// Adds up what chunks say. A chunk knows least about its ends: its weight falls to a tenth there.
fn frames(heard: &Heard, labels: &[usize], clusters: usize) -> Frames {
    let geometry = heard.geometry;
    let ends = heard.chunks.iter().enumerate();
    let count = ends
        .map(|(chunk, own)| geometry.offset(chunk) + own.frames())
        .max();
    let count = count.unwrap_or(0);
    let mut scores = Array2::<f32>::zeros((count, clusters));
    let mut weights = vec![0.0_f32; count];
    let mut active = vec![0.0_f32; count];
    let mut first = 0;
    for (chunk, activity) in heard.chunks.iter().enumerate() {
        let here = heard.locals[first..].iter();
        let locals = here.take_while(|local| local.chunk == chunk).count();
        let own = first..first + locals;
        first += locals;
        let middle = geometry.window as f32 / geometry.shift as f32 / 2.0;
        for frame in 0..activity.frames() {
            let at = geometry.offset(chunk) + frame;
            let away = ((frame as f32 + 0.5 - middle) / middle).abs();
            let weight = 1.0 - 0.9 * away.min(1.0);
            weights[at] += weight;
            for row in own.clone() {
                let (speaker, cluster) = (heard.locals[row].speaker, labels[row]);
                let probability = weight * activity.probability(frame, speaker);
                scores[[at, cluster]] += probability;
                if activity.is_active(frame, speaker) {
                    active[at] += weight;
                }
            }
        }
    }
    for (mut row, weight) in scores.rows_mut().into_iter().zip(&weights) {
        row /= weight.max(f32::MIN_POSITIVE);
    }
    let mean = active.into_iter().zip(weights);
    let counts =
        mean.map(|(active, weight)| (active / weight.max(f32::MIN_POSITIVE)).round() as usize);
    Frames {
        counts: counts.collect(),
        scores,
    }
}

/// The most active clusters of each frame, as many as are active.
fn active(frames: &Frames, clusters: usize) -> Array2<bool> {
    let mut active = Array2::from_elem(frames.scores.raw_dim(), false);
    let mut order: Vec<usize> = (0..clusters).collect();
    for (frame, &count) in frames.counts.iter().enumerate() {
        let scores = frames.scores.row(frame);
        order.sort_by(|&a, &b| scores[b].total_cmp(&scores[a]).then(a.cmp(&b)));
        for &cluster in order.iter().take(count) {
            active[[frame, cluster]] = scores[cluster] > 0.0;
        }
    }
    active
}

/// Runs of frames of which `is` holds, as half-open ranges.
fn runs(count: usize, is: impl Fn(usize) -> bool) -> impl Iterator<Item = (usize, usize)> {
    let mut next = 0;
    std::iter::from_fn(move || {
        let from = (next..count).find(|&frame| is(frame))?;
        let to = (from..count).find(|&frame| !is(frame)).unwrap_or(count);
        next = to;
        Some((from, to))
    })
}

/// The most active cluster of each frame among those that have a turn there, run by run.
fn alone(kept: &[(Segment, usize)], frames: &Frames, heard: &Heard) -> Vec<(usize, usize, usize)> {
    let count = frames.counts.len();
    let mut best: Vec<Option<usize>> = vec![None; count];
    for &(segment, cluster) in kept {
        let starts = |frame: usize| heard.geometry.start(frame);
        // Turns begin and end where frames do.
        let from = (segment.start / starts(1).max(f64::MIN_POSITIVE)) as usize;
        let from = from.saturating_sub(2);
        for frame in
            (from..count).skip_while(|&frame| starts(frame) < segment.start - Segment::PRECISION)
        {
            if starts(frame) >= segment.end - Segment::PRECISION {
                break;
            }
            let scores = frames.scores.row(frame);
            let better = |other: usize| scores[cluster] > scores[other];
            if best[frame].is_none_or(better) {
                best[frame] = Some(cluster);
            }
        }
    }
    let mut runs: Vec<(usize, usize, usize)> = Vec::new();
    for (frame, cluster) in best.into_iter().enumerate() {
        let Some(cluster) = cluster else { continue };
        match runs.last_mut() {
            Some((_, to, last)) if *last == cluster && *to == frame => *to = frame + 1,
            _ => runs.push((frame, frame + 1, cluster)),
        }
    }
    runs
}

/// How sure it is that `cluster` speaks in `segment`: the mean margin of its local speakers there,
/// weighted by the time that their chunks share with it.
fn confidence(
    heard: &Heard,
    labels: &[usize],
    margins: &[f32],
    cluster: usize,
    segment: Segment,
) -> f32 {
    let geometry = heard.geometry;
    let rate = f64::from(crate::domain::SAMPLE_RATE);
    let step = geometry.step as f64 / rate;
    let length = geometry.window as f64 / rate;
    let earliest = ((segment.start - length) / step).floor().max(0.0) as usize;
    let first = heard.locals.partition_point(|local| local.chunk < earliest);
    let (mut sum, mut total) = (0.0, 0.0);
    for (row, local) in heard.locals.iter().enumerate().skip(first) {
        let start = local.chunk as f64 * step;
        if start >= segment.end {
            break;
        }
        if labels[row] == cluster {
            let chunk = Segment::new(start, start + length);
            let shared = segment
                .intersection(&chunk)
                .map_or(0.0, |both| both.duration());
            sum += shared * f64::from(margins[row]);
            total += shared;
        }
    }
    if total > 0.0 {
        (sum / total) as f32
    } else {
        0.0
    }
}
