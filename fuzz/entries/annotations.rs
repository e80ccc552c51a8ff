//! Any text is RTTM or UEM, or an error; what is read can be scored and written in every form.

use super::rooms::{
    domain::{Annotation, ScoreOptions, Segment},
    evaluation,
    formats::{audacity, csv, eaf, rttm, srt, text, textgrid, uem, webvtt},
};

pub(crate) fn run(bytes: &[u8]) {
    let input = String::from_utf8_lossy(bytes);
    for (file, annotation) in rttm::parse(&input).into_iter().flatten() {
        check(annotation.turns().iter().map(|turn| &turn.segment));
        check(
            annotation
                .exclusive()
                .turns()
                .iter()
                .map(|turn| &turn.segment),
        );
        settles(&file, &annotation);
        written(&annotation);
        if let Ok(score) =
            evaluation::score(&annotation, &annotation, None, ScoreOptions::default())
        {
            assert!(
                score.der.rate().abs() < 1e-6,
                "a result differs from itself"
            );
        }
    }
    for timeline in uem::parse(&input)
        .into_iter()
        .flatten()
        .map(|(_, timeline)| timeline)
    {
        check(timeline.segments().iter());
        check(timeline.support(0.0).segments().iter());
    }
}

/// Times are times, and in order.
fn check<'a>(segments: impl Iterator<Item = &'a Segment>) {
    let mut last = 0.0;
    for segment in segments {
        assert!(segment.start.is_finite() && segment.end.is_finite());
        assert!(last <= segment.start && segment.start <= segment.end);
        last = segment.start;
    }
}

/// Written once, rounded, it reads back as it is written.
fn settles(file: &str, annotation: &Annotation) {
    let again = |text: &str| {
        let files = rttm::parse(text).unwrap();
        let annotation = files.into_values().next().unwrap_or_default();
        rttm::write(file, &annotation)
    };
    let rounded = again(&rttm::write(file, annotation));
    assert_eq!(again(&rounded), rounded);
}

fn written(annotation: &Annotation) {
    let end = annotation.turns().iter().map(|turn| turn.segment.end);
    let _ = textgrid::write(annotation, end.fold(0.0, f64::max));
    let _ = eaf::write(annotation, "2026-11-03T09:30:00Z");
    csv::write(annotation).unwrap();
    for write in [audacity::write, srt::write, text::write, webvtt::write] {
        let _: String = write(annotation);
    }
}
