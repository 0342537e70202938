-- Top sellers: the 20 SKUs that brought in most, per currency, net of the refunds of the same days.
-- Only rows of the revision in the manifest are in force.
-- Narrow the dates to the days of interest: they are the partitions that are read.
select currency, place, sku, units, net_sales, orders
from (
    select
        currency,
        sku,
        sum(units) as units,
        sum(net) as net_sales,
        count(distinct sold_order) as orders,
        row_number() over (partition by currency order by sum(net) desc, sku) as place
    from (
        select
            sales_lines.currency,
            sales_lines.sku,
            sales_lines.quantity as units,
            sales_lines.net,
            sales_lines.order_id as sold_order
        from sales_lines
        join export_manifest
            on export_manifest.business_date = sales_lines.business_date
           and export_manifest.time_zone = sales_lines.time_zone
           and export_manifest.revision = sales_lines.revision
        where sales_lines.business_date between '2020-01-01' and '2099-12-31'
          and sales_lines.status <> 'canceled'
        union all
        select
            refund_lines.currency,
            refund_lines.sku,
            -refund_lines.quantity as units,
            -refund_lines.net as net,
            null as sold_order
        from refund_lines
        join export_manifest
            on export_manifest.business_date = refund_lines.business_date
           and export_manifest.time_zone = refund_lines.time_zone
           and export_manifest.revision = refund_lines.revision
        where refund_lines.business_date between '2020-01-01' and '2099-12-31'
    ) as movements
    group by currency, sku
) as ranked
where place <= 20
order by currency, place
