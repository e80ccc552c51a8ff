//! ELAN's annotation format, EAF 3.0 (Max Planck Institute for Psycholinguistics): one tier a
//! speaker, times in milliseconds.

use std::io;

use quick_xml::Writer;
use quick_xml::events::{BytesDecl, BytesText, Event};

use super::tiers::{Tier, tiers};
use crate::domain::Annotation;

const LINGUISTIC_TYPE: &str = "default-lt";
const SCHEMA: &str = "http://www.mpi.nl/tools/elan/EAFv3.0.xsd";
const INSTANCE: &str = "http://www.w3.org/2001/XMLSchema-instance";

/// Writes the document; `date` says when, as XML Schema's `dateTime` (`2026-01-31T12:00:00Z`).
pub fn write(annotation: &Annotation, date: &str) -> io::Result<String> {
    let tiers = tiers(annotation);
    let mut writer = Writer::new_with_indent(Vec::new(), b' ', 4);
    writer.write_event(Event::Decl(BytesDecl::new("1.0", Some("UTF-8"), None)))?;
    writer
        .create_element("ANNOTATION_DOCUMENT")
        .with_attributes([
            ("AUTHOR", "Diarist"),
            ("DATE", date),
            ("FORMAT", "3.0"),
            ("VERSION", "3.0"),
            ("xmlns:xsi", INSTANCE),
            ("xsi:noNamespaceSchemaLocation", SCHEMA),
        ])
        .write_inner_content(|writer| {
            let header = writer.create_element("HEADER");
            let header =
                header.with_attributes([("MEDIA_FILE", ""), ("TIME_UNITS", "milliseconds")]);
            header.write_empty()?;
            time_order(writer, &tiers)?;
            // Annotations and the ends of their slots are numbered through all tiers.
            let mut number = 0;
            for tier in &tiers {
                number = write_tier(writer, tier, number)?;
            }
            let kind = writer.create_element("LINGUISTIC_TYPE");
            kind.with_attributes([
                ("GRAPHIC_REFERENCES", "false"),
                ("LINGUISTIC_TYPE_ID", LINGUISTIC_TYPE),
                ("TIME_ALIGNABLE", "true"),
            ])
            .write_empty()?;
            Ok(())
        })?;
    let mut xml = String::from_utf8_lossy(&writer.into_inner()).into_owned();
    xml.push('\n');
    Ok(xml)
}

/// Two slots an interval, in order of time, as ELAN wants them; [`slots`] names them.
fn time_order(writer: &mut Writer<Vec<u8>>, tiers: &[Tier]) -> io::Result<()> {
    let intervals = tiers.iter().flat_map(|tier| &tier.intervals).enumerate();
    let mut times: Vec<_> = intervals
        .flat_map(|(number, &(start, end))| {
            let [from, to] = slots(number + 1);
            [(start, from), (end, to)]
        })
        .collect();
    times.sort_by_key(|(time, _)| *time);
    writer
        .create_element("TIME_ORDER")
        .write_inner_content(|writer| {
            for (time, slot) in &times {
                let slot_element = writer.create_element("TIME_SLOT");
                let attributes = [
                    ("TIME_SLOT_ID", slot.as_str()),
                    ("TIME_VALUE", &time.to_string()),
                ];
                slot_element.with_attributes(attributes).write_empty()?;
            }
            Ok(())
        })?;
    Ok(())
}

/// The ids of annotation `number`'s slots, from 1.
fn slots(number: usize) -> [String; 2] {
    [2 * number - 1, 2 * number].map(|slot| format!("ts{slot}"))
}

/// Writes a tier whose annotations are numbered from `before + 1`; gives the last number.
fn write_tier(writer: &mut Writer<Vec<u8>>, tier: &Tier, before: usize) -> io::Result<usize> {
    // ELAN tells tiers by this id.
    let name = xml_text(&tier.name);
    writer
        .create_element("TIER")
        .with_attributes([
            ("LINGUISTIC_TYPE_REF", LINGUISTIC_TYPE),
            ("PARTICIPANT", &name),
            ("TIER_ID", &name),
        ])
        .write_inner_content(|writer| {
            for index in 0..tier.intervals.len() {
                let number = before + index + 1;
                let [from, to] = slots(number);
                writer
                    .create_element("ANNOTATION")
                    .write_inner_content(|writer| {
                        let id = format!("a{number}");
                        writer
                            .create_element("ALIGNABLE_ANNOTATION")
                            .with_attributes([
                                ("ANNOTATION_ID", id.as_str()),
                                ("TIME_SLOT_REF1", &from),
                                ("TIME_SLOT_REF2", &to),
                            ])
                            .write_inner_content(|writer| {
                                let value = writer.create_element("ANNOTATION_VALUE");
                                value.write_text_content(BytesText::new(&name))?;
                                Ok(())
                            })?;
                        Ok(())
                    })?;
            }
            Ok(())
        })?;
    Ok(before + tier.intervals.len())
}

/// `text` without the two characters that XML 1.0 excludes and that are no control characters.
fn xml_text(text: &str) -> String {
    text.replace(['\u{fffe}', '\u{ffff}'], "\u{fffd}")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::{Segment, SpeakerLabel, Turn};

    #[test]
    fn slots_are_in_order_of_time_and_names_are_escaped() {
        let turn = |start, end, name: &str| Turn {
            segment: Segment::new(start, end),
            speaker: SpeakerLabel::named(name),
            confidence: None,
        };
        let turns = [turn(0.5, 2.0, "R&D <\"x\">"), turn(1.0, 1.5, "b")];
        let xml = write(&turns.into_iter().collect(), "2026-01-31T12:00:00Z").unwrap();
        let order: Vec<_> = xml
            .lines()
            .filter_map(|line| line.trim().strip_prefix("<TIME_SLOT "))
            .collect();
        assert_eq!(
            order,
            [
                "TIME_SLOT_ID=\"ts1\" TIME_VALUE=\"500\"/>",
                "TIME_SLOT_ID=\"ts3\" TIME_VALUE=\"1000\"/>",
                "TIME_SLOT_ID=\"ts4\" TIME_VALUE=\"1500\"/>",
                "TIME_SLOT_ID=\"ts2\" TIME_VALUE=\"2000\"/>",
            ]
        );
        assert!(
            xml.contains("TIER_ID=\"R&amp;D &lt;&quot;x&quot;&gt;\""),
            "{xml}"
        );
        assert!(
            xml.starts_with("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<ANNOTATION_DOCUMENT ")
        );
        assert!(xml.ends_with("</ANNOTATION_DOCUMENT>\n"), "{xml}");
    }

    #[test]
    fn silence_is_a_document_without_tiers() {
        let xml = write(&Annotation::default(), "2026-01-31T12:00:00Z").unwrap();
        assert!(!xml.contains("<TIER"), "{xml}");
        assert!(
            xml.contains("<TIME_ORDER>") || xml.contains("<TIME_ORDER/>"),
            "{xml}"
        );
    }
}
