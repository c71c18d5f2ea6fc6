//! The numbers of persisted enums: the binary format knows a variant by its place alone, so no place may change.

use std::collections::BTreeMap;

use syn::visit::{self, Visit};

use crate::scan::{Source, Violation};

/// The list of every persisted enum: its name, below it each variant with its number.
pub(crate) const LIST: &str = "tests/architecture/persisted_enums.txt";
/// Where what is persisted is declared.
const FOLDERS: [&str; 2] = ["storage/src/", "storage/model/src/"];
/// Constants that say which data format is written, and where they stand.
const FORMATS: [(&str, &str); 2] = [
    ("storage/src/data_dir.rs", "FORMAT"),
    ("storage/src/codec.rs", "VERSION"),
];
/// The constant that counts the variants of `Command`.
const COMMANDS: (&str, &str) = ("storage/src/codec/entry.rs", "COMMAND_KINDS");

/// Names of variants, by the names of their enums.
type Enums = BTreeMap<String, Vec<String>>;

/// What the list says.
struct Listed {
    format: String,
    enums: Enums,
}

impl Listed {
    fn parse(list: &str) -> Self {
        let (mut format, mut enums) = (String::new(), Enums::new());
        let mut latest = String::new();
        let meant = |line: &&str| !line.is_empty() && !line.starts_with('#');
        for line in list.lines().filter(meant) {
            if let Some(number) = line.strip_prefix("data format ") {
                number.clone_into(&mut format);
            } else if let Some(variant) = line.strip_prefix("  ") {
                let variants = enums.entry(latest.clone()).or_default();
                // A number out of turn makes a name that no variant has.
                let place = variants.len().to_string();
                let name = variant.strip_prefix(&format!("{place} "));
                variants.push(name.unwrap_or(variant).to_owned());
            } else {
                line.clone_into(&mut latest);
            }
        }
        Self { format, enums }
    }
}

/// Every way in which the sources and the list differ.
pub(crate) fn differences(sources: &[Source], list: &str) -> Vec<Violation> {
    let listed = Listed::parse(list);
    let mut found = Vec::new();
    let mut declared = Enums::new();
    let of_folders = |source: &&Source| {
        let path = &source.path;
        FOLDERS.iter().any(|folder| path.starts_with(folder))
    };
    for source in sources.iter().filter(of_folders) {
        for (line, name, variants) in persisted_enums(source) {
            let breach = |what| Violation::new(&source.path, line, what);
            found.extend(moved(&name, &variants, &listed).map(breach));
            if declared.insert(name.clone(), variants).is_some() {
                let what = format!("a second persisted enum with the name {name}");
                found.push(breach(what));
            }
        }
    }
    for name in listed.enums.keys() {
        if !declared.contains_key(name) {
            let what = format!("{name} is gone: raise the data format, or put it back");
            found.push(Violation::new(LIST, 1, what));
        }
    }
    let commands = declared.get("Command").map_or(0, Vec::len).to_string();
    let counts = [(COMMANDS, commands)];
    let formats = FORMATS.map(|place| (place, listed.format.clone()));
    let wrong = |(place, expected): &((&str, &str), String)| constant(sources, *place, expected);
    found.extend(formats.iter().chain(&counts).filter_map(wrong));
    found
}

/// What is wrong with the places of an enum's variants.
fn moved(name: &str, variants: &[String], listed: &Listed) -> Option<String> {
    let Some(pinned) = listed.enums.get(name) else {
        let what = format!("the persisted enum {name} is not in {LIST}: add it there");
        return Some(what);
    };
    let places = pinned.iter().zip(variants).enumerate();
    let mut others = places.filter(|(_, (pinned, variant))| pinned != variant);
    if let Some((number, (pinned, variant))) = others.next() {
        let format = &listed.format;
        return Some(format!(
            "number {number} of {name} is {variant}, but {pinned} in data format {format} ({LIST}): append variants \
             behind the last one, or raise FORMAT and VERSION ({FORMATS:?}) and renew the list"
        ));
    }
    if variants.len() < pinned.len() {
        let gone = pinned.last()?;
        let what = format!("{name}::{gone} is gone: raise the data format, or put it back");
        return Some(what);
    }
    let number = pinned.len();
    let added = variants.get(number)?;
    let what = format!("{name}::{added} is new: append `  {number} {added}` to {name} in {LIST}");
    Some(what)
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

/// The enums of a file that the codec can write: line, name and variants of each.
fn persisted_enums(source: &Source) -> Vec<(usize, String, Vec<String>)> {
    let mut visitor = EnumVisitor::default();
    if let Ok(file) = syn::parse_file(&source.text) {
        visitor.visit_file(&file);
    }
    visitor.0
}

#[derive(Default)]
struct EnumVisitor(Vec<(usize, String, Vec<String>)>);

impl<'ast> Visit<'ast> for EnumVisitor {
    fn visit_item_enum(&mut self, item: &'ast syn::ItemEnum) {
        if item.attrs.iter().any(derives_serialize) {
            let name = |ident: &syn::Ident| ident.to_string();
            let variants = item.variants.iter().map(|variant| name(&variant.ident));
            let line = item.ident.span().start().line;
            self.0.push((line, name(&item.ident), variants.collect()));
        }
        visit::visit_item_enum(self, item);
    }
}

fn derives_serialize(attribute: &syn::Attribute) -> bool {
    let syn::Meta::List(list) = &attribute.meta else {
        return false;
    };
    let words = list.tokens.to_string();
    list.path.is_ident("derive") && words.split([',', ' ']).any(|word| word == "Serialize")
}

const SAMPLE_LIST: &str = "# words\ndata format 7\n\nCommand\n  0 Found\n  1 Sweep\n";

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

#[test]
fn what_the_list_says_is_no_breach() {
    let same = "#[derive(Serialize)] enum Command { Found(u8), Sweep { a: u8 } } enum Other { A }";
    assert_eq!(sample(same, [7, 7, 2]), [""; 0]);
}

#[test]
fn a_variant_that_moved_or_went_is_found() {
    let between = "#[derive(Debug, Serialize)] enum Command { Found, New, Sweep }";
    let words = ["number 1 of Command is New, but Sweep", "append", "raise"];
    assert_says(&sample(between, [7, 7, 3]), &words);
    let gone = "#[derive(Serialize, Debug)] enum Command { Found }";
    assert_says(&sample(gone, [7, 7, 1]), &["Command::Sweep is gone"]);
    assert_says(&sample("", [7, 7, 0]), &["Command is gone"]);
}

#[test]
fn what_is_new_must_be_listed() {
    let appended = "#[derive(Serialize)] enum Command { Found, Sweep, New }";
    assert_says(&sample(appended, [7, 7, 3]), &["append `  2 New`"]);
    let other =
        "#[derive(Serialize)] enum Command { Found, Sweep } #[derive(Serialize)] enum B { A }";
    assert_says(&sample(other, [7, 7, 2]), &["B is not in"]);
}

#[test]
fn numbers_beside_the_list_are_found() {
    let same = "#[derive(Serialize)] enum Command { Found, Sweep }";
    assert_says(
        &sample(same, [8, 7, 2]),
        &["data_dir.rs", "FORMAT", "\"8\""],
    );
    assert_says(&sample(same, [7, 8, 2]), &["codec.rs", "VERSION", "\"8\""]);
    assert_says(&sample(same, [7, 7, 3]), &["COMMAND_KINDS", "\"3\""]);
}
