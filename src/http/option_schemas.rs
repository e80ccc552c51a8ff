//! The values that a job's options take, as the description states them: their own type in JSON, its
//! text elsewhere, and nothing or the word `null` for what is not given.

use serde::Deserialize;
use utoipa::{
    PartialSchema, ToSchema,
    openapi::{
        KnownFormat, RefOr, Schema, SchemaFormat,
        schema::{AnyOf, ObjectBuilder, Type},
    },
};

use crate::jobs::CLUSTERINGS;

/// An option's value that is documented only.
macro_rules! documented {
    ($($(#[$doc:meta])* $name:ident = $schema:expr;)*) => {$(
        $(#[$doc])*
        #[derive(Debug, Deserialize)]
        pub(super) struct $name;

        impl PartialSchema for $name {
            fn schema() -> RefOr<Schema> {
                Schema::AnyOf($schema).into()
            }
        }

        impl ToSchema for $name {}
    )*};
}

documented! {
    /// How many speakers.
    SpeakerCount = either(
        whole(1, 1000),
        r"\+?0*([1-9][0-9]{0,2}|1000)",
    );
    /// A channel's number.
    ChannelNumber = either(
        whole(1, 65_535),
        r"\+?0*[1-9][0-9]{0,4}",
    );
    /// Yes or no.
    Flag = {
        let mut flag = either(
            ObjectBuilder::new().schema_type(Type::Boolean),
            "[Tt][Rr][Uu][Ee]|[Ff][Aa][Ll][Ss][Ee]|[01]",
        );
        flag.items.push(whole(0, 1).into());
        flag
    };
    /// A length of time around boundaries.
    CollarSeconds = either(
        ObjectBuilder::new()
            .schema_type(Type::Number)
            .format(Some(SchemaFormat::KnownFormat(KnownFormat::Double)))
            .minimum(Some(0))
            .maximum(Some(3600)),
        r"[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]+)?",
    );
    /// What is done with several channels.
    ChannelHandling = AnyOf {
        items: vec![text("mixed|separate").into()],
        ..AnyOf::default()
    };
    /// The name of an algorithm.
    ClusteringName = AnyOf {
        items: vec![text(&CLUSTERINGS.join("|")).into()],
        ..AnyOf::default()
    };
    /// Where to post to.
    WebhookUrl = either(
        ObjectBuilder::new()
            .schema_type(Type::String)
            .format(Some(SchemaFormat::Custom("uri".to_owned()))),
        "",
    );
}

/// `own`, or text that `spelled` matches, white space around it, or what stands for nothing.
fn either(own: ObjectBuilder, spelled: &str) -> AnyOf {
    AnyOf {
        items: vec![own.into(), text(spelled).into()],
        ..AnyOf::default()
    }
}

fn whole(least: usize, most: usize) -> ObjectBuilder {
    ObjectBuilder::new()
        .schema_type(Type::Integer)
        .minimum(Some(least))
        .maximum(Some(most))
}

fn text(spelled: &str) -> ObjectBuilder {
    let spelled = if spelled.is_empty() {
        "null".to_owned()
    } else {
        format!("null|{spelled}")
    };
    ObjectBuilder::new()
        .schema_type(Type::String)
        .pattern(Some(format!(r"^\s*({spelled})?\s*$")))
}
