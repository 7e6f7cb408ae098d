//! The `$filter` texts that are sent: OData 4.01, comparisons of one field with one id. Pure.

/// `field eq id`. An id of digits is a number, anything else is a text in single quotes, where a quote is
/// written twice.
pub(super) fn equals(field: &str, id: &str) -> String {
    let number = !id.is_empty() && id.bytes().all(|byte| byte.is_ascii_digit());
    if number {
        format!("{field} eq {id}")
    } else {
        format!("{field} eq '{}'", id.replace('\'', "''"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_cannot_end_its_quotes() {
        assert_eq!(equals("billToAccountId", "3540"), "billToAccountId eq 3540");
        assert_eq!(equals("code", "ICP1"), "code eq 'ICP1'");
        assert_eq!(
            equals("code", "x' or id gt 0 or code eq 'y"),
            "code eq 'x'' or id gt 0 or code eq ''y'"
        );
        assert_eq!(equals("code", ""), "code eq ''");
    }
}
