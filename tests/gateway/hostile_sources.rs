//! The table of routes is held against the sources: a route, a name or a parameter that it lacks fails here.

use std::collections::BTreeSet;
use std::path::Path;

use crate::hostile_routes_table::routes;
use crate::hostile_row::Route;

/// A folder of the sources, file by file without their tests.
pub(crate) fn sources(folder: &str) -> Vec<String> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join(folder);
    let files = std::fs::read_dir(folder).unwrap();
    let read = files.filter_map(|file| std::fs::read_to_string(file.unwrap().path()).ok());
    let without_tests = |text: String| text.split("#[cfg(test)]").next().unwrap().to_owned();
    let texts: Vec<String> = read.map(without_tests).collect();
    assert!(texts.len() > 5);
    texts
}

/// The quoted strings of a piece of source.
pub(crate) fn quoted(source: &str) -> Vec<&str> {
    source.split('"').skip(1).step_by(2).collect()
}

/// Every method and path that a file registers.
fn registered(source: &str) -> Vec<(String, String)> {
    let mut found = Vec::new();
    for resource in source.split("web::resource(").skip(1) {
        let end = resource.find("default_service").unwrap();
        let (paths, methods) = resource[..end].split_once(')').unwrap();
        for path in quoted(paths) {
            for method in ["get", "post", "put", "patch", "delete"] {
                if methods.contains(&format!(".{method}(")) {
                    found.push((method.to_uppercase(), path.to_owned()));
                }
            }
        }
    }
    found
}

fn camel_case(name: &str) -> String {
    let mut words = name.split('_');
    let first = words.next().unwrap().to_owned();
    words.fold(first, |all, word| {
        all + &word[..1].to_uppercase() + &word[1..]
    })
}

/// The parameters of queries that a file reads into structs, or one by one.
fn parameters(source: &str, all: &str) -> Vec<String> {
    let mut found = Vec::new();
    for query in source.split("web::Query<").skip(1) {
        let kind = query.split('>').next().unwrap();
        let at = all.find(&format!("struct {kind} {{")).unwrap();
        let wanted = source.find(&format!("struct {kind} {{"));
        let (source, at) = wanted.map_or((all, at), |at| (source, at));
        let is_camel = source[..at].ends_with("#[serde(rename_all = \"camelCase\")]\n")
            || source[..at].ends_with("#[serde(rename_all = \"camelCase\")]\npub(super) ");
        let body = source[at..].split('}').next().unwrap();
        let mut renamed = None;
        for line in body.lines().skip(1).map(str::trim) {
            if line.starts_with("#[serde(rename") {
                renamed = Some(quoted(line)[0].to_owned());
            } else if let Some((field, _)) = line.split_once(": ") {
                let field = field.trim_start_matches("pub(super) ");
                let spelt = if is_camel {
                    camel_case(field)
                } else {
                    field.to_owned()
                };
                found.push(renamed.take().unwrap_or(spelt));
            }
        }
    }
    for reader in ["shape::parameter(", "shape::page("] {
        let calls = source.split(reader).skip(1);
        found.extend(calls.map(|call| quoted(call.split(')').nth(1).unwrap())[0].to_owned()));
    }
    found
}

#[test]
fn the_table_has_every_route_every_name_and_every_parameter() {
    let sources = sources("src/control");
    let in_sources: BTreeSet<_> = sources.iter().flat_map(|text| registered(text)).collect();
    let pair = |route: &Route| (route.method.to_owned(), route.path.to_owned());
    let in_table: BTreeSet<_> = routes().map(pair).collect();
    assert!(
        in_sources.len() > 50,
        "the sources are read as they are written"
    );
    assert_eq!(in_table, in_sources);
    for route in routes() {
        let names: Vec<_> = route
            .names
            .iter()
            .map(|name| format!("{{{}}}", name.name))
            .collect();
        let in_path: Vec<_> = route
            .path
            .split('/')
            .filter(|part| part.starts_with('{'))
            .collect();
        assert_eq!(names, in_path, "{} {}", route.method, route.path);
    }
    let all = sources.concat();
    let read: BTreeSet<_> = sources
        .iter()
        .flat_map(|text| parameters(text, &all))
        .collect();
    let queries = routes().flat_map(|route| route.query);
    let spoilt: BTreeSet<_> = queries.map(|query| query.name.to_owned()).collect();
    assert!(read.contains("upstreamURL") && read.contains("orgID") && read.contains("p"));
    assert_eq!(spoilt, read);
}
