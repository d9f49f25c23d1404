use std::{io, path::Path};

use super::{
    catalogue::CATEGORIES,
    company::Company,
    customers::REGIONS,
    money::Cents,
    orders::{Line, Order},
    sheet::{DemoFile, Sheet, optional},
};

/// Orders as the books have them, and as one flat table.
pub(super) struct Sales<'a> {
    company: &'a Company,
    orders: Sheet,
    lines: Sheet,
    flat: Sheet,
}

impl<'a> Sales<'a> {
    pub(super) fn open(directory: &Path, company: &'a Company) -> io::Result<Self> {
        let orders = [
            "order_number",
            "order_type",
            "order_date",
            "customer_id",
            "salesperson_id",
            "channel",
            "currency",
            "status",
            "delivery_date",
            "returned_order_number",
        ];
        let lines = [
            "order_number",
            "line",
            "product_id",
            "quantity",
            "list_price",
            "discount_percent",
            "unit_price",
            "amount",
            "revenue_eur",
            "cost_eur",
        ];
        let flat = [
            "sale_date",
            "order_number",
            "customer",
            "country",
            "region",
            "segment",
            "product",
            "category",
            "salesperson",
            "channel",
            "quantity",
            "unit_price",
            "currency",
            "amount",
            "revenue_eur",
            "cost_eur",
            "is_return",
        ];
        Ok(Self {
            company,
            orders: Sheet::create(directory, "orders", &orders)?,
            lines: Sheet::create(directory, "order_lines", &lines)?,
            flat: Sheet::create(directory, "sales", &flat)?,
        })
    }

    /// Writes an order with all its lines.
    pub(super) fn write(&mut self, order: &Order<'_>) -> io::Result<()> {
        let kind = if order.returned_from.is_some() { "return" } else { "sale" };
        let delivered = Some(order.delivered).filter(|day| self.company.period.contains(*day));
        let status = match delivered {
            None => "open",
            Some(_) if order.returned_from.is_some() => "returned",
            Some(_) => "delivered",
        };
        self.orders.row(&[
            &order.number,
            &kind,
            &order.day,
            &order.customer.id,
            &order.seller.id,
            &order.channel,
            &order.customer.country.currency,
            &status,
            &optional(delivered),
            &optional(order.returned_from.as_ref()),
        ])?;
        for (line, number) in order.lines.iter().zip(1..) {
            self.write_line(order, line, number)?;
            self.write_flat(order, line)?;
        }
        Ok(())
    }

    fn write_line(&mut self, order: &Order<'_>, line: &Line<'_>, number: i64) -> io::Result<()> {
        self.lines.row(&[
            &order.number,
            &number,
            &line.product.id,
            &line.quantity,
            &line.list_price,
            // Thousandths of one are hundredths of a percent.
            &Cents(line.discount * 10),
            &line.unit_price,
            &line.amount,
            &line.revenue,
            &line.cost,
        ])
    }

    fn write_flat(&mut self, order: &Order<'_>, line: &Line<'_>) -> io::Result<()> {
        let (customer, country) = (order.customer, order.customer.country);
        self.flat.row(&[
            &order.day,
            &order.number,
            &customer.name,
            &country.name,
            &REGIONS[country.region],
            &customer.segment.name,
            &line.product.name,
            &CATEGORIES[line.product.category].name,
            &order.seller.name,
            &order.channel,
            &line.quantity,
            &line.unit_price,
            &country.currency,
            &line.amount,
            &line.revenue,
            &line.cost,
            &order.returned_from.is_some(),
        ])
    }

    pub(super) fn finish(self) -> io::Result<Vec<DemoFile>> {
        Ok(vec![self.orders.finish()?, self.lines.finish()?, self.flat.finish()?])
    }
}
