//! The grammar: `or` binds least, then `and`, then `not`, then a comparison or a function.

use jiff::Timestamp;

use super::Wrong;
use super::lexer::Token;

/// A condition, fields still by name.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Condition {
    Or(Box<Condition>, Box<Condition>),
    And(Box<Condition>, Box<Condition>),
    Not(Box<Condition>),
    Compare {
        field: String,
        how: Comparison,
        with: Literal,
    },
    Function {
        name: Function,
        field: String,
        with: String,
    },
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::sandbox::interworks) enum Comparison {
    Equal,
    NotEqual,
    Greater,
    GreaterOrEqual,
    Less,
    LessOrEqual,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::sandbox::interworks) enum Function {
    Contains,
    StartsWith,
    EndsWith,
}

#[derive(Clone, Debug, PartialEq)]
pub(in crate::sandbox::interworks) enum Literal {
    Text(String),
    Number(f64),
    Bool(bool),
    Instant(Timestamp),
    Null,
}

/// Deeper nesting is a mistake or an attack.
const DEEPEST: u32 = 50;

/// Reads a whole filter.
pub(super) fn parse(tokens: Vec<Token>) -> Result<Condition, Wrong> {
    let mut parser = Parser {
        tokens: tokens.into_iter().peekable(),
        depth: 0,
    };
    let condition = parser.or()?;
    match parser.tokens.next() {
        None => Ok(condition),
        Some(token) => Err(Wrong::new(format!("{token:?} comes after the end"))),
    }
}

struct Parser {
    tokens: std::iter::Peekable<std::vec::IntoIter<Token>>,
    depth: u32,
}

impl Parser {
    fn or(&mut self) -> Result<Condition, Wrong> {
        let mut left = self.and()?;
        while self.takes_name("or") {
            left = Condition::Or(Box::new(left), Box::new(self.and()?));
        }
        Ok(left)
    }

    fn and(&mut self) -> Result<Condition, Wrong> {
        let mut left = self.unary()?;
        while self.takes_name("and") {
            left = Condition::And(Box::new(left), Box::new(self.unary()?));
        }
        Ok(left)
    }

    fn unary(&mut self) -> Result<Condition, Wrong> {
        self.depth = self.depth.saturating_add(1);
        if self.depth > DEEPEST {
            return Err(Wrong::new("the filter is nested too deeply"));
        }
        let condition = if self.takes_name("not") {
            let plain = matches!(self.tokens.peek(), Some(Token::Name(name))
                if function(name).is_none() && !name.eq_ignore_ascii_case("not"));
            if plain {
                // `not a eq b` is `(not a) eq b`, which is no condition on a field of ours.
                return Err(Wrong::new("not needs parentheses around a comparison"));
            }
            Condition::Not(Box::new(self.unary()?))
        } else if self.takes(&Token::Open) {
            let inner = self.or()?;
            self.expect(&Token::Close)?;
            inner
        } else {
            self.term()?
        };
        self.depth = self.depth.saturating_sub(1);
        Ok(condition)
    }

    /// A comparison or a function.
    fn term(&mut self) -> Result<Condition, Wrong> {
        let Some(Token::Name(name)) = self.tokens.next() else {
            return Err(Wrong::new("a field or a function is missing"));
        };
        if self.tokens.peek() == Some(&Token::Open) {
            let found = function(&name)
                .ok_or_else(|| Wrong::new(format!("there is no function {name}")))?;
            return self.arguments(found);
        }
        let Some(Token::Name(word)) = self.tokens.next() else {
            return Err(Wrong::new(format!("{name} is not compared with anything")));
        };
        let how =
            comparison(&word).ok_or_else(|| Wrong::new(format!("there is no operator {word}")))?;
        let with = self.literal()?;
        Ok(Condition::Compare {
            field: name,
            how,
            with,
        })
    }

    fn arguments(&mut self, name: Function) -> Result<Condition, Wrong> {
        self.expect(&Token::Open)?;
        let Some(Token::Name(field)) = self.tokens.next() else {
            return Err(Wrong::new("a function needs a field"));
        };
        self.expect(&Token::Comma)?;
        let Some(Token::Text(with)) = self.tokens.next() else {
            return Err(Wrong::new("a function needs a quoted text"));
        };
        self.expect(&Token::Close)?;
        Ok(Condition::Function { name, field, with })
    }

    fn literal(&mut self) -> Result<Literal, Wrong> {
        match self.tokens.next() {
            Some(Token::Text(text)) => Ok(Literal::Text(text)),
            Some(Token::Number(number)) => Ok(Literal::Number(number)),
            Some(Token::Instant(instant)) => Ok(Literal::Instant(instant)),
            Some(Token::Name(word)) if word == "true" => Ok(Literal::Bool(true)),
            Some(Token::Name(word)) if word == "false" => Ok(Literal::Bool(false)),
            Some(Token::Name(word)) if word == "null" => Ok(Literal::Null),
            Some(Token::Name(word)) => Err(Wrong::new(format!("{word} is no literal"))),
            Some(Token::Open | Token::Close | Token::Comma) | None => {
                Err(Wrong::new("a literal is missing"))
            }
        }
    }

    fn takes(&mut self, token: &Token) -> bool {
        self.tokens.next_if_eq(token).is_some()
    }

    fn takes_name(&mut self, name: &str) -> bool {
        self.tokens
            .next_if(|token| matches!(token, Token::Name(word) if word == name))
            .is_some()
    }

    fn expect(&mut self, token: &Token) -> Result<(), Wrong> {
        if self.takes(token) {
            Ok(())
        } else {
            Err(Wrong::new(format!("{token:?} is missing")))
        }
    }
}

fn comparison(word: &str) -> Option<Comparison> {
    match word {
        "eq" => Some(Comparison::Equal),
        "ne" => Some(Comparison::NotEqual),
        "gt" => Some(Comparison::Greater),
        "ge" => Some(Comparison::GreaterOrEqual),
        "lt" => Some(Comparison::Less),
        "le" => Some(Comparison::LessOrEqual),
        _ => None,
    }
}

fn function(word: &str) -> Option<Function> {
    match word {
        "contains" => Some(Function::Contains),
        "startswith" => Some(Function::StartsWith),
        "endswith" => Some(Function::EndsWith),
        _ => None,
    }
}
