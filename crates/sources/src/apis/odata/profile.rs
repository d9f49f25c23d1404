//! What is particular to a service: what the standard leaves open, or what the service does otherwise.

use super::settings::{
    BusinessCentralSettings, ODataAccess, ODataSettings, Paging, SapBusinessOneSettings,
};

/// A service, settled.
pub(super) struct Profile {
    /// Under which `$metadata` lies.
    pub(super) root: String,
    /// Under which the entity sets lie, from the root: `companies(…)`.
    pub(super) company: Option<String>,
    pub(super) access: ODataAccess,
    /// The sets to read; all when empty.
    pub(super) sets: Vec<String>,
    /// Whether a person chose them, so that a missing one is an error.
    pub(super) chosen: bool,
    /// Properties that may tell changes, the best first.
    pub(super) changed: Vec<String>,
    pub(super) paging: Paging,
    pub(super) page_rows: u32,
    pub(super) overlap_seconds: u32,
    pub(super) certificate_authority: Option<String>,
    /// Collections that become tables of their own; all when empty.
    pub(super) collections: &'static [&'static str],
    /// Sets that can only be read through another: the set, and the one that leads to it.
    pub(super) through: &'static [(&'static str, &'static str)],
    /// References that the metadata do not declare: property, set, the set's property.
    pub(super) references: &'static [(&'static str, &'static str, &'static str)],
    /// Digits after the point of `Edm.Double`, where the service sends amounts so.
    pub(super) double_scale: Option<u8>,
    /// Dates in filters are written as texts.
    pub(super) quoted_dates: bool,
    /// Whether `$count=true` costs little.
    pub(super) counts: bool,
}

impl Profile {
    pub(super) fn general(settings: ODataSettings) -> Self {
        let usual = ["lastModifiedDateTime", "systemModifiedAt", "ModifiedOn", "LastModifiedDate"];
        Self {
            root: settings.url,
            company: None,
            access: settings.access,
            chosen: !settings.entity_sets.is_empty(),
            sets: settings.entity_sets,
            changed: match settings.changed {
                Some(changed) => vec![changed],
                None => usual.map(str::to_owned).to_vec(),
            },
            paging: settings.paging,
            page_rows: settings.page_rows,
            overlap_seconds: settings.overlap_seconds,
            certificate_authority: settings.certificate_authority,
            collections: &[],
            through: &[],
            references: &[],
            double_scale: None,
            quoted_dates: false,
            counts: true,
        }
    }

    /// Business Central's API v2.0. Lines of documents are refused without their document, so they are
    /// read by expanding it.
    ///
    /// <https://learn.microsoft.com/en-us/dynamics365/business-central/dev-itpro/api-reference/v2.0/>,
    /// <https://learn.microsoft.com/en-us/dynamics365/business-central/dev-itpro/api-reference/v2.0/dynamics-rate-limits>,
    /// <https://learn.microsoft.com/en-us/dynamics365/business-central/dev-itpro/administration/automation-apis-using-s2s-authentication>
    pub(super) fn business_central(settings: BusinessCentralSettings) -> Self {
        let host = "https://api.businesscentral.dynamics.com";
        let root = match &settings.url {
            Some(url) => format!("{}/api/v2.0", url.trim_end_matches('/')),
            None => format!("{host}/v2.0/{}/{}/api/v2.0", settings.tenant, settings.environment),
        };
        let token_url = settings.token_url.unwrap_or_else(|| {
            format!("https://login.microsoftonline.com/{}/oauth2/v2.0/token", settings.tenant)
        });
        Self {
            root,
            company: Some(format!("companies({})", settings.company)),
            access: ODataAccess::ClientCredentials {
                token_url,
                client_id: settings.client_id,
                scope: Some(format!("{host}/.default")),
            },
            chosen: !settings.entity_sets.is_empty(),
            sets: or_usual(settings.entity_sets, &BUSINESS_CENTRAL),
            changed: vec!["lastModifiedDateTime".to_owned(), "systemModifiedAt".to_owned()],
            paging: Paging::NextLink,
            page_rows: settings.page_rows.min(20_000),
            overlap_seconds: settings.overlap_seconds,
            certificate_authority: settings.certificate_authority,
            collections: &[],
            through: &[
                ("salesInvoiceLines", "salesInvoices"),
                ("salesOrderLines", "salesOrders"),
                ("salesQuoteLines", "salesQuotes"),
                ("salesCreditMemoLines", "salesCreditMemos"),
                ("salesShipmentLines", "salesShipments"),
                ("purchaseInvoiceLines", "purchaseInvoices"),
                ("purchaseOrderLines", "purchaseOrders"),
                ("purchaseCreditMemoLines", "purchaseCreditMemos"),
                ("purchaseReceiptLines", "purchaseReceipts"),
            ],
            references: &[],
            double_scale: None,
            quoted_dates: false,
            counts: true,
        }
    }

    /// The Service Layer. Amounts are `Edm.Double` there and `NUMERIC(19,6)` in the database. Its links
    /// count rows (`$skip=20`), so pages go by key where that is one value.
    ///
    /// <https://help.sap.com/doc/6ab840ef2e8140f3af9eeb7d8fef9f06/latest/en-US/Working_with_SAP_Business_One_Service_Layer.pdf>
    /// (login and session, `Prefer: odata.maxpagesize`, 20 entities by default, query options)
    pub(super) fn sap_business_one(settings: SapBusinessOneSettings) -> Self {
        Self {
            root: settings.url,
            company: None,
            access: ODataAccess::ServiceLayer {
                company_db: settings.company_db,
                user: settings.user,
            },
            chosen: !settings.entity_sets.is_empty(),
            sets: or_usual(settings.entity_sets, &SAP_BUSINESS_ONE),
            changed: vec!["UpdateDate".to_owned()],
            paging: Paging::Key,
            page_rows: settings.page_rows,
            overlap_seconds: settings.overlap_seconds.max(86_400),
            certificate_authority: settings.certificate_authority,
            collections: &["DocumentLines", "JournalEntryLines", "ItemWarehouseInfoCollection"],
            through: &[],
            references: &[
                ("CardCode", "BusinessPartners", "CardCode"),
                ("ItemCode", "Items", "ItemCode"),
                ("SalesPersonCode", "SalesPersons", "SalesEmployeeCode"),
                ("WarehouseCode", "Warehouses", "WarehouseCode"),
                ("AccountCode", "ChartOfAccounts", "Code"),
            ],
            double_scale: Some(6),
            quoted_dates: true,
            counts: false,
        }
    }
}

fn or_usual(chosen: Vec<String>, usual: &[&str]) -> Vec<String> {
    if chosen.is_empty() { usual.iter().map(|set| (*set).to_owned()).collect() } else { chosen }
}

const BUSINESS_CENTRAL: [&str; 30] = [
    "accounts",
    "currencies",
    "customerPayments",
    "customers",
    "dimensions",
    "employees",
    "generalLedgerEntries",
    "itemCategories",
    "itemLedgerEntries",
    "items",
    "locations",
    "paymentTerms",
    "purchaseCreditMemoLines",
    "purchaseCreditMemos",
    "purchaseInvoiceLines",
    "purchaseInvoices",
    "purchaseOrderLines",
    "purchaseOrders",
    "purchaseReceiptLines",
    "purchaseReceipts",
    "salesCreditMemoLines",
    "salesCreditMemos",
    "salesInvoiceLines",
    "salesInvoices",
    "salesOrderLines",
    "salesOrders",
    "salesShipmentLines",
    "salesShipments",
    "unitsOfMeasure",
    "vendors",
];

const SAP_BUSINESS_ONE: [&str; 22] = [
    "BusinessPartnerGroups",
    "BusinessPartners",
    "ChartOfAccounts",
    "CreditNotes",
    "DeliveryNotes",
    "EmployeesInfo",
    "IncomingPayments",
    "Invoices",
    "ItemGroups",
    "Items",
    "JournalEntries",
    "Orders",
    "ProductionOrders",
    "PurchaseCreditNotes",
    "PurchaseDeliveryNotes",
    "PurchaseInvoices",
    "PurchaseOrders",
    "Quotations",
    "Returns",
    "SalesPersons",
    "VendorPayments",
    "Warehouses",
];
