//! An OpenAPI document that says nothing of the gateway, and a few words on how it shall be served.

use serde_json::{Map, Value, json};

use super::document::OasDocument;
use super::{EXTENSION, openapi};
use crate::api::target::Target;
use crate::id::ApiId;
use crate::json::{DocumentFaults, Node};

/// How a document shall be served; what is `None` is left as it is.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Serving {
    /// The API's id.
    pub api_id: Option<ApiId>,
    /// Where requests go, in place of the document's first server.
    pub upstream_url: Option<String>,
    /// Where it is mounted.
    pub listen_path: Option<String>,
    /// The only host that it answers to.
    pub custom_domain: Option<String>,
    /// Whether callers prove themselves as the document's `security` says.
    pub authentication: Option<bool>,
    /// Whether the document's operations alone are served.
    pub allow_list: Option<bool>,
    /// Whether requests are held against the document.
    pub validate_request: Option<bool>,
    /// Whether answers are made of the document's examples.
    pub mock_response: Option<bool>,
}

/// Why a document cannot be served so.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ServingFault {
    /// It says already how it is served.
    #[error("the import payload should not contain x-tyk-api-gateway")]
    Extended,
    /// Neither the document nor the caller names an upstream.
    #[error("servers: the servers object is empty, and no upstreamURL is given")]
    NoServers,
    /// The caller's upstream is none.
    #[error("upstreamURL: the manually configured upstream URL is not valid")]
    Upstream,
    /// The document's first server is no upstream.
    #[error("servers[0].url: the upstream URL is not valid; give one as upstreamURL")]
    Server,
    /// Callers shall prove themselves, and the document does not say how.
    #[error("security: the security object is empty, so there is nothing to authenticate by")]
    NoSecurity,
}

impl OasDocument {
    /// The document with an extension of its own: active, mounted at `/` unless told otherwise, the listen path stripped.
    ///
    /// # Errors
    /// See [`ServingFault`].
    pub fn imported(mut self, serving: &Serving) -> Result<Self, ServingFault> {
        if self.has_extension() {
            return Err(ServingFault::Extended);
        }
        let title = self.object().get("info").and_then(|info| info.get("title"));
        let name = title.cloned().unwrap_or(Value::Null);
        let upstream = match serving.upstream_url {
            Some(_) => Value::Null,
            None => Value::from(first_server(self.object())?),
        };
        self.extend(json!({
            "info": {"name": name, "state": {"active": true}},
            "upstream": {"url": upstream},
            "server": {"listenPath": {"value": "/", "strip": true}},
        }));
        // Tyk serves it open unless it is asked for more; here the document then says so itself.
        if chosen(self.object()).is_ok() {
            let path = ["server", "authentication", "enabled"];
            self.set(&path, Value::Bool(false));
        }
        self.served(serving)
    }

    /// The document with the extension and our own settings of the one that it replaces, unless it brings its own.
    ///
    /// # Errors
    /// See [`ServingFault`].
    pub fn patched(mut self, old: &Self, serving: &Serving) -> Result<Self, ServingFault> {
        if !self.has_extension()
            && let Some(extension) = old.object().get(EXTENSION)
        {
            self.extend(extension.clone());
        }
        self.take_settings_of(old);
        self.served(serving)
    }

    fn served(mut self, serving: &Serving) -> Result<Self, ServingFault> {
        if let Some(url) = &serving.upstream_url {
            Target::parse(url).map_err(|_| ServingFault::Upstream)?;
            self.set(&["upstream", "url"], Value::from(url.as_str()));
        }
        if let Some(path) = &serving.listen_path {
            self.set(
                &["server", "listenPath", "value"],
                Value::from(path.as_str()),
            );
        }
        if let Some(domain) = &serving.custom_domain {
            self.set(
                &["server", "customDomain"],
                json!({"enabled": true, "name": domain}),
            );
        }
        if let Some(id) = &serving.api_id {
            self.set(&["info", "id"], Value::from(id.as_str()));
        }
        if let Some(enabled) = serving.authentication {
            self.authenticate(enabled)?;
        }
        let rules = [
            (serving.allow_list, "allow"),
            (serving.validate_request, "validateRequest"),
            (serving.mock_response, "mockResponse"),
        ];
        for (enabled, rule) in rules {
            if let Some(enabled) = enabled {
                self.rule(rule, enabled);
            }
        }
        Ok(self)
    }

    /// Chooses the schemes of the first requirement.
    fn authenticate(&mut self, enabled: bool) -> Result<(), ServingFault> {
        let schemes = if enabled {
            chosen(self.object())?
        } else {
            Map::new()
        };
        self.set(
            &["server", "authentication", "enabled"],
            Value::Bool(enabled),
        );
        for (name, setup) in schemes {
            let path = ["server", "authentication", "securitySchemes", name.as_str()];
            if self.get(&path).is_none() {
                self.set(&path, setup);
            }
            self.set(&[&path[..], &["enabled"]].concat(), Value::Bool(true));
        }
        Ok(())
    }

    /// Switches a rule of every operation; one without an id gets one of its path and method.
    fn rule(&mut self, rule: &str, enabled: bool) {
        for id in openapi::named(self.object_mut()) {
            let path = ["middleware", "operations", id.as_str(), rule, "enabled"];
            self.set(&path, Value::Bool(enabled));
        }
    }
}

/// The first server's URL, if it can be an upstream.
fn first_server(document: &Map<String, Value>) -> Result<String, ServingFault> {
    let faults = &mut DocumentFaults::default();
    let servers = Node::member(document, "servers", faults);
    let first = servers.value().and_then(Value::as_array);
    let first = first.and_then(|servers| servers.first());
    let first = first.ok_or(ServingFault::NoServers)?;
    let url = first.get("url").and_then(Value::as_str).unwrap_or_default();
    Target::parse(url).map_err(|_| ServingFault::Server)?;
    Ok(url.to_owned())
}

/// The schemes of the first requirement with their settings: a credential that OpenAPI gives no place comes in `Authorization`.
fn chosen(document: &Map<String, Value>) -> Result<Map<String, Value>, ServingFault> {
    let security = document.get("security").and_then(Value::as_array);
    let first = security.and_then(|security| security.first());
    let names = first
        .and_then(Value::as_object)
        .filter(|names| !names.is_empty());
    let names = names.ok_or(ServingFault::NoSecurity)?;
    let declared = document
        .get("components")
        .and_then(|components| components.get("securitySchemes"));
    let setup = |name: &String| {
        let scheme = declared.and_then(|declared| declared.get(name));
        let kind = scheme.and_then(|scheme| scheme.get("type"));
        let setup = match kind.and_then(Value::as_str) {
            Some("apiKey") => json!({"enabled": true}),
            _ => json!({"enabled": true, "header": {"enabled": true, "name": "Authorization"}}),
        };
        (name.clone(), setup)
    };
    Ok(names.keys().map(setup).collect())
}

#[cfg(test)]
#[path = "serving_tests.rs"]
mod tests;
