use proptest::prelude::*;

use super::*;

/// Every word with its times, as a line each.
fn lines(text: &str) -> Vec<String> {
    let transcript = parse(text, "talk").unwrap();
    let words = transcript.words().iter();
    words
        .map(|word| {
            let segment = word.segment;
            format!("{} {:.2} {:.2}", word.text, segment.start, segment.end)
        })
        .collect()
}

fn refusal(text: &str) -> String {
    parse(text, "talk").unwrap_err().to_string()
}

#[test]
fn openais_words_go_before_its_segments() {
    let text = r#"{"task": "transcribe", "duration": 2.0, "text": "Hello there.",
        "words": [{"word": "there", "start": 0.5, "end": 0.9}, {"word": "Hello", "start": 0.0, "end": 0.5}],
        "segments": [{"id": 0, "start": 0.0, "end": 0.9, "text": " Hello there.", "tokens": [1, 2]}]}"#;
    assert_eq!(lines(text), ["Hello 0.00 0.50", "there 0.50 0.90"]);
    assert_eq!(parse(text, "").unwrap().text(), "Hello there");
    let text = text.replace("\"words\"", "\"other\"");
    assert_eq!(lines(&text), ["Hello there. 0.00 0.90"]);
}

#[test]
fn whispers_own_words_bring_their_spaces() {
    let text = r#"{"segments": [{"start": 0, "end": 2, "text": " I can't.", "words": [
        {"word": " I", "start": 0, "end": 0.2, "probability": 0.9},
        {"word": " can", "start": 0.2, "end": 0.5}, {"word": "'t.", "start": 0.5, "end": 0.7}]}]}"#;
    let transcript = parse(text, "").unwrap();
    assert_eq!(transcript.text(), "I can't.");
    assert_eq!(transcript.words()[0].confidence, Some(0.9));
}

#[test]
fn whisperxs_words_without_times_share_what_lies_between_their_neighbours() {
    let text = r#"{"segments": [{"start": 1.0, "end": 4.0, "text": "In 2014 5 we", "words": [
        {"word": "In", "start": 1.0, "end": 1.2, "score": 0.5}, {"word": "2014"}, {"word": "5"},
        {"word": "we", "start": 2.2, "end": 2.4}, {"word": "7"}]},
        {"start": 5.0, "end": 6.0, "text": "so", "words": []}], "word_segments": [{"word": "In"}]}"#;
    assert_eq!(
        lines(text),
        [
            "In 1.00 1.20",
            "2014 1.20 1.70",
            "5 1.70 2.20",
            "we 2.20 2.40",
            "7 2.40 4.00",
            "so 5.00 6.00",
        ]
    );
    let untimed = r#"{"words": [{"word": "a"}]}"#;
    assert!(refusal(untimed).starts_with("word 1 (from 1) has no times"));
}

#[test]
fn deepgrams_channels_are_woven_together() {
    let text = r#"{"metadata": {"channels": 2}, "results": {"channels": [
        {"alternatives": [{"transcript": "hi bye", "confidence": 0.9, "words": [
            {"word": "hi", "punctuated_word": "Hi,", "start": 0.1, "end": 0.3, "confidence": 0.75},
            {"word": "bye", "start": 2.0, "end": 2.3}]}, {"words": [{"word": "high", "start": 0.1, "end": 0.3}]}]},
        {"alternatives": [{"words": [{"word": "yes", "start": 1.0, "end": 1.3}]}]}, {"alternatives": []}]}}"#;
    assert_eq!(
        lines(text),
        ["Hi, 0.10 0.30", "yes 1.00 1.30", "bye 2.00 2.30"]
    );
}

#[test]
fn ctm_may_be_about_several_recordings_and_have_alternatives() {
    let text = ";; a comment\ntalk 1 0.5 0.25 hello 0.75\ntalk 1 * * <ALT_BEGIN>\n\
                talk 1 0.75 0.2 won\ntalk 1 * * <ALT>\ntalk 1 0.75 0.2 one\ntalk 1 * * <ALT_END>\n\
                other 1 0 1 no\n";
    assert_eq!(lines(text), ["hello 0.50 0.75", "won 0.75 0.95"]);
    let error = parse(text, "third").unwrap_err().to_string();
    assert!(error.contains("2 recordings"), "{error}");
    assert!(
        refusal("hello").starts_with("the transcript is neither JSON nor CTM: line 1: the start")
    );
    assert!(refusal("a 1 -1 1 x").contains("given: \"-1\""));
    assert!(refusal("a 1 NaN 1 x").contains("given: \"NaN\""));
    assert!(refusal("SPEAKER a 1 0 1 <NA> <NA> x <NA> <NA>").ends_with("given: 10"));
    assert!(refusal("a 1 0 1").contains("the word (field 5) is missing"));
}

#[test]
fn silence_is_a_transcript_and_nonsense_is_not() {
    for silence in [
        "",
        "{\"words\": []}",
        "{\"segments\": []}",
        "{\"results\": {}}",
    ] {
        assert_eq!(lines(silence), [""; 0], "{silence}");
    }
    assert!(refusal("{\"text\": \"hello\"}").contains("JSON without words"));
    assert!(refusal("[1, 2]").contains("JSON without words"));
    assert!(refusal("{\"words\": [").contains("EOF"));
    assert!(refusal("{\"words\": [{\"start\": 1}]}").contains("neither `word` nor `text`"));
    assert!(refusal(&"{\"words\":[".repeat(100_000)).contains("column"));
}

#[test]
fn impossible_times_are_refused_with_the_value() {
    let word = |times: &str| refusal(&format!("{{\"words\": [{{\"word\": \"a\", {times}}}]}}"));
    assert_eq!(
        word("\"start\": -0.5, \"end\": 1"),
        "the start of word 1 (from 1) must be between 0 and 100000000 seconds; given: -0.5"
    );
    assert!(word("\"start\": 2, \"end\": 1.5").ends_with("given: 1.5"));
    assert!(word("\"start\": 0, \"end\": 3601").starts_with("the duration of word 1"));
    assert!(word("\"start\": 1e999").contains("out of range"));
    assert!(word("\"start\": 1e9, \"end\": 1e9").contains("given: 1000000000"));
}

#[test]
fn too_many_words_are_refused() {
    let words = vec![r#"{"word":"a","start":0,"end":1}"#; MAX_WORDS + 1].join(",");
    let error = refusal(&format!("{{\"words\": [{words}]}}"));
    assert!(error.contains("at most 300000 words"), "{error}");
    let half = vec![r#"{"word":"a","start":0,"end":1}"#; MAX_WORDS / 2 + 1].join(",");
    let segments = format!("{{\"words\": [{half}]}}");
    let error = refusal(&format!("{{\"segments\": [{segments}, {segments}]}}"));
    assert!(error.ends_with("given: 300002"), "{error}");
}

#[test]
fn scripts_without_spaces_get_none() {
    let text = r#"{"words": [{"word": "我", "start": 0, "end": 1}, {"word": "们", "start": 1, "end": 2},
        {"word": "OK", "start": 2, "end": 3}, {"word": "go", "start": 3, "end": 4}]}"#;
    assert_eq!(parse(text, "").unwrap().text(), "我们 OK go");
}

proptest! {
    #[test]
    fn nothing_makes_the_reader_panic(
        text in "\\PC{0,80}",
        json in r#"\{"(words|segments|results|channels)": ?[\[\{](\{"(word|start|end|text|words)": ?("a"|-?[0-9]{1,3}|null|\[\])\},?){0,4}[\]\}]\}?"#,
        ctm in "(a 1 [-.0-9e]{1,4} [-.0-9]{1,4} (<ALT>|<ALT_BEGIN>|x)\n){0,4}",
    ) {
        for text in [text, json, ctm] {
            if let Ok(transcript) = parse(&text, "a") {
                let starts: Vec<_> = transcript.words().iter().map(|w| w.segment.start).collect();
                prop_assert!(starts.is_sorted());
                prop_assert!(transcript.words().iter().all(|w| w.segment.end >= w.segment.start));
            }
        }
    }
}
