//! Reads expressions by the grammars of the Developer Guide ("Condition and filter expressions, operators, and
//! functions", "Using update expressions").

use super::Placeholders;
use super::condition::{Comparator, Condition, Operand};
use super::path::{Path, Step};
use super::reserved::is_reserved;
use super::token::{Token, syntax_error, tokens};
use super::update::{Operation, Source, Update};

/// The most values `IN` compares with.
const MOST_CANDIDATES: usize = 100;

/// Reads one expression.
pub struct Parser<'a> {
    kind: &'static str,
    tokens: Vec<Token>,
    at: usize,
    placeholders: &'a mut Placeholders,
}

type Read<T> = Result<T, String>;

impl<'a> Parser<'a> {
    /// At the beginning of `text`.
    pub fn new(kind: &'static str, text: &str, placeholders: &'a mut Placeholders) -> Read<Self> {
        Ok(Self {
            kind,
            tokens: tokens(kind, text)?,
            at: 0,
            placeholders,
        })
    }

    /// That nothing follows.
    pub fn end(&self) -> Read<()> {
        match self.tokens.get(self.at) {
            None => Ok(()),
            Some(_) => Err(self.unexpected()),
        }
    }

    /// `condition OR condition`: binds weakest.
    pub fn condition(&mut self) -> Read<Condition> {
        let mut condition = self.conjunction()?;
        while self.takes_keyword("OR") {
            let other = self.conjunction()?;
            condition = Condition::Or(Box::new(condition), Box::new(other));
        }
        Ok(condition)
    }

    fn conjunction(&mut self) -> Read<Condition> {
        let mut condition = self.negation()?;
        while self.takes_keyword("AND") {
            let other = self.negation()?;
            condition = Condition::And(Box::new(condition), Box::new(other));
        }
        Ok(condition)
    }

    fn negation(&mut self) -> Read<Condition> {
        if self.takes_keyword("NOT") {
            return Ok(Condition::Not(Box::new(self.negation()?)));
        }
        if self.takes("(") {
            // A parenthesis may hold a condition or one operand; which of them shows only behind it.
            let (at, used) = (self.at, self.placeholders.used.clone());
            let refused = match self.condition() {
                Ok(condition) if self.takes(")") => return Ok(condition),
                Ok(_) => self.unexpected(),
                Err(refused) => refused,
            };
            self.at = at - 1;
            self.placeholders.used = used;
            return self.predicate().map_err(|_| refused);
        }
        self.predicate()
    }

    fn predicate(&mut self) -> Read<Condition> {
        if let Some(function) = self.function_name() {
            match function.as_str() {
                "attribute_exists" => return self.one_path().map(Condition::Exists),
                "attribute_not_exists" => return self.one_path().map(Condition::NotExists),
                "attribute_type" | "begins_with" | "contains" => {
                    return self.two_operands(&function);
                }
                _ => {}
            }
        }
        let left = self.operand()?;
        if self.takes_keyword("BETWEEN") {
            let low = self.operand()?;
            if !self.takes_keyword("AND") {
                return Err(self.unexpected());
            }
            let high = self.operand()?;
            return Condition::between(self.kind, left, low, high);
        }
        if self.takes_keyword("IN") {
            self.expect("(")?;
            let mut candidates = vec![self.operand()?];
            while self.takes(",") {
                candidates.push(self.operand()?);
            }
            self.expect(")")?;
            if candidates.len() > MOST_CANDIDATES {
                return Err(format!(
                    "Invalid {}: The IN operator is provided with too many operands; number of operands: {}",
                    self.kind,
                    candidates.len()
                ));
            }
            return Ok(Condition::In(left, candidates));
        }
        let comparator = self.comparator()?;
        let right = self.operand()?;
        Condition::compare(self.kind, comparator, left, right)
    }

    fn two_operands(&mut self, function: &str) -> Read<Condition> {
        self.at += 2;
        let first = self.operand()?;
        self.expect(",")?;
        let second = self.operand()?;
        self.expect(")")?;
        Condition::of_function(self.kind, function, first, second)
    }

    fn one_path(&mut self) -> Read<Path> {
        self.at += 2;
        let path = self.path()?;
        self.expect(")")?;
        Ok(path)
    }

    fn operand(&mut self) -> Read<Operand> {
        if self.takes("(") {
            let operand = self.operand()?;
            self.expect(")")?;
            return Ok(operand);
        }
        match self.function_name() {
            Some(name) if name == "size" => return self.one_path().map(Operand::Size),
            Some(name) => {
                return Err(format!(
                    "Invalid {}: Invalid function name; function: {name}",
                    self.kind
                ));
            }
            None => {}
        }
        if let Some(Token::Value(placeholder)) = self.peek() {
            let placeholder = placeholder.clone();
            self.at += 1;
            return Ok(Operand::Value(
                self.placeholders.value(self.kind, &placeholder)?,
            ));
        }
        self.path().map(Operand::Path)
    }

    fn comparator(&mut self) -> Read<Comparator> {
        for (symbol, comparator) in [
            ("=", Comparator::Equal),
            ("<>", Comparator::Unequal),
            ("<=", Comparator::AtMost),
            ("<", Comparator::Less),
            (">=", Comparator::AtLeast),
            (">", Comparator::More),
        ] {
            if self.takes(symbol) {
                return Ok(comparator);
            }
        }
        Err(self.unexpected())
    }

    /// `path, path, ...`.
    pub fn paths(&mut self) -> Read<Vec<Path>> {
        let mut paths = vec![self.path()?];
        while self.takes(",") {
            paths.push(self.path()?);
        }
        Ok(paths)
    }

    fn path(&mut self) -> Read<Path> {
        let attribute = self.name()?;
        let mut inside = Vec::new();
        loop {
            if self.takes(".") {
                inside.push(Step::Name(self.name()?));
            } else if self.takes("[") {
                let Some(Token::Index(index)) = self.peek() else {
                    return Err(self.unexpected());
                };
                inside.push(Step::Index(*index));
                self.at += 1;
                self.expect("]")?;
            } else {
                return Ok(Path { attribute, inside });
            }
        }
    }

    fn name(&mut self) -> Read<String> {
        let name = match self.peek().cloned() {
            Some(Token::Name(placeholder)) => self.placeholders.name(self.kind, &placeholder)?,
            Some(Token::Word(word)) if is_reserved(&word) => {
                return Err(format!(
                    "Invalid {}: Attribute name is a reserved keyword; reserved keyword: {word}",
                    self.kind
                ));
            }
            Some(Token::Word(word)) => word,
            _ => return Err(self.unexpected()),
        };
        self.at += 1;
        Ok(name)
    }

    /// The sections of an update, each at most once, in any order.
    pub fn update(&mut self) -> Read<Update> {
        let mut update = Update::default();
        let mut seen = Vec::new();
        while self.peek().is_some() {
            let section = ["SET", "REMOVE", "ADD", "DELETE"]
                .into_iter()
                .find(|section| self.takes_keyword(section))
                .ok_or_else(|| self.unexpected())?;
            if seen.contains(&section) {
                return Err(format!(
                    "Invalid {}: The \"{section}\" section can only be used once in an update expression;",
                    self.kind
                ));
            }
            seen.push(section);
            loop {
                let action = self.action(section)?;
                update.0.push(action);
                if !self.takes(",") {
                    break;
                }
            }
        }
        Ok(update)
    }

    fn action(&mut self, section: &str) -> Read<(Path, Operation)> {
        let path = self.path()?;
        let operation = match section {
            "SET" => {
                self.expect("=")?;
                let left = self.source()?;
                if self.takes("+") {
                    Operation::Plus(left, self.source()?)
                } else if self.takes("-") {
                    Operation::Minus(left, self.source()?)
                } else {
                    Operation::Set(left)
                }
            }
            "REMOVE" => Operation::Remove,
            _ => {
                let Some(Token::Value(placeholder)) = self.peek().cloned() else {
                    return Err(self.unexpected());
                };
                self.at += 1;
                let value = self.placeholders.value(self.kind, &placeholder)?;
                if section == "ADD" {
                    Operation::Add(value)
                } else {
                    Operation::Delete(value)
                }
            }
        };
        Ok((path, operation))
    }

    fn source(&mut self) -> Read<Source> {
        if self.takes("(") {
            let source = self.source()?;
            self.expect(")")?;
            return Ok(source);
        }
        let Some(function) = self.function_name() else {
            return Ok(match self.operand()? {
                Operand::Path(path) => Source::Path(path),
                Operand::Value(value) => Source::Value(value),
                Operand::Size(_) => unreachable!("a call of size has a function's name"),
            });
        };
        self.at += 2;
        let source = match function.as_str() {
            "if_not_exists" => {
                let path = self.path()?;
                self.expect(",")?;
                Source::IfNotExists(path, Box::new(self.source()?))
            }
            "list_append" => {
                let first = self.source()?;
                self.expect(",")?;
                Source::ListAppend(Box::new(first), Box::new(self.source()?))
            }
            name => {
                return Err(format!(
                    "Invalid {}: Invalid function name; function: {name}",
                    self.kind
                ));
            }
        };
        self.expect(")")?;
        Ok(source)
    }

    /// The word before a parenthesis, which is a function's name. Nothing is taken.
    fn function_name(&self) -> Option<String> {
        match (self.peek(), self.tokens.get(self.at + 1)) {
            (Some(Token::Word(word)), Some(Token::Symbol("("))) => Some(word.clone()),
            _ => None,
        }
    }

    fn peek(&self) -> Option<&Token> {
        self.tokens.get(self.at)
    }

    fn takes(&mut self, symbol: &str) -> bool {
        let there = matches!(self.peek(), Some(Token::Symbol(found)) if *found == symbol);
        self.at += usize::from(there);
        there
    }

    fn takes_keyword(&mut self, keyword: &str) -> bool {
        let there =
            matches!(self.peek(), Some(Token::Word(word)) if word.eq_ignore_ascii_case(keyword));
        self.at += usize::from(there);
        there
    }

    fn expect(&mut self, symbol: &str) -> Read<()> {
        if self.takes(symbol) {
            return Ok(());
        }
        Err(self.unexpected())
    }

    fn unexpected(&self) -> String {
        let near = match self.peek() {
            None => "<EOF>",
            Some(Token::Symbol(symbol)) => symbol,
            Some(Token::Word(text) | Token::Name(text) | Token::Value(text)) => text,
            Some(Token::Index(_)) => "<index>",
        };
        syntax_error(self.kind, near)
    }
}
