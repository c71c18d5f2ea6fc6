//! The layout of persisted types: the binary format knows fields and variants by their places alone, so no place and no
//! type of a field may change.

use std::collections::BTreeMap;

use syn::visit::{self, Visit};

use crate::scan::{Source, Violation};

/// The list of every persisted type: its name, below it each field or variant with its place.
pub(crate) const LIST: &str = "tests/architecture/persisted_types.txt";
/// Where what is persisted is declared.
const FOLDERS: [&str; 2] = ["storage/src/", "storage/model/src/"];
/// Constants that say which data format is written, and where they stand.
const FORMATS: [(&str, &str); 2] = [
    ("storage/src/data_dir.rs", "FORMAT"),
    ("storage/src/codec.rs", "VERSION"),
];
/// The constant that counts the variants of `Command`.
const COMMANDS: (&str, &str) = ("storage/src/codec/entry.rs", "COMMAND_KINDS");

/// A type as it is declared: `enum` or `struct` and its name.
type Declared = String;
/// The members of types, each as it is declared: fields with their types, variants with what they hold.
type Layouts = BTreeMap<Declared, Vec<String>>;

/// What the list says.
struct Listed {
    format: String,
    layouts: Layouts,
}

impl Listed {
    fn parse(list: &str) -> Self {
        let (mut format, mut layouts) = (String::new(), Layouts::new());
        let mut latest = String::new();
        let meant = |line: &&str| !line.is_empty() && !line.starts_with('#');
        for line in list.lines().filter(meant) {
            if let Some(number) = line.strip_prefix("data format ") {
                number.clone_into(&mut format);
            } else if let Some(member) = line.strip_prefix("  ") {
                let members: &mut Vec<_> = layouts.entry(latest.clone()).or_default();
                // A number out of turn makes a member that no type has.
                let place = members.len().to_string();
                let declared = member.strip_prefix(&format!("{place} "));
                members.push(declared.unwrap_or(member).to_owned());
            } else {
                line.clone_into(&mut latest);
                layouts.entry(latest.clone()).or_default();
            }
        }
        Self { format, layouts }
    }
}

/// Every way in which the sources and the list differ.
pub(crate) fn differences(sources: &[Source], list: &str) -> Vec<Violation> {
    let listed = Listed::parse(list);
    let mut found = Vec::new();
    let mut declared = Layouts::new();
    let of_folders = |source: &&Source| {
        let path = &source.path;
        FOLDERS.iter().any(|folder| path.starts_with(folder))
    };
    for source in sources.iter().filter(of_folders) {
        for (line, name, members) in persisted_types(source) {
            let breach = |what| Violation::new(&source.path, line, what);
            found.extend(moved(&name, &members, &listed).map(breach));
            if declared.insert(name.clone(), members).is_some() {
                let what = format!("a second persisted type with the name {name}");
                found.push(breach(what));
            }
        }
    }
    for name in listed.layouts.keys() {
        if !declared.contains_key(name) {
            let what = format!("{name} is gone: raise the data format, or put it back");
            found.push(Violation::new(LIST, 1, what));
        }
    }
    let commands = declared.get("enum Command").map_or(0, Vec::len).to_string();
    let counts = [(COMMANDS, commands)];
    let formats = FORMATS.map(|place| (place, listed.format.clone()));
    let wrong = |(place, expected): &((&str, &str), String)| constant(sources, *place, expected);
    found.extend(formats.iter().chain(&counts).filter_map(wrong));
    found
}

/// What is wrong with the members of a type: all of a struct stay as they are, an enum may gain variants at its end.
fn moved(name: &str, members: &[String], listed: &Listed) -> Option<String> {
    let Some(pinned) = listed.layouts.get(name) else {
        return Some(format!(
            "the persisted {name} is not in {LIST}: add it there:\n{}",
            lines_of(name, members)
        ));
    };
    let places = pinned.iter().zip(members).enumerate();
    let mut others = places.filter(|(_, (pinned, member))| pinned != member);
    let format = &listed.format;
    let raise = format!("raise FORMAT and VERSION ({FORMATS:?}) and renew the list");
    if let Some((number, (pinned, member))) = others.next() {
        return Some(format!(
            "number {number} of {name} is `{member}`, but `{pinned}` in data format {format} ({LIST}): append variants \
             behind the last one, or {raise}"
        ));
    }
    if let Some(gone) = pinned.get(members.len()) {
        let what = format!("`{gone}` of {name} is gone: put it back, or {raise}");
        return Some(what);
    }
    let number = pinned.len();
    let added = members.get(number)?;
    if name.starts_with("enum ") {
        let what = format!("`{added}` of {name} is new: append `  {number} {added}` in {LIST}");
        return Some(what);
    }
    let what = format!("`{added}` of {name} is not in data format {format}: {raise}");
    Some(what)
}

fn lines_of(name: &str, members: &[String]) -> String {
    let numbered = members.iter().enumerate();
    let lines = numbered.map(|(number, member)| format!("  {number} {member}\n"));
    format!("{name}\n{}", lines.collect::<String>())
}

/// A constant that has another value than it should.
fn constant(sources: &[Source], (path, name): (&str, &str), expected: &str) -> Option<Violation> {
    let source = sources.iter().find(|source| source.path == path);
    let found = source.and_then(|source| {
        let start = *source.starts_of(&format!("const {name} :")).first()?;
        Some((source.line_at(start), source.text_at(start, 5)))
    });
    let (line, value) = found.unwrap_or_default();
    (value != expected).then(|| {
        let what = format!("{name} is {value:?}, and {expected} by {LIST}");
        Violation::new(path, line, what)
    })
}

/// The types of a file that the codec can write: line, name and members of each.
fn persisted_types(source: &Source) -> Vec<(usize, Declared, Vec<String>)> {
    let mut visitor = TypeVisitor::default();
    if let Ok(file) = syn::parse_file(&source.text) {
        visitor.visit_file(&file);
    }
    visitor.0
}

#[derive(Default)]
struct TypeVisitor(Vec<(usize, Declared, Vec<String>)>);

impl<'ast> Visit<'ast> for TypeVisitor {
    fn visit_item_enum(&mut self, item: &'ast syn::ItemEnum) {
        if item.attrs.iter().any(derives_serialize) {
            let line = item.ident.span().start().line;
            let variants = item.variants.iter().map(|variant| {
                let mut variant = variant.clone();
                keep_serde(&mut variant.attrs);
                strip(&mut variant.fields);
                plain(&variant)
            });
            let name = format!("enum {}", item.ident);
            self.0.push((line, name, variants.collect()));
        }
        visit::visit_item_enum(self, item);
    }

    fn visit_item_struct(&mut self, item: &'ast syn::ItemStruct) {
        if item.attrs.iter().any(derives_serialize) {
            let line = item.ident.span().start().line;
            let mut fields = item.fields.clone();
            strip(&mut fields);
            let name = format!("struct {}", item.ident);
            self.0
                .push((line, name, fields.iter().map(plain).collect()));
        }
        visit::visit_item_struct(self, item);
    }
}

/// Leaves of fields what the format depends on: their order, names, types and how they are written.
fn strip(fields: &mut syn::Fields) {
    for field in fields {
        keep_serde(&mut field.attrs);
        field.vis = syn::Visibility::Inherited;
    }
}

fn keep_serde(attributes: &mut Vec<syn::Attribute>) {
    attributes.retain(|attribute| attribute.path().is_ident("serde"));
}

/// Source text with the spaces of a printed declaration.
fn plain(tokens: &impl quote::ToTokens) -> String {
    let text = tokens.to_token_stream().to_string();
    let tight = [
        (" :", ":"),
        (" ,", ","),
        (" <", "<"),
        ("< ", "<"),
        (" >", ">"),
        (" (", "("),
        (":: ", "::"),
        (", }", " }"),
    ];
    let text = tight
        .iter()
        .fold(text, |text, (loose, tight)| text.replace(loose, tight));
    text.replace(" ;", ";")
}

fn derives_serialize(attribute: &syn::Attribute) -> bool {
    let syn::Meta::List(list) = &attribute.meta else {
        return false;
    };
    let words = list.tokens.to_string();
    list.path.is_ident("derive") && words.split([',', ' ']).any(|word| word == "Serialize")
}

const SAMPLE_LIST: &str = "# words\ndata format 7\n\nenum Command\n  0 Found\n  1 Sweep { a: u8 }\n\nstruct Key\n  0 id: u8\n  1 names: Vec<A>\n";

fn sample(declared: &str, constants: [u32; 3]) -> Vec<String> {
    let [format, version, kinds] = constants;
    let texts = [
        (FORMATS[0].0, format!("pub const FORMAT: u32 = {format};")),
        (FORMATS[1].0, format!("const VERSION: u8 = {version};")),
        (
            COMMANDS.0,
            format!("pub(super) const COMMAND_KINDS: u32 = {kinds};"),
        ),
        ("storage/model/src/a.rs", declared.to_owned()),
    ];
    let sources = texts.map(|(path, text)| Source::parse(path, &text).unwrap());
    let found = differences(&sources, SAMPLE_LIST);
    found.iter().map(Violation::to_string).collect()
}

#[track_caller]
fn assert_says(found: &[String], words: &[&str]) {
    let [only] = found else {
        panic!("{found:?}");
    };
    for word in words {
        assert!(only.contains(word), "{only}");
    }
}

const COMMAND: &str = "#[derive(Serialize)] enum Command { Found, Sweep { a: u8 } }";
const KEY: &str = "#[derive(Serialize)] pub struct Key { pub id: u8, names: Vec<A> }";

#[test]
fn what_the_list_says_is_no_breach() {
    let same = format!("{COMMAND} {KEY} enum Other {{ A }} struct Unwritten(u8);");
    assert_eq!(sample(&same, [7, 7, 2]), [""; 0]);
}

#[test]
fn a_variant_that_moved_changed_or_went_is_found() {
    let commands = |declared: &str, kinds| {
        let all = format!("#[derive(Debug, Serialize)] enum Command {{ {declared} }} {KEY}");
        sample(&all, [7, 7, kinds])
    };
    let words = [
        "number 1 of enum Command is `New`, but `Sweep { a: u8 }`",
        "append",
        "raise",
    ];
    assert_says(&commands("Found, New, Sweep { a: u8 }", 3), &words);
    let words = ["number 1 of enum Command is `Sweep { a: u16 }`", "raise"];
    assert_says(&commands("Found, Sweep { a: u16 }", 2), &words);
    assert_says(
        &commands("Found", 1),
        &["`Sweep { a: u8 }` of enum Command is gone"],
    );
    assert_says(&sample(KEY, [7, 7, 0]), &["enum Command is gone"]);
}

#[test]
fn a_field_that_moved_changed_came_or_went_is_found() {
    let keys = |fields: &str| {
        let all = format!("{COMMAND} #[derive(Serialize)] struct Key {{ {fields} }}");
        sample(&all, [7, 7, 2])
    };
    let between = keys("id: u8, logins: Vec<B>, names: Vec<A>");
    assert_says(
        &between,
        &["number 1 of struct Key is `logins: Vec<B>`", "raise"],
    );
    let appended = keys("id: u8, names: Vec<A>, logins: B");
    assert_says(
        &appended,
        &["`logins: B` of struct Key is not in data format 7", "raise"],
    );
    assert_says(&keys("id: u8"), &["`names: Vec<A>` of struct Key is gone"]);
    let written_otherwise = keys("#[serde(with = \"x\")] id: u8, names: Vec<A>");
    assert_says(&written_otherwise, &["number 0 of struct Key"]);
    let told = keys("/** The id. */ pub id: u8, pub(crate) names: Vec<A>");
    assert_eq!(told, [""; 0]);
}

#[test]
fn what_is_new_must_be_listed() {
    let appended = "#[derive(Serialize)] enum Command { Found, Sweep { a: u8 }, New(B) }";
    let all = format!("{appended} {KEY}");
    assert_says(&sample(&all, [7, 7, 3]), &["append `  2 New(B)`"]);
    let all = format!("{COMMAND} {KEY} #[derive(Serialize)] enum B {{ A }}");
    assert_says(&sample(&all, [7, 7, 2]), &["enum B is not in", "  0 A"]);
}

#[test]
fn numbers_beside_the_list_are_found() {
    let same = format!("{COMMAND} {KEY}");
    let found = |constants| sample(&same, constants);
    assert_says(&found([8, 7, 2]), &["data_dir.rs", "FORMAT", "\"8\""]);
    assert_says(&found([7, 8, 2]), &["codec.rs", "VERSION", "\"8\""]);
    assert_says(&found([7, 7, 3]), &["COMMAND_KINDS", "\"3\""]);
}
