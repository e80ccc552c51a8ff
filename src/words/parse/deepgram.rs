//! Deepgram's JSON (`/v1/listen`).

use super::json::{Alternative, Channel, Results};
use super::timing::Passage;

/// The words of every channel's best alternative.
pub(super) fn passages(results: Results) -> Vec<Passage> {
    let channels = results.channels.into_iter().flatten();
    channels.filter_map(best).map(passage).collect()
}

fn best(channel: Channel) -> Option<Alternative> {
    channel.alternatives?.into_iter().next()
}

fn passage(alternative: Alternative) -> Passage {
    Passage {
        bounds: [None, None],
        words: alternative.words.unwrap_or_default(),
    }
}
