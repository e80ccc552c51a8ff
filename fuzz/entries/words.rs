//! Any text is a transcript or an error; what is read gets its speakers and is written in every form.

use super::rooms::{
    domain::{Annotation, Segment, SpeakerLabel, Turn},
    words::{self, KeptTranscript, write::Form},
};

const FORMS: [Form; 8] = [
    Form::Json,
    Form::DiarizedJson,
    Form::Srt,
    Form::WebVtt,
    Form::Text,
    Form::Ctm,
    Form::Stm,
    Form::SegLst,
];

pub(crate) fn run(bytes: &[u8]) {
    let Ok(transcript) = words::parse(&String::from_utf8_lossy(bytes), "talk") else {
        return;
    };
    let mut last = 0.0;
    for word in transcript.words() {
        let Segment { start, end } = word.segment;
        assert!(start.is_finite() && end.is_finite() && last <= start && start <= end);
        assert!(!word.text.trim().is_empty());
        assert!(word.confidence.is_none_or(f32::is_finite));
        last = start;
    }
    // As it is kept with a job, and read back to be merged.
    let kept = serde_json::to_vec(&KeptTranscript::new(&transcript, true)).unwrap();
    let kept: KeptTranscript = serde_json::from_slice(&kept).unwrap();
    let mut transcript = kept.into_transcript();
    words::assign(&mut transcript, &turns());
    words::smooth(&mut transcript);
    let count = transcript.words().len();
    let uttered = transcript
        .utterances()
        .map(|utterance| utterance.words.len());
    assert_eq!(uttered.sum::<usize>(), count);
    for form in FORMS {
        form.write(&transcript, "talk", 60.0).unwrap();
    }
}

/// Two speakers in turn, a second each, with a pause between them.
fn turns() -> Annotation {
    let turns = (0..20).map(|index| Turn {
        segment: Segment::new(f64::from(index) * 1.5, f64::from(index) * 1.5 + 1.0),
        speaker: SpeakerLabel::nth(index as usize % 2),
        confidence: None,
    });
    turns.collect()
}
