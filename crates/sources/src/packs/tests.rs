use std::collections::BTreeSet;

use pacioli_model::{
    Column, ColumnName, ColumnProfile, ColumnType, Distinct, Known, MetricName, Origin, Predicate,
    TableEntry, TableName, TableVersion, Timestamp, UserId, notation,
};
use uuid::Uuid;

use super::*;

/// `sale_order: id int, state text, …`: one line a table; `+` goes on with the one before.
fn tables(text: &str) -> Vec<TableEntry> {
    let mut lines: Vec<String> = Vec::new();
    for line in text.lines().map(str::trim).filter(|line| !line.is_empty()) {
        match line.strip_prefix('+') {
            Some(more) => {
                let line = lines.last_mut().unwrap();
                line.push(',');
                line.push_str(more);
            }
            None => lines.push(line.to_owned()),
        }
    }
    lines.iter().map(|line| table(line)).collect()
}

fn table(line: &str) -> TableEntry {
    let (name, columns) = line.split_once(':').unwrap();
    let column = |text: &str| {
        let (name, kind) = text.trim().split_once(' ').unwrap_or_else(|| panic!("{text}"));
        let data_type = match kind {
            "int" => ColumnType::Integer,
            "dec" => ColumnType::Decimal { scale: 2 },
            "text" => ColumnType::Text,
            "date" => ColumnType::Date,
            "time" => ColumnType::Timestamp,
            "bool" => ColumnType::Boolean,
            other => panic!("{other}"),
        };
        let profile = ColumnProfile {
            nulls: 0,
            distinct: Distinct::Exactly(0),
            min: None,
            max: None,
            values: None,
            ascending: false,
        };
        Column {
            name: ColumnName::parse(name).unwrap(),
            label: name.to_owned(),
            data_type,
            profile,
        }
    };
    TableEntry {
        name: TableName::parse(name).unwrap(),
        version: TableVersion(Uuid::nil()),
        origin: Origin::Push,
        columns: columns.split(',').map(column).collect(),
        rows: 0,
        bytes: 0,
        loaded_at: Timestamp::from_millis(0),
        loaded_by: UserId(Uuid::nil()),
        notes: Vec::new(),
        primary_key: Vec::new(),
        foreign_keys: Vec::new(),
    }
}

fn catalog(tables: Vec<TableEntry>) -> Catalog {
    Catalog { tables, ..Catalog::default() }
}

fn metric_names(semantics: &Semantics) -> BTreeSet<String> {
    semantics.metrics.iter().map(|it| it.name.to_string()).collect()
}

fn metric(semantics: &Semantics, name: &str) -> String {
    let metric = semantics.metric(&MetricName::parse(name).unwrap());
    let metric = metric.unwrap_or_else(|| panic!("{name} is not available"));
    notation::write_definition(&metric.definition).unwrap()
}

fn missing(semantics: &Semantics, name: &str) -> Vec<String> {
    let known = semantics.unavailable.iter().find(|it| it.name.as_str() == name);
    known.unwrap_or_else(|| panic!("{name} is not listed")).missing.clone()
}

const ODOO: &str = "
    sale_order: id int, name text, state text, date_order time, partner_id int, user_id int, team_id int
    + currency_rate dec, amount_untaxed dec, invoice_status text, x_studio_grade text
    sale_order_line: id int, order_id int, product_id int, product_uom_qty dec, qty_delivered dec
    + price_unit dec, discount dec, price_subtotal dec, margin dec, display_type text
    account_move: id int, name text, state text, move_type text, payment_state text, partner_id int, invoice_date date
    + amount_residual_signed dec, amount_untaxed_signed dec, amount_total_signed dec
    account_move_line: id int, move_id int, account_id int, product_id int, balance dec, debit dec, credit dec
    + amount_residual dec, display_type text, date date
    account_account: id int, name text, account_type text
    purchase_order: id int, name text, state text, date_order time, partner_id int, amount_untaxed dec, currency_rate dec
    purchase_order_line: id int, order_id int, product_id int, product_qty dec, qty_received dec, price_subtotal dec
    + date_planned time
    stock_quant: id int, product_id int, location_id int, quantity dec, reserved_quantity dec
    stock_location: id int, complete_name text, usage text
    stock_valuation_layer: id int, product_id int, value dec, create_date time
    stock_move: id int, state text, date time
    stock_picking: id int, name text, date_done time
    res_partner: id int, name text, commercial_partner_id int, country_id int
    res_country: id int, name text
    res_users: id int, login text
    product_product: id int, product_tmpl_id int, default_code text
    product_template: id int, name text, categ_id int
    product_category: id int, complete_name text
    crm_team: id int, name text
    crm_lead: id int, name text, partner_id int, team_id int, stage_id int, active bool, type text
    + expected_revenue dec, probability dec
    hr_employee: id int, name text, department_id int, active bool, departure_date date
    hr_department: id int, name text
    hr_leave: id int, employee_id int, state text, number_of_days dec, request_date_from date
    hr_attendance: id int, employee_id int, check_in time, worked_hours dec
    mrp_production: id int, name text, product_id int, product_qty dec, state text, date_start time
";

const ERPNEXT: &str = "
    sales_invoice: name text, docstatus int, posting_date date, due_date date, customer text, base_net_total dec
    + outstanding_amount dec, is_return int
    sales_invoice_item: name text, parent text, docstatus int, item_code text, stock_qty dec, base_net_amount dec
    sales_order: name text, docstatus int, transaction_date date, customer text, status text, base_net_total dec
    sales_order_item: name text, parent text, docstatus int, item_code text, qty dec, delivered_qty dec, base_net_amount dec
    quotation: name text, docstatus int, transaction_date date
    quotation_item: name text, parent text, docstatus int, item_code text
    delivery_note: name text, docstatus int, posting_date date, customer text
    delivery_note_item: name text, parent text, docstatus int, item_code text
    purchase_invoice: name text, docstatus int, posting_date date, supplier text, base_net_total dec
    purchase_invoice_item: name text, parent text, docstatus int, item_code text, base_net_amount dec
    purchase_order: name text, docstatus int, transaction_date date, supplier text, status text
    purchase_order_item: name text, parent text, docstatus int, item_code text, qty dec, received_qty dec
    + base_net_amount dec, schedule_date date
    purchase_receipt: name text, docstatus int, posting_date date, supplier text
    purchase_receipt_item: name text, parent text, docstatus int, item_code text, base_net_amount dec
    payment_entry: name text, docstatus int, posting_date date, payment_type text, base_paid_amount dec
    payment_ledger_entry: name text, posting_date date, account text, account_type text, against_voucher_no text
    + amount dec, delinked int
    gl_entry: name text, posting_date date, account text, voucher_type text, voucher_no text, debit dec, credit dec
    + is_cancelled int
    account: name text, account_name text, root_type text, account_type text
    stock_ledger_entry: name text, posting_date date, item_code text, warehouse text, actual_qty dec
    + stock_value_difference dec, is_cancelled int
    bin: name text, item_code text, warehouse text, actual_qty dec, reserved_qty dec, ordered_qty dec
    item: name text, item_name text
    customer: name text, customer_name text
    supplier: name text, supplier_name text
    warehouse: name text, warehouse_name text
    employee: name text, employee_name text, status text, date_of_joining date, relieving_date date
    leave_application: name text, docstatus int, employee text, status text, from_date date, total_leave_days dec
    work_order: name text, docstatus int, status text, production_item text, qty dec, produced_qty dec
    + planned_start_date time, actual_end_date time
    opportunity: name text, status text, transaction_date date, opportunity_amount dec, currency text
";

const BUSINESS_CENTRAL: &str = "
    sales_invoices: id text, number text, status text, posting_date date, due_date date, customer_number text
    + currency_code text, total_amount_excluding_tax dec, remaining_amount dec
    sales_invoice_lines: id text, document_id text, item_id text
    sales_credit_memos: id text, number text, status text, posting_date date, customer_number text
    + currency_code text, total_amount_excluding_tax dec
    sales_orders: id text, number text, order_date date, customer_number text, currency_code text
    + total_amount_excluding_tax dec, fully_shipped bool
    sales_order_lines: id text, document_id text, item_id text
    sales_quotes: id text, number text, document_date date, customer_number text
    purchase_invoices: id text, number text, status text, posting_date date, vendor_number text
    + currency_code text, total_amount_excluding_tax dec
    purchase_invoice_lines: id text, document_id text
    purchase_credit_memos: id text, number text, status text, posting_date date, vendor_number text
    + currency_code text, total_amount_excluding_tax dec
    purchase_orders: id text, number text, order_date date, vendor_number text, currency_code text
    + total_amount_excluding_tax dec, fully_received bool, requested_receipt_date date
    purchase_order_lines: id text, document_id text
    general_ledger_entries: entry_number int, posting_date date, account_number text, debit_amount dec, credit_amount dec
    item_ledger_entries: entry_number int, posting_date date, item_number text, entry_type text, quantity dec
    + sales_amount_actual dec, cost_amount_actual dec
    customers: id text, number text, display_name text
    vendors: id text, number text, display_name text
    items: id text, number text, display_name text
    accounts: id text, number text, display_name text, category text
    employees: id text, number text, display_name text, status text, employment_date date, termination_date date
";

const SAP_BUSINESS_ONE: &str = "
    oinv: doc_entry int, doc_num int, doc_date date, doc_due_date date, card_code text, doc_total dec, vat_sum dec
    + paid_to_date dec, gros_profit dec, slp_code int, canceled text, doc_status text
    inv1: doc_entry int, item_code text, quantity dec, line_total dec
    orin: doc_entry int, doc_num int, doc_date date, card_code text, doc_total dec, vat_sum dec, paid_to_date dec
    + gros_profit dec, slp_code int, canceled text, doc_status text
    rin1: doc_entry int, item_code text
    ordr: doc_entry int, doc_num int, doc_date date, card_code text, doc_total dec, vat_sum dec, slp_code int, canceled text
    rdr1: doc_entry int, item_code text, quantity dec, open_qty dec, line_status text, ship_date date
    oqut: doc_entry int, doc_num int, doc_date date, card_code text, canceled text
    odln: doc_entry int, doc_num int, doc_date date, card_code text, canceled text
    opch: doc_entry int, doc_num int, doc_date date, card_code text, doc_total dec, vat_sum dec, paid_to_date dec
    + canceled text, doc_status text
    pch1: doc_entry int, item_code text
    orpc: doc_entry int, doc_num int, doc_date date, card_code text, doc_total dec, vat_sum dec, canceled text
    opor: doc_entry int, doc_num int, doc_date date, card_code text, doc_total dec, vat_sum dec, canceled text
    por1: doc_entry int, item_code text, open_qty dec, line_status text, ship_date date
    opdn: doc_entry int, doc_num int, doc_date date, card_code text, canceled text
    orct: doc_entry int, doc_num int, doc_date date, card_code text, doc_total dec, canceled text
    ovpm: doc_entry int, doc_num int, doc_date date, card_code text, doc_total dec, canceled text
    ocrd: card_code text, card_name text, card_type text
    oitm: item_code text, item_name text, avg_price dec, itms_grp_cod int
    oitb: itms_grp_cod int, itms_grp_nam text
    oitw: item_code text, whs_code text, on_hand dec, is_commited dec, on_order dec
    owhs: whs_code text, whs_name text
    oslp: slp_code int, slp_name text
    ohem: emp_id int, last_name text, active text, start_date date, term_date date
    oact: acct_code text, acct_name text, act_type text
    jdt1: trans_id int, account text, debit dec, credit dec, ref_date date
    owor: doc_entry int, doc_num int, item_code text, planned_qty dec, cmplt_qty dec, status text, post_date date
";

const ALL: [(&str, &str, usize); 4] = [
    ("odoo", ODOO, 41),
    ("erpnext", ERPNEXT, 45),
    ("business_central", BUSINESS_CENTRAL, 35),
    ("sap_business_one", SAP_BUSINESS_ONE, 47),
];

#[test]
fn every_pack_can_be_read() {
    for text in FILES {
        if let Err(problem) = Pack::read(text) {
            panic!("{problem}");
        }
    }
}

#[test]
fn every_metric_and_table_of_every_pack_has_a_german_name_and_its_use_in_reports() {
    let common = common::Common::read(include_str!("figures.toml")).unwrap();
    let mut used = BTreeSet::new();
    for pack in FILES.iter().map(|text| Pack::read(text).unwrap()) {
        for metric in &pack.declared.metrics {
            assert!(common.metric(&metric.name).is_some(), "{}: {}", pack.name, metric.name);
            assert!(metric.in_reports.better.is_some() && metric.in_reports.place.is_some());
            assert!(!metric.labels["de"].is_empty());
            used.extend(metric.in_reports.kinds.iter().map(|kind| kind.as_str()));
        }
        for table in pack.declared.tables.iter().filter(|it| it.label.is_some()) {
            assert!(table.labels.contains_key("de"), "{}: {}", pack.name, table.table);
        }
    }
    assert_eq!(used.len(), 10, "every kind but data quality and saved questions: {used:?}");
}

#[test]
fn the_whole_system_gives_every_metric_of_its_pack() {
    for (name, schema, metrics) in ALL {
        let catalog = catalog(tables(schema));
        let semantics = recognise(&catalog);
        let packs: Vec<_> = semantics.packs.iter().map(|it| it.pack.as_str()).collect();
        assert_eq!(packs, [name]);
        let gaps = PACKS.iter().find(|it| it.name == name).unwrap().gaps();
        let gaps: BTreeSet<_> = gaps.map(|it| it.name.to_string()).collect();
        let lacking: Vec<_> =
            semantics.unavailable.iter().filter(|it| !gaps.contains(it.name.as_str())).collect();
        assert!(lacking.is_empty(), "{name}: {lacking:#?}");
        assert_eq!(semantics.metrics.len(), metrics, "{name}");
        assert!(semantics.metrics.iter().all(|it| it.pack.as_deref() == Some(name)));
        // Everything fits the tables, and can be written down.
        let stored =
            StoredSemantics { recognised: semantics.clone(), ..StoredSemantics::default() };
        let whole = Catalog::assemble(catalog.tables, &[], stored.in_effect());
        assert_eq!(check(&semantics, &whole), [], "{name}");
        assert!(crate::declarations::Declarations::write(&semantics).is_ok());
        assert_eq!(whole.semantics.metrics.len(), metrics, "{name}");
        let declared = PACKS.iter().find(|it| it.name == name).unwrap();
        for relationship in &semantics.relationships {
            assert_eq!(relationship.known, Known::Declared);
        }
        for table in &declared.declared.tables {
            assert!(table.label.is_some(), "{name}: {}", table.table);
        }
    }
}

#[test]
fn a_metric_whose_columns_are_missing_is_listed_with_them() {
    let semantics = recognise(&catalog(tables(
        "sale_order: id int, state text, date_order time, partner_id int, amount_untaxed dec
         sale_order_line: id int, order_id int, price_subtotal dec, product_uom_qty dec",
    )));
    assert_eq!(
        metric_names(&semantics),
        [
            "buying_customers",
            "quotations",
            "quotations_and_orders",
            "quote_conversion",
            "sales_orders",
            "units_ordered"
        ]
        .map(str::to_owned)
        .into()
    );
    assert_eq!(missing(&semantics, "orders_taken"), ["sale_order.currency_rate"]);
    // What is made of it lacks the same.
    assert_eq!(missing(&semantics, "average_order_value"), ["sale_order.currency_rate"]);
    assert_eq!(missing(&semantics, "headcount"), ["hr_employee", "hr_employee.active"]);
    assert_eq!(
        missing(&semantics, "overtime"),
        ["hours of overtime are computed in Odoo and not stored with the attendances"]
    );
    assert!(semantics.packs[0].reason.contains("sale_order has partner_id, amount_untaxed"));
}

#[test]
fn a_way_that_is_missing_makes_a_metric_unavailable() {
    // The lines are there, and the column that says which order they are of is not.
    let semantics = recognise(&catalog(tables(
        "sale_order: id int, state text, date_order time, partner_id int, amount_untaxed dec
         sale_order_line: id int, price_subtotal dec, product_uom_qty dec",
    )));
    let lacks = missing(&semantics, "units_ordered");
    assert_eq!(lacks, ["no relationship leads from sale_order_line to sale_order: declare one"]);
}

#[test]
fn columns_of_another_kind_are_no_ground_for_a_figure() {
    let semantics = recognise(&catalog(tables(
        "oinv: doc_entry int, card_code text, doc_total text, vat_sum dec, canceled text, doc_date date",
    )));
    let lacks = missing(&semantics, "gross_invoiced");
    assert_eq!(
        lacks,
        ["only numbers are calculated with, and this is a text; for days, `days(from, to)`"]
    );
    assert!(missing(&semantics, "refund_rate").contains(&"orin".to_owned()));
    assert!(metric_names(&semantics).contains("customer_invoices"));
}

#[test]
fn names_are_taken_with_prefixes_and_without_underscores() {
    for (table, prefix) in [("tab_sales_invoice", "tab_"), ("public_salesinvoice", "public_")] {
        let item = format!("{prefix}sales_invoice_item");
        let semantics = recognise(&catalog(tables(&format!(
            "{table}: name text, docstatus int, posting_date date, base_net_total dec, custom_x int
             {item}: name text, parent text, base_net_amount dec"
        ))));
        assert_eq!(
            metric(&semantics, "invoiced_revenue"),
            format!(
                "sum({item}.base_net_amount) where {table}.docstatus = 1 on {table}.posting_date"
            )
        );
        let meaning = semantics.tables.iter().find(|it| it.table.as_str() == table).unwrap();
        assert_eq!(meaning.label.as_deref(), Some("Sales invoices"));
        let filter = meaning.default_filter.as_ref().unwrap();
        assert_eq!(notation::write_predicate(filter, &meaning.table).unwrap(), "docstatus = 1");
        assert_eq!(semantics.relationships[0].name.as_str(), format!("{item}_parent"));
    }
    let semantics = recognise(&catalog(tables(
        "oinv: docentry int, cardcode text, doctotal dec, vatsum dec, canceled text, docdate date",
    )));
    assert_eq!(
        metric(&semantics, "gross_invoiced"),
        "sum(oinv.doctotal - oinv.vatsum) where oinv.canceled = 'N' on oinv.docdate"
    );
}

#[test]
fn yes_and_no_may_have_come_as_true_and_false() {
    let semantics = recognise(&catalog(tables(
        "oinv: doc_entry int, card_code text, doc_total dec, vat_sum dec, canceled bool, doc_date date",
    )));
    let expect = "count(oinv) where oinv.canceled = false on oinv.doc_date";
    assert_eq!(metric(&semantics, "customer_invoices"), expect);
    let semantics = recognise(&catalog(tables(
        "sales_invoice: name text, docstatus int, posting_date date, base_net_total dec, is_return bool",
    )));
    let expect = "count(sales_invoice) where sales_invoice.docstatus = 1 and sales_invoice.is_return = false on sales_invoice.posting_date";
    assert_eq!(metric(&semantics, "customer_invoices"), expect);
}

#[test]
fn two_systems_at_once_keep_their_figures_apart() {
    let both = [ODOO, SAP_BUSINESS_ONE].concat();
    let semantics = recognise(&catalog(tables(&both)));
    assert_eq!(semantics.packs.len(), 2);
    let names = metric_names(&semantics);
    assert_eq!(names.len(), 41 + 47);
    assert!(!names.contains("invoiced_revenue") && names.contains("refund_rate_odoo"));
    let label =
        |name: &str| semantics.metric(&MetricName::parse(name).unwrap()).unwrap().label.clone();
    assert_eq!(label("invoiced_revenue_odoo"), "Invoiced revenue (Odoo)");
    let odoo = MetricName::parse("invoiced_revenue_odoo").unwrap();
    assert_eq!(semantics.metric(&odoo).unwrap().labels["de"], "Fakturierter Umsatz (Odoo)");
    assert_eq!(
        metric(&semantics, "refund_rate_odoo"),
        "customer_refunds / (invoiced_revenue_odoo + customer_refunds)"
    );
    assert!(names.contains("hours_worked"), "what only one has keeps its name");
}

#[test]
fn tables_of_no_known_system_are_left_alone() {
    for schema in [
        "",
        "orders: id int, state text, amount dec",
        "sales_invoice: id int, amount dec
         customers: id int, name text",
        "item: name text
         account: name text
         customer: name text",
    ] {
        let semantics = recognise(&catalog(tables(schema)));
        assert_eq!(semantics, Semantics::default(), "{schema}");
    }
}

#[test]
fn the_companys_own_words_win_over_a_packs() {
    let catalog = catalog(tables(ODOO));
    let recognised = recognise(&catalog);
    let text = "[metrics.headcount]\nlabel = \"Heads\"\nexpression = \"count(hr_employee)\"\n\
                [tables.account_move]\ndefault_filter = \"all rows\"";
    let declared = crate::declarations::Declarations::from_toml(text).unwrap().read().unwrap();
    let stored = StoredSemantics { declared, recognised, ..StoredSemantics::default() };
    let whole = stored.in_effect();
    assert_eq!(metric(&whole, "headcount"), "count(hr_employee)");
    let moves = whole.table(&TableName::parse("account_move").unwrap()).unwrap();
    assert_eq!(moves.default_filter, None::<Predicate>);
    assert_eq!(moves.label.as_deref(), Some("Journal entries and invoices"));
}
