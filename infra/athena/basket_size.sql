-- Basket size: how many lines an order has and what it is worth, per location, channel and month.
-- Units are left out: adding grams to pieces says nothing.
-- Only days with a manifest are read: what has none is half written.
-- Narrow the dates to what you want to see: they are the partitions that are read.
select
    location_id,
    channel,
    currency,
    month,
    count(*) as orders,
    cast(avg(order_lines) as decimal(18, 2)) as lines_per_order,
    cast(avg(order_net) as decimal(18, 4)) as net_per_order,
    max(order_net) as largest_order
from (
    select
        location_id,
        channel,
        currency,
        substr(sales_lines.business_date, 1, 7) as month,
        order_id,
        count(*) as order_lines,
        sum(net) as order_net
    from sales_lines
    join export_manifest
        on export_manifest.business_date = sales_lines.business_date
       and export_manifest.time_zone = sales_lines.time_zone
    where sales_lines.business_date between '2020-01-01' and '2099-12-31'
      and status <> 'canceled'
    group by location_id, channel, currency, substr(sales_lines.business_date, 1, 7), order_id
) as baskets
group by location_id, channel, currency, month
order by location_id, channel, currency, month
