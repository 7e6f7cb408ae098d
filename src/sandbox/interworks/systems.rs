//! Which provisioning system serves a product.

/// The system of a product, by its code.
pub(super) fn of(product: &str) -> &'static str {
    let systems = [
        ("OFFICE", "MSFT"),
        ("CLOUD", "OSS"),
        ("BACKUP", "ACRONIS"),
        ("ENDPOINT", "ACRONIS"),
    ];
    systems
        .into_iter()
        .find(|(prefix, _)| product.starts_with(prefix))
        .map_or("OSS", |(_, system)| system)
}
