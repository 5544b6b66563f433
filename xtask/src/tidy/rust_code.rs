//! Rust source as tokens: enough to tell code from comments and strings, and tests from the rest.

/// What a token is.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Kind {
    /// An identifier or keyword.
    Word,
    /// One character of punctuation.
    Mark,
    /// A string, character or number.
    Literal,
    Lifetime,
    Comment,
}

/// A token and the line that it starts on, counted from 1.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Token<'a> {
    pub kind: Kind,
    pub text: &'a str,
    pub line: usize,
}

impl Token<'_> {
    fn is(&self, text: &str) -> bool {
        matches!(self.kind, Kind::Word | Kind::Mark) && self.text == text
    }
}

/// Splits `source` into tokens. What is no Rust gives some tokens, too.
pub fn tokens(source: &str) -> Vec<Token<'_>> {
    let mut tokens = Vec::new();
    let mut line = 1;
    let mut rest = source;
    while let Some(first) = rest.chars().next() {
        let (kind, length) = if first.is_whitespace() {
            (None, first.len_utf8())
        } else {
            let (kind, length) = token(rest, first);
            (Some(kind), length)
        };
        let (text, tail) = rest.split_at(length);
        tokens.extend(kind.map(|kind| Token { kind, text, line }));
        line += text.matches('\n').count();
        rest = tail;
    }
    tokens
}

/// The kind and length of the token that `rest` starts with.
fn token(rest: &str, first: char) -> (Kind, usize) {
    if rest.starts_with("//") {
        return (Kind::Comment, rest.find('\n').unwrap_or(rest.len()));
    }
    if rest.starts_with("/*") {
        return (Kind::Comment, block_comment(rest));
    }
    if let Some(length) = string(rest) {
        return (Kind::Literal, length);
    }
    if first == '\'' {
        return character_or_lifetime(rest);
    }
    if first.is_alphabetic() || first == '_' {
        return (Kind::Word, word(rest));
    }
    if first.is_ascii_digit() {
        return (Kind::Literal, word(rest));
    }
    (Kind::Mark, first.len_utf8())
}

fn word(rest: &str) -> usize {
    rest.find(|character: char| !character.is_alphanumeric() && character != '_').unwrap_or(rest.len())
}

fn block_comment(rest: &str) -> usize {
    let mut depth = 0_usize;
    let mut at = 0;
    while at < rest.len() {
        let tail = &rest.as_bytes()[at..];
        if tail.starts_with(b"/*") {
            depth += 1;
            at += 2;
        } else if tail.starts_with(b"*/") {
            depth -= 1;
            at += 2;
            if depth == 0 {
                return at;
            }
        } else {
            at += 1;
        }
    }
    rest.len()
}

/// The length of a string of any sort: plain, byte, C, raw.
fn string(rest: &str) -> Option<usize> {
    let prefix = ["br", "cr", "b", "c", "r", ""]
        .into_iter()
        .find(|prefix| rest.strip_prefix(prefix).is_some_and(|tail| tail.starts_with(['"', '#'])))?;
    let body = &rest[prefix.len()..];
    let quoted = body.trim_start_matches('#');
    if !quoted.starts_with('"') {
        return None;
    }
    let hashes = body.len() - quoted.len();
    if prefix.ends_with('r') {
        let end = format!("\"{}", "#".repeat(hashes));
        let start = prefix.len() + hashes + 1;
        return Some(rest[start..].find(&end).map_or(rest.len(), |at| start + at + end.len()));
    }
    (hashes == 0).then(|| prefix.len() + 1 + until_quote(&quoted[1..], '"'))
}

/// The length up to and with the closing `quote`, minding backslashes.
fn until_quote(text: &str, quote: char) -> usize {
    let mut escaped = false;
    for (at, character) in text.char_indices() {
        match character {
            _ if escaped => escaped = false,
            '\\' => escaped = true,
            _ if character == quote => return at + 1,
            _ => {}
        }
    }
    text.len()
}

fn character_or_lifetime(rest: &str) -> (Kind, usize) {
    let body = &rest[1..];
    let name = word(body);
    let is_character = body.starts_with('\\')
        || body.chars().next().is_some_and(|character| body[character.len_utf8()..].starts_with('\''));
    if is_character { (Kind::Literal, 1 + until_quote(body, '\'')) } else { (Kind::Lifetime, 1 + name) }
}

/// The product's part of a file: its tokens without comments and without items under `#[cfg(test)]`.
pub struct Product<'a> {
    pub tokens: Vec<Token<'a>>,
    /// Modules in files of their own that exist only for tests.
    pub test_modules: Vec<&'a str>,
}

/// Leaves out comments and tests.
pub fn product(source: &str) -> Product<'_> {
    let mut all = tokens(source);
    all.retain(|token| token.kind != Kind::Comment);
    let mut product = Product { tokens: Vec::new(), test_modules: Vec::new() };
    let mut at = 0;
    while at < all.len() {
        match test_attribute(&all[at..]) {
            Some(Attribute { inner: true, .. }) => break,
            Some(Attribute { length, .. }) => {
                let item = &all[at + length..];
                let item_length = item_length(item);
                if let [.., keyword, name, end] = &item[..item_length]
                    && keyword.is("mod")
                    && end.is(";")
                {
                    product.test_modules.push(name.text);
                }
                at += length + item_length;
            }
            None => {
                product.tokens.push(all[at]);
                at += 1;
            }
        }
    }
    product
}

struct Attribute {
    /// In tokens.
    length: usize,
    /// `#![..]`: about all that encloses it.
    inner: bool,
}

/// The attribute that `tokens` start with, if it is `cfg` of `test`.
fn test_attribute(tokens: &[Token<'_>]) -> Option<Attribute> {
    let inner = tokens.get(1)?.is("!");
    let open = if inner { 2 } else { 1 };
    if !tokens[0].is("#") || !tokens.get(open)?.is("[") || !tokens.get(open + 1)?.is("cfg") {
        return None;
    }
    let length = open + bracketed(&tokens[open..]);
    let has = |text| tokens[open..length].iter().any(|token| token.is(text));
    (has("test") && !has("not") && !has("any")).then_some(Attribute { length, inner })
}

/// The number of tokens of the item that `tokens` start with, its further attributes included.
fn item_length(tokens: &[Token<'_>]) -> usize {
    let mut at = 0;
    while at < tokens.len() {
        let token = &tokens[at];
        if token.is("#") && tokens.get(at + 1).is_some_and(|next| next.is("[")) {
            at += 1 + bracketed(&tokens[at + 1..]);
        } else if token.is(";") {
            return at + 1;
        } else if token.is("{") {
            let end = at + bracketed(&tokens[at..]);
            return end + usize::from(tokens.get(end).is_some_and(|next| next.is(";")));
        } else if token.is("(") || token.is("[") {
            at += bracketed(&tokens[at..]);
        } else if token.is("}") || token.is(")") || token.is("]") {
            return at;
        } else {
            at += 1;
        }
    }
    at
}

/// The number of tokens from an opening bracket to its closing one.
fn bracketed(tokens: &[Token<'_>]) -> usize {
    let mut depth = 0_usize;
    for (at, token) in tokens.iter().enumerate() {
        if token.is("(") || token.is("[") || token.is("{") {
            depth += 1;
        } else if token.is(")") || token.is("]") || token.is("}") {
            depth = depth.saturating_sub(1);
            if depth == 0 {
                return at + 1;
            }
        }
    }
    tokens.len()
}

/// A path like `std::net::UdpSocket`, with the line of its first word.
#[derive(Debug, PartialEq)]
pub struct CodePath<'a> {
    pub words: Vec<&'a str>,
    pub line: usize,
}

/// Every path in `tokens`. Groups in `use` declarations are written out: `use a::{b, c::d}` gives `a::b` and `a::c::d`.
/// A word alone is a path of one word.
pub fn paths<'a>(tokens: &[Token<'a>]) -> Vec<CodePath<'a>> {
    let mut paths = Vec::new();
    let mut at = 0;
    while at < tokens.len() {
        at += path_tree(&tokens[at..], &[], &mut paths).max(1);
    }
    paths
}

/// Reads one path, with its groups, from the start of `tokens`; returns how many tokens it took.
fn path_tree<'a>(tokens: &[Token<'a>], prefix: &[&'a str], paths: &mut Vec<CodePath<'a>>) -> usize {
    let mut words = prefix.to_vec();
    let mut at = 0;
    while let Some(token) = tokens.get(at) {
        if token.kind == Kind::Word {
            words.push(token.text);
            at += 1;
        } else if token.is("{") && words.len() > prefix.len() {
            return at + group(&tokens[at..], &words, paths);
        } else {
            break;
        }
        let continues = tokens.get(at).is_some_and(|token| token.is(":"))
            && tokens.get(at + 1).is_some_and(|token| token.is(":"));
        if !continues {
            break;
        }
        at += 2;
    }
    if words.len() > prefix.len() {
        paths.push(CodePath { words, line: tokens[0].line });
    }
    at
}

fn group<'a>(tokens: &[Token<'a>], prefix: &[&'a str], paths: &mut Vec<CodePath<'a>>) -> usize {
    let length = bracketed(tokens);
    let mut at = 1;
    while at < length {
        at += path_tree(&tokens[at..length], prefix, paths).max(1);
    }
    length
}

#[cfg(test)]
mod tests;
