use std::{io, path::Path};

use chrono::{Datelike, Duration, NaiveDate};

use super::{
    company::Company,
    customers::Customer,
    money::Cents,
    orders::Order,
    rng::Rng,
    sheet::{DemoFile, Sheet},
};

const METHODS: [&str; 3] = ["Bank transfer", "Direct debit", "Card"];

/// What a customer owes for one order, or is owed for one return.
struct Invoice<'a> {
    number: String,
    customer: &'a Customer,
    date: NaiveDate,
    due: NaiveDate,
    total: Cents,
}

/// Invoices, credit notes, and what was paid of them by the end of the period.
pub(super) struct Ledger<'a> {
    company: &'a Company,
    rng: Rng,
    /// Invoices and credit notes so far.
    issued: [i64; 2],
    invoices: Sheet,
    payments: Sheet,
}

impl<'a> Ledger<'a> {
    pub(super) fn open(directory: &Path, company: &'a Company) -> io::Result<Self> {
        let invoices = [
            "invoice_number",
            "invoice_type",
            "order_number",
            "customer_id",
            "invoice_date",
            "due_date",
            "currency",
            "net_amount",
            "tax_amount",
            "total_amount",
            "net_eur",
            "paid_amount",
            "status",
        ];
        let payments = [
            "payment_number",
            "invoice_number",
            "customer_id",
            "payment_date",
            "method",
            "currency",
            "amount",
            "amount_eur",
        ];
        Ok(Self {
            company,
            rng: Rng::new(company.seed, "ledger"),
            issued: [0; 2],
            invoices: Sheet::create(directory, "invoices", &invoices)?,
            payments: Sheet::create(directory, "payments", &payments)?,
        })
    }

    /// Bills an order once it is delivered, if that is before the books end.
    pub(super) fn bill(&mut self, order: &Order<'_>) -> io::Result<()> {
        let date = order.delivered + Duration::days(self.rng.between(0, 2));
        if !self.company.period.contains(date) {
            return Ok(());
        }
        let customer = order.customer;
        let credit = order.returned_from.is_some();
        let (prefix, kind) = if credit { ("CN", "credit_note") } else { ("IN", "invoice") };
        let issued = &mut self.issued[usize::from(credit)];
        *issued += 1;
        let number = format!("{prefix}{}-{issued:07}", date.year());
        let net: Cents = order.lines.iter().map(|line| line.amount).sum();
        let net_eur: Cents = order.lines.iter().map(|line| line.revenue).sum();
        let tax = net.per_mille(customer.tax());
        let terms = if credit { 14 } else { customer.terms_days };
        let due = date + Duration::days(terms);
        let invoice = Invoice { number, customer, date, due, total: net + tax };
        let paid = self.settle(&invoice)?;
        let status = match paid {
            Cents(0) => "open",
            paid if paid == invoice.total => "paid",
            _ => "partly_paid",
        };
        let currency = customer.country.currency;
        self.invoices.row(&[
            &invoice.number,
            &kind,
            &order.number,
            &customer.id,
            &date,
            &due,
            &currency,
            &net,
            &tax,
            &invoice.total,
            &net_eur,
            &paid,
            &status,
        ])
    }

    /// Writes what was paid of an invoice within the period; gives the sum.
    fn settle(&mut self, invoice: &Invoice<'_>) -> io::Result<Cents> {
        let mut paid = Cents(0);
        let method = METHODS[self.rng.weighted(&[700, 220, 80])];
        for (part, number) in self.parts(invoice.total).into_iter().zip(1..) {
            let day = self.payment_day(invoice) + Duration::days((number - 1) * 30);
            if part == Cents(0) || !self.company.period.contains(day) {
                continue;
            }
            paid += part;
            let currency = invoice.customer.country.currency;
            let rate = self.company.rates.on(day);
            let euro = if currency == "USD" { part.to_euro(rate) } else { part };
            self.payments.row(&[
                &format!("PAY-{}-{number}", invoice.number),
                &invoice.number,
                &invoice.customer.id,
                &day,
                &method,
                &currency,
                &part,
                &euro,
            ])?;
        }
        Ok(paid)
    }

    /// Most pay at once; some in two parts, some a little less, a few never.
    fn parts(&mut self, total: Cents) -> Vec<Cents> {
        match self.rng.weighted(&[900, 60, 25, 15]) {
            1 if total.0 > 0 => {
                let first = total.per_mille(self.rng.between(300, 700));
                vec![first, total - first]
            }
            2 if total.0 > 0 => vec![total.per_mille(self.rng.between(940, 990))],
            3 if total.0 > 0 => Vec::new(),
            _ => vec![total],
        }
    }

    /// When a customer pays: around its usual day, and not before the invoice is written.
    fn payment_day(&mut self, invoice: &Invoice<'_>) -> NaiveDate {
        if invoice.total.0 < 0 {
            return invoice.date + Duration::days(self.rng.between(3, 14));
        }
        let customer = invoice.customer;
        let delay = self.company.events.payment_delay(customer, invoice.date);
        let late = customer.lateness + self.rng.between(-3, 4) + delay;
        (invoice.due + Duration::days(late)).max(invoice.date)
    }

    pub(super) fn finish(self) -> io::Result<Vec<DemoFile>> {
        Ok(vec![self.invoices.finish()?, self.payments.finish()?])
    }
}
