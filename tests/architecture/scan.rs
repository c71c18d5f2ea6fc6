//! Turns a Rust source into tokens and functions, and tells what in it exists for tests only.

use std::fmt;
use std::ops::RangeInclusive;
use std::path::Path;

use proc_macro2::{Delimiter, Spacing, TokenStream, TokenTree};
use syn::spanned::Spanned;
use syn::visit::{self, Visit};

/// One breach of a rule.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Violation {
    pub(crate) path: String,
    pub(crate) line: usize,
    pub(crate) what: String,
}

impl Violation {
    pub(crate) fn new(path: &str, line: usize, what: impl Into<String>) -> Self {
        let (path, what) = (path.to_owned(), what.into());
        Self { path, line, what }
    }
}

impl fmt::Display for Violation {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{}:{}: {}", self.path, self.line, self.what)
    }
}

/// A function with a body.
pub(crate) struct Function {
    pub(crate) name: String,
    pub(crate) first_line: usize,
    pub(crate) last_line: usize,
    /// Parameters without `self`; a tuple counts as many times as it has members.
    pub(crate) parameters: usize,
}

/// One token outside comments; a literal keeps its quotes, a delimiter is a token of its own.
pub(crate) struct Token {
    pub(crate) text: String,
    pub(crate) line: usize,
}

/// A production source file, its test modules left out of `tokens` and `functions`.
pub(crate) struct Source {
    pub(crate) path: String,
    pub(crate) text: String,
    pub(crate) tokens: Vec<Token>,
    pub(crate) functions: Vec<Function>,
    /// Where the modules that this file declares under `#[cfg(test)]` may stand, as file or folder.
    pub(crate) test_modules: Vec<String>,
}

impl Source {
    /// Parses one file; `path` only names it.
    pub(crate) fn parse(path: &str, text: &str) -> Result<Self, String> {
        let named = |error: &dyn fmt::Display| format!("{path}: {error}");
        let file = syn::parse_file(text).map_err(|error| named(&error))?;
        let mut visitor = FunctionVisitor::default();
        visitor.visit_file(&file);
        let stream: TokenStream = text.parse().map_err(|error| named(&error))?;
        let mut tokens = Vec::new();
        flatten(stream, &mut tokens);
        tokens.retain(|token| {
            !visitor
                .tests
                .iter()
                .any(|lines| lines.contains(&token.line))
        });
        Ok(Self {
            path: path.to_owned(),
            text: text.to_owned(),
            tokens,
            functions: visitor.functions,
            test_modules: visitor
                .test_files
                .iter()
                .flat_map(|file| file.places(path))
                .collect(),
        })
    }

    /// Lines on which the token sequence `pattern` (separated by spaces) starts.
    pub(crate) fn lines_with(&self, pattern: &str) -> Vec<usize> {
        let starts = self.starts_of(pattern).into_iter();
        starts.map(|start| self.line_at(start)).collect()
    }

    /// Positions in `tokens` at which the sequence `pattern` starts.
    pub(crate) fn starts_of(&self, pattern: &str) -> Vec<usize> {
        let wanted: Vec<&str> = pattern.split(' ').collect();
        let windows = self.tokens.windows(wanted.len()).enumerate();
        let same = |window: &[Token]| {
            window
                .iter()
                .map(|token| token.text.as_str())
                .eq(wanted.iter().copied())
        };
        windows
            .filter(|(_, window)| same(window))
            .map(|(start, _)| start)
            .collect()
    }

    /// Line of the token at `position`; 0 beyond the end.
    pub(crate) fn line_at(&self, position: usize) -> usize {
        self.tokens.get(position).map_or(0, |token| token.line)
    }

    /// Text of the token `offset` places from `start`; empty beyond either end.
    pub(crate) fn text_at(&self, start: usize, offset: isize) -> &str {
        start
            .checked_add_signed(offset)
            .and_then(|position| self.tokens.get(position))
            .map_or("", |token| token.text.as_str())
    }
}

/// Collects functions with bodies and the line ranges of items that exist for tests only.
#[derive(Default)]
struct FunctionVisitor {
    functions: Vec<Function>,
    tests: Vec<RangeInclusive<usize>>,
    test_files: Vec<TestFile>,
}

/// A module for tests in a file of its own: its name, and its `#[path]` if there is one.
struct TestFile {
    name: String,
    path: Option<String>,
}

impl TestFile {
    /// The places where rustc looks for it when the file at `declared_in` declares it.
    fn places(&self, declared_in: &str) -> Vec<String> {
        let declared_in = Path::new(declared_in);
        let folder = declared_in.parent().unwrap_or(Path::new(""));
        let stem = declared_in
            .file_stem()
            .and_then(|stem| stem.to_str())
            .unwrap_or_default();
        let own_folder = match stem {
            "mod" | "lib" | "main" => folder.to_owned(),
            _ => folder.join(stem),
        };
        let places = match &self.path {
            Some(path) => vec![folder.join(path)],
            None => vec![
                own_folder.join(format!("{}.rs", self.name)),
                own_folder.join(&self.name),
            ],
        };
        places
            .iter()
            .map(|place| place.to_string_lossy().into_owned())
            .collect()
    }
}

/// The value of a `#[path = "..."]`.
fn path_attribute(attributes: &[syn::Attribute]) -> Option<String> {
    let found = attributes
        .iter()
        .find(|attribute| attribute.path().is_ident("path"))?;
    let syn::Expr::Lit(literal) = &found.meta.require_name_value().ok()?.value else {
        return None;
    };
    match &literal.lit {
        syn::Lit::Str(text) => Some(text.value()),
        _ => None,
    }
}

impl FunctionVisitor {
    fn record(&mut self, signature: &syn::Signature, body: &syn::Block) {
        self.functions.push(Function {
            name: signature.ident.to_string(),
            first_line: signature.span().start().line,
            last_line: body.span().end().line,
            parameters: signature.inputs.iter().map(parameters).sum(),
        });
    }

    /// Whether the item is for tests only; then its lines are remembered.
    fn is_for_tests(&mut self, attributes: &[syn::Attribute], item: &impl Spanned) -> bool {
        let for_tests = attributes.iter().any(is_test_cfg);
        if for_tests {
            let span = item.span();
            self.tests.push(span.start().line..=span.end().line);
        }
        for_tests
    }
}

/// How many values a parameter brings: a tuple is several without a name for what they are together.
fn parameters(input: &syn::FnArg) -> usize {
    let syn::FnArg::Typed(typed) = input else {
        return 0;
    };
    let mut kind = &*typed.ty;
    while let syn::Type::Reference(reference) = kind {
        kind = &*reference.elem;
    }
    match kind {
        syn::Type::Tuple(tuple) => tuple.elems.len(),
        _ => 1,
    }
}

/// `#[cfg(test)]`, also inside `any(...)`; `not(test)` is production code.
fn is_test_cfg(attribute: &syn::Attribute) -> bool {
    let syn::Meta::List(list) = &attribute.meta else {
        return attribute.path().is_ident("test");
    };
    let mut tokens = Vec::new();
    flatten(list.tokens.clone(), &mut tokens);
    let names = |word: &str| tokens.iter().any(|token| token.text == word);
    list.path.is_ident("cfg") && names("test") && !names("not")
}

impl<'ast> Visit<'ast> for FunctionVisitor {
    fn visit_item_mod(&mut self, item: &'ast syn::ItemMod) {
        if !self.is_for_tests(&item.attrs, item) {
            visit::visit_item_mod(self, item);
        } else if item.content.is_none() {
            let (name, path) = (item.ident.to_string(), path_attribute(&item.attrs));
            self.test_files.push(TestFile { name, path });
        }
    }

    fn visit_item_use(&mut self, item: &'ast syn::ItemUse) {
        self.is_for_tests(&item.attrs, item);
    }

    fn visit_item_fn(&mut self, item: &'ast syn::ItemFn) {
        if !self.is_for_tests(&item.attrs, item) {
            self.record(&item.sig, &item.block);
            visit::visit_item_fn(self, item);
        }
    }

    fn visit_item_impl(&mut self, item: &'ast syn::ItemImpl) {
        if !self.is_for_tests(&item.attrs, item) {
            visit::visit_item_impl(self, item);
        }
    }

    fn visit_impl_item_fn(&mut self, item: &'ast syn::ImplItemFn) {
        if !self.is_for_tests(&item.attrs, item) {
            self.record(&item.sig, &item.block);
            visit::visit_impl_item_fn(self, item);
        }
    }

    fn visit_trait_item_fn(&mut self, item: &'ast syn::TraitItemFn) {
        if let Some(body) = &item.default {
            self.record(&item.sig, body);
        }
        visit::visit_trait_item_fn(self, item);
    }
}

/// Appends the tokens of `stream` in order; `::` is one token.
fn flatten(stream: TokenStream, out: &mut Vec<Token>) {
    let mut trees = stream.into_iter();
    while let Some(tree) = trees.next() {
        let line = tree.span().start().line;
        match tree {
            TokenTree::Group(group) => {
                let (open, close) = delimiters(group.delimiter());
                push(out, open, line);
                flatten(group.stream(), out);
                push(out, close, group.span_close().start().line);
            }
            TokenTree::Punct(punct)
                if punct.as_char() == ':' && punct.spacing() == Spacing::Joint =>
            {
                trees.next();
                push(out, "::", line);
            }
            other => push(out, &other.to_string(), line),
        }
    }
}

fn push(out: &mut Vec<Token>, text: &str, line: usize) {
    if !text.is_empty() {
        let text = text.to_owned();
        out.push(Token { text, line });
    }
}

fn delimiters(delimiter: Delimiter) -> (&'static str, &'static str) {
    match delimiter {
        Delimiter::Parenthesis => ("(", ")"),
        Delimiter::Brace => ("{", "}"),
        Delimiter::Bracket => ("[", "]"),
        Delimiter::None => ("", ""),
    }
}
