//! `servers`: where a document says that its API is reached.

use serde_json::{Value, json};

use super::EXTENSION;
use super::document::OasDocument;
use crate::json::{DocumentFaults, Node};

const SERVERS: &str = "servers";

/// Where an API is mounted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Mount<'d> {
    /// The only host that it answers to, if there is one.
    pub domain: Option<&'d str>,
    /// The listen path as it was written.
    pub listen_path: &'d str,
}

impl OasDocument {
    /// Where the API is mounted; none in a document that does not say it.
    #[must_use]
    pub fn mount(&self) -> Option<Mount<'_>> {
        let faults = &mut DocumentFaults::default();
        let server = Node::member(self.object(), EXTENSION, faults).get("server", faults);
        let domain = server.get("customDomain", faults);
        let is_bound = domain.get("enabled", faults).flag(faults);
        let name = domain.get("name", faults).filled_text(faults);
        let path = server.get("listenPath", faults).get("value", faults);
        Some(Mount {
            domain: name.filter(|_| is_bound),
            listen_path: path.filled_text(faults)?,
        })
    }

    /// The document with this server before those that it names, unless that is the first one already (Tyk).
    #[must_use]
    pub fn with_first_server(mut self, url: &str) -> Self {
        let mut servers = vec![json!({"url": url})];
        match self.object().get(SERVERS) {
            Some(Value::Array(named)) if url_of(named.first()) == Some(url) => return self,
            Some(Value::Array(named)) => servers.extend(named.iter().cloned()),
            None | Some(Value::Null) => {}
            Some(_) => return self,
        }
        let object = self.object_mut();
        object.insert(SERVERS.to_owned(), Value::Array(servers));
        self
    }

    /// The document without this server, if it is the first one and nothing else is said of it: what shows a document
    /// puts it there.
    #[must_use]
    pub fn without_first_server(mut self, url: &str) -> Self {
        let Some(Value::Array(servers)) = self.object_mut().get_mut(SERVERS) else {
            return self;
        };
        if servers.first() == Some(&json!({"url": url})) {
            servers.remove(0);
            if servers.is_empty() {
                self.object_mut().shift_remove(SERVERS);
            }
        }
        self
    }
}

fn url_of(server: Option<&Value>) -> Option<&str> {
    server?.get("url")?.as_str()
}

#[cfg(test)]
mod tests {
    #![allow(
        clippy::unwrap_used,
        clippy::indexing_slicing,
        reason = "tests stop at the first surprise"
    )]

    use super::*;

    const URL: &str = "http://gateway.test/pets/";

    fn document(value: &Value) -> OasDocument {
        OasDocument::parse(&value.to_string()).unwrap()
    }

    fn mounted(server: Value) -> OasDocument {
        document(&json!({"x-tyk-api-gateway": {"server": server}}))
    }

    #[test]
    fn a_mount_has_a_host_only_where_it_is_switched_on() {
        let path = json!({"value": "/pets/"});
        for (server, expected) in [
            (json!({"listenPath": path}), Some((None, "/pets/"))),
            (
                json!({"listenPath": path, "customDomain": {"enabled": true, "name": "pets.test"}}),
                Some((Some("pets.test"), "/pets/")),
            ),
            (
                json!({"listenPath": path, "customDomain": {"enabled": false, "name": "pets.test"}}),
                Some((None, "/pets/")),
            ),
            (json!({"listenPath": {"value": ""}}), None),
            (json!({}), None),
        ] {
            let document = mounted(server);
            let mount = document
                .mount()
                .map(|mount| (mount.domain, mount.listen_path));
            assert_eq!(mount, expected);
        }
    }

    #[test]
    fn what_is_shown_and_sent_back_is_what_was_there() {
        for servers in [
            json!({}),
            json!({"servers": [{"url": "http://other.test", "description": "kept"}]}),
            json!({"servers": [{"url": URL, "description": "the author's"}]}),
            json!({"servers": "odd"}),
        ] {
            let given = document(&servers);
            let shown = given.clone().with_first_server(URL);
            if servers["servers"] != json!("odd") {
                assert_eq!(shown.object()["servers"][0]["url"], json!(URL));
            }
            assert_eq!(shown.clone().with_first_server(URL), shown);
            assert_eq!(shown.without_first_server(URL), given);
        }
        let empty = document(&json!({"servers": []})).with_first_server(URL);
        assert_eq!(empty.without_first_server(URL), document(&json!({})));
        let null = document(&json!({"servers": null})).with_first_server(URL);
        assert_eq!(null.object()["servers"], json!([{"url": URL}]));
    }
}
