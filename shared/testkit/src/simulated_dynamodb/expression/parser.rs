//! A recursive-descent parser for the expression grammars of the Developer Guide ("Condition and filter expressions,
//! operators, and functions", "Using update expressions").

use super::Placeholders;
use super::condition::{Comparator, Condition, Operand};
use super::path::{Path, PathElement};
use super::reserved::is_reserved;
use super::token::{Token, syntax_error, tokenize};
use super::update::{Update, UpdateOperand, UpdateOperation};

/// The maximum number of operands of `IN`.
const MAX_IN_OPERANDS: usize = 100;

/// Parses one expression.
pub struct Parser<'a> {
    kind: &'static str,
    tokens: Vec<Token>,
    position: usize,
    placeholders: &'a mut Placeholders,
}

type ParseResult<T> = Result<T, String>;

impl<'a> Parser<'a> {
    /// Creates a parser at the start of `text`. `kind` is the name of the request parameter.
    pub fn new(
        kind: &'static str,
        text: &str,
        placeholders: &'a mut Placeholders,
    ) -> ParseResult<Self> {
        Ok(Self {
            kind,
            tokens: tokenize(kind, text)?,
            position: 0,
            placeholders,
        })
    }

    /// Checks that all tokens are consumed.
    pub fn end(&self) -> ParseResult<()> {
        match self.tokens.get(self.position) {
            None => Ok(()),
            Some(_) => Err(self.unexpected()),
        }
    }

    /// Parses a condition. `OR` has the lowest precedence, then `AND`, then `NOT`.
    pub fn condition(&mut self) -> ParseResult<Condition> {
        let mut condition = self.conjunction()?;
        while self.consume_keyword("OR") {
            let other = self.conjunction()?;
            condition = Condition::Or(Box::new(condition), Box::new(other));
        }
        Ok(condition)
    }

    fn conjunction(&mut self) -> ParseResult<Condition> {
        let mut condition = self.negation()?;
        while self.consume_keyword("AND") {
            let other = self.negation()?;
            condition = Condition::And(Box::new(condition), Box::new(other));
        }
        Ok(condition)
    }

    fn negation(&mut self) -> ParseResult<Condition> {
        if self.consume_keyword("NOT") {
            return Ok(Condition::Not(Box::new(self.negation()?)));
        }
        if self.consume("(") {
            // Parentheses enclose a condition or an operand. Try a condition first, and backtrack if it is an operand.
            let (position, used) = (self.position, self.placeholders.used.clone());
            let error = match self.condition() {
                Ok(condition) if self.consume(")") => return Ok(condition),
                Ok(_) => self.unexpected(),
                Err(error) => error,
            };
            self.position = position - 1;
            self.placeholders.used = used;
            return self.predicate().map_err(|_| error);
        }
        self.predicate()
    }

    fn predicate(&mut self) -> ParseResult<Condition> {
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
        if self.consume_keyword("BETWEEN") {
            let low = self.operand()?;
            if !self.consume_keyword("AND") {
                return Err(self.unexpected());
            }
            let high = self.operand()?;
            return Condition::between(self.kind, left, low, high);
        }
        if self.consume_keyword("IN") {
            self.expect("(")?;
            let mut candidates = vec![self.operand()?];
            while self.consume(",") {
                candidates.push(self.operand()?);
            }
            self.expect(")")?;
            if candidates.len() > MAX_IN_OPERANDS {
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

    fn two_operands(&mut self, function: &str) -> ParseResult<Condition> {
        self.position += 2;
        let first = self.operand()?;
        self.expect(",")?;
        let second = self.operand()?;
        self.expect(")")?;
        Condition::function_call(self.kind, function, first, second)
    }

    fn one_path(&mut self) -> ParseResult<Path> {
        self.position += 2;
        let path = self.path()?;
        self.expect(")")?;
        Ok(path)
    }

    fn operand(&mut self) -> ParseResult<Operand> {
        if self.consume("(") {
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
            self.position += 1;
            return Ok(Operand::Value(
                self.placeholders.value(self.kind, &placeholder)?,
            ));
        }
        self.path().map(Operand::Path)
    }

    fn comparator(&mut self) -> ParseResult<Comparator> {
        for (symbol, comparator) in [
            ("=", Comparator::Equal),
            ("<>", Comparator::Unequal),
            ("<=", Comparator::AtMost),
            ("<", Comparator::Less),
            (">=", Comparator::AtLeast),
            (">", Comparator::Greater),
        ] {
            if self.consume(symbol) {
                return Ok(comparator);
            }
        }
        Err(self.unexpected())
    }

    /// Parses a comma-separated list of paths.
    pub fn paths(&mut self) -> ParseResult<Vec<Path>> {
        let mut paths = vec![self.path()?];
        while self.consume(",") {
            paths.push(self.path()?);
        }
        Ok(paths)
    }

    fn path(&mut self) -> ParseResult<Path> {
        let attribute = self.name()?;
        let mut elements = Vec::new();
        loop {
            if self.consume(".") {
                elements.push(PathElement::Name(self.name()?));
            } else if self.consume("[") {
                let Some(Token::Index(index)) = self.peek() else {
                    return Err(self.unexpected());
                };
                elements.push(PathElement::Index(*index));
                self.position += 1;
                self.expect("]")?;
            } else {
                return Ok(Path {
                    attribute,
                    elements,
                });
            }
        }
    }

    fn name(&mut self) -> ParseResult<String> {
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
        self.position += 1;
        Ok(name)
    }

    /// Parses the sections of an update, each at most once, in any order.
    pub fn update(&mut self) -> ParseResult<Update> {
        let mut update = Update::default();
        let mut parsed_sections = Vec::new();
        while self.peek().is_some() {
            let section = ["SET", "REMOVE", "ADD", "DELETE"]
                .into_iter()
                .find(|section| self.consume_keyword(section))
                .ok_or_else(|| self.unexpected())?;
            if parsed_sections.contains(&section) {
                return Err(format!(
                    "Invalid {}: The \"{section}\" section can only be used once in an update expression;",
                    self.kind
                ));
            }
            parsed_sections.push(section);
            loop {
                let action = self.action(section)?;
                update.0.push(action);
                if !self.consume(",") {
                    break;
                }
            }
        }
        Ok(update)
    }

    fn action(&mut self, section: &str) -> ParseResult<(Path, UpdateOperation)> {
        let path = self.path()?;
        let operation = match section {
            "SET" => {
                self.expect("=")?;
                let left = self.update_operand()?;
                if self.consume("+") {
                    UpdateOperation::Plus(left, self.update_operand()?)
                } else if self.consume("-") {
                    UpdateOperation::Minus(left, self.update_operand()?)
                } else {
                    UpdateOperation::Set(left)
                }
            }
            "REMOVE" => UpdateOperation::Remove,
            _ => {
                let Some(Token::Value(placeholder)) = self.peek().cloned() else {
                    return Err(self.unexpected());
                };
                self.position += 1;
                let value = self.placeholders.value(self.kind, &placeholder)?;
                if section == "ADD" {
                    UpdateOperation::Add(value)
                } else {
                    UpdateOperation::Delete(value)
                }
            }
        };
        Ok((path, operation))
    }

    fn update_operand(&mut self) -> ParseResult<UpdateOperand> {
        if self.consume("(") {
            let update_operand = self.update_operand()?;
            self.expect(")")?;
            return Ok(update_operand);
        }
        let Some(function) = self.function_name() else {
            return Ok(match self.operand()? {
                Operand::Path(path) => UpdateOperand::Path(path),
                Operand::Value(value) => UpdateOperand::Value(value),
                Operand::Size(_) => unreachable!("size is a function call, which is handled above"),
            });
        };
        self.position += 2;
        let update_operand = match function.as_str() {
            "if_not_exists" => {
                let path = self.path()?;
                self.expect(",")?;
                UpdateOperand::IfNotExists(path, Box::new(self.update_operand()?))
            }
            "list_append" => {
                let first = self.update_operand()?;
                self.expect(",")?;
                UpdateOperand::ListAppend(Box::new(first), Box::new(self.update_operand()?))
            }
            name => {
                return Err(format!(
                    "Invalid {}: Invalid function name; function: {name}",
                    self.kind
                ));
            }
        };
        self.expect(")")?;
        Ok(update_operand)
    }

    /// Returns the function name if a function call follows. Consumes nothing.
    fn function_name(&self) -> Option<String> {
        match (self.peek(), self.tokens.get(self.position + 1)) {
            (Some(Token::Word(word)), Some(Token::Symbol("("))) => Some(word.clone()),
            _ => None,
        }
    }

    fn peek(&self) -> Option<&Token> {
        self.tokens.get(self.position)
    }

    fn consume(&mut self, symbol: &str) -> bool {
        let is_next = matches!(self.peek(), Some(Token::Symbol(next)) if *next == symbol);
        self.position += usize::from(is_next);
        is_next
    }

    fn consume_keyword(&mut self, keyword: &str) -> bool {
        let is_next =
            matches!(self.peek(), Some(Token::Word(word)) if word.eq_ignore_ascii_case(keyword));
        self.position += usize::from(is_next);
        is_next
    }

    fn expect(&mut self, symbol: &str) -> ParseResult<()> {
        if self.consume(symbol) {
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
