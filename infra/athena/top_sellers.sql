-- Top sellers: the 20 SKUs that brought in most, per currency, net of the refunds of the same days.
-- Only rows of the revision in the manifest are in force. Sales and refunds share one join, so that they are of one revision.
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
        select business_date, time_zone, revision, currency, sku, order_id as sold_order, quantity as units, net
        from sales_lines
        where business_date between '2020-01-01' and '2099-12-31'
          and status <> 'canceled'
        union all
        select business_date, time_zone, revision, currency, sku, null as sold_order, -quantity as units, -net as net
        from refund_lines
        where business_date between '2020-01-01' and '2099-12-31'
    ) as day_lines
    join export_manifest
        on export_manifest.business_date = day_lines.business_date
       and export_manifest.time_zone = day_lines.time_zone
       and export_manifest.revision = day_lines.revision
    where export_manifest.business_date between '2020-01-01' and '2099-12-31'
    group by currency, sku
) as ranked
where place <= 20
order by currency, place
