//! The tokenizer of expressions.

/// A token of an expression.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Token {
    /// A keyword, a function name or an attribute name.
    Word(String),
    /// A name placeholder, such as `#name`.
    Name(String),
    /// A value placeholder, such as `:value`.
    Value(String),
    /// A list index.
    Index(usize),
    /// A comparator, an operator or punctuation.
    Symbol(&'static str),
}

const SYMBOLS: [&str; 14] = [
    "<>", "<=", ">=", "=", "<", ">", "(", ")", "[", "]", ",", ".", "+", "-",
];

/// Splits `text` into tokens. `kind` is the name of the request parameter, for error messages.
pub fn tokenize(kind: &str, text: &str) -> Result<Vec<Token>, String> {
    let mut tokens = Vec::new();
    let mut rest = text.trim_start();
    while let Some(first) = rest.chars().next() {
        let (token, length) = match first {
            '#' | ':' => {
                let length = 1 + word_length(&rest[1..]);
                let placeholder = rest[..length].to_owned();
                if length == 1 {
                    return Err(syntax_error(kind, rest));
                }
                let token = if first == '#' {
                    Token::Name(placeholder)
                } else {
                    Token::Value(placeholder)
                };
                (token, length)
            }
            digit if digit.is_ascii_digit() => {
                let length = rest
                    .find(|next: char| !next.is_ascii_digit())
                    .unwrap_or(rest.len());
                let index = rest[..length]
                    .parse()
                    .map_err(|_| syntax_error(kind, rest))?;
                (Token::Index(index), length)
            }
            letter if letter.is_ascii_alphabetic() || letter == '_' => {
                let length = word_length(rest);
                (Token::Word(rest[..length].to_owned()), length)
            }
            _ => {
                let symbol = SYMBOLS
                    .into_iter()
                    .find(|symbol| rest.starts_with(symbol))
                    .ok_or_else(|| syntax_error(kind, rest))?;
                (Token::Symbol(symbol), symbol.len())
            }
        };
        tokens.push(token);
        rest = rest[length..].trim_start();
    }
    if tokens.is_empty() {
        return Err(format!("Invalid {kind}: The expression can not be empty;"));
    }
    Ok(tokens)
}

fn word_length(text: &str) -> usize {
    text.find(|next: char| !next.is_ascii_alphanumeric() && next != '_')
        .unwrap_or(text.len())
}

/// Returns DynamoDB's message for a syntax error near `near`.
pub fn syntax_error(kind: &str, near: &str) -> String {
    let near: String = near.chars().take(20).collect();
    format!("Invalid {kind}: Syntax error; token: \"{near}\", near: \"{near}\"")
}
