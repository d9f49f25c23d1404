/// Where a page ended: the next one starts behind the document with this sort key and id.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct After {
    /// The sorted field's value, as stored; empty where the document has none.
    pub key: String,
    /// The document's `_id`, which decides among equal keys.
    pub id: String,
}

/// Which page of a list without filters.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PageRequest {
    /// The `next` of the page before; empty for the first.
    pub after: Option<After>,
    /// Most items on the page.
    pub limit: u32,
}

/// One page of a list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Page<T> {
    /// In the order asked for.
    pub items: Vec<T>,
    /// Where the next page starts; empty on the last.
    pub next: Option<After>,
    /// How many there are on all pages, where that was asked.
    pub total: Option<u64>,
}
