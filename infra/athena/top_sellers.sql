-- Top sellers: the 20 SKUs that brought in most, per currency.
-- Only days with a manifest are read: what has none is half written.
-- Narrow the dates to what you want to see: they are the partitions that are read.
select currency, place, sku, units, net_sales, orders
from (
    select
        currency,
        sku,
        sum(quantity) as units,
        sum(net) as net_sales,
        count(distinct order_id) as orders,
        row_number() over (partition by currency order by sum(net) desc, sku) as place
    from sales_lines
    join export_manifest
        on export_manifest.business_date = sales_lines.business_date
       and export_manifest.time_zone = sales_lines.time_zone
    where sales_lines.business_date between '2020-01-01' and '2099-12-31'
      and status <> 'canceled'
    group by currency, sku
) as ranked
where place <= 20
order by currency, place
