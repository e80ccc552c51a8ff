//! What each path asks of its caller, as its documentation says.

use std::collections::HashMap;

use axum::http::Method;
use utoipa::openapi::{
    OpenApi, PathItem, RefOr,
    path::Operation,
    security::{Http, HttpAuthScheme, SecurityRequirement, SecurityScheme},
};

use super::refusals;
use crate::domain::Scope;

/// The name of the security scheme.
const SCHEME: &str = "apiKey";

/// What a path asks of its caller.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Requirement {
    /// Nothing: the path is open, or authenticates its callers itself.
    Nothing,
    /// A valid key that has these scopes.
    Key(Vec<Scope>),
}

/// The requirements of every documented path, by its template and method.
#[derive(Debug)]
pub(crate) struct Requirements(HashMap<String, HashMap<Method, Requirement>>);

impl Requirements {
    /// Reads them from the document.
    pub(crate) fn of(document: &OpenApi) -> Self {
        let paths = document.paths.paths.iter().map(|(path, item)| {
            let methods = operations(item)
                .map(|(method, operation)| (method, requirement(operation)))
                .collect();
            (path.clone(), methods)
        });
        Self(paths.collect())
    }

    /// What `method` of the path with this template asks for. A path that is not documented asks
    /// for a key with every right: it must not be open by oversight. A method that a documented
    /// path does not have needs a key, to be told so.
    pub(crate) fn find(&self, template: &str, method: &Method) -> Requirement {
        let method = if method == Method::HEAD {
            &Method::GET
        } else {
            method
        };
        match self.0.get(template) {
            Some(methods) => {
                let found = methods.get(method).cloned();
                found.unwrap_or_else(|| Requirement::Key(Vec::new()))
            }
            None => Requirement::Key(Scope::ALL.to_vec()),
        }
    }
}

/// Adds the scheme to the document, and to every operation that says nothing of its own what its
/// method suggests: reading needs `jobs:read`, everything else `jobs:write`. Operations that need a
/// key also get the answers of those who have none.
pub(crate) fn describe(document: &mut OpenApi) {
    let scopes: Vec<_> = Scope::ALL.iter().map(|scope| scope.as_str()).collect();
    let mut scheme = Http::new(HttpAuthScheme::Bearer);
    scheme.description = Some(format!(
        "An API key made by `diarist keys create`, with the scopes that the operation names ({}). \
         Asked for as soon as the server listens beyond loopback, or if `access.auth` says so.",
        scopes.join(", ")
    ));
    let components = document.components.get_or_insert_default();
    components
        .security_schemes
        .insert(SCHEME.to_owned(), RefOr::T(SecurityScheme::Http(scheme)));
    for item in document.paths.paths.values_mut() {
        for (read, operation) in [
            (true, &mut item.get),
            (false, &mut item.post),
            (false, &mut item.put),
            (false, &mut item.delete),
            (false, &mut item.patch),
        ] {
            let Some(operation) = operation else { continue };
            let scope = if read {
                Scope::JobsRead
            } else {
                Scope::JobsWrite
            };
            operation
                .security
                .get_or_insert_with(|| vec![SecurityRequirement::new(SCHEME, [scope.as_str()])]);
            if requirement(operation) != Requirement::Nothing {
                refusals::add(operation);
            }
        }
    }
}

fn operations(item: &PathItem) -> impl Iterator<Item = (Method, &Operation)> {
    let operations = [
        (Method::GET, &item.get),
        (Method::POST, &item.post),
        (Method::PUT, &item.put),
        (Method::DELETE, &item.delete),
        (Method::PATCH, &item.patch),
    ];
    let operations = operations.into_iter();
    operations.filter_map(|(method, operation)| Some((method, operation.as_ref()?)))
}

/// Nothing if the operation names `{}`; otherwise a key, and the scopes that it names.
fn requirement(operation: &Operation) -> Requirement {
    let security = operation.security.as_deref().unwrap_or_default();
    if security.contains(&SecurityRequirement::default()) {
        return Requirement::Nothing;
    }
    let scopes = Scope::ALL.into_iter().filter(|scope| {
        // The library keeps the names to itself; what it writes it lets others read.
        let named = serde_json::to_value(security).unwrap_or_default();
        let named = named.as_array().into_iter().flatten();
        let mut named = named.filter_map(|one| one[SCHEME].as_array()).flatten();
        named.any(|name| name == scope.as_str())
    });
    Requirement::Key(scopes.collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_path_asks_for_what_its_documentation_says() {
        let requirements = Requirements::of(&crate::http::openapi());
        let find = |method: Method, path: &str| requirements.find(path, &method);
        let key = |scope| Requirement::Key(vec![scope]);
        assert_eq!(find(Method::POST, "/v1/diarize"), key(Scope::JobsWrite));
        assert_eq!(find(Method::GET, "/v1/jobs/{id}"), key(Scope::JobsRead));
        assert_eq!(find(Method::HEAD, "/v1/jobs/{id}"), key(Scope::JobsRead));
        assert_eq!(find(Method::DELETE, "/v1/jobs/{id}"), key(Scope::JobsWrite));
        assert_eq!(find(Method::GET, "/metrics"), key(Scope::Metrics));
        assert_eq!(find(Method::GET, "/livez"), Requirement::Nothing);
        assert_eq!(find(Method::GET, "/readyz"), Requirement::Nothing);
        assert_eq!(find(Method::PUT, "/v1/media/object"), Requirement::Nothing);
        assert_eq!(find(Method::GET, "/v1/media/object"), Requirement::Nothing);
        assert_eq!(find(Method::POST, "/v1/media/output"), key(Scope::JobsRead));
        let everything = Requirement::Key(Scope::ALL.to_vec());
        let any = Requirement::Key(Vec::new());
        assert_eq!(find(Method::PATCH, "/v1/jobs/{id}"), any);
        assert_eq!(find(Method::GET, "/v1/test"), any);
        assert_eq!(find(Method::GET, "/nowhere"), everything);
    }
}
