//! The texts in quotes of an expression. It must not know columns or types.

use datafusion::sql::sqlparser::dialect::DuckDbDialect;
use datafusion::sql::sqlparser::tokenizer::{Token, Tokenizer};

/// Texts in quotes; of an expression that is nothing but a value its number, too. What cannot be taken apart is one text.
pub(super) fn literals(sql: &str) -> Vec<String> {
    let Ok(tokens) = Tokenizer::new(&DuckDbDialect {}, sql).tokenize() else { return vec![sql.to_owned()] };
    let constant = !tokens.iter().any(|token| matches!(token, Token::Word(_)));
    let text = |token| match token {
        Token::SingleQuotedString(text) | Token::NationalStringLiteral(text) | Token::EscapedStringLiteral(text) => Some(text),
        Token::Number(number, _) if constant => Some(number),
        Token::Word(_) | Token::Number(..) | Token::Whitespace(_) => None,
        other => Some(other.to_string()).filter(|text| text.contains(['\'', '"', '$'])),
    };
    tokens.into_iter().filter_map(text).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_are_found_and_columns_are_not() {
        assert_eq!(literals("array_has(ids, 'rs12345678') AND \"info.1000G\" AND pos > 12345678"), ["rs12345678"]);
        assert_eq!(literals("concat('O''Hara', chrom)"), ["O'Hara"]);
        assert_eq!(literals("71222383"), ["71222383"]);
        assert_eq!(literals("'open"), ["'open"]);
        assert!(literals("qual >= 30").is_empty());
    }
}
